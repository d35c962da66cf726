import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { inspect } from "node:util"
import { afterEach, vi } from "vitest"
import { readProxyEnv } from "../../../src/internal/proxy/proxyEnv.js"

const read = (entries: Record<string, string>) =>
  Effect.withConfigProvider(readProxyEnv, ConfigProvider.fromMap(new Map(Object.entries(entries))))

/** The hosts of the proxies for http and https. */
const hosts = (entries: Record<string, string>) =>
  Effect.map(read(entries), ({ http, https }) => [http?.hostname, https?.hostname])

const none = undefined
const REQUEST_METHOD = "GET"

describe("proxyEnv", () => {
  it.effect.each<[Record<string, string>, string | undefined, string | undefined]>([
    [{}, none, none],
    [{ HTTP_PROXY: "http://a" }, "a", none],
    [{ HTTPS_PROXY: "http://b" }, none, "b"],
    [{ HTTP_PROXY: "http://a", HTTPS_PROXY: "http://b" }, "a", "b"],
    [{ http_proxy: "http://a", https_proxy: "http://b" }, "a", "b"],
    [{ http_proxy: "http://lower", HTTP_PROXY: "http://upper" }, "lower", none],
    [{ http_proxy: "", HTTP_PROXY: "http://upper" }, none, none],
    [{ http_proxy: "  ", HTTP_PROXY: "http://upper" }, none, none],
    [{ ALL_PROXY: "http://all" }, "all", "all"],
    [{ all_proxy: "http://lower", ALL_PROXY: "http://upper" }, "lower", "lower"],
    [{ ALL_PROXY: "http://all", HTTPS_PROXY: "http://b" }, "all", "b"],
    [{ ALL_PROXY: "http://all", HTTP_PROXY: "" }, none, "all"],
    [{ ALL_PROXY: "" }, none, none],
    // SOCKS in ALL_PROXY has no effect if both schemes have their own proxy.
    [{ ALL_PROXY: "socks5://s", HTTP_PROXY: "http://a", HTTPS_PROXY: "http://b" }, "a", "b"],
    [{ HTTP_PROXY: "proxy.test:3128" }, "proxy.test", none],
    // In a CGI program, a client sets HTTP_PROXY with the header field Proxy.
    [{ HTTP_PROXY: "http://evil", REQUEST_METHOD }, none, none],
    [{ HTTP_PROXY: "http://evil", REQUEST_METHOD: "" }, none, none],
    [{ HTTP_PROXY: "not a URL", REQUEST_METHOD }, none, none],
    [{ HTTP_PROXY: "http://evil", http_proxy: "http://own", REQUEST_METHOD }, "own", none],
    [{ HTTP_PROXY: "http://evil", ALL_PROXY: "http://all", REQUEST_METHOD }, "all", "all"],
    [{ HTTPS_PROXY: "http://b", REQUEST_METHOD }, none, "b"]
  ])("reads from %j the proxies %s and %s", ([entries, http, https]) =>
    Effect.map(hosts(entries), (found) => expect(found).toEqual([http, https]))
  )

  it.effect("reads hosts without a proxy from no_proxy, or from NO_PROXY if that is not set", () =>
    Effect.gen(function* () {
      const bypassed = (entries: Record<string, string>) =>
        Effect.map(read(entries), ({ isBypassed: bypasses }) =>
          ["a.test", "b.test"].filter((host) => bypasses(host, "80"))
        )
      expect(yield* bypassed({})).toEqual([])
      expect(yield* bypassed({ NO_PROXY: "a.test" })).toEqual(["a.test"])
      expect(yield* bypassed({ no_proxy: "b.test", NO_PROXY: "a.test" })).toEqual(["b.test"])
      expect(yield* bypassed({ no_proxy: "", NO_PROXY: "a.test" })).toEqual([])
    })
  )

  it.effect.each<[Record<string, string>, string, string]>([
    [{ HTTP_PROXY: "http://u:hunter2@" }, "HTTP_PROXY", "the proxy's URL is invalid"],
    [{ https_proxy: "http://u:hunter2@host:99999" }, "https_proxy", "the proxy's URL is invalid"],
    [{ HTTPS_PROXY: "socks5://u:hunter2@host" }, "HTTPS_PROXY", '"socks5:"'],
    [{ ALL_PROXY: "http://u:hunter2%zz@host" }, "ALL_PROXY", "%25"],
    [{ HTTP_PROXY: "http://u%3Av:hunter2@host" }, "HTTP_PROXY", "contains a colon"],
    [{ NO_PROXY: "a.test, 10.0.0.0/33" }, "NO_PROXY", '"10.0.0.0/33"'],
    [{ no_proxy: "http://u:hunter2@host" }, "no_proxy", "an entry with credentials"]
  ])("fails for %j with a ConfigError that names %s and contains %s", ([entries, name, says]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read(entries))
      expect(error).toMatchObject({ _op: "InvalidData", path: [name] })
      expect(error).toMatchObject({ message: expect.stringContaining(says) })
      expect(inspect(error, { depth: 10 }) + JSON.stringify(error)).not.toContain("hunter2")
    })
  )

  describe("proxyEnv on Windows", () => {
    afterEach(() => vi.unstubAllGlobals())

    it.effect("ignores http_proxy and HTTP_PROXY in a CGI program, because they are one variable", () =>
      Effect.gen(function* () {
        vi.stubGlobal("process", Object.create(process, { platform: { value: "win32" } }))
        expect(yield* hosts({ http_proxy: "http://evil", REQUEST_METHOD })).toEqual([none, none])
        expect(yield* hosts({ http_proxy: "http://a" })).toEqual(["a", none])
      })
    )
  })
})
