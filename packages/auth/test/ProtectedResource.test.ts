import * as OAuth2 from "@countersign/auth/OAuth2"
import * as ProtectedResource from "@countersign/auth/ProtectedResource"
import { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { allRenderings } from "./support/allRenderings.js"

const origin = "https://api.test"
const api = `${origin}/v1`
const place = `${origin}/about`
const wellKnown = "/.well-known/oauth-protected-resource"

const about = (more: object = {}) =>
  MockClient.respond(200, { resource: api, authorization_servers: ["https://auth.test"], ...more })

const challenged = (field: string | ReadonlyArray<string>) =>
  MockClient.respond(401, "no", { "www-authenticate": field })

const pointing = challenged(`Bearer resource_metadata="${place}"`)

type Routes = Readonly<Record<string, MockClient.Step>>

/** An API with these responses by URL. Any other URL is a 404. */
const world = (routes: Routes) => MockClient.make(({ url }) => routes[url] ?? MockClient.respond(404, "nothing here"))

/** Discovers an API, and returns the result with the requested URLs. */
const discovering = (routes: Routes, options?: ProtectedResource.Options, url = api) =>
  Effect.gen(function* () {
    const { client, mock } = yield* world(routes)
    const found = Effect.provideService(ProtectedResource.discover(url, options), HttpClient.HttpClient, client)
    return { found, mock, urls: Effect.map(mock.sent, (sent) => sent.map((one) => one.url)) }
  })

const discovered = (routes: Routes, options?: ProtectedResource.Options, url?: string) =>
  Effect.flatMap(discovering(routes, options, url), ({ found }) => found)

/** The error of a discovery, and the requested URLs. */
const refusal = (routes: Routes, options?: ProtectedResource.Options, url?: string) =>
  Effect.gen(function* () {
    const { found, urls } = yield* discovering(routes, options, url)
    const error = yield* Effect.flip(found)
    return { error, urls: yield* urls }
  })

/** The error if the challenge points to this metadata. */
const refusalOf = (metadata: MockClient.Step) =>
  Effect.map(refusal({ [api]: pointing, [place]: metadata }), ({ error }) => error)

describe("ProtectedResource.discover", () => {
  it.effect("requests the API without credentials, and then the metadata URL of its 401", () =>
    Effect.gen(function* () {
      const { found, mock } = yield* discovering({ [api]: pointing, [place]: about() })
      expect(yield* found).toEqual({
        issuer: "https://auth.test",
        resource: api,
        scopes: [],
        authorizationServers: ["https://auth.test"],
        scopesSupported: undefined,
        bearerMethods: undefined,
        dpopRequired: false,
        dpopAlgorithms: undefined,
        name: undefined
      })
      const sent = yield* mock.sent
      expect(sent.map(({ method, url }) => `${method} ${url}`)).toEqual([`GET ${api}`, `GET ${place}`])
      for (const { body, headers } of sent) {
        expect(body).toBeUndefined()
        expect(Object.keys(headers)).toEqual(["accept"])
      }
    })
  )

  it.effect("returns the token requirements of the metadata", () =>
    Effect.gen(function* () {
      const metadata = about({
        scopes_supported: ["read", "write"],
        bearer_methods_supported: ["header", "body"],
        dpop_bound_access_tokens_required: true,
        dpop_signing_alg_values_supported: ["ES256"],
        resource_name: "Orders",
        unknown: { to: "us" }
      })
      expect(yield* discovered({ [api]: pointing, [place]: metadata })).toMatchObject({
        scopes: ["read", "write"],
        scopesSupported: ["read", "write"],
        bearerMethods: ["header", "body"],
        dpopRequired: true,
        dpopAlgorithms: ["ES256"],
        name: "Orders"
      })
    })
  )

  it.effect("finds resource_metadata in a challenge of any scheme, letter case and header line", () =>
    Effect.gen(function* () {
      const lines = ['Basic realm="a, b"', `Negotiate, dPoP algs="ES256", Resource_Metadata="${place}"`]
      const { found, urls } = yield* discovering({ [api]: challenged(lines), [place]: about() })
      expect((yield* found).resource).toBe(api)
      expect(yield* urls).toEqual([api, place])
    })
  )

  it.effect("prefers the scopes of the challenge to scopes_supported", () =>
    Effect.gen(function* () {
      const metadata = about({ scopes_supported: ["read", "write", "admin"] })
      const scoped = (scope: string) =>
        Effect.map(
          discovered({
            [api]: challenged(`Basic, Bearer scope="${scope}", resource_metadata="${place}"`),
            [place]: metadata
          }),
          ({ scopes }) => scopes
        )
      expect(yield* scoped("read  write read")).toEqual(["read", "write"])
      expect(yield* scoped("")).toEqual(["read", "write", "admin"])
      expect(yield* scoped('read wr\\"ite')).toEqual(["read", "write", "admin"])
    })
  )

  it.effect("releases the connection of an unread body that never ends", () =>
    Effect.gen(function* () {
      const endless = MockClient.respondStream(401, Stream.never, {
        "www-authenticate": `Bearer resource_metadata="${place}"`
      })
      const { found, mock } = yield* discovering({ [api]: endless, [place]: about() })
      const fiber = yield* Effect.fork(found)
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(fiber)).resource).toBe(api)
      expect((yield* mock.released).map(({ at, index }) => [index, at])).toEqual([
        [0, 1000],
        [1, 1000]
      ])
    })
  )
})

