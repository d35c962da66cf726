import * as OAuth2 from "@countersign/auth/OAuth2"
import { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { client, conversation, failureOf, granted, issuer, metadata, secret } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { logging } from "./support/tokenSource.js"

const { fail, respond } = MockClient

/** Waits for the promises of the OAuth library, which do not run on the test clock. */
const tick = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

const date = (at: number) => new Date(at).toUTCString()

const oauthError = (error: string, status = 400, more: object = {}) => respond(status, { error, ...more })

const pathsOf = (sent: ReadonlyArray<MockClient.Sent>) =>
  sent.map(({ method, url }) => `${method} ${url.slice(issuer.length)}`)

const rfc8414 = "GET /.well-known/oauth-authorization-server"
const openid = "GET /.well-known/openid-configuration"

/** Requests a token by client credentials, with discovery of the token endpoint. */
const discovering = (script: MockClient.Script, options: Partial<OAuth2.Client> = {}) =>
  Effect.gen(function* () {
    const { mock, server } = yield* conversation(script, { tokenEndpoint: undefined, ...options })
    return { result: yield* Effect.either(server.clientCredentials({})), sent: yield* mock.sent, server, mock }
  })

describe("OAuth2 discovery", () => {
  it.effect("requests the RFC 8414 metadata once, and caches it", () =>
    Effect.gen(function* () {
      const { mock, server } = yield* conversation([metadata(), granted(), granted()], { tokenEndpoint: undefined })
      yield* server.clientCredentials({})
      yield* server.clientCredentials({})
      expect(pathsOf(yield* mock.sent)).toEqual([rfc8414, "POST /token", "POST /token"])
    })
  )

  it.effect("uses endpoints on other hosts, and logs them once with redacted query values", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const elsewhere = {
        token_endpoint: "https://tokens.test/t?key=canary-key",
        revocation_endpoint: "https://tokens.test/r",
        jwks_uri: `${issuer}/jwks`,
        introspection_endpoint: 7
      }
      const { client: transport, mock } = yield* MockClient.make([metadata(elsewhere), granted(), granted()])
      const server = yield* Effect.provideService(
        OAuth2.make({ ...client, tokenEndpoint: undefined }),
        HttpClient.HttpClient,
        transport
      )
      yield* server.clientCredentials({})
      yield* server.clientCredentials({})
      expect((yield* mock.sent).map(({ url }) => new URL(url).host)).toEqual([
        "auth.test",
        "tokens.test",
        "tokens.test"
      ])
      expect(lines).toEqual([
        "INFO The authorization server https://auth.test has endpoints at other origins: " +
          "token_endpoint https://tokens.test/t?key=<redacted>, revocation_endpoint https://tokens.test/r"
      ])
    }).pipe(logging(lines))
  })

  it.effect("logs nothing if the endpoints are on the issuer's host", () => {
    const lines: Array<string> = []
    return Effect.map(discovering([metadata(), granted()]), () => expect(lines).toEqual([])).pipe(logging(lines))
  })

  it.effect.each<readonly [string, MockClient.Step]>([
    ["a 404", respond(404, "no such page")],
    ["a 403", respond(403, "<html>")],
    ["an HTML page for any path", respond(200, "<html>", { "content-type": "text/html" })],
    ["JSON that is not authorization server metadata", respond(200, { hello: "world" })]
  ])("requests the OpenID Connect metadata after %s", ([_, answer]) =>
    Effect.gen(function* () {
      const { result, sent } = yield* discovering([answer, metadata(), granted()])
      expect(result._tag).toBe("Right")
      expect(pathsOf(sent)).toEqual([rfc8414, openid, "POST /token"])
    })
  )

  it.effect("stops if no connection is made, and retries with the next call", () =>
    Effect.gen(function* () {
      const { mock, result, server } = yield* discovering([fail("ECONNREFUSED"), metadata(), granted()])
      expect(result).toMatchObject({ _tag: "Left", left: { _tag: "TokenError", reason: "Unavailable" } })
      yield* server.clientCredentials({})
      expect(pathsOf(yield* mock.sent)).toEqual([rfc8414, rfc8414, "POST /token"])
    })
  )

  it.effect("fails with Unavailable if the issuer publishes no metadata", () =>
    Effect.gen(function* () {
      const { result } = yield* discovering(() => respond(404))
      expect(result).toMatchObject({ _tag: "Left", left: { reason: "Unavailable" } })
      expect(allRenderings(result)).toContain("metadata")
    })
  )

  it.effect.each<readonly [string, object]>([
    ["another issuer", { issuer: "https://evil.test" }],
    ["no issuer", { issuer: undefined }],
    ["an issuer that is not a string", { issuer: 7 }],
    ["no token endpoint", { token_endpoint: undefined }],
    ["a token endpoint that is not a string", { token_endpoint: ["https://auth.test/token"] }],
    ["a token endpoint without TLS", { token_endpoint: "http://auth.test/token" }],
    ["a token endpoint with a file URL", { token_endpoint: "file:///etc/passwd" }],
    ["a token endpoint with a password", { token_endpoint: "https://u:p@auth.test/token" }]
  ])("rejects metadata with %s, and sends the secret nowhere", ([_, more]) =>
    Effect.gen(function* () {
      const { result, sent } = yield* discovering(() => metadata(more))
      expect(result).toMatchObject({ _tag: "Left", left: { _tag: "TokenError", reason: "InvalidResponse" } })
      expect(sent.every(({ method }) => method === "GET")).toBe(true)
      expect(allRenderings(sent)).not.toContain(secret)
    })
  )
})

