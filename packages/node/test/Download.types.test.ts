/** Types of downloads: options, results and errors. */
import type { ApiClient } from "@countersign/client/ApiClient"
import type * as Auth from "@countersign/client/Auth"
import type * as Errors from "@countersign/client/Errors"
import * as Download from "@countersign/node/Download"
import type * as Effect from "effect/Effect"
import { describe, expectTypeOf, it } from "vitest"

declare class Denied {
  readonly _tag: "Denied"
}

type Failure = Errors.ApiError | Download.DownloadError

describe("Download types", () => {
  it("infer result and errors, and require no service", () => {
    const _downloads = (api: ApiClient, auth: Auth.Service<Denied>) => ({
      plain: Download.toFile(api, "/x", "x"),
      path: Download.toFile(api, "/files/{id}", "x", { path: { id: 1 }, digest: { algorithm: "sha256", hex: "00" } }),
      scheme: Download.toFile(api, "/x", "x", { auth, idle: false })
    })
    type Downloads = ReturnType<typeof _downloads>
    expectTypeOf<Downloads["plain"]>().toEqualTypeOf<Effect.Effect<Download.Result, Failure>>()
    expectTypeOf<Downloads["path"]>().toEqualTypeOf<Effect.Effect<Download.Result, Failure>>()
    expectTypeOf<Downloads["scheme"]>().toEqualTypeOf<Effect.Effect<Download.Result, Failure | Denied>>()
  })

  it("reject misspelt and wrong options", () => {
    const _wrong = (api: ApiClient) => [
      // @ts-expect-error A misspelt option.
      Download.toFile(api, "/x", "x", { maxByte: 1 }),
      // @ts-expect-error A download is a GET.
      Download.toFile(api, "/x", "x", { method: "POST" }),
      // @ts-expect-error The path needs its parameter.
      Download.toFile(api, "/files/{id}", "x"),
      // @ts-expect-error Another hash function.
      Download.toFile(api, "/x", "x", { digest: { algorithm: "crc32", hex: "00" } })
    ]
    expectTypeOf(_wrong).toBeFunction()
  })
})
