/** The client certificate of mutual TLS: the origins to which it is presented. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { createSecureServer } from "node:http2"
import { createServer as createHttpsServer } from "node:https"
import type { TLSSocket } from "node:tls"
import { certificates } from "./support/certificates.js"
import { proxy } from "./support/proxy.js"
import { listen, serve } from "./support/server.js"

const none = { ca: "", server: { cert: "", key: "" }, client: { cert: "", key: "" } }
const { ca, client, server: identity } = certificates ?? none

interface Connection {
  readonly allowH2: boolean
  readonly layer: (options: NodeTransport.ProxyOptions) => Layer.Layer<HttpClient.HttpClient>
}

const throughProxy = (url: string) => (options: NodeTransport.ProxyOptions) =>
  Layer.orDie(NodeTransport.layerProxyEnvWith(options)).pipe(
    Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["HTTPS_PROXY", url]]))))
  )

const connections = {
  "over HTTP/1.1": Effect.succeed<Connection>({ allowH2: false, layer: NodeTransport.layerWith }),
  "over HTTP/2": Effect.succeed<Connection>({ allowH2: true, layer: NodeTransport.layerWith }),
  "through a tunnel": Effect.map(proxy(), ({ url }): Connection => ({ allowH2: false, layer: throughProxy(url) })),
  "over HTTP/2 through a tunnel": Effect.map(proxy(), ({ url }): Connection => ({
    allowH2: true,
    layer: throughProxy(url)
  }))
}

/** The common name in the certificate of a connection's client. */
const peer = (socket: unknown): string | undefined =>
  // Each server here listens with TLS.
  (socket as TLSSocket).getPeerCertificate().subject?.CN as string | undefined

/** A server that requests a certificate, records the client's name, and redirects to what `next` returns. */
const certificateServer = (seen: Array<string>, name: string, next: (path: string) => string | undefined) =>
  listen(
    createSecureServer(
      { ...identity, ca, requestCert: true, rejectUnauthorized: false, allowHTTP1: true },
      ({ httpVersion, socket, stream, url }, response) => {
        // With HTTP/2, Node hides the socket of the connection behind a Proxy object.
        const connection: unknown = httpVersion === "2.0" ? stream.session?.socket : socket
        seen.push(`${name}: ${peer(connection) ?? "no certificate"}`)
        const location = next(url)
        response.writeHead(location === undefined ? 200 : 302, location === undefined ? {} : { location })
        response.end()
      }
    ),
    "https"
  )

const withHost = (url: string, host: string): string => url.replace("127.0.0.1", host)

const clientCertificate = (origins: ReadonlyArray<string>) => ({
  ca,
  origins,
  cert: client.cert,
  key: Redacted.make(client.key)
})

const get = (baseUrl: string, path = "/") =>
  Effect.flatMap(ApiClient.make({ baseUrl, auth: Auth.none, retry: false }), (api) => api.get(path))

