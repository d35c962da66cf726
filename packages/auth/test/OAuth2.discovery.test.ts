import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as Introspection from "@countersign/auth/Introspection"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as Registration from "@countersign/auth/Registration"
import * as Revocation from "@countersign/auth/Revocation"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { client, granted, secret } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"

const { fail, respond } = MockClient

const origin = "https://auth.test"
const issuer = `${origin}/t1`

const places = [
  `${origin}/.well-known/oauth-authorization-server/t1`,
  `${issuer}/.well-known/openid-configuration`,
  `${origin}/.well-known/openid-configuration/t1`
]

const full = {
  issuer,
  token_endpoint: `${origin}/token`,
  authorization_endpoint: `${origin}/authorize`,
  device_authorization_endpoint: `${origin}/device`,
  introspection_endpoint: `${origin}/introspect`,
  jwks_uri: `${origin}/jwks`,
  registration_endpoint: `${origin}/register`,
  revocation_endpoint: `${origin}/revoke`
}

const document = (more: object = {}) => respond(200, { ...full, ...more })

type Routes = Readonly<Record<string, MockClient.Step>>

/** A server with these responses by URL. Any other URL is a 404. */
const serving = (routes: Routes) => MockClient.make(({ url }) => routes[url] ?? respond(404, "nothing here"))

/** The result of client credentials with discovery, and the metadata URLs that were requested before. */
const discovering = (routes: Routes, options: Partial<OAuth2.Client> = {}) =>
  Effect.gen(function* () {
    const { client: transport, mock } = yield* serving({ [`${origin}/token`]: granted(), ...routes })
    const server = yield* Effect.provideService(
      OAuth2.make({ ...client, issuer, tokenEndpoint: undefined, ...options }),
      HttpClient.HttpClient,
      transport
    )
    const urls = Effect.map(mock.sent, (sent) => sent.filter(({ method }) => method === "GET").map(({ url }) => url))
    const run = Effect.either(server.clientCredentials({}))
    const result = yield* run
    return { result, urls: yield* urls, mock, run, all: urls }
  })

const html = { "content-type": "text/html" }

type Bad = readonly [situation: string, answer: MockClient.Step, reason: TokenError["reason"]]

/** Responses of a metadata URL that lead to the next one, and the error if all URLs respond so. */
const bad: ReadonlyArray<Bad> = [
  ...[400, 401, 403, 404, 405, 410, 418].map((status): Bad => [`${status}`, respond(status, "no"), "Unavailable"]),
  ...[407, 408, 425, 429, 500, 502, 503, 504, 511].map((status): Bad => [
    `${status}`,
    respond(status, "no"),
    "Unavailable"
  ]),
  ...[301, 302, 303, 307, 308].map((status): Bad => [
    `${status}`,
    respond(status, "", { location: "/login" }),
    "Unavailable"
  ]),
  ["404 with an OAuth error", respond(404, { error: "invalid_request" }), "Unavailable"],
  ["a redirect to another host", respond(302, "", { location: "https://evil.test/metadata" }), "Unavailable"],
  ["a page", respond(200, "<html>", html), "Unavailable"],
  ["a page that claims to be JSON", respond(200, "<html>", { "content-type": "application/json" }), "InvalidResponse"],
  ["nothing", respond(200), "Unavailable"],
  ["204", respond(204), "Unavailable"],
  ["a truncated document", respond(200, '{"issuer":"https://auth.test/t1"', html), "InvalidResponse"],
  ["a list", respond(200, []), "InvalidResponse"],
  ["null", respond(200, null), "InvalidResponse"],
  ["an empty object", respond(200, {}), "InvalidResponse"],
  ["another object", respond(200, { error: "not_found" }), "InvalidResponse"],
  ["no issuer", document({ issuer: null }), "InvalidResponse"],
  ["another issuer", document({ issuer: "https://evil.test" }), "InvalidResponse"],
  ["the issuer of another tenant", document({ issuer: `${origin}/t2` }), "InvalidResponse"],
  ["no token endpoint", document({ token_endpoint: null }), "InvalidResponse"],
  ["a token endpoint without TLS", document({ token_endpoint: "http://auth.test/token" }), "InvalidResponse"],
  ["a token endpoint that is a path", document({ token_endpoint: "/token" }), "InvalidResponse"],
  ["a connection that breaks", fail("ECONNRESET"), "Unavailable"],
  ["a body that is cut off", MockClient.truncated(200, '{"issuer":'), "Unavailable"],
  ["300 KiB", respond(200, { ...full, x: "x".repeat(300 * 1024) }), "Unavailable"]
]

