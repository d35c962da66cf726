/** Tunnels of a proxy: timeouts while they open, TLS in them, and that none is left open. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { createSecureServer } from "node:http2"
import { createServer as createHttpsServer } from "node:https"
import * as Net from "node:net"
import type { TLSSocket } from "node:tls"
import { certificates } from "./support/certificates.js"
import { proxy } from "./support/proxy.js"
import { codeOf, listen, serveRaw, serve, until } from "./support/server.js"

const { ca = "", client = { cert: "", key: "" }, server: identity } = certificates ?? {}
const text = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)

/** The error of a GET without retries, and the milliseconds until it. */
const getError = (url: string, transport: Omit<NodeTransport.OptionsWithProxy, "tls">, options: object = {}) =>
  ApiClient.make({ baseUrl: url, auth: Auth.none, retry: false, ...options }).pipe(
    Effect.flatMap((api) => Effect.timed(Effect.flip(api.get("/")))),
    Effect.map(([took, error]) => ({ error, ms: Duration.toMillis(took) })),
    Effect.provide(NodeTransport.layerWith({ ...transport, tls: { ca } }))
  )

const over = (proxy: string) => Effect.provide(NodeTransport.layerWith({ proxy, tls: { ca } }))

/** The default connectTimeout in milliseconds. On a busy machine, a shorter limit may take almost as long. */
const defaultConnectMs = 10_000

const silent = serveRaw(() => undefined)
const established = "HTTP/1.1 200 Connection established\r\n\r\n"

/** A proxy that opens the tunnel but does not connect it. */
const unconnected = serveRaw((socket, request) => void (request.startsWith("CONNECT") && socket.write(established)))

/** A proxy that opens the tunnel and closes it at its first bytes. */
const closing = serveRaw(
  (socket, request) => void (request.startsWith("CONNECT") ? socket.write(established) : socket.destroy())
)

const tunnelTo = (socket: Net.Socket, port: number) => {
  const onward = Net.connect(port, "127.0.0.1", () => {
    socket.write(established)
    socket.pipe(onward).pipe(socket)
  })
  onward.on("error", () => socket.destroy())
  socket.on("close", () => onward.destroy())
}

describe.skipIf(certificates === undefined)("NodeTransport", () => {
  const openings: Record<string, string> = {
    "100 before it": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "content-length": "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
    "transfer-encoding": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "a folded field": "HTTP/1.1 200 OK\r\nvia: 1.1 a,\r\n 1.1 b\r\n\r\n",
    "HTTP/1.0": "HTTP/1.0 200 Connection established\r\n\r\n",
    "another 2xx": "HTTP/1.1 204 No Content\r\n\r\n"
  }
  for (const [name, opening] of Object.entries(openings)) {
    it.live(`opens a tunnel after a 2xx response of the proxy with ${name}, whole and byte by byte`, () =>
      Effect.gen(function* () {
        const origin = yield* listen(
          createHttpsServer({ ...identity }, (_, response) => response.end("ok")),
          "https"
        )
        for (const size of [opening.length, 1]) {
          const through = yield* serveRaw((socket) => {
            socket.removeAllListeners("data").setNoDelay(true)
            const pieces = opening.match(new RegExp(`[^]{1,${size}}`, "g")) ?? []
            const onward = Net.connect(Number(new URL(origin.url).port), "127.0.0.1")
            onward.on("error", () => socket.destroy())
            socket.on("close", () => onward.destroy())
            const next = () => {
              const piece = pieces.shift()
              if (piece !== undefined) return void socket.write(piece, "latin1", () => setImmediate(next))
              socket.pipe(onward).pipe(socket)
            }
            next()
          })
          expect(yield* text(origin.url).pipe(over(through.url))).toBe("ok")
        }
      }).pipe(Effect.scoped)
    )
  }
})

