/** Proxies of the environment and of the option. */
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { createServer as createHttpsServer } from "node:https"
import { inspect } from "node:util"
import { certificates } from "./support/certificates.js"
import { proxy } from "./support/proxy.js"
import { codeOf, listen, serveRaw, serve } from "./support/server.js"

const env = (entries: Record<string, string>, options: NodeTransport.ProxyOptions = {}) =>
  Effect.provide(
    NodeTransport.layerProxyEnvWith(options).pipe(
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries)))))
    )
  )

const text = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)

/** An origin that responds with the header fields that it received. */
const origin = serve(({ headers, url }, response) => response.end(JSON.stringify({ url, ...headers })))
const basic = `Basic ${Buffer.from("us er:p@ss").toString("base64")}`
const withUser = (url: string) => url.replace("://", "://us%20er:p%40ss@")

describe("NodeTransport.layerProxyEnv", () => {
  it.live("forwards http requests to HTTP_PROXY and sends the credentials of the proxy only there", () =>
    Effect.gen(function* () {
      const to = yield* origin
      const through = yield* proxy()
      const { port } = new URL(to.url)
      const request = HttpClientRequest.post(`http://name.test:${port}/p?q=1#f`).pipe(
        HttpClientRequest.bodyText("body")
      )
      const body = yield* Effect.flatMap(HttpClient.execute(request), (response) => response.text).pipe(
        env({ HTTP_PROXY: withUser(through.url) })
      )
      expect(through.requests).toEqual([
        { line: `POST http://name.test:${port}/p?q=1`, authorization: basic, host: `name.test:${port}` }
      ])
      expect(body).toContain('"url":"/p?q=1"')
      expect(body).toContain(`"host":"name.test:${port}"`)
      expect(body).not.toContain("proxy-authorization")
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(certificates === undefined)(
    "opens a tunnel for https, verifies the origin and shows the proxy no request",
    () =>
      Effect.gen(function* () {
        const { ca = "", server } = certificates ?? {}
        const seen: Array<unknown> = []
        const to = yield* listen(
          createHttpsServer({ ...server }, ({ headers }, response) => {
            seen.push(headers["proxy-authorization"])
            response.end("secret")
          }),
          "https"
        )
        const through = yield* proxy()
        const { port } = new URL(to.url)
        const bodies = yield* Effect.replicateEffect(text(`https://localhost:${port}/path`), 3).pipe(
          env({ https_proxy: withUser(through.url) }, { tls: { ca } })
        )
        expect([bodies, seen]).toEqual([
          ["secret", "secret", "secret"],
          [undefined, undefined, undefined]
        ])
        expect(through.requests).toEqual([
          { line: `CONNECT localhost:${port}`, authorization: basic, host: `localhost:${port}` }
        ])
        // The certificate is that of the origin, and verified.
        const error = yield* Effect.flip(text(`https://localhost:${port}/`)).pipe(env({ HTTPS_PROXY: through.url }))
        expect(codeOf(error)).toMatch(/SELF_SIGNED|UNABLE_TO/)
      }).pipe(Effect.scoped)
  )

  it.live("uses no proxy for hosts of NO_PROXY and for the other scheme", () =>
    Effect.gen(function* () {
      const to = yield* origin
      const through = yield* proxy()
      yield* text(to.url).pipe(env({ HTTP_PROXY: through.url, NO_PROXY: "other.test, 127.0.0.1" }))
      yield* text(to.url).pipe(env({ HTTPS_PROXY: through.url }))
      yield* text(to.url).pipe(env({ HTTP_PROXY: "" }))
      yield* text(to.url).pipe(env({ HTTP_PROXY: "http://127.0.0.1:1", http_proxy: "" }))
      expect([through.requests, to.paths.length]).toEqual([[], 4])
      yield* text(to.url).pipe(env({ HTTP_PROXY: through.url.replace("http://", ""), NO_PROXY: "other.test" }))
      expect(through.requests).toHaveLength(1)
    }).pipe(Effect.scoped)
  )

  it.live("fails with a connect timeout if the proxy opens no tunnel in time", () =>
    Effect.gen(function* () {
      const silent = yield* serveRaw(() => undefined)
      const error = yield* Effect.flip(text("https://name.test/")).pipe(
        env({ HTTPS_PROXY: silent.url }, { connectTimeout: "150 millis" })
      )
      expect(codeOf(error)).toBe("UND_ERR_CONNECT_TIMEOUT")
    }).pipe(Effect.scoped)
  )

  it.live("fails with a ConfigError that does not print an invalid proxy URL", () =>
    Effect.gen(function* () {
      for (const url of ["http://u:hunter2@", "socks5://u:hunter2@host", "http://u:hunter2%zz@host"]) {
        const exit = yield* Effect.exit(text("http://name.test/").pipe(env({ HTTP_PROXY: url })))
        expect(Exit.isFailure(exit)).toBe(true)
        expect(inspect(exit, { depth: 10 })).toContain("InvalidData")
        expect(inspect(exit, { depth: 10 })).not.toContain("hunter2")
      }
    }).pipe(Effect.scoped)
  )
})

describe("NodeTransport.layerWith", () => {
  it.live("accepts as proxy a string, a URL, a Redacted of either, or one per scheme", () =>
    Effect.gen(function* () {
      const to = yield* origin
      const through = yield* proxy()
      const url = withUser(through.url)
      for (const value of [url, new URL(url), Redacted.make(url), Redacted.make(new URL(url)), { http: url }]) {
        yield* text(to.url).pipe(Effect.provide(NodeTransport.layerWith({ proxy: value })))
        expect(through.requests.splice(0)).toMatchObject([{ line: `GET ${to.url}/`, authorization: basic }])
      }
    }).pipe(Effect.scoped)
  )

  it.live("uses no proxy for hosts of noProxy, for the other scheme and if proxy is undefined", () =>
    Effect.gen(function* () {
      const to = yield* origin
      const through = yield* proxy()
      for (const value of [
        { http: through.url, noProxy: ["other.test", "127.0.0.0/8"] },
        { http: through.url, noProxy: ["*"] },
        { https: through.url },
        {},
        undefined
      ]) {
        yield* text(to.url).pipe(Effect.provide(NodeTransport.layerWith({ proxy: value })))
      }
      yield* text(to.url).pipe(
        Effect.provide(NodeTransport.layerWith({ proxy: { http: through.url, noProxy: ["a.test"] } }))
      )
      expect([through.requests.length, to.paths.length]).toEqual([1, 6])
    }).pipe(Effect.scoped)
  )

  it.live(
    "fails with a ConfigError that names the option and no password when the Layer is built with an invalid proxy",
    () =>
      Effect.gen(function* () {
        const secret = "http://u:hunter2@"
        for (const [value, path] of [
          ["", ["proxy"]],
          [secret, ["proxy"]],
          [Redacted.make(secret), ["proxy"]],
          [{ http: "socks5://u:hunter2@host" }, ["proxy", "http"]],
          [{ https: Redacted.make("http://u:hunter2%zz@host") }, ["proxy", "https"]],
          [{ https: "" }, ["proxy", "https"]],
          [{ noProxy: ["a.test", "10.0.0.0/33"] }, ["proxy", "noProxy"]]
        ] as const) {
          const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeTransport.layerWith({ proxy: value }))))
          expect(error).toMatchObject({ _op: "InvalidData", path })
          expect(inspect(error, { depth: 10 })).not.toContain("hunter2")
        }
      })
  )
})