describe.skipIf(certificates === undefined)("NodeTransport", () => {
  const targets: Record<string, (own: string, other: string) => string> = {
    "another port": (_, other) => other,
    "another host": (_, other) => withHost(other, "localhost"),
    "another host, the same server": (own) => withHost(own, "localhost")
  }

  for (const [name, connection] of Object.entries(connections)) {
    for (const [where, target] of Object.entries(targets)) {
      it.live(`presents the client certificate to its origin and not after a redirect to ${where}, ${name}`, () =>
        Effect.gen(function* () {
          const { allowH2, layer } = yield* connection
          const seen: Array<string> = []
          let back = ""
          let to = ""
          const other = yield* certificateServer(seen, "other", () => `${back}/end`)
          const own = yield* certificateServer(seen, "own", (path) =>
            path === "/start" ? `${to}/middle` : path === "/middle" ? `${back}/end` : undefined
          )
          back = own.url
          to = target(own.url, other.url)
          const response = yield* get(own.url, "/start").pipe(
            Effect.provide(layer({ allowH2, tls: clientCertificate([own.url]) }))
          )
          expect(response.status).toBe(200)
          const middle = to.endsWith(new URL(own.url).port) ? "own" : "other"
          expect(seen).toEqual(["own: client", `${middle}: no certificate`, "own: client"])
        }).pipe(Effect.scoped)
      )
    }
  }

  it.live("presents the client certificate to each origin of the list, however the origin is written", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const first = yield* certificateServer(seen, "first", () => undefined)
      const second = yield* certificateServer(seen, "second", () => undefined)
      const origins = [`${first.url}/v1?a=b`, withHost(second.url, "LOCALHOST").replace("https", "HTTPS")]
      yield* Effect.all([get(first.url), get(withHost(second.url, "localhost"))]).pipe(
        Effect.provide(NodeTransport.layerWith({ tls: clientCertificate(origins) }))
      )
      expect(seen.sort()).toEqual(["first: client", "second: client"])
    }).pipe(Effect.scoped)
  )

  it.live("does not present the client certificate to a proxy, even if origins contains the proxy", () =>
    Effect.gen(function* () {
      const seen: Array<string | undefined> = []
      const https = createHttpsServer({ ...identity, ca, requestCert: true, rejectUnauthorized: false })
      https.on("secureConnection", (socket) => seen.push(peer(socket)))
      const secure = yield* listen(https, "https")
      const error = yield* Effect.flip(get("https://localhost:9")).pipe(
        Effect.provide(throughProxy(secure.url)({ tls: clientCertificate([secure.url, "https://localhost:9"]) }))
      )
      expect(error._tag).toBe("TransportError")
      expect(seen.length).toBeGreaterThan(0)
      expect(seen.filter((name) => name !== undefined)).toEqual([])
    }).pipe(Effect.scoped)
  )

  for (const [how, origins] of Object.entries({
    "no origins": undefined,
    "an empty list": [],
    "an origin without https": ["http://api.example.com"],
    "an origin that is not a URL": ["api.example.com"],
    "one valid origin and one that is not a URL": ["https://api.example.com", "api.example.com"]
  })) {
    it.live(`fails https requests unsent and sends http requests with a client certificate and ${how}`, () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const secure = yield* certificateServer(seen, "own", () => undefined)
        const plain = yield* serve((_, response) => void response.end())
        // Types forbid this. JavaScript, or a cast of the configuration, allows it.
        const tls = clientCertificate(origins as unknown as ReadonlyArray<string>)
        const transport = NodeTransport.layerWith({ tls })
        const error = yield* Effect.flip(get(secure.url)).pipe(Effect.provide(transport))
        expect(error).toMatchObject({ _tag: "TransportError", reason: "Tls", sent: "no" })
        expect(error.message).toContain("tls.origins")
        expect(secure.connections).toBe(0)
        expect((yield* get(plain.url).pipe(Effect.provide(transport))).status).toBe(200)
      }).pipe(Effect.scoped)
    )
  }

  it.live("uses tls.servername for the origins only", () =>
    Effect.gen(function* () {
      const https = createHttpsServer({ ...identity }, (_, response) => void response.end())
      const own = yield* listen(https, "https")
      const transport = NodeTransport.layerWith({ tls: { ca, origins: [own.url], servername: "other.test" } })
      const error = yield* Effect.flip(get(own.url)).pipe(Effect.provide(transport))
      expect(error).toMatchObject({ _tag: "TransportError", code: "ERR_TLS_CERT_ALTNAME_INVALID" })
      const otherHost = yield* get(withHost(own.url, "localhost")).pipe(Effect.provide(transport))
      expect(otherHost.status).toBe(200)
    }).pipe(Effect.scoped)
  )

  it("requires origins for a certificate and a servername in its types", () => {
    const key = Redacted.make("key")
    expectTypeOf({ ca: "ca" }).toExtend<NodeTransport.Tls>()
    expectTypeOf({ ca: "ca", origins: ["https://api.test"], cert: "cert", key }).toExtend<NodeTransport.Tls>()
    expectTypeOf({ origins: ["https://api.test"], servername: "api.test" }).toExtend<NodeTransport.Tls>()
    // @ts-expect-error: a certificate without origins.
    NodeTransport.layerWith({ tls: { ca: "ca", cert: "cert", key } })
    // @ts-expect-error: a servername without origins.
    NodeTransport.layerWith({ tls: { servername: "api.test" } })
    // @ts-expect-error: the same with a proxy.
    NodeTransport.layerProxyEnvWith({ tls: { cert: "cert" } })
  })
})
