/** Tunnels of a proxy: how long they take to open, who they belong to, and that none is left over. */
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
import { codeOf, listen, raw, serve, until } from "./support/server.js"

const { ca = "", client = { cert: "", key: "" }, server: identity } = certificates ?? {}
const text = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)

/** The error of a GET without retries, and after how many milliseconds it came. */
const failed = (url: string, transport: Omit<NodeTransport.OptionsWithProxy, "tls">, options: object = {}) =>
  ApiClient.make({ baseUrl: url, auth: Auth.none, retry: false, ...options }).pipe(
    Effect.flatMap((api) => Effect.timed(Effect.flip(api.get("/")))),
    Effect.map(([took, error]) => ({ error, ms: Duration.toMillis(took) })),
    Effect.provide(NodeTransport.layerWith({ ...transport, tls: { ca } }))
  )

/** The transport's own time for connecting, in milliseconds: on a busy machine a shorter time can last almost as long. */
const unset = 10_000

const silent = raw(() => undefined)
const established = "HTTP/1.1 200 Connection established\r\n\r\n"

/** A proxy that opens the tunnel, and leads it nowhere. */
const leadingNowhere = raw((socket, request) => void (request.startsWith("CONNECT") && socket.write(established)))

/** A proxy that opens the tunnel, and closes it at the first bytes in it. */
const closing = raw(
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

describe("A tunnel", () => {
  it.live("that the proxy does not open fails with ProxyFailed after connectTimeout", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* silent
      for (const proxyUrl of [url, url.replace("http:", "https:")]) {
        const { error, ms } = yield* failed("https://api.test", { proxy: proxyUrl, connectTimeout: "300 millis" })
        expect(error).toMatchObject({ reason: "ProxyFailed", sent: "no", code: "UND_ERR_CONNECT_TIMEOUT" })
        expect(ms).toBeGreaterThan(290)
        expect(ms).toBeLessThan(unset)
      }
      yield* until(() => sockets.size === 0)
    }).pipe(Effect.scoped)
  )

  it.live("in which the TLS handshake does not end fails with ConnectTimeout of the origin", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* leadingNowhere
      const { error, ms } = yield* failed("https://api.test", { proxy: url, connectTimeout: "300 millis" })
      expect(error).toMatchObject({ reason: "ConnectTimeout", sent: "no" })
      expect(ms).toBeLessThan(unset)
      yield* until(() => sockets.size === 0)
    }).pipe(Effect.scoped)
  )

  it.live("that is closed in the TLS handshake fails at once, with nothing sent", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* closing
      const { error, ms } = yield* failed("https://api.test", { proxy: url })
      expect(error).toMatchObject({ _tag: "TransportError", sent: "no" })
      expect(ms).toBeLessThan(unset)
      yield* until(() => sockets.size === 0)
    }).pipe(Effect.scoped)
  )

  it.live("is opened within the deadline of the request", () =>
    Effect.gen(function* () {
      for (const server of [silent, leadingNowhere]) {
        const { sockets, url } = yield* server
        const { error, ms } = yield* failed("https://api.test", { proxy: url }, { timeout: { exchange: "200 millis" } })
        expect(error).toMatchObject({ _tag: "Timeout", scope: "exchange" })
        expect(ms).toBeLessThan(unset)
        // Without the timeout of the transport, which is ten seconds.
        yield* until(() => sockets.size === 0)
      }
    }).pipe(Effect.scoped)
  )

  for (const allowH2 of [false, true]) {
    it.live(`is closed when all requests that wait for it are interrupted, with allowH2: ${allowH2}`, () =>
      Effect.gen(function* () {
        for (const server of [silent, leadingNowhere]) {
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

  it.live.skipIf(certificates === undefined)("can be opened after others to the same origin were interrupted", () =>
    Effect.gen(function* () {
      let answers = false
      const pending: Array<() => void> = []
      const holding = yield* raw((socket, request) => {
        if (!request.startsWith("CONNECT")) return
        const open = () => tunnelTo(socket, Number(/:(\d+) /.exec(request)?.[1]))
        if (answers) open()
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
        answers = true
        expect(yield* text(origin.url)).toBe("ok")
      }).pipe(Effect.provide(NodeTransport.layerWith({ proxy: holding.url, tls: { ca } })))
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(certificates === undefined)("that is idle is closed with the scope of the transport", () =>
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

  it.live("that is being opened is closed with the scope of the transport", () =>
    Effect.gen(function* () {
      for (const server of [silent, leadingNowhere]) {
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

  it.live.skipIf(certificates === undefined)("carries HTTP/2 to an origin that chooses it", () =>
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

  it.live.skipIf(certificates === undefined)("shows the client certificate to the origin, and to no proxy", () =>
    Effect.gen(function* () {
      const shown: Record<string, Array<boolean>> = { proxy: [], origin: [] }
      const note = (by: string) => (socket: TLSSocket) =>
        void shown[by]?.push(Object.keys(socket.getPeerCertificate()).length > 0)
      const demand = { ...identity, ca, requestCert: true, rejectUnauthorized: false }
      const secure = yield* proxy({ secure: true, tls: demand })
      secure.server.on("secureConnection", note("proxy"))
      const origin = createHttpsServer(demand, (_, response) => response.end("ok")).on(
        "secureConnection",
        note("origin")
      )
      const { url } = yield* listen(origin, "https")
      const plain = yield* serve((_, response) => response.end("ok"))
      // The proxy's origin among them changes nothing.
      const tls = { ca, ...client, key: Redacted.make(client.key), origins: [url, secure.url] }
      yield* Effect.all([text(url), text(plain.url)]).pipe(
        Effect.provide(NodeTransport.layerWith({ proxy: secure.url, tls }))
      )
      expect(shown).toEqual({ proxy: [false, false], origin: [true] })
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(certificates === undefined)(
    "to a proxy with TLS verifies the name of the proxy, and not of the origin",
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
          // The certificate of the proxy is not for these names.
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