describe("NodeTransport", () => {
  it.live("fails with ProxyFailed after connectTimeout if the proxy does not open a tunnel", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* silent
      for (const proxyUrl of [url, url.replace("http:", "https:")]) {
        const { error, ms } = yield* getError("https://api.test", { proxy: proxyUrl, connectTimeout: "300 millis" })
        expect(error).toMatchObject({ reason: "ProxyFailed", sent: "no", code: "UND_ERR_CONNECT_TIMEOUT" })
        expect(ms).toBeGreaterThan(290)
        expect(ms).toBeLessThan(defaultConnectMs)
      }
      yield* until(() => sockets.size === 0)
    }).pipe(Effect.scoped)
  )

  it.live("fails with ConnectTimeout if the TLS handshake in a tunnel does not end", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* unconnected
      const { error, ms } = yield* getError("https://api.test", { proxy: url, connectTimeout: "300 millis" })
      expect(error).toMatchObject({ reason: "ConnectTimeout", sent: "no" })
      expect(ms).toBeLessThan(defaultConnectMs)
      yield* until(() => sockets.size === 0)
    }).pipe(Effect.scoped)
  )

  it.live("fails at once and unsent if a tunnel closes during the TLS handshake", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* closing
      const { error, ms } = yield* getError("https://api.test", { proxy: url })
      expect(error).toMatchObject({ _tag: "TransportError", sent: "no" })
      expect(ms).toBeLessThan(defaultConnectMs)
      yield* until(() => sockets.size === 0)
    }).pipe(Effect.scoped)
  )

  it.live("opens a tunnel within the timeout of the request and closes it afterwards", () =>
    Effect.gen(function* () {
      for (const server of [silent, unconnected]) {
        const { sockets, url } = yield* server
        const { error, ms } = yield* getError(
          "https://api.test",
          { proxy: url },
          { timeout: { exchange: "200 millis" } }
        )
        expect(error).toMatchObject({ _tag: "Timeout", scope: "exchange" })
        expect(ms).toBeLessThan(defaultConnectMs)
        // Before connectTimeout, which is ten seconds.
        yield* until(() => sockets.size === 0)
      }
    }).pipe(Effect.scoped)
  )

  for (const allowH2 of [false, true]) {
    it.live(
      `closes a tunnel that is being opened when all its waiting requests are interrupted, with allowH2: ${allowH2}`,
      () =>
        Effect.gen(function* () {
          for (const server of [silent, unconnected]) {
            const { sockets, url } = yield* server
            yield* Effect.gen(function* () {
              const first = yield* Effect.fork(text("https://api.test/1"))
              const rest = yield* Effect.all([2, 3].map((n) => Effect.fork(text(`https://api.test/${n}`))))
              yield* until(() => sockets.size > 0)
              yield* Fiber.interrupt(first)
              yield* Effect.sleep("50 millis")
              expect(sockets.size).toBeGreaterThan(0)
              yield* Fiber.interruptAll(rest)
              yield* until(() => sockets.size === 0)
            }).pipe(Effect.provide(NodeTransport.layerWith({ proxy: url, allowH2, connectTimeout: "1 minute" })))
          }
        }).pipe(Effect.scoped)
    )
  }

  it.live.skipIf(certificates === undefined)(
    "opens a tunnel after requests for others to the same origin were interrupted",
    () =>
      Effect.gen(function* () {
        let isOpening = false
        const pending: Array<() => void> = []
        const delaying = yield* serveRaw((socket, request) => {
          if (!request.startsWith("CONNECT")) return
          const open = () => tunnelTo(socket, Number(/:(\d+) /.exec(request)?.[1]))
          if (isOpening) open()
          else pending.push(open)
        })
        const origin = yield* listen(
          createHttpsServer({ ...identity }, (_, response) => response.end("ok")),
          "https"
        )
        yield* Effect.gen(function* () {
          const fiber = yield* Effect.fork(text(origin.url))
          yield* until(() => pending.length === 1)
          yield* Fiber.interrupt(fiber)
          isOpening = true
          expect(yield* text(origin.url)).toBe("ok")
        }).pipe(Effect.provide(NodeTransport.layerWith({ proxy: delaying.url, tls: { ca } })))
      }).pipe(Effect.scoped)
  )

  it.live.skipIf(certificates === undefined)("closes an idle tunnel when the scope of the transport closes", () =>
    Effect.gen(function* () {
      const through = yield* proxy()
      const origin = yield* listen(
        createHttpsServer({ ...identity }, (_, response) => response.end("ok")),
        "https"
      )
      const scope = yield* Scope.make()
      const transport = yield* Scope.extend(NodeTransport.make({ proxy: through.url, tls: { ca } }), scope)
      yield* Effect.flatMap(transport.get(origin.url), (response) => response.text)
      expect(through.sockets.size).toBe(1)
      yield* Scope.close(scope, Exit.void)
      yield* until(() => through.sockets.size === 0 && origin.sockets.size === 0)
    }).pipe(Effect.scoped)
  )

  it.live("closes a tunnel that is being opened when the scope of the transport closes", () =>
    Effect.gen(function* () {
      for (const server of [silent, unconnected]) {
        const { sockets, url } = yield* server
        const scope = yield* Scope.make()
        const transport = yield* Scope.extend(NodeTransport.make({ proxy: url, connectTimeout: "1 minute" }), scope)
        const fiber = yield* Effect.fork(Effect.exit(transport.get("https://api.test")))
        yield* until(() => sockets.size > 0)
        yield* Scope.close(scope, Exit.void)
        yield* until(() => sockets.size === 0)
        expect(Exit.isFailure(yield* Fiber.join(fiber))).toBe(true)
      }
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(certificates === undefined)("uses HTTP/2 through a tunnel if the origin selects it", () =>
    Effect.gen(function* () {
      const through = yield* proxy()
      const versions: Array<string> = []
      const origin = yield* listen(
        createSecureServer({ ...identity, allowHTTP1: true }, ({ httpVersion }, response) => {
          versions.push(httpVersion)
          response.end("ok")
        }),
        "https"
      )
      const send = Effect.all([text(origin.url), text(origin.url), text(origin.url)], { concurrency: "unbounded" })
      yield* send.pipe(Effect.provide(NodeTransport.layerWith({ proxy: through.url, allowH2: true, tls: { ca } })))
      expect(versions).toEqual(["2.0", "2.0", "2.0"])
      expect(through.requests).toHaveLength(1)
      yield* text(origin.url).pipe(Effect.provide(NodeTransport.layerWith({ proxy: through.url, tls: { ca } })))
      expect(versions.at(-1)).toBe("1.1")
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(certificates === undefined)(
    "presents the client certificate to the origin in a tunnel and not to the proxy",
    () =>
      Effect.gen(function* () {
        const presented: Record<string, Array<boolean>> = { proxy: [], origin: [] }
        const recordFor = (by: string) => (socket: TLSSocket) =>
          void presented[by]?.push(Object.keys(socket.getPeerCertificate()).length > 0)
        const requesting = { ...identity, ca, requestCert: true, rejectUnauthorized: false }
        const secure = yield* proxy({ secure: true, tls: requesting })
        secure.server.on("secureConnection", recordFor("proxy"))
        const origin = createHttpsServer(requesting, (_, response) => response.end("ok")).on(
          "secureConnection",
          recordFor("origin")
        )
        const { url } = yield* listen(origin, "https")
        const plain = yield* serve((_, response) => response.end("ok"))
        // The origin of the proxy in the list changes nothing.
        const tls = { ca, ...client, key: Redacted.make(client.key), origins: [url, secure.url] }
        yield* Effect.all([text(url), text(plain.url)]).pipe(
          Effect.provide(NodeTransport.layerWith({ proxy: secure.url, tls }))
        )
        expect(presented).toEqual({ proxy: [false, false], origin: [true] })
      }).pipe(Effect.scoped)
  )

  it.live.skipIf(certificates === undefined)(
    "verifies the name of a proxy with TLS against the proxy, not against the origin",
    () =>
      Effect.gen(function* () {
        const names: Array<string | false | undefined> = []
        const secure = yield* proxy({ secure: true })
        secure.server.on("secureConnection", (socket: TLSSocket & { readonly servername?: string | false }) =>
          names.push(socket.servername)
        )
        const { port } = new URL(secure.url)
        const origin = yield* listen(
          createHttpsServer({ ...identity }, (_, response) => response.end("ok")),
          "https"
        )
        const plain = yield* serve((_, response) => response.end("ok"))
        const send = Effect.gen(function* () {
          // The certificate of the proxy is not valid for these names.
          const error = yield* Effect.flip(text(`https://other.test:${new URL(origin.url).port}/`))
          expect(codeOf(error)).toBe("ERR_TLS_CERT_ALTNAME_INVALID")
          expect(yield* text(`https://localhost:${new URL(origin.url).port}/`)).toBe("ok")
          for (const name of ["a.test", "b.test"]) {
            expect(yield* text(`http://${name}:${new URL(plain.url).port}/`)).toBe("ok")
          }
        })
        const via = (url: string) => Effect.provide(send, NodeTransport.layerWith({ proxy: url, tls: { ca } }))
        yield* via(`https://localhost:${port}`)
        expect(names.splice(0)).toEqual(["localhost", "localhost", "localhost"])
        yield* via(secure.url)
        expect(names).toEqual([false, false, false])
        expect(secure.requests.map(({ line }) => line.split(" ")[0])).toEqual(
          ["CONNECT", "CONNECT", "GET", "GET"].concat(["CONNECT", "CONNECT", "GET", "GET"])
        )
      }).pipe(Effect.scoped)
  )
})
