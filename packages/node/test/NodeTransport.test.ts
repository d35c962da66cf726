import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Timeout from "@countersign/client/Timeout"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { IncomingMessage } from "node:http"
import * as Net from "node:net"
import { codeOf, listen, serveRaw, serve, until } from "./support/server.js"

const text = (url: string) =>
  Effect.flatMap(HttpClient.get(url), (response) =>
    Effect.map(response.text, (body) => [response.status, body] as const)
  )

const drain = (request: IncomingMessage) => request.resume()

describe("NodeTransport", () => {
  it("waits longer than the timeouts of a client by default, so that these decide", () => {
    const longest = Math.max(...Object.values(Timeout.defaults).map((duration) => Duration.toMillis(duration)))
    const { bodyTimeout, headersTimeout } = NodeTransport.defaults
    expect(Duration.toMillis(headersTimeout)).toBeGreaterThan(longest)
    expect(Duration.toMillis(bodyTimeout)).toBeGreaterThan(longest)
  })

  it.live("fails with a RequestError and undici's code after headersTimeout", () =>
    Effect.gen(function* () {
      const server = yield* serve(() => undefined)
      const [took, error] = yield* Effect.timed(Effect.flip(text(server.url))).pipe(
        Effect.provide(NodeTransport.layerWith({ headersTimeout: "150 millis" }))
      )
      expect([error._tag, error.reason, codeOf(error)]).toEqual([
        "RequestError",
        "Transport",
        "UND_ERR_HEADERS_TIMEOUT"
      ])
      expect(Duration.toMillis(took)).toBeLessThan(1500)
    }).pipe(Effect.scoped)
  )

  it.live("fails with a ResponseError and undici's code after bodyTimeout", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => {
        response.writeHead(200, { "content-length": "10" })
        response.write("half")
      })
      const error = yield* Effect.flip(text(server.url)).pipe(
        Effect.provide(NodeTransport.layerWith({ bodyTimeout: "150 millis" }))
      )
      expect([error._tag, codeOf(error)]).toEqual(["ResponseError", "UND_ERR_BODY_TIMEOUT"])
    }).pipe(Effect.scoped)
  )

  it.live("fails with a RequestError and undici's code after connectTimeout, which includes TLS", () =>
    Effect.gen(function* () {
      // This server accepts the connection and does not respond to the TLS handshake.
      const server = yield* listen(Net.createServer(), "https")
      const error = yield* Effect.flip(text(server.url)).pipe(
        Effect.provide(NodeTransport.layerWith({ connectTimeout: "150 millis" }))
      )
      expect([error._tag, codeOf(error)]).toEqual(["RequestError", "UND_ERR_CONNECT_TIMEOUT"])
    }).pipe(Effect.scoped)
  )

  it.live("rejects headers over 16 KiB with a RequestError and accepts smaller ones", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        response.setHeader("x-large", "x".repeat(request.url === "/large" ? 17 * 1024 : 12 * 1024))
        response.end("ok")
      })
      const error = yield* Effect.flip(text(`${server.url}/large`))
      expect([error._tag, codeOf(error)]).toEqual(["RequestError", "UND_ERR_HEADERS_OVERFLOW"])
      expect(yield* text(`${server.url}/small`)).toEqual([200, "ok"])
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("fails after headersTimeout when only interim responses arrive", () =>
    Effect.gen(function* () {
      const server = yield* serveRaw((socket) => {
        const early = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"), 20)
        socket.on("close", () => clearInterval(early))
      })
      const [took, error] = yield* Effect.timed(Effect.flip(text(server.url))).pipe(
        Effect.provide(NodeTransport.layerWith({ headersTimeout: "150 millis" }))
      )
      expect([error._tag, codeOf(error)]).toEqual(["RequestError", "UND_ERR_HEADERS_TIMEOUT"])
      expect(Duration.toMillis(took)).toBeLessThan(1500)
    }).pipe(Effect.scoped)
  )

  it.live("skips an interim response that arrives with the final one", () =>
    Effect.gen(function* () {
      const server = yield* serveRaw((socket) =>
        socket.end("HTTP/1.1 103 Early Hints\r\nx: 1\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
      )
      expect(yield* text(server.url)).toEqual([200, "ok"])
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("reads header fields with names of Object's properties", () =>
    Effect.gen(function* () {
      const server = yield* serveRaw((socket) =>
        socket.end("HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: a\r\nConstructor: b\r\ncontent-length: 2\r\n\r\nok")
      )
      const { headers } = yield* HttpClient.get(server.url)
      expect(Object.entries(headers)).toEqual([
        ["constructor", "a, b"],
        ["content-length", "2"]
      ])
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("sends the query of a URL and not its fragment", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => response.end("ok"))
      yield* text(`${server.url}/path?a=1#secret`)
      yield* text(`${server.url}/#?b=2`)
      expect(server.paths).toEqual(["/path?a=1", "/"])
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("reuses the connection for consecutive requests and opens one per concurrent request", () =>
    Effect.gen(function* () {
      const server = yield* serve(({ url }, response) => {
        if (url === "/chunked") response.write("o")
        response.end("k")
      })
      const opened: Array<string> = []
      const client = yield* NodeTransport.make({ onConnect: (origin) => opened.push(origin) })
      const once = (path: string) => Effect.flatMap(client.get(server.url + path), (response) => response.text)
      yield* Effect.repeatN(once("/"), 19)
      yield* Effect.repeatN(once("/chunked"), 19)
      expect([server.paths.length, server.connections, opened]).toEqual([40, 1, [server.url]])

      yield* Effect.all(
        Array.from({ length: 8 }, () => Effect.repeatN(once("/"), 49)),
        { concurrency: "unbounded" }
      )
      expect(server.connections).toBeLessThanOrEqual(8 + 1)
    }).pipe(Effect.scoped)
  )

  it.live("closes an idle connection after keepAliveTimeout and keeps it if that is infinite", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => response.end("ok"))
      yield* Effect.gen(function* () {
        yield* text(server.url)
        const [took] = yield* Effect.timed(until(() => server.sockets.size === 0))
        // The keep-alive timeout of the server is five seconds.
        expect(Duration.toMillis(took)).toBeLessThan(1000)
      }).pipe(Effect.provide(NodeTransport.layerWith({ keepAliveTimeout: "20 millis" })))
      const kept = NodeTransport.layerWith({ keepAliveTimeout: Duration.infinity, headersTimeout: Duration.infinity })
      yield* Effect.repeatN(text(server.url), 2).pipe(Effect.provide(kept))
      expect(server.connections).toBe(2)
    }).pipe(Effect.scoped)
  )

  it.live("opens no more connections than the option allows", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => void setTimeout(() => response.end("ok"), 20))
      yield* Effect.all(
        Array.from({ length: 12 }, () => text(server.url)),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(NodeTransport.layerWith({ connections: 3 })))
      expect([server.paths.length, server.connections]).toEqual([12, 3])
    }).pipe(Effect.scoped)
  )

  it.live("returns a redirect as a response", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => response.writeHead(302, { location: "/elsewhere" }).end())
      expect(yield* text(`${server.url}/start`)).toEqual([302, ""])
      expect(server.paths).toEqual(["/start"])
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("returns a 401 that arrives while the body is being sent, and sends the next request", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        if (request.method === "POST") return void response.writeHead(401, { connection: "close" }).end("no")
        drain(request)
        response.end("ok")
      })
      const endless = Stream.repeatValue(new Uint8Array(64 * 1024)).pipe(Stream.take(4096))
      const upload = HttpClientRequest.post(`${server.url}/upload`).pipe(
        HttpClientRequest.setBody(HttpBody.stream(endless))
      )
      const response = yield* HttpClient.execute(upload)
      expect([response.status, yield* response.text]).toEqual([401, "no"])
      expect(yield* text(`${server.url}/next`)).toEqual([200, "ok"])
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("fails running requests and closes all connections when the scope closes", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        if (request.url === "/idle") response.end("ok")
      })
      const [idle, waiting] = yield* Effect.scoped(
        Effect.gen(function* () {
          const client = yield* NodeTransport.make()
          const idle = yield* Effect.flatMap(client.get(`${server.url}/idle`), (response) => response.text)
          const fiber = yield* Effect.forkDaemon(client.get(`${server.url}/waiting`))
          yield* until(() => server.paths.length === 2)
          return [idle, fiber] as const
        })
      )
      const exit = yield* Fiber.await(waiting)
      expect([idle, exit._tag]).toEqual(["ok", "Failure"])
      if (exit._tag === "Failure") expect(Cause.isDie(exit.cause)).toBe(false)
      yield* until(() => server.sockets.size === 0)
    }).pipe(Effect.timeout("5 seconds"), Effect.scoped)
  )

  it.live("fails unsent and says why if the transport is closed", () =>
    Effect.gen(function* () {
      const api = yield* ApiClient.make({ baseUrl: "http://127.0.0.1:1", auth: Auth.none }).pipe(
        Effect.provide(NodeTransport.layer)
      )
      const error = yield* Effect.flip(api.post("/"))
      expect(error).toMatchObject({ _tag: "TransportError", sent: "no", code: "UND_ERR_DESTROYED" })
      expect(error.message).toContain("the transport is closed. Send requests within the scope of its Layer")
    })
  )

  it.live("frees the connection of an interrupted request", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        if (request.url === "/next") response.end("ok")
      })
      yield* Effect.gen(function* () {
        yield* Effect.option(Effect.timeout(text(`${server.url}/hangs`), "50 millis"))
        expect(yield* text(`${server.url}/next`)).toEqual([200, "ok"])
      }).pipe(Effect.provide(NodeTransport.layerWith({ connections: 1 })))
    }).pipe(Effect.scoped)
  )
})
