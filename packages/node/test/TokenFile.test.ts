import * as TokenFile from "@countersign/node/TokenFile"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"

const withFile = <A, E>(
  test: (path: string, files: FileSystem.FileSystem) => Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const folder = yield* files.makeTempDirectoryScoped()
    return yield* test(`${folder}/token`, files)
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

describe("TokenFile.read", () => {
  it.effect("reads the file again after it was replaced", () =>
    withFile((path, files) =>
      Effect.gen(function* () {
        const read = TokenFile.read(path)
        yield* files.writeFileString(path, "first.token\n")
        expect(Redacted.value(yield* read)).toBe("first.token")
        yield* files.writeFileString(`${path}.new`, "second.token")
        yield* files.rename(`${path}.new`, path)
        expect(Redacted.value(yield* read)).toBe("second.token")
      })
    )
  )

  it.effect.each<readonly [string, string, string]>([
    ["an empty file", " \n", "is empty"],
    ["a token with a space", "canary token", "space"],
    ["a token with another character", "canary\u0000", "character"],
    ["a large file", "canary".repeat(20_000), "more than 65536 bytes"]
  ])("fails with InvalidResponse for %s, and shows no content", ([, text, part]) =>
    withFile((path, files) =>
      Effect.gen(function* () {
        yield* files.writeFileString(path, text)
        const error = yield* Effect.flip(TokenFile.read(path))
        expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
        expect(error.message).toContain(part)
        expect(inspect(error, { depth: 9 })).not.toContain("canary")
      })
    )
  )

  it.effect("fails with Unavailable for a missing file", () =>
    withFile((path) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(TokenFile.read(path))
        expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
        expect(error.message).toContain("cannot be read (NotFound)")
      })
    )
  )

  it.effect("reads no more than the maximum", () =>
    Effect.gen(function* () {
      const limits: Array<unknown> = []
      const files = FileSystem.layerNoop({
        stream: (_, options) => {
          limits.push(options?.bytesToRead)
          return Stream.make(new TextEncoder().encode("token"))
        }
      })
      yield* Effect.provide(TokenFile.read("token"), files)
      expect(limits).toEqual([TokenFile.maxBytes + 1])
    })
  )
})