const rows = bad.map((row): readonly [string, Bad] => [row[0], row])

describe("OAuth2 discovery", () => {
  it.effect.each(rows)("requests the next metadata URL after %s, at each URL", ([_, [, answer]]) =>
    Effect.gen(function* () {
      for (const [at, good] of places.entries()) {
        const routes = Object.fromEntries(places.map((url, n) => [url, n < at ? answer : document()]))
        const { result, urls } = yield* discovering(routes)
        expect(result, good).toMatchObject({ _tag: "Right" })
        expect(urls, good).toEqual(places.slice(0, at + 1))
      }
    })
  )

  it.effect.each(rows)(
    "fails with a typed error, and retries with the next call, if all metadata URLs respond with %s",
    ([_, row]) =>
      Effect.gen(function* () {
        const [, answer, reason] = row
        const { all, result, run, urls } = yield* discovering(Object.fromEntries(places.map((url) => [url, answer])))
        expect(result).toMatchObject({ _tag: "Left", left: { _tag: "TokenError", reason, sent: "no" } })
        expect(urls).toEqual(places)
        yield* run
        expect(yield* all).toEqual([...places, ...places])
        expect(allRenderings(result)).not.toContain(secret)
      })
  )

  it.effect("sends nothing to a redirect target, and only GET requests before it has a document", () =>
    Effect.gen(function* () {
      const away = respond(302, "", { location: "https://evil.test/metadata" })
      const { mock } = yield* discovering(Object.fromEntries(places.map((url) => [url, away])))
      const sent = yield* mock.sent
      expect(sent.map(({ url }) => url)).toEqual(places)
      expect(sent.every(({ headers, method }) => method === "GET" && headers["authorization"] === undefined)).toBe(true)
    })
  )

  it.effect("raises the first error that is more than missing metadata", () =>
    Effect.gen(function* () {
      const [first = "", second = "", third = ""] = places
      const messageOf = (routes: Routes) =>
        Effect.map(discovering(routes), ({ result }) => (Either.isLeft(result) ? result.left.message : "none"))
      expect(yield* messageOf({ [first]: respond(502), [second]: document({ issuer: origin }) })).toContain(
        `${first} was not read: the server answered 502`
      )
      expect(yield* messageOf({ [third]: respond(503), [second]: respond(302) })).toContain("redirects (302)")
      const none = yield* messageOf({ [second]: respond(200, "<html>", html) })
      for (const text of [...places, "answered 404", "content-type: text/html", "`issuer`", "`tokenEndpoint`"]) {
        expect(none).toContain(text)
      }
    })
  )

  it.effect("returns `retryAt` from the Retry-After of a 503", () =>
    Effect.gen(function* () {
      const busy = respond(503, "", { "retry-after": "30" })
      const { result } = yield* discovering(Object.fromEntries(places.map((url) => [url, busy])))
      expect(result).toMatchObject({ left: { reason: "Unavailable", retryAt: 30_000 } })
    })
  )

  it.effect("requests the next metadata URL after 10 seconds without a response", () =>
    Effect.gen(function* () {
      const routes = { [places[0] ?? ""]: MockClient.never, [places[1] ?? ""]: document() }
      const fiber = yield* Effect.fork(discovering(routes))
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(fiber)).result).toMatchObject({ _tag: "Right" })
    })
  )

  it.effect("requests two metadata URLs for an issuer without a path, and three for one with a trailing slash", () =>
    Effect.gen(function* () {
      expect((yield* discovering({}, { issuer: origin })).urls).toEqual([
        `${origin}/.well-known/oauth-authorization-server`,
        `${origin}/.well-known/openid-configuration`
      ])
      expect((yield* discovering({}, { issuer: `${issuer}/` })).urls).toEqual(places)
    })
  )

  it.effect("names both issuers and the options to set if the issuers differ", () =>
    Effect.gen(function* () {
      const spelled = [`${issuer}/`, origin, `${origin}/{tenant}`, "https://inner.test/t1"]
      for (const named of spelled) {
        const { result } = yield* discovering({ [places[1] ?? ""]: document({ issuer: named }) })
        const message = allRenderings(result)
        for (const text of [encodeURI(named), issuer, "`issuer`", "`complianceFixes.metadataIssuer`"])
          expect(message).toContain(text)
        const configured = yield* discovering(
          { [places[1] ?? ""]: document({ issuer: named }) },
          { complianceFixes: { metadataIssuer: named } }
        )
        expect(configured.result).toMatchObject({ _tag: "Right" })
      }
    })
  )

  it.effect.each([
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "text/html",
    "binary/octet-stream",
    "application/oauth-authz-req+json",
    "no type",
    ""
  ])("reads a document with content-type %j", (type) =>
    Effect.gen(function* () {
      const answer = respond(200, JSON.stringify(full), type === "" ? {} : { "content-type": type })
      expect((yield* discovering({ [places[0] ?? ""]: answer })).urls).toEqual(places.slice(0, 1))
    })
  )

  it.effect.each([200, 201, 203, 206])("reads a document with status %s", (status) =>
    Effect.gen(function* () {
      expect((yield* discovering({ [places[0] ?? ""]: respond(status, full) })).result._tag).toBe("Right")
    })
  )
})