describe("ProtectedResource.discover without resource_metadata", () => {
  it.effect("requests the well-known URL between host and path after any response", () =>
    Effect.gen(function* () {
      for (const answer of [challenged("Bearer"), MockClient.respond(200, {}), MockClient.respond(500, "sorry")]) {
        const { found, urls } = yield* discovering({ [api]: answer, [`${origin}${wellKnown}/v1`]: about() })
        expect((yield* found).resource).toBe(api)
        expect(yield* urls).toEqual([api, `${origin}${wellKnown}/v1`])
      }
    })
  )

  it.effect("keeps the query and the trailing slash of the URL, but not a path that is only a slash", () =>
    Effect.gen(function* () {
      for (const [url, at] of [
        [`${origin}/v1/`, `${origin}${wellKnown}/v1/`],
        [`${origin}/v1?tenant=7`, `${origin}${wellKnown}/v1?tenant=7`],
        [`${origin}/?tenant=7`, `${origin}${wellKnown}?tenant=7`],
        [`${origin}/`, `${origin}${wellKnown}`],
        [origin, `${origin}${wellKnown}`]
      ] as const) {
        expect((yield* discovered({ [at]: about({ resource: url }) }, {}, url)).resource).toBe(url)
      }
    })
  )

  it.effect("requests the root well-known URL last, and accepts metadata of the whole host there", () =>
    Effect.gen(function* () {
      for (const resource of [origin, `${origin}/`]) {
        const { found, urls } = yield* discovering({ [`${origin}${wellKnown}`]: about({ resource }) })
        expect((yield* found).resource).toBe(resource)
        expect(yield* urls).toEqual([api, `${origin}${wellKnown}/v1`, `${origin}${wellKnown}`])
      }
    })
  )

  it.effect("requests the root well-known URL if every path has an HTML page", () =>
    Effect.gen(function* () {
      const page = MockClient.respond(200, "<html>", { "content-type": "text/html" })
      const routes = {
        [api]: page,
        [`${origin}${wellKnown}/v1`]: page,
        [`${origin}${wellKnown}`]: about({ resource: origin })
      }
      expect((yield* discovered(routes)).resource).toBe(origin)
    })
  )

  it.effect("fails with Unavailable after at most three requests if the API publishes no metadata", () =>
    Effect.gen(function* () {
      const { error, urls } = yield* refusal({})
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
      expect(urls).toHaveLength(3)
      expect((yield* refusal({}, {}, origin)).urls).toHaveLength(2)
    })
  )
})

