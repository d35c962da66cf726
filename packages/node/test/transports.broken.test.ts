/** Exchanges that break, at each place where they can, as each transport tells of them. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { TransportReason } from "@countersign/client/Errors"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { afterReading, raw } from "./support/server.js"

const transports = { undici: NodeTransport.layer, fetch: FetchHttpClient.layer }
const head = "HTTP/1.1 200 OK\r\n"
const large = "x".repeat(100_000)

/** What is sent before the connection ends, and what a `TransportError` tells of it. */
const broken: Record<string, readonly [text: string, reason: TransportReason]> = {
  "before an answer": ["", "ConnectionReset"],
  "in the status line": ["HTTP/1.1 20", "ConnectionReset"],
  "in the header": [`${head}content-le`, "ConnectionReset"],
  "before a body of known length": [`${head}content-length: 10\r\n\r\n`, "Truncated"],
  "in a body of known length": [`${head}content-length: 10\r\n\r\nhalf`, "Truncated"],
  "in a long body": [`${head}content-length: 200000\r\n\r\n${large}`, "Truncated"],
  "before a chunk": [`${head}transfer-encoding: chunked\r\n\r\n`, "Truncated"],
  "in a chunk": [`${head}transfer-encoding: chunked\r\n\r\na\r\nhalf`, "Truncated"],
  "before the last chunk": [`${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`, "Truncated"],
  "in a coded body": [`${head}content-encoding: gzip\r\ncontent-length: 30\r\n\r\n\x1f\x8b`, "Truncated"]
}

const ends: Record<string, (socket: Socket) => void> = {
  closed: (socket) => socket.end(),
  reset: (socket) => afterReading(() => socket.resetAndDestroy())
}

for (const [name, transport] of Object.entries(transports)) {
  describe(`over ${name}, a connection that ends`, () => {
    for (const [where, [text, reason]] of Object.entries(broken)) {
      it.live(`${where} is ${reason}, perhaps sent, and so no POST is sent again and a GET is`, () =>
        Effect.gen(function* () {
          for (const [how, end] of Object.entries(ends)) {
            let requests = 0
            const { url } = yield* raw((socket) => {
              requests++
              if (text === "") end(socket)
              else socket.write(text, "latin1", () => end(socket))
            })
            const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none })
            const seen = { _tag: "TransportError", reason, sent: "maybe" }
            expect(yield* Effect.flip(api.post("/")), how).toMatchObject(seen)
            expect(requests, how).toBe(1)
            expect(yield* Effect.flip(api.get("/")), how).toMatchObject(seen)
            expect(requests, how).toBe(4)
          }
        }).pipe(Effect.provide(transport), Effect.scoped)
      )
    }

    it.live("in a body that is streamed fails its reader, whole bytes before it", () =>
      Effect.gen(function* () {
        for (const end of Object.values(ends)) {
          const { url } = yield* raw((socket) => {
            socket.write(`${head}content-length: 200000\r\n\r\n${large}`, () => end(socket))
          })
          const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none })
          const response = yield* api.execute(HttpClientRequest.get("/"))
          expect(response.status).toBe(200)
          expect((yield* Effect.flip(response.text))._tag).toBe("ResponseError")
        }
      }).pipe(Effect.provide(transport), Effect.scoped)
    )
  })
}