const endpoints = Object.keys(full).filter((name) => name !== "issuer" && name !== "token_endpoint")
const lists = [
  "code_challenge_methods_supported",
  "id_token_signing_alg_values_supported",
  "token_endpoint_auth_methods_supported",
  "dpop_signing_alg_values_supported",
  "scopes_supported"
]
const flags = ["authorization_response_iss_parameter_supported", "require_pushed_authorization_requests"]

describe("OAuth2 metadata", () => {
  it.effect.each([...endpoints, ...lists, ...flags, "mtls_endpoint_aliases", "x_unknown"])(
    "accepts any value of %s for client credentials",
    (name) =>
      Effect.gen(function* () {
        for (const value of [null, "", 7, true, "text", [], [null], ["", 7], {}, { a: null }]) {
          const { result } = yield* discovering({ [places[0] ?? ""]: document({ [name]: value }) })
          expect(result, JSON.stringify(value)).toMatchObject({ _tag: "Right" })
        }
      })
  )

  it.effect.each([...lists, ...flags])("starts a sign-in if %s is invalid", (name) =>
    Effect.gen(function* () {
      for (const value of [null, "", 7, {}, [null]]) {
        const { client: transport } = yield* serving({ [places[0] ?? ""]: document({ [name]: value }) })
        const begun = yield* Effect.provideService(signIn, HttpClient.HttpClient, transport)
        expect(begun, JSON.stringify(value)).toMatchObject({ state: expect.any(String) })
      }
    })
  )
})

const device = Effect.flatMap(
  DeviceCode.make({ ...client, issuer, tokenEndpoint: undefined, scopes: ["openid"] }),
  ({ start }) => start
)

const signIn = Effect.flatMap(
  AuthorizationCode.make({
    ...client,
    issuer,
    tokenEndpoint: undefined,
    scopes: ["openid"],
    redirectUri: "https://app.test/callback"
  }),
  ({ start }) => start()
)

const pending = {
  device_code: "canary-d",
  user_code: "ABCD",
  verification_uri: `${origin}/activate`,
  expires_in: 600
}

type Failure = InvalidRequest | TokenError

/** Requests that need a member, and the responses of their endpoints. */
const uses: ReadonlyArray<
  readonly [needed: string, use: Effect.Effect<unknown, Failure, HttpClient.HttpClient>, answers: Routes]