describe("OAuth2 configuration", () => {
  it.effect.each<readonly [string, Partial<OAuth2.Client>]>([
    ["an issuer without TLS", { issuer: "http://auth.test" }],
    ["an issuer on loopback without TLS", { issuer: "http://127.0.0.1:80" }],
    ["a token endpoint without TLS", { tokenEndpoint: "http://auth.test/token" }],
    [
      "another host without TLS, even with the loopback option",
      { issuer: "http://auth.test", transport: OAuth2.dangerouslyAllowHttpOnLoopback }
    ],
    [
      "a host name that only begins with localhost",
      { issuer: "http://localhost.evil.test", transport: OAuth2.dangerouslyAllowHttpOnLoopback }
    ],
    ["an issuer with a password", { issuer: "https://u:p@auth.test" }],
    ["an issuer with a query", { issuer: "https://auth.test?x" }],
    ["an issuer that is not a URL", { issuer: "auth.test" }],
    ["an empty clientId", { clientId: "" }],
    ["an empty clientSecret", { clientSecret: Redacted.make("") }]
  ])("rejects %s in OAuth2.make", ([_, options]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(conversation([], options))
      expect(error._tag).toBe("InvalidRequest")
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect.each(["http://127.0.0.1:8080", "http://localhost", "http://[::1]:9"])(
    "allows plain http on %s with dangerouslyAllowHttpOnLoopback",
    (on) =>
      Effect.gen(function* () {
        const { mock, server } = yield* conversation(
          [metadata({ issuer: on, token_endpoint: `${on}/token` }), granted()],
          {
            issuer: on,
            tokenEndpoint: undefined,
            transport: OAuth2.dangerouslyAllowHttpOnLoopback
          }
        )
        yield* server.clientCredentials({})
        expect((yield* mock.sent)[1]?.url).toBe(`${on}/token`)
      })
  )

  it.effect("rejects a plain-http endpoint on another host in metadata from loopback", () =>
    Effect.gen(function* () {
      const on = "http://127.0.0.1:8080"
      const { result, sent } = yield* discovering(
        () => metadata({ issuer: on, token_endpoint: "http://evil.test/token" }),
        {
          issuer: on,
          transport: OAuth2.dangerouslyAllowHttpOnLoopback
        }
      )
      expect(result).toMatchObject({ _tag: "Left", left: { reason: "InvalidResponse" } })
      expect(new Set(sent.map(({ url }) => new URL(url).host))).toEqual(new Set(["127.0.0.1:8080"]))
    })
  )
})

describe("OAuth2 token request", () => {
  const odd = "a:b+c%d £\u{1f600}-_.~'"

  it.effect("sends the form-encoded client credentials in the Authorization field", () =>
    Effect.gen(function* () {
      const { mock, server } = yield* conversation([granted()], { clientId: "c:1", clientSecret: Redacted.make(odd) })
      yield* server.clientCredentials({ scope: "a b", resource: "https://api.test" })
      const { body = "", headers, method } = (yield* mock.sent)[0] ?? expect.fail("nothing was sent")
      const halves = Buffer.from((headers["authorization"] ?? "").slice(6), "base64")
        .toString("latin1")
        .split(":")
      expect(halves.map((half) => decodeURIComponent(half.replaceAll("+", " ")))).toEqual(["c:1", odd])
      expect([method, headers["content-type"]]).toEqual([
        "POST",
        expect.stringContaining("application/x-www-form-urlencoded")
      ])
      expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
        grant_type: "client_credentials",
        scope: "a b",
        resource: "https://api.test"
      })
    })
  )

  it.effect("sends the client credentials in the body with client_secret_post", () =>
    Effect.gen(function* () {
      const { mock, server } = yield* conversation([granted()], {
        clientSecret: Redacted.make(odd),
        clientAuthentication: "client_secret_post"
      })
      yield* server.refresh(Redacted.make("canary r+1"))
      const { body = "", headers } = (yield* mock.sent)[0] ?? expect.fail("nothing was sent")
      expect(headers["authorization"]).toBeUndefined()
      expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
        grant_type: "refresh_token",
        refresh_token: "canary r+1",
        client_id: "client",
        client_secret: odd
      })
    })
  )

  it.effect("keeps the query of the token endpoint", () =>
    Effect.gen(function* () {
      const { mock, server } = yield* conversation([granted()], { tokenEndpoint: `${issuer}/token?tenant=1` })
      yield* server.clientCredentials({})
      expect((yield* mock.sent)[0]?.url).toBe(`${issuer}/token?tenant=1`)
    })
  )
})

