/** How a connection selects its protocol, and what both protocols have in common. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { ServerResponse } from "node:http"
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2"
import { createSecureServer } from "node:http2"
import { createServer as createHttpsServer } from "node:https"
import * as Net from "node:net"
import type { TLSSocket } from "node:tls"
import { certificates } from "./support/certificates.js"
import { proxy } from "./support/proxy.js"
import { codeOf, listen, serve, until } from "./support/server.js"

const ca = certificates?.ca ?? ""
const identity = certificates?.server ?? {}

const options = (more: NodeTransport.Options = {}): NodeTransport.Options => ({ allowH2: true, tls: { ca }, ...more })
const over = (more?: NodeTransport.Options) => Effect.provide(NodeTransport.layerWith(options(more)))

const text = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)
const many = (url: string, count: number) =>
  Effect.all(
    Array.from({ length: count }, () => text(url)),
    { concurrency: "unbounded" }
  )

/** Responds with the HTTP version of the request. */
const version = ({ httpVersion }: { readonly httpVersion: string }, response: Http2ServerResponse | ServerResponse) => {
  response.end(httpVersion)
}
const http2 = () => listen(createSecureServer({ ...identity, allowHTTP1: true }, version), "https")
const http1 = () => listen(createHttpsServer({ ...identity }, version), "https")