describe("ProtectedResource.discover with invalid metadata", () => {
  it.effect("rejects metadata of another resource: parent, child, sibling, other host or other spelling", () =>
    Effect.gen(function* () {
      const others = [
        origin,
        `${api}/orders`,
        `${api}/`,
        `${api}?a=b`,
        `${origin}/V1`,
        "https://other.test/v1",
        "https://api.test:443/v1",
        "http://api.test/v1",
        "v1"
      ]
      for (const resource of others) {
        const atPlace = yield* refusalOf(about({ resource }))
        expect(atPlace, resource).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
        const { error } = yield* refusal({ [`${origin}${wellKnown}/v1`]: about({ resource }) })
        expect(error, resource).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      }
    })
  )

  it.effect("sends nothing to a metadata URL at another origin, and fails", () =>
    Effect.gen(function* () {
      const places = [
        "https://evil.test/about",
        "https://api.test.evil.test/about",
        "https://api.test:8443/about",
        "https://api.test@evil.test/about",
        "https://user:password@api.test/about",
        "http://api.test/about",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "/about",
        "//evil.test/about",
        `${place}#part`,
        ""
      ]
      for (const at of places) {
        const { error, urls } = yield* refusal({ [api]: challenged(`Bearer resource_metadata="${at}"`), [at]: about() })
        expect(error, at).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
        expect(urls, at).toEqual([api])
      }
    })
  )

  it.effect("follows no redirect to metadata", () =>
    Effect.gen(function* () {
      const away = MockClient.respond(307, "", { location: "https://evil.test/about" })
      const { error, urls } = yield* refusal({ [api]: pointing, [place]: away, "https://evil.test/about": about() })
      expect(error).toMatchObject({ reason: "InvalidResponse" })
      expect(urls).toEqual([api, place, `${origin}${wellKnown}/v1`, `${origin}${wellKnown}`])
      const bare = yield* refusal({ [api]: away, "https://evil.test/about": about() })
      expect(bare.urls).not.toContain("https://evil.test/about")
    })
  )

  it.effect("rejects metadata without an authorization server, or with an invalid issuer URL", () =>
    Effect.gen(function* () {
      const lists = [
        undefined,
        [],
        ["http://auth.test"],
        ["https://auth.test", "http://auth.test"],
        ["https://auth.test?a=b"],
        ["https://user:password@auth.test"],
        ["https://auth.test/\u0000"],
        ["javascript:alert(1)"],
        ["http://localhost:8080"],
        [""]
      ]
      for (const authorization_servers of lists) {
        const error = yield* refusalOf(about({ authorization_servers }))
        expect(error, String(authorization_servers)).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      }
    })
  )

  it.effect("rejects metadata of the wrong shape", () =>
    Effect.gen(function* () {
      const shapes = [
        { authorization_servers: "https://auth.test" },
        { authorization_servers: [7] },
        { authorization_servers: { 0: "https://auth.test" } },
        { authorization_servers: null },
        { resource: [api] },
        { resource: undefined },
        { resource: null },
        { resource: "" }
      ]
      for (const shape of shapes) {
        const error = yield* refusalOf(about(shape))
        expect(error, JSON.stringify(shape)).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      }
      for (const body of ["", "[]", "null", "{", "[".repeat(100_000)]) {
        const json = MockClient.respond(200, body, { "content-type": "application/json" })
        expect(yield* refusalOf(json)).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      }
    })
  )

  it.effect("rejects metadata of 10 MiB, and stops reading at the limit", () =>
    Effect.gen(function* () {
      let read = 0
      const chunk = new TextEncoder().encode(" ".repeat(64 * 1024))
      const large = Stream.take(Stream.repeatEffect(Effect.sync(() => (read++, chunk))), 160)
      const error = yield* refusalOf(MockClient.respondStream(200, large, { "content-type": "application/json" }))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(read).toBeLessThan(8)
    })
  )

  it.effect("returns metadata of the requested API or a typed error for any response", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.oneof(
            FastCheck.string(),
            FastCheck.json(),
            FastCheck.record(
              {
                resource: FastCheck.oneof(FastCheck.constant(api), FastCheck.webUrl(), FastCheck.jsonValue()),
                authorization_servers: FastCheck.oneof(FastCheck.array(FastCheck.webUrl()), FastCheck.jsonValue()),
                scopes_supported: FastCheck.oneof(FastCheck.array(FastCheck.string()), FastCheck.jsonValue()),
                resource_name: FastCheck.oneof(FastCheck.string({ unit: "binary" }), FastCheck.jsonValue())
              },
              { requiredKeys: [] }
            ).map((value) => JSON.stringify(value))
          ),
          async (body) => {
            const metadata = MockClient.respond(200, body, { "content-type": "application/json" })
            const outcome = await Effect.runPromise(Effect.either(discovered({ [api]: pointing, [place]: metadata })))
            if (outcome._tag === "Left") expect(outcome.left).toBeInstanceOf(TokenError)
            else {
              expect(outcome.right.resource).toBe(api)
              for (const server of outcome.right.authorizationServers) expect(server).toMatch(/^https:\/\//)
              expect(outcome.right.name ?? "").toMatch(/^[^\p{Cc}]*$/u)
            }
          }
        )
      )
    )
  )
})

