/** Response heads that are unusual and allowed, and those that the parser rejects. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { serveRaw } from "./support/server.js"

describe("NodeTransport", () => {
  it.live("accepts a 204 or 205 with content-length, sends the POST once and opens another connection afterwards", () =>
    Effect.gen(function* () {
      for (const status of [204, 205]) {
        let requests = 0
        const { url } = yield* serveRaw((socket) => {
          requests++
          socket.write(`HTTP/1.1 ${status} X\r\ncontent-length: 5\r\n\r\n`)
        })
        const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none })
        expect([(yield* api.post("/")).status, requests]).toEqual([status, 1])
        expect([(yield* api.get("/")).status, requests]).toEqual([status, 2])
      }
    }).pipe(Effect.provide(NodeTransport.layerWith({ connections: 1 })), Effect.scoped)
  )

  const responses: Record<string, readonly [text: string, body: string]> = {
    "an unrequested 100 Continue": [
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhello",
      "hello"
    ],
    "several interim responses": [
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 \r\n\r\n" +
        "HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhello",
      "hello"
    ],
    "a folded field": ["HTTP/1.1 201 Created\r\nx-a: 1\r\n 2\r\ncontent-length: 5\r\n\r\nhello", "hello"],
    "a repeated length": ["HTTP/1.1 201 Created\r\ncontent-length: 5\r\nContent-Length: 5\r\n\r\nhello", "hello"],
    "a list of one length": ["HTTP/1.1 201 Created\r\ncontent-length: 5, 5\r\n\r\nhello", "hello"],
    "content that looks like a head": [
      "HTTP/1.1 201 Created\r\ncontent-length: 25\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n"
    ]
  }
  for (const [name, [text, body]] of Object.entries(responses)) {
    it.live(`accepts ${name}, whole and byte by byte, for three requests over one connection`, () =>
      Effect.gen(function* () {
        for (const size of [text.length, 1, 7]) {
          const server = yield* serveRaw((socket) => {
            socket.setNoDelay(true)
            const pieces = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? []
            const next = () => {
              const piece = pieces.shift()
              if (piece !== undefined) socket.write(piece, "latin1", () => setImmediate(next))
            }
            next()
          })
          const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, retry: false })
          for (let n = 0; n < 3; n++) {
            const response = yield* api.post("/")
            expect([response.status, yield* response.text]).toEqual([201, body])
          }
          expect(server.connections).toBe(1)
        }
      }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
    )
  }

  const rejected: Record<string, readonly [text: string, detail: RegExp]> = {
    "contradicting lengths": ["content-length: 5\r\ncontent-length: 6\r\n\r\nhello", /content-length is repeated/],
    "a length that is repeated 40 times": [
      `${"content-length: 5\r\n".repeat(40)}\r\nhello`,
      /content-length is repeated/
    ],
    "a length with chunks": ["content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", /content-length is repeated/],
    "a bare line feed": ["x: 1\n\r\n", /./],
    "a control character": ["x: \u0001\r\n\r\n", /^Invalid header value char$/],
    "a chunk without a size": ["transfer-encoding: chunked\r\n\r\n  5\r\nhello\r\n0\r\n\r\n", /chunk size/]
  }
  it.live("rejects an invalid head after one request with the message of the parser", () =>
    Effect.gen(function* () {
      for (const [name, [text, detail]] of Object.entries(rejected)) {
        let requests = 0
        const { url } = yield* serveRaw((socket) => {
          requests++
          socket.end(`HTTP/1.1 200 OK\r\n${text}`, "latin1")
        })
        const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none })
        const error = yield* Effect.flip(api.get("/"))
        const seen = { _tag: "TransportError", reason: "InvalidHttpResponse", sent: "maybe" }
        expect(error, name).toMatchObject({ ...seen, detail: expect.stringMatching(detail) as string })
        expect([requests, error.message.includes("Check the port")], name).toEqual([1, false])
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )
})
