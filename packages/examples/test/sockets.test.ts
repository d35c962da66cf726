/** The whole client over real sockets, against faulty servers. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Retry from "@countersign/client/Retry"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { createServer as createHttpServer } from "node:http"
import type { Socket } from "node:net"
import { createServer } from "node:net"

/** A TCP server with a scripted response to the first bytes of each connection. Returns base URL and received text. */
const rawServer = (answer: (socket: Socket, request: string) => void) =>
  Effect.acquireRelease(
    Effect.async<{ readonly baseUrl: string; readonly requests: Array<string>; readonly close: () => void }>(
      (resume) => {
        const requests: Array<string> = []
        const sockets = new Set<Socket>()
        const server = createServer((socket) => {
          sockets.add(socket)
          socket.on("error", () => undefined)
          socket.on("data", (data) => {
            requests.push(data.toString("latin1"))
            answer(socket, data.toString("latin1"))
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          const close = () => {
            sockets.forEach((socket) => socket.destroy())
            server.close()
          }
          resume(Effect.succeed({ baseUrl: `http://127.0.0.1:${port}`, requests, close }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

const quick = Retry.exponential({ times: 2, baseDelay: "5 millis", throttledBaseDelay: "5 millis" })

const clientOf = (baseUrl: string) => ApiClient.make({ baseUrl, auth: Auth.none, retry: quick })

const errorOf = (answer: (socket: Socket, request: string) => void) =>
  Effect.gen(function* () {
    const { baseUrl, requests } = yield* rawServer(answer)
    const api = yield* clientOf(baseUrl)
    const error = yield* Effect.flip(api.get("/x", { schema: Schema.Unknown }))
    return { error, sends: requests.length }
  }).pipe(Effect.provide(NodeTransport.layer))

describe("ApiClient over sockets", () => {
  it.scopedLive("fails with a TransportError and does not retry after an invalid HTTP response", () =>
    Effect.gen(function* () {
      const { error, sends } = yield* errorOf((socket) => socket.end("\u0016\u0003 this is no HTTP at all\r\n\r\n"))
      expect(error).toMatchObject({ _tag: "TransportError", reason: "InvalidHttpResponse" })
      expect(sends).toBe(1)
    })
  )

  it.scopedLive("fails with a TransportError after the retries if each body is truncated", () =>
    Effect.gen(function* () {
      const { error, sends } = yield* errorOf((socket) =>
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"half":')
      )
      expect(error).toMatchObject({ _tag: "TransportError", reason: "Truncated", sent: "maybe" })
      expect(sends).toBe(3)
    })
  )

  it.scopedLive("fails with a TransportError after the retries if each chunked body is truncated", () =>
    Effect.gen(function* () {
      const { error, sends } = yield* errorOf((socket) =>
        socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{"half":\r\n')
      )
      expect(error).toMatchObject({ _tag: "TransportError", reason: "Truncated" })
      expect(sends).toBe(3)
    })
  )

  it.scopedLive("fails with an InvalidResponse that does not quote a body that is not JSON", () =>
    Effect.gen(function* () {
      const { error, sends } = yield* errorOf((socket) =>
        socket.end("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n<secret-page")
      )
      expect(error).toMatchObject({ _tag: "InvalidResponse", reason: "Json" })
      expect(String(error)).not.toContain("secret-page")
      expect(sends).toBe(1)
    })
  )

  it.scopedLive("fails with a TransportError if the connection closes before the response", () =>
    Effect.gen(function* () {
      const { error, sends } = yield* errorOf((socket) => socket.destroy())
      expect(error).toMatchObject({ _tag: "TransportError", reason: "ConnectionReset", sent: "maybe" })
      expect(sends).toBe(3)
    })
  )

  it.scopedLive("sends a POST without an idempotency key once if the connection closes", () =>
    Effect.gen(function* () {
      const { baseUrl, requests } = yield* rawServer((socket) => socket.destroy())
      const api = yield* clientOf(baseUrl)
      const error = yield* Effect.flip(api.post("/x", { json: { once: true } }))
      expect(error).toMatchObject({ _tag: "TransportError", sent: "maybe" })
      expect(requests).toHaveLength(1)
    }).pipe(Effect.provide(NodeTransport.layer))
  )

  it.scopedLive("stops reading an endless body at the limit", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* rawServer((socket) => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        const block = `${(65536).toString(16)}\r\n${"x".repeat(65536)}\r\n`
        const write = () => {
          while (!socket.destroyed && socket.write(block));
          if (!socket.destroyed) socket.once("drain", write)
        }
        write()
      })
      const api = yield* ApiClient.make({ baseUrl, auth: Auth.none, maxBodySize: 1024 * 1024 })
      const error = yield* Effect.flip(api.get("/endless"))
      expect(error).toMatchObject({ _tag: "BodyTooLarge", limit: 1024 * 1024 })
    }).pipe(Effect.provide(NodeTransport.layer))
  )
})

describe("ApiClient with one connection", () => {
  const server = Layer.provide(HttpBin.layer, NodeHttpServer.layer(createHttpServer, { host: "127.0.0.1", port: 0 }))

  it.scopedLive("retries after 503 responses with bodies of 1 MiB, and succeeds", () =>
    Effect.gen(function* () {
      const { baseUrl, requests } = yield* HttpBin.HttpBin
      const api = yield* clientOf(baseUrl)
      const response = yield* api.get("/countersign/unavailable?times=2&bytes=1048576&key=one")
      expect(response.status).toBe(200)
      expect(yield* requests).toHaveLength(3)
    }).pipe(Effect.provide(Layer.merge(server, NodeTransport.layerWith({ connections: 1 }))))
  )

  it.scopedLive("frees the connection after an error with an unread body", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* HttpBin.HttpBin
      const api = yield* ApiClient.make({ baseUrl, auth: Auth.none, retry: false, timeout: { call: "5 seconds" } })
      for (let n = 0; n < 5; n++) {
        const error = yield* Effect.flip(api.get(`/countersign/unavailable?times=1&bytes=1048576&key=error-${n}`))
        expect(error._tag).toBe("Unavailable")
      }
      expect((yield* api.get("/get")).status).toBe(200)
    }).pipe(Effect.provide(Layer.merge(server, NodeTransport.layerWith({ connections: 1 }))))
  )
})