describe("ProtectedResource.discover", () => {
  it.effect("escapes control characters in the name of the API, and limits its length", () =>
    Effect.gen(function* () {
      const resource_name = `Orders\u001b[2J\r\n\u202e${"a".repeat(1000)}`
      const { name = "" } = yield* discovered({ [api]: pointing, [place]: about({ resource_name }) })
      expect(name.startsWith("Orders\\u{1b}[2J\\u{d}\\u{a}\\u{202e}a")).toBe(true)
      expect(name.length).toBeLessThanOrEqual(200)
    })
  )

  it.effect("shows only the URL of another resource in an error, with redacted query values", () =>
    Effect.gen(function* () {
      const resource = "https://user:canary-password@api.test/v1?key=canary-key#canary-part"
      const error = yield* refusalOf(about({ resource, resource_name: "canary-name" }))
      expect(allRenderings(error)).toContain("https://api.test/v1?key=<redacted>")
      expect(allRenderings(error)).not.toContain("canary")
      expect(allRenderings(yield* refusalOf(about({ authorization_servers: ["http://canary.test"] })))).not.toContain(
        "canary"
      )
    })
  )

  it.effect("selects the first authorization server, or the one of the `issuer` option", () =>
    Effect.gen(function* () {
      const metadata = about({ authorization_servers: ["https://a.test", "https://b.test/x"] })
      const routes = { [api]: pointing, [place]: metadata }
      expect(yield* discovered(routes)).toMatchObject({
        issuer: "https://a.test",
        authorizationServers: ["https://a.test", "https://b.test/x"]
      })
      expect((yield* discovered(routes, { issuer: "https://b.test/x" })).issuer).toBe("https://b.test/x")
      for (const issuer of ["https://c.test", "https://b.test", "https://b.test/x/", ""]) {
        const { error } = yield* refusal(routes, { issuer })
        expect(error, issuer).toMatchObject({ _tag: "TokenError", reason: "Rejected" })
      }
    })
  )
})

describe("ProtectedResource.discover with an unavailable API", () => {
  it.effect("fails with Unavailable and `sent: no` if no connection is made", () =>
    Effect.gen(function* () {
      const gone = MockClient.fail("ECONNREFUSED")
      for (const routes of [{ [api]: gone }, { [api]: pointing, [place]: gone }]) {
        const { error } = yield* refusal(routes)
        expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable", sent: "no" })
      }
    })
  )

  it.effect("sets retryAt from the Retry-After of a 503, at most an hour from now", () =>
    Effect.gen(function* () {
      const busy = (after: string) => MockClient.respond(503, "busy", { "retry-after": after })
      expect(yield* refusalOf(busy("30"))).toMatchObject({ reason: "Unavailable", retryAt: 30_000 })
      expect(yield* refusalOf(busy("999999"))).toMatchObject({ reason: "Unavailable", retryAt: 3_600_000 })
      const atWellKnown = yield* refusal({ [`${origin}${wellKnown}/v1`]: busy("30") })
      expect(atWellKnown.error).toMatchObject({ reason: "Unavailable", retryAt: 30_000 })
      expect(atWellKnown.urls).toHaveLength(3)
    })
  )

  it.effect("fails with Unavailable after 20 seconds without a response", () =>
    Effect.gen(function* () {
      for (const routes of [{ [api]: MockClient.never }, { [api]: pointing, [place]: MockClient.never }]) {
        const { found, mock } = yield* discovering(routes)
        const fiber = yield* Effect.fork(Effect.flip(found))
        yield* TestClock.adjust("20 seconds")
        expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
        expect(yield* mock.interrupted).toHaveLength(1)
      }
    })
  )
})

