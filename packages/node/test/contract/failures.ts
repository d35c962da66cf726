import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { codeOf, serveRaw, serve } from "../support/server.js"
import type { Transport } from "./transport.js"
import { either, failure } from "./transport.js"

/** Errors, and how they are reported. */
export const failures = (transport: Transport): void => {
  const { differs, make, name } = transport

  describe(`${name}`, () => {
    it.live("fails with InvalidUrl for an invalid URL, and as listed in its differences for another scheme", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const client = yield* make()
          for (const url of ["/relative", "http://", "http://a b/", "http://host:99999/"]) {
            expect(failure(yield* either(client.get(url)))).toEqual(["RequestError", "InvalidUrl"])
          }
          const other = failure(yield* either(client.get("ftp://127.0.0.1/x")))
          expect(other === "none" ? other : other[1]).toBe(differs.otherScheme)
        })
      )
    )

    it.live("fails with a RequestError for a header field that cannot be sent", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const client = yield* make()
          const field = HttpClientRequest.get("http://127.0.0.1:1/").pipe(HttpClientRequest.setHeader("x", "a\r\nb: c"))
          expect(failure(yield* either(client.execute(field)))).toEqual(["RequestError", "Transport"])
        })
      )
    )

    it.live("fails with a RequestError with the code in its cause if the connection is refused or reset", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const client = yield* make()
          const { url } = yield* Effect.scoped(serve(() => undefined))
          const refused = yield* Effect.flip(client.get(url))
          expect([refused._tag, refused.reason, codeOf(refused)]).toEqual(["RequestError", "Transport", "ECONNREFUSED"])

          const server = yield* serveRaw((socket) => socket.resetAndDestroy())
          const reset = yield* Effect.flip(client.get(server.url))
          expect([reset._tag, reset.reason]).toEqual(["RequestError", "Transport"])
          expect(["ECONNRESET", "UND_ERR_SOCKET"]).toContain(codeOf(reset))
        })
      )
    )

    for (const [what, head, size] of [
      ["a short body", "content-length: 100", 10],
      ["a long body", "content-length: 1000000", 200_000],
      ["a chunked body", "transfer-encoding: chunked", 0]
    ] as const) {
      it.live(`fails with a ResponseError and the reason Decode if ${what} breaks off, whole or as a stream`, () =>
        Effect.scoped(
          Effect.gen(function* () {
            const client = yield* make()
            const { url } = yield* serveRaw((socket) =>
              socket.end(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${size === 0 ? "3\r\nabc\r\n" : "x".repeat(size)}`)
            )
            const text = yield* either(Effect.flatMap(client.get(url), (response) => response.text))
            const stream = yield* either(Effect.flatMap(client.get(url), ({ stream }) => Stream.runDrain(stream)))
            expect([failure(text), failure(stream)]).toEqual([
              ["ResponseError", "Decode"],
              ["ResponseError", "Decode"]
            ])
          })
        )
      )
    }
  })
}
