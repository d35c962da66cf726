import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { codeOf, raw, serve } from "../support/server.js"
import type { Transport } from "./transport.js"
import { either, failure } from "./transport.js"

/** What goes wrong, and how it is said. */
export const failures = (transport: Transport): void => {
  const { differs, make, name } = transport

  describe(`${name}: failures`, () => {
    it.live("a URL that is none is a RequestError with the reason InvalidUrl, one of another scheme", () =>
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

    it.live("a method or a header field that cannot be sent is a typed error", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const client = yield* make()
          const field = HttpClientRequest.get("http://127.0.0.1:1/").pipe(HttpClientRequest.setHeader("x", "a\r\nb: c"))
          expect(failure(yield* either(client.execute(field)))).toEqual(["RequestError", "Transport"])
        })
      )
    )

    it.live("a connection that is refused or reset is a RequestError, with the code in its cause", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const client = yield* make()
          const { url } = yield* Effect.scoped(serve(() => undefined))
          const refused = yield* Effect.flip(client.get(url))
          expect([refused._tag, refused.reason, codeOf(refused)]).toEqual(["RequestError", "Transport", "ECONNREFUSED"])

          const server = yield* raw((socket) => socket.resetAndDestroy())
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
      it.live(`${what} that breaks off is a ResponseError with the reason Decode, whole or in pieces`, () =>
        Effect.scoped(
          Effect.gen(function* () {
            const client = yield* make()
            const { url } = yield* raw((socket) =>
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