describe("ProtectedResource.discover", () => {
  it.effect("rejects an API URL without https, or with a user name or fragment, and sends nothing", () =>
    Effect.gen(function* () {
      const urls = [
        "",
        "api.test",
        "http://api.test",
        "http://localhost:8080",
        "https://user@api.test",
        `${api}#part`,
        `${api}?a#part`,
        "https:api.test",
        "file:///x"
      ]
      for (const url of urls) {
        const { error, urls } = yield* refusal({}, {}, url)
        expect(error, url).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
        expect(urls).toEqual([])
      }
    })
  )

  it.effect("allows plain http on loopback only with dangerouslyAllowHttpOnLoopback", () =>
    Effect.gen(function* () {
      const transport: OAuth2.Client["transport"] = OAuth2.dangerouslyAllowHttpOnLoopback
      const local = "http://127.0.0.1:8080/v1"
      const routes = {
        [local]: challenged('Bearer resource_metadata="http://127.0.0.1:8080/about"'),
        "http://127.0.0.1:8080/about": about({ resource: local, authorization_servers: ["http://localhost:9090"] })
      }
      expect((yield* discovered(routes, { transport }, local)).issuer).toBe("http://localhost:9090")
      expect((yield* refusal(routes, {}, local)).error._tag).toBe("InvalidRequest")
      expect((yield* refusal(routes, { transport }, "http://api.test")).error._tag).toBe("InvalidRequest")
    })
  )
})

describe("ProtectedResource.fromResponse and fromChallenges", () => {
  it.effect("uses an existing response without a second API request", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* world({ [api]: pointing, [place]: about() })
      const response = yield* client.get(api)
      const found = yield* Effect.provideService(
        ProtectedResource.fromResponse(api, response),
        HttpClient.HttpClient,
        client
      )
      expect(found.issuer).toBe("https://auth.test")
      expect((yield* mock.sent).map(({ url }) => url)).toEqual([api, place])
    })
  )

  it.effect("uses the first challenge with resource_metadata", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* world({ [place]: about() })
      const challenges = [
        { scheme: "basic", params: {} },
        { scheme: "dpop", params: { resource_metadata: place } },
        { scheme: "bearer", params: { resource_metadata: "https://evil.test/about", scope: "read" } }
      ]
      const found = yield* Effect.provideService(
        ProtectedResource.fromChallenges(api, challenges, { issuer: "https://auth.test" }),
        HttpClient.HttpClient,
        client
      )
      expect(found).toMatchObject({ issuer: "https://auth.test", scopes: ["read"] })
      expect((yield* mock.sent).map(({ url }) => url)).toEqual([place])
    })
  )
})

describe("ProtectedResource.discover at OAuthServer", () => {
  it.effect("discovers the issuer from the API URL", () =>
    Effect.gen(function* () {
      const { issuer, resource } = yield* OAuthServer.OAuthServer
      expect(yield* ProtectedResource.discover(resource)).toMatchObject({
        issuer,
        resource,
        scopes: ["read"],
        bearerMethods: ["header"],
        dpopRequired: false
      })
    }).pipe(Effect.provide(OAuthServer.layerMemory({ scopes: ["read"] })))
  )

  it.effect("returns `dpopRequired: true` if the API requires DPoP", () =>
    Effect.gen(function* () {
      const { resource } = yield* OAuthServer.OAuthServer
      expect((yield* ProtectedResource.discover(resource)).dpopRequired).toBe(true)
    }).pipe(Effect.provide(OAuthServer.layerMemory({ dpop: { required: true } })))
  )
})
