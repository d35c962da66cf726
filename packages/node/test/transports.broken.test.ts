/** Responses that break off, at each point, over each transport. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { TransportReason } from "@countersign/client/Errors"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { afterReading, serveRaw } from "./support/server.js"

const transports = { undici: NodeTransport.layer, fetch: FetchHttpClient.layer }
const head = "HTTP/1.1 200 OK\r\n"
const large = "x".repeat(100_000)

/** What the server sends before the connection ends, and the reason of the `TransportError`. */
const broken: Record<string, readonly [text: string, reason: TransportReason]> = {
  "before the response": ["", "ConnectionReset"],
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
  describe(`ApiClient over ${name}`, () => {
    for (const [where, [text, reason]] of Object.entries(broken)) {
      it.live(`reports a connection that ends ${where} as ${reason}, maybe sent, and retries only a GET`, () =>
        Effect.gen(function* () {
          for (const [how, end] of Object.entries(ends)) {
            let requests = 0
            const { url } = yield* serveRaw((socket) => {
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

    it.live("fails the reader of a streamed body when the connection ends", () =>
      Effect.gen(function* () {
        for (const end of Object.values(ends)) {
          const { url } = yield* serveRaw((socket) => {
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