describe.skipIf(certificates === undefined)("NodeTransport with allowH2", () => {
  it.live("uses HTTP/2 if the server selects it, and HTTP/1.1 otherwise", () =>
    Effect.gen(function* () {
      const [two, one, plain] = [yield* http2(), yield* http1(), yield* serve(version)]
      yield* Effect.gen(function* () {
        for (const [{ url }, expected] of [
          [two, "2.0"],
          [one, "1.1"],
          [plain, "1.1"]
        ] as const) {
          expect(new Set(yield* many(url, 10))).toEqual(new Set([expected]))
          expect(yield* text(url)).toBe(expected)
        }
      }).pipe(over())
      expect(two.connections).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.live("reuses the connection that found HTTP/1.1 and reports it once to onConnect", () =>
    Effect.gen(function* () {
      const server = yield* http1()
      const opened: Array<string> = []
      yield* Effect.gen(function* () {
        expect(yield* text(server.url)).toBe("1.1")
        expect(yield* text(server.url)).toBe("1.1")
        expect([server.connections, opened]).toEqual([1, [server.url]])
        yield* many(server.url, 10)
        expect(server.connections).toBeLessThanOrEqual(3)
        expect(opened).toHaveLength(server.connections)
      }).pipe(over({ connections: 3, onConnect: (origin) => opened.push(origin) }))
    }).pipe(Effect.scoped)
  )

  it.live("negotiates the protocol again when no connection is left", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const before = yield* Scope.extend(http1(), scope)
      const port = Number(new URL(before.url).port)
      yield* Effect.gen(function* () {
        expect(yield* text(before.url)).toBe("1.1")
        yield* Scope.close(scope, Exit.void)
        yield* Effect.acquireRelease(
          Effect.async<Net.Server>((resume) => {
            const server = createSecureServer({ ...identity }, version)
            server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
          }),
          (server) => Effect.sync(() => server.close())
        )
        expect(yield* Effect.retry(text(before.url), { times: 3 })).toBe("2.0")
      }).pipe(over({ keepAliveTimeout: "100 millis" }))
    }).pipe(Effect.scoped)
  )

  it.live("uses HTTP/2 through the tunnel of a proxy", () =>
    Effect.gen(function* () {
      const [origin, between] = [yield* http2(), yield* proxy()]
      const env = ConfigProvider.fromMap(new Map([["HTTPS_PROXY", between.url]]))
      const layer = NodeTransport.layerProxyEnvWith({ allowH2: true, tls: { ca } }).pipe(
        Layer.provide(Layer.setConfigProvider(env))
      )
      yield* Effect.gen(function* () {
        expect(new Set(yield* many(origin.url, 10))).toEqual(new Set(["2.0"]))
        expect(origin.connections).toBe(1)
        const one = yield* http1()
        expect(new Set(yield* many(one.url, 5))).toEqual(new Set(["1.1"]))
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )

  it.live("presents the client certificate over HTTP/2", () =>
    Effect.gen(function* () {
      const requiring = { ...identity, ca, requestCert: true, rejectUnauthorized: true }
      const server = createSecureServer(requiring, (request: Http2ServerRequest, response) => {
        // The sockets of a TLS server are TLS sockets.
        const peer = (request.stream.session?.socket as TLSSocket).getPeerCertificate()
        response.end(String(peer.subject.CN))
      })
      const { url } = yield* listen(server, "https")
      const { cert = "", key = "" } = certificates?.client ?? {}
      const http = yield* NodeTransport.make(options({ tls: { ca, cert, key: Redacted.make(key), origins: [url] } }))
      expect(yield* Effect.flatMap(http.get(url), (response) => response.text)).toBe("client")
    }).pipe(Effect.scoped)
  )

  const postError = (url: string, more?: NodeTransport.Options) =>
    Effect.flatMap(ApiClient.make({ baseUrl: url, auth: Auth.none, retry: false }), (api) =>
      Effect.flip(api.post("/"))
    ).pipe(over(more))

  it.live("fails unsent if the connection is not established", () =>
    Effect.gen(function* () {
      const server = yield* http2()
      const closed = yield* Effect.scoped(http2())
      const fails = { _tag: "TransportError", sent: "no" }
      expect(yield* postError(closed.url)).toMatchObject({
        ...fails,
        reason: "ConnectionRefused",
        code: "ECONNREFUSED"
      })
      expect(yield* postError(server.url, { tls: {} })).toMatchObject({ ...fails, reason: "Tls" })
      const rejected = yield* postError(server.url, { allowAddress: () => false })
      expect(rejected).toMatchObject({ ...fails, reason: "AddressBlocked" })
      const unknown = yield* postError("https://name.invalid")
      expect(unknown).toMatchObject({ ...fails, reason: "NameNotResolved" })
      expect(server.paths).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("fails like HTTP/1.1 and names the proxy if the proxy opens no tunnel", () =>
    Effect.gen(function* () {
      const between = yield* proxy({ rejectWith: 407 })
      const origin = yield* http2()
      const env = ConfigProvider.fromMap(new Map([["HTTPS_PROXY", between.url]]))
      const failed = (allowH2: boolean) =>
        Effect.flatMap(ApiClient.make({ baseUrl: origin.url, auth: Auth.none }), (api) =>
          Effect.flip(api.post("/"))
        ).pipe(
          Effect.provide(NodeTransport.layerProxyEnvWith({ allowH2, tls: { ca } })),
          Effect.withConfigProvider(env)
        )
      const [one, two] = [yield* failed(false), yield* failed(true)]
      expect(two).toMatchObject({ _tag: "TransportError", reason: "ProxyFailed", sent: "no", proxy: { status: 407 } })
      expect(JSON.stringify(two)).toBe(JSON.stringify(one))
    }).pipe(Effect.scoped)
  )

  it.live("fails all waiting requests after connectTimeout if the connection does not open", () =>
    Effect.gen(function* () {
      const silent = yield* listen(
        Net.createServer((socket) => socket.resume()),
        "https"
      )
      const http = yield* NodeTransport.make(options({ connectTimeout: "300 millis" }))
      const get = Effect.timed(Effect.flip(http.get(silent.url)))
      const failed = yield* Effect.all([get, get, get], { concurrency: "unbounded" })
      for (const [elapsed, error] of failed) {
        expect(codeOf(error)).toBe("UND_ERR_CONNECT_TIMEOUT")
        // The default is 10 seconds.
        expect(Duration.toMillis(elapsed)).toBeLessThan(9_000)
      }
      expect(silent.connections).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.live("closes a connection that is being opened with the scope", () =>
    Effect.gen(function* () {
      const silent = yield* listen(
        Net.createServer((socket) => socket.resume()),
        "https"
      )
      const fiber = yield* Effect.gen(function* () {
        const http = yield* NodeTransport.make(options({ connectTimeout: "300 millis" }))
        const running = yield* Effect.forkDaemon(Effect.flip(http.get(silent.url)))
        yield* until(() => silent.connections === 1)
        return running
      }).pipe(Effect.scoped)
      expect((yield* fiber)._tag).toBe("RequestError")
      yield* until(() => silent.sockets.size === 0)
    }).pipe(Effect.scoped)
  )

  it.live("closes the idle connections to 300 origins", () =>
    Effect.gen(function* () {
      const server = createSecureServer({ ...identity }, version)
      const { sockets, url } = yield* listen(server, "https")
      const { port } = new URL(url)
      const origins = Array.from({ length: 300 }, (_, at) => `https://127.0.${at >> 8}.${at & 255 || 1}:${port}`)
      const tls = { ca, servername: "localhost", origins }
      const http = yield* NodeTransport.make(options({ keepAliveTimeout: 50, tls }))
      yield* Effect.forEach(
        origins,
        (origin) => Effect.ignore(Effect.flatMap(http.get(origin), (response) => response.text)),
        { concurrency: 20 }
      )
      yield* until(() => sockets.size === 0)
    }).pipe(Effect.scoped)
  )
})
