/** The options of a client, when they are checked and used. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { api, base, failure, run, urls } from "./support/mockApi.js"

const { respond } = MockClient
const ok = () => respond(200, {})

/** Builds a client from options that the types reject. */
const building = (options: object) =>
  Effect.flatMap(MockClient.make(ok), ({ client }) =>
    Effect.provideService(
      ApiClient.make(options as { readonly baseUrl: string; readonly auth: Auth.Service }),
      HttpClient.HttpClient,
      client
    )
  )

describe("ApiClient options", () => {
  it.effect.each<readonly [object, string]>([
    [{ retries: 3 }, "an API client has no option `retries`. Did you mean `retry`?"],
    [{ redirect: false }, "an API client has no option `redirect`. Did you mean `redirects`?"],
    [
      { redirects: { crossorigin: "reject" } },
      "an API client has no option `redirects.crossorigin`. Did you mean `redirects.crossOrigin`?"
    ],
    [{ timeouts: {} }, "an API client has no option `timeouts`. Did you mean `timeout`?"],
    [{ timeout: { exchage: 1 } }, "no option `timeout.exchage`. Did you mean `timeout.exchange`?"],
    [{ retry: { budgett: false } }, "no option `retry.budgett`. Did you mean `retry.budget`?"],
    [{ retry: { times: 3 } }, "no option `retry.times`. Pass `retry: Retry.exponential({ times: 3 })`."],
    [{ maxBodysize: 10 }, "Did you mean `maxBodySize`?"],
    [{ cookie: true }, "Did you mean `cookies`?"],
    [{ origin: [] }, "Did you mean `origins`?"],
    [{ header: {} }, "Did you mean `headers`?"],
    [{ circuitBreakers: true }, "Did you mean `circuitBreaker`?"],
    [{ params: {} }, "Did you mean `query`?"],
    [{ baseURL: base }, "Did you mean `baseUrl`?"],
    [{ anything: 1 }, "an API client has no option `anything`. Remove it."],
    [{ baseUrl: undefined }, "`baseUrl` is undefined. Set the environment variable"],
    [{ baseUrl: 5 }, "`baseUrl` is not a string, a URL or a Config."],
    [{ auth: undefined }, "`auth` is undefined. Pass a scheme or its Layer, or `Auth.none`"]
  ])("fails with InvalidRequest for %o", ([options, message]) =>
    Effect.gen(function* () {
      const error = yield* failure(building({ baseUrl: base, auth: Auth.none, ...options }))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
      expect(error.message).toContain(`Invalid options: `)
      expect(error.message).toContain(message)
    })
  )

  it.effect("reads baseUrl from a URL and from a Config", () =>
    Effect.gen(function* () {
      const config = ConfigProvider.fromMap(new Map([["API_URL", base]]))
      for (const baseUrl of [new URL(base), Config.string("API_URL"), Config.url("API_URL")]) {
        const { client, mock } = yield* MockClient.make(ok)
        const made = yield* ApiClient.make({ baseUrl, auth: Auth.none }).pipe(
          Effect.provideService(HttpClient.HttpClient, client),
          Effect.withConfigProvider(config)
        )
        yield* run(made.get("/x"))
        expect(yield* urls(mock)).toEqual([`GET ${base}/x`])
      }
      const missing = building({ baseUrl: Config.string("API_URL"), auth: Auth.none })
      const empty = Effect.withConfigProvider(missing, ConfigProvider.fromMap(new Map()))
      expect(String(yield* failure(empty))).toContain("API_URL")
    })
  )

  it.effect("sends a user-agent with the application's name, and none with false", () =>
    Effect.gen(function* () {
      const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8")
      const { version } = JSON.parse(manifest) as { readonly version: string }
      for (const [options, expected] of [
        [{ userAgent: undefined }, `countersign/${version}`],
        [{ userAgent: "shop/2.0" }, `shop/2.0 countersign/${version}`],
        [{ userAgent: false }, undefined],
        [{ userAgent: "shop/2.0", headers: { "User-Agent": "own" } }, "own"]
      ] as const) {
        const { api: client, mock } = yield* api(ok, options)
        yield* run(client.get("/x"))
        expect((yield* mock.sent)[0]?.headers["user-agent"]).toBe(expected)
      }
      expect(yield* failure(building({ baseUrl: base, auth: Auth.none, userAgent: "a\nb" }))).toMatchObject({
        _tag: "InvalidRequest",
        reason: "Header"
      })
    })
  )

  it.effect("sends no user-agent in a browser", () =>
    Effect.gen(function* () {
      vi.stubGlobal("document", {})
      const { api: client, mock } = yield* api(ok, { userAgent: "shop/2.0" })
      yield* run(client.get("/x"))
      expect((yield* mock.sent)[0]?.headers["user-agent"]).toBeUndefined()
    }).pipe(Effect.ensuring(Effect.sync(() => vi.unstubAllGlobals())))
  )

  it.effect("calls absolute URLs of origins, with the credentials, and rejects those of others", () =>
    Effect.gen(function* () {
      const auth = Auth.makeStatic(HttpClientRequest.setHeader("x-key", "k"))
      const { api: client, mock } = yield* api(ok, { auth, origins: ["https://uploads.test"] })
      yield* run(client.post("https://uploads.test/files/{id}", { path: { id: 1 } }))
      yield* run(client.execute(HttpClientRequest.get("https://uploads.test/x?a=1")))
      expect((yield* mock.sent).map(({ headers, url }) => [url, headers["x-key"]])).toEqual([
        ["https://uploads.test/files/1", "k"],
        ["https://uploads.test/x?a=1", "k"]
      ])
      for (const url of ["https://uploads.test.evil.test/", "http://uploads.test/", "https://u:p@uploads.test/"]) {
        expect(yield* failure(client.get(url))).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
      }
      expect(yield* mock.sent).toHaveLength(2)
      expect(yield* failure(building({ baseUrl: base, auth: Auth.none, origins: ["uploads.test"] }))).toMatchObject({
        _tag: "InvalidRequest",
        reason: "Url"
      })
    })
  )
})
