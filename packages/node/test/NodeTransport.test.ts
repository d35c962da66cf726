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
import type { IncomingMessage, RequestListener } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import * as Net from "node:net"

interface Target {
  readonly url: string
  readonly paths: Array<string | undefined>
  readonly sockets: Set<Socket>
  connections: number
}

/** A server of this test alone, which remembers request targets and counts connections. */
const serve = (listener: RequestListener) =>
  Effect.acquireRelease(
    Effect.async<{ close: () => void; target: Target }>((resume) => {
      const server = createServer((request, response) => {
        target.paths.push(request.url)
        listener(request, response)
      })
      const target: Target = { url: "", paths: [], sockets: new Set(), connections: 0 }
      server.on("connection", (socket: Socket) => {
        target.connections += 1
        target.sockets.add(socket)
        socket.on("close", () => target.sockets.delete(socket))
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo // it listens on a port, so it is not a pipe's name
        const close = () => {
          server.closeAllConnections()
          server.close()
        }
        resume(Effect.succeed({ close, target: Object.assign(target, { url: `http://127.0.0.1:${port}` }) }))
      })
    }),
    ({ close }) => Effect.sync(close)
  ).pipe(Effect.map(({ target }) => target))

/** The first system or undici code in a chain of causes. */
const codeOf = (error: unknown): string | undefined => {
  if (typeof error !== "object" || error === null) return undefined
  if ("code" in error && typeof error.code === "string") return error.code
  return "cause" in error ? codeOf(error.cause) : undefined
}

const text = (url: string) =>
  Effect.flatMap(HttpClient.get(url), (response) =>
    Effect.map(response.text, (body) => [response.status, body] as const)
  )

const drained = (request: IncomingMessage) => request.resume()

describe("NodeTransport", () => {
  it.live("an answer that does not begin in time is a RequestError with undici's code", () =>
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

  it.live("an answer that stops in the middle is a ResponseError with undici's code", () =>
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

  it.live("a connection that does not come about in time is a RequestError with undici's code", () =>
    Effect.gen(function* () {
      // TLS counts as a part of connecting: this one accepts and says nothing.
      const server = yield* Effect.acquireRelease(
        Effect.async<Net.Server>((resume) => {
          const listening = Net.createServer(() => undefined).listen(0, "127.0.0.1", () =>
            resume(Effect.succeed(listening))
          )
        }),
        (listening) => Effect.sync(() => listening.close())
      )
      const { port } = server.address() as AddressInfo // it listens on a port, so it is not a pipe's name
      const error = yield* Effect.flip(text(`https://127.0.0.1:${port}`)).pipe(
        Effect.provide(NodeTransport.layerWith({ connectTimeout: "150 millis" }))
      )
      expect([error._tag, codeOf(error)]).toEqual(["RequestError", "UND_ERR_CONNECT_TIMEOUT"])
    }).pipe(Effect.scoped)
  )

  it.live("headers over the limit are a RequestError, and fewer are not", () =>
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

  it.live("the fragment of a URL is not sent, its query is", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => response.end("ok"))
      yield* text(`${server.url}/path?a=1#secret`)
      yield* text(`${server.url}/#?b=2`)
      expect(server.paths).toEqual(["/path?a=1", "/"])
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("requests that follow each other reuse their connection", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => response.end("ok"))
      const opened: Array<string> = []
      const TransportLive = NodeTransport.layerWith({ connections: 1, onConnect: (origin) => opened.push(origin) })
      yield* Effect.repeatN(text(`${server.url}/`), 19).pipe(Effect.provide(TransportLive))
      expect([server.paths.length, server.connections, opened]).toEqual([20, 1, [server.url]])

      // Without a limit, undici opens a second one: a body is read to its end before its connection counts as free.
      yield* Effect.repeatN(text(`${server.url}/`), 19).pipe(Effect.provide(NodeTransport.layer))
      expect(server.connections).toBeLessThanOrEqual(1 + 2)
    }).pipe(Effect.scoped)
  )

  it.live("no more connections are opened than were allowed", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => void setTimeout(() => response.end("ok"), 20))
      yield* Effect.all(
        Array.from({ length: 12 }, () => text(server.url)),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(NodeTransport.layerWith({ connections: 3 })))
      expect([server.paths.length, server.connections]).toEqual([12, 3])
    }).pipe(Effect.scoped)
  )

  it.live("a redirect is an answer like any other", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => response.writeHead(302, { location: "/elsewhere" }).end())
      expect(yield* text(`${server.url}/start`)).toEqual([302, ""])
      expect(server.paths).toEqual(["/start"])
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("a 401 that comes while the body is still being sent is a 401, and the next request works", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        if (request.method === "POST") return void response.writeHead(401, { connection: "close" }).end("no")
        drained(request)
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

  it.live("the scope's end cuts what is under way and closes every connection", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        if (request.url === "/idle") response.end("ok")
      })
      const [idle, waiting] = yield* Effect.scoped(
        Effect.gen(function* () {
          const client = yield* NodeTransport.make()
          const idle = yield* Effect.flatMap(client.get(`${server.url}/idle`), (response) => response.text)
          const fiber = yield* Effect.forkDaemon(client.get(`${server.url}/waiting`))
          yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => server.paths.length === 2 })
          return [idle, fiber] as const
        })
      )
      const exit = yield* Fiber.await(waiting)
      expect([idle, exit._tag]).toEqual(["ok", "Failure"])
      if (exit._tag === "Failure") expect(Cause.isDie(exit.cause)).toBe(false)
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => server.sockets.size === 0 })
    }).pipe(Effect.timeout("5 seconds"), Effect.scoped)
  )

  it.live("an interrupted request frees its connection", () =>
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