describe("OAuth2 token response", () => {
  it.effect("counts the lifetime of a token from the time of the response", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("5 seconds")
      const { server } = yield* conversation([granted({ refresh_token: "canary-r", scope: "a" })])
      const token = yield* server.clientCredentials({})
      expect(token).toMatchObject({ tokenType: "Bearer", receivedAt: 5_000, expiresAt: 65_000, scope: "a" })
      expect(Redacted.value(token.accessToken)).toBe("canary-a")
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("canary-r")
    })
  )

  it.effect.each<readonly [string, object, number | undefined]>([
    ["no expires_in", { expires_in: undefined }, undefined],
    ["an expires_in in digits", { expires_in: "60" }, 60_000],
    ["an expires_in in digits with a fraction", { expires_in: " 60.5 " }, 60_500],
    ["an expires_in that is a word", { expires_in: "soon" }, undefined],
    ["an expires_in that only begins with digits", { expires_in: "1h" }, undefined],
    ["an expires_in that is null", { expires_in: null }, undefined],
    ["an expires_in that is true", { expires_in: true }, undefined],
    ["an expires_in in a list", { expires_in: [60] }, undefined],
    ["a negative expires_in", { expires_in: -1 }, undefined],
    ["an expires_in of 0 seconds", { expires_in: 0 }, undefined],
    ["an expires_in of a millisecond", { expires_in: 0.001 }, undefined],
    ["an expires_in of almost a second", { expires_in: 0.999 }, undefined],
    ["an expires_in of a second", { expires_in: 1 }, 1_000],
    ["an expires_in beyond the maximum lifetime", { expires_in: 1e300 }, 315_360_000_000]
  ])("computes expiresAt from %s", ([_, more, expiresAt]) =>
    Effect.gen(function* () {
      const { server } = yield* conversation([granted(more)])
      expect((yield* server.clientCredentials({})).expiresAt).toBe(expiresAt)
    })
  )

  it.effect("keeps the refresh token if the response omits it, and replaces it otherwise", () =>
    Effect.gen(function* () {
      const { server } = yield* conversation([granted(), granted({ refresh_token: "canary-new" })])
      const texts: Array<unknown> = []
      for (let n = 0; n < 2; n++) {
        const { refreshToken } = yield* server.refresh(Redacted.make("canary-old"))
        texts.push(refreshToken && Redacted.value(refreshToken))
      }
      expect(texts).toEqual(["canary-old", "canary-new"])
    })
  )

  const secretive = "canary-a canary-secret"
  it.effect.each<readonly [string, MockClient.Step, TokenError["reason"], string | undefined]>([
    ["500", respond(500, secretive), "Unavailable", undefined],
    ["500 with an OAuth error", oauthError("invalid_client", 500), "Rejected", "invalid_client"],
    ["500 with an unregistered error", oauthError("internal_error", 500), "Unavailable", undefined],
    ["500 with server_error", oauthError("server_error", 500), "Unavailable", undefined],
    ["429", respond(429, secretive, { "retry-after": "5" }), "Unavailable", undefined],
    ["HTML with 200", respond(200, `<html>${secretive}`, { "content-type": "text/html" }), "Unavailable", undefined],
    ["HTML with 403", respond(403, `<html>${secretive}`, { "content-type": "text/html" }), "Unavailable", undefined],
    ["nothing with 200", respond(200), "Unavailable", undefined],
    ["no content", respond(204), "Unavailable", undefined],
    ["an invalid status", respond(999, secretive), "Unavailable", undefined],
    ["a redirect", respond(302, "", { location: "https://evil.test/token" }), "Unavailable", undefined],
    [
      "a redirect that keeps the method",
      respond(307, "", { location: "https://evil.test/token" }),
      "Unavailable",
      undefined
    ],
    [
      "a megabyte",
      respond(200, { access_token: "canary-a", token_type: "bearer", x: "x".repeat(2 ** 20) }),
      "Unavailable",
      undefined
    ],
    ["a truncated body", MockClient.truncated(200, `{"access_token":"canary-a`), "Unavailable", undefined],
    ["a reset connection", fail("ECONNRESET", secretive), "Unavailable", undefined],
    ["temporarily_unavailable", oauthError("temporarily_unavailable"), "Unavailable", undefined],
    [
      "truncated JSON",
      respond(200, `{"access_token":"canary-a`, { "content-type": "application/json" }),
      "InvalidResponse",
      undefined
    ],
    [
      "no access token",
      respond(200, { token_type: "bearer", refresh_token: "canary-r" }),
      "InvalidResponse",
      undefined
    ],
    ["an empty access token", granted({ access_token: "" }), "InvalidResponse", undefined],
    ["an access token with a line break", granted({ access_token: "canary\r\na" }), "InvalidResponse", undefined],
    ["an access token that is an object", granted({ access_token: { canary: 1 } }), "InvalidResponse", undefined],
    ["another token type", granted({ token_type: "mac" }), "InvalidResponse", undefined],
    ["a DPoP token", granted({ token_type: "DPoP" }), "InvalidResponse", undefined],
    ["an OAuth error", oauthError("invalid_scope"), "Rejected", "invalid_scope"],
    ["an OAuth error with 200", oauthError("bad_verification_code", 200), "Rejected", "bad_verification_code"],
    ["a wrong secret", oauthError("invalid_client", 401), "Rejected", "invalid_client"],
    [
      "a wrong secret reported only by WWW-Authenticate",
      respond(401, secretive, { "www-authenticate": 'Basic realm="x"' }),
      "Rejected",
      "invalid_client"
    ],
    [
      "a secret repeated in the description",
      oauthError("invalid_client", 401, { error_description: `no ${secret} here` }),
      "Rejected",
      "invalid_client"
    ],
    ["a secret as the error code", oauthError("canary-secret"), "Rejected", undefined]
  ])("fails with a typed error without secrets after %s", ([_, answer, reason, code]) =>
    Effect.gen(function* () {
      const { mock, server } = yield* conversation([answer])
      const error = yield* Effect.flip(server.clientCredentials({}))
      expect(error).toBeInstanceOf(TokenError)
      expect([error.reason, error.error]).toEqual([reason, code])
      expect(allRenderings(error)).not.toContain("canary")
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect.each<[string, (sent: MockClient.Sent) => string | undefined]>([
    ["the Authorization field", ({ headers }) => headers["authorization"]],
    ["the decoded Authorization field", ({ headers }) => atob(headers["authorization"]?.split(" ")[1] ?? "")],
    ["the body", ({ body }) => body]
  ])("hides %s if the error description repeats it", ([_, quoted]) =>
    Effect.gen(function* () {
      const { server } = yield* conversation(
        (sent) => oauthError("invalid_request", 400, { error_description: `what is "${quoted(sent)}"?` }),
        { clientSecret: Redacted.make("canary/+ s") }
      )
      const error = yield* Effect.flip(server.refresh(Redacted.make("canary/+ r")))
      expect(error).toMatchObject({ reason: "Rejected", error: "invalid_request" })
      expect(error.message).not.toContain("what is")
    })
  )

  it.effect("fails with ReauthorizationRequired after invalid_grant, and hides a repeated refresh token", () =>
    Effect.gen(function* () {
      const answers = [
        oauthError("invalid_grant", 400, { error_description: "canary-r" }),
        oauthError("invalid_request", 400, { error_description: "bad refresh token canary-r" })
      ]
      const { server } = yield* conversation(answers)
      const first = yield* Effect.flip(server.refresh(Redacted.make("canary-r")))
      const second = yield* Effect.flip(server.refresh(Redacted.make("canary-r")))
      expect([first.reason, second.reason]).toEqual(["ReauthorizationRequired", "Rejected"])
      expect(allRenderings(first) + allRenderings(second)).not.toContain("canary")
    })
  )

  it.effect("shows the server's error code and description on one line", () =>
    Effect.gen(function* () {
      const error = yield* failureOf(oauthError("invalid_scope", 400, { error_description: "no scope x\r\n here" }))
      expect(error.message).toContain("invalid_scope")
      expect(error.message).toContain("no scope x")
      expect(error.message).not.toContain("\n")
    })
  )

  it.effect("fails with Unavailable after 20 seconds without a response", () =>
    Effect.gen(function* () {
      const asking = yield* Effect.fork(failureOf(MockClient.never))
      yield* TestClock.adjust("19999 millis")
      expect(asking.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      expect((yield* Fiber.join(asking)).reason).toBe("Unavailable")
    })
  )

  it.effect("interrupts the request when the caller is interrupted", () =>
    Effect.gen(function* () {
      const { mock, server } = yield* conversation([MockClient.never])
      const asking = yield* Effect.fork(server.clientCredentials({}))
      yield* Effect.repeat(Effect.zipRight(tick, mock.sent), {
        until: (sent) => sent.length === 1
      })
      yield* Fiber.interrupt(asking)
      yield* Effect.repeat(Effect.zipRight(tick, mock.interrupted), { until: (all) => all.length === 1 })
      expect(allRenderings(client)).not.toContain(secret)
    })
  )
})

describe("OAuth2 errors", () => {
  const refreshed = (step: MockClient.Step) =>
    Effect.gen(function* () {
      const { server } = yield* conversation([step])
      return yield* Effect.flip(server.refresh(Redacted.make("canary-refresh")))
    })

  it.effect.each<readonly [string, Readonly<Record<string, string>>, number | undefined]>([
    ["seconds", { "retry-after": "120" }, 120_000],
    ["a date by the server's clock", { date: date(3_600_000), "retry-after": date(3_720_000) }, 120_000],
    ["a year, limited to an hour", { "retry-after": "31536000" }, 3_600_000],
    ["nothing", {}, undefined]
  ])("sets retryAt from a Retry-After of %s", ([_, headers, at]) =>
    Effect.gen(function* () {
      for (const status of [429, 503]) {
        expect(yield* refreshed(respond(status, "", headers))).toMatchObject({ reason: "Unavailable", retryAt: at })
      }
    })
  )

  it.effect.each<readonly [MockClient.Step, TokenError["sent"]]>([
    [fail("ECONNREFUSED"), "no"],
    [fail("ENOTFOUND"), "no"],
    [fail("ECONNRESET"), "maybe"],
    [respond(503), undefined],
    [oauthError("invalid_scope"), undefined]
  ])("reports whether the request may have been sent (%#)", ([step, sent]) =>
    Effect.map(refreshed(step), (error) => expect(error.sent).toBe(sent))
  )

  it.effect("reports `sent: no` if only the metadata was requested", () =>
    Effect.gen(function* () {
      const { result } = yield* discovering([fail("ECONNRESET"), fail("ECONNRESET")])
      expect(result).toMatchObject({ _tag: "Left", left: { reason: "Unavailable", sent: "no" } })
    })
  )
})

describe("OAuth2 clockSkew", () => {
  it.effect("follows the Date of the last response that has one", () =>
    Effect.gen(function* () {
      const ahead = respond(503, "", { date: date(3_600_000) })
      const { server } = yield* conversation([ahead, respond(503)])
      expect(yield* server.clockSkew).toBe(0)
      yield* Effect.flip(server.clientCredentials({}))
      yield* Effect.flip(server.clientCredentials({}))
      expect(yield* server.clockSkew).toBe(3_600_000)
    })
  )
})