> = [
  ["authorization_endpoint", signIn, {}],
  ["jwks_uri", signIn, {}],
  ["device_authorization_endpoint", device, { [`${origin}/device`]: respond(200, pending) }],
  ["jwks_uri", device, { [`${origin}/device`]: respond(200, pending) }],
  [
    "introspection_endpoint",
    Effect.flatMap(Introspection.make({ ...client, issuer, tokenEndpoint: undefined }), ({ introspect }) =>
      introspect(Redacted.make("canary-t"))
    ),
    { [`${origin}/introspect`]: respond(200, { active: false }) }
  ],
  [
    "registration_endpoint",
    Registration.register({ issuer }, { redirect_uris: ["https://app.test/callback"] }),
    { [`${origin}/register`]: respond(201, { client_id: "c" }) }
  ],
  [
    "revocation_endpoint",
    Effect.flatMap(Revocation.make({ ...client, issuer, tokenEndpoint: undefined }), ({ revoke }) =>
      revoke(Redacted.make("canary-t"))
    ),
    { [`${origin}/revoke`]: respond(200) }
  ]
]

describe("OAuth2 discovery with a missing member", () => {
  const named = uses.map((use, n): readonly [string, (typeof uses)[number]] => [`${use[0]} (${n})`, use])

  it.effect.each(named)(
    "takes a missing member from another document of the issuer: %s",
    ([_, [needed, use, answers]]) =>
      Effect.gen(function* () {
        for (const value of [undefined, null, "", 7]) {
          const { client: transport, mock } = yield* serving({
            ...answers,
            [places[0] ?? ""]: document({ [needed]: value }),
            [places[1] ?? ""]: respond(502),
            [places[2] ?? ""]: document()
          })
          const result = yield* Effect.either(Effect.provideService(use, HttpClient.HttpClient, transport))
          expect(result, String(value)).toMatchObject({ _tag: "Right" })
          const urls = (yield* mock.sent).map(({ url }) => url)
          expect(urls.slice(0, 3), String(value)).toEqual(places)
        }
      })
  )

  it.effect.each(named)(
    "rejects a missing member from a document of another issuer: %s",
    ([_, [needed, use, answers]]) =>
      Effect.gen(function* () {
        const { client: transport } = yield* serving({
          ...answers,
          [places[0] ?? ""]: document({ [needed]: undefined }),
          [places[1] ?? ""]: document({ issuer: "https://evil.test" }),
          [places[2] ?? ""]: document({ [needed]: undefined })
        })
        const error = yield* Effect.flip(Effect.provideService(use, HttpClient.HttpClient, transport))
        expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      })
  )

  it.effect.each(named)(
    "fails with Unavailable while another metadata URL fails temporarily: %s",
    ([_, [needed, use, answers]]) =>
      Effect.gen(function* () {
        const { client: transport } = yield* serving({
          ...answers,
          [places[0] ?? ""]: document({ [needed]: undefined }),
          [places[1] ?? ""]: respond(503)
        })
        const fiber = yield* Effect.fork(Effect.flip(Effect.provideService(use, HttpClient.HttpClient, transport)))
        // Introspection and revocation retry.
        yield* TestClock.adjust("1 minute")
        const error = yield* Fiber.join(fiber)
        expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
      })
  )

  it.effect("reads only the first document if the request needs no missing member", () =>
    Effect.gen(function* () {
      const { urls } = yield* discovering({
        [places[0] ?? ""]: respond(200, { issuer, token_endpoint: full.token_endpoint })
      })
      expect(urls).toEqual(places.slice(0, 1))
    })
  )

  it.effect("reads each document once if the member is missing from all of them", () =>
    Effect.gen(function* () {
      const { client: transport, mock } = yield* serving({ [places[0] ?? ""]: document({ revocation_endpoint: null }) })
      const { revoke } = yield* Effect.provideService(
        Revocation.make({ ...client, issuer, tokenEndpoint: undefined }),
        HttpClient.HttpClient,
        transport
      )
      for (let n = 0; n < 2; n++) yield* Effect.flip(revoke(Redacted.make("canary-t")))
      expect((yield* mock.sent).map(({ url }) => url)).toEqual(places)
    })
  )
})
