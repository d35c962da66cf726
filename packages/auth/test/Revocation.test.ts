import * as Revocation from "@countersign/auth/Revocation"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { client, issuer, metadata } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { runPendingWork } from "./support/pendingWork.js"

const { fail, respond } = MockClient

const token = Redacted.make("canary-token")

const endpoint = `${issuer}/revoke`

/** Revokes at a server with scripted responses, and returns the requests it received. */
const revoking = (
  answers: ReadonlyArray<MockClient.Step> = [],
  more: Partial<Revocation.Client> = {},
  server: object = { revocation_endpoint: endpoint }
) =>
  Effect.gen(function* () {
    let asked = 0
    const { client: transport, mock } = yield* MockClient.make(({ method }) =>
      method === "GET" ? metadata(server) : (answers[asked++] ?? respond(200, ""))
    )
    const { revoke } = yield* Effect.provideService(
      Revocation.make({ ...client, tokenEndpoint: undefined, ...more }),
      HttpClient.HttpClient,
      transport
    )
    const posts = Effect.map(mock.sent, (sent) => sent.filter(({ method }) => method === "POST"))
    return { revoke, posts }
  })

/** The error of a revocation while the test clock advances. */
const failureOf = (revoke: Revocation.Service["revoke"]) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.flip(revoke(token)))
    while (Option.isNone(yield* Fiber.poll(fiber))) {
      // Promises of the library do not depend on the test clock.
      yield* runPendingWork(5)
      yield* TestClock.adjust("250 millis")
    }
    return yield* Fiber.join(fiber)
  })

describe("Revocation.make", () => {
  it.effect("sends the token with its type hint, if known, and the client authentication", () =>
    Effect.gen(function* () {
      const { posts, revoke } = yield* revoking()
      yield* revoke(token, "refresh_token")
      yield* revoke(token, "access_token")
      yield* revoke(token)
      const sent = yield* posts
      expect(sent.map(({ url }) => url)).toEqual([endpoint, endpoint, endpoint])
      expect(sent.map(({ body }) => body)).toEqual([
        "token_type_hint=refresh_token&token=canary-token",
        "token_type_hint=access_token&token=canary-token",
        "token=canary-token"
      ])
      expect(sent[0]?.headers["authorization"]).toBe(`Basic ${btoa("client:canary%2Dsecret")}`)
    })
  )

  it.effect("sends the request to another host if the metadata names one", () =>
    Effect.gen(function* () {
      const there = "https://other.test/end?x=1"
      const { posts, revoke } = yield* revoking([], {}, { revocation_endpoint: there })
      yield* revoke(token)
      expect((yield* posts).map(({ url }) => url)).toEqual([there])
    })
  )

  it.effect("sends the request to revocationEndpoint at a server without metadata", () =>
    Effect.gen(function* () {
      const named = { tokenEndpoint: `${issuer}/token`, revocationEndpoint: "https://other.test/end" }
      const { posts, revoke } = yield* revoking([], named, {})
      yield* revoke(token)
      expect((yield* posts).map(({ url }) => url)).toEqual(["https://other.test/end"])
    })
  )

  it.effect("prefers the revocationEndpoint option to the metadata", () =>
    Effect.gen(function* () {
      const { posts, revoke } = yield* revoking([], { revocationEndpoint: "https://other.test/end" })
      yield* revoke(token)
      expect((yield* posts).map(({ url }) => url)).toEqual(["https://other.test/end"])
    })
  )

  it.effect.each<readonly [string, object]>([
    ["has no revocation_endpoint", {}],
    ["has a revocation_endpoint without TLS", { revocation_endpoint: "http://auth.test/revoke" }],
    ["has a revocation_endpoint with a password", { revocation_endpoint: "https://a:b@auth.test/revoke" }],
    ["has a revocation_endpoint that is no absolute URL", { revocation_endpoint: "/revoke" }],
    ["has a revocation_endpoint that is a number", { revocation_endpoint: 7 }]
  ])("fails and sends no request if the metadata %s", ([_, server]) =>
    Effect.gen(function* () {
      const { posts, revoke } = yield* revoking([], {}, server)
      const error = yield* Effect.flip(revoke(token))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(error.error).toBeUndefined()
      expect(error.detail).toContain("revocation endpoint")
      expect(yield* posts).toEqual([])
    })
  )

  it.effect("rejects a revocationEndpoint without TLS", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(revoking([], { revocationEndpoint: "http://auth.test/revoke" }))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
    })
  )

  it.effect.each<readonly [string, MockClient.Step]>([
    ["an empty body", respond(200, "")],
    ["an HTML body", respond(200, "<html>")],
    ["truncated JSON", respond(200, `{"error": "in`)],
    ["JSON without an error", respond(200, { ok: true, error: null })]
  ])("accepts status 200 with %s", ([_, answer]) => Effect.flatMap(revoking([answer]), ({ revoke }) => revoke(token)))

  it.effect.each<readonly [string, MockClient.Step, object]>([
    [
      "an error with status 200",
      respond(200, { error: "invalid_token", error_description: "canary-token" }),
      { reason: "Rejected", error: "invalid_token" }
    ],
    [
      "unsupported_token_type",
      respond(400, { error: "unsupported_token_type", error_description: "canary-token is a JWT" }),
      { reason: "Rejected", error: "unsupported_token_type" }
    ],
    [
      "invalid_request for a token of another client",
      respond(400, { error: "invalid_request", error_description: "\u001b[31mnot\r\nyours" }),
      { reason: "Rejected", error: "invalid_request" }
    ],
    ["401 for an unknown client", respond(401, "", { "www-authenticate": "Basic" }), { error: "invalid_client" }],
    ["a redirect", respond(307, "", { location: "https://evil.test/" }), { reason: "Unavailable" }],
    ["403 with an HTML body", respond(403, "<html>canary-token</html>"), { reason: "Unavailable" }],
    ["10 MiB", respond(200, "x".repeat(10 * 1024 * 1024)), { reason: "Unavailable" }]
  ])("fails for a response with %s, and the error contains no token", ([_, answer, expected]) =>
    Effect.gen(function* () {
      const { posts, revoke } = yield* revoking([answer, answer, answer])
      const error = yield* failureOf(revoke)
      expect(error).toMatchObject({ _tag: "TokenError", ...expected })
      expect(allRenderings(error)).not.toContain("canary-")
      expect(error.message).not.toContain("\u001b")
      expect((yield* posts).map(({ url }) => new URL(url).host)).not.toContain("evil.test")
    })
  )

  it.effect("says that tokens stay valid until they expire after unsupported_token_type", () =>
    Effect.gen(function* () {
      const { revoke } = yield* revoking([respond(400, { error: "unsupported_token_type" })])
      expect((yield* Effect.flip(revoke(token))).detail).toContain("until they expire")
    })
  )

  it.effect("retries twice, with increasing delays, if the server is unavailable", () =>
    Effect.gen(function* () {
      const { posts, revoke } = yield* revoking([fail("ECONNRESET"), respond(502, "down"), respond(503, "down")])
      expect(yield* failureOf(revoke)).toMatchObject({ reason: "Unavailable" })
      const [first, second = 0, third = 0, ...more] = (yield* posts).map(({ at }) => at)
      expect([first, more]).toEqual([0, []])
      expect(second).toBeGreaterThanOrEqual(250)
      expect(third - second).toBeGreaterThanOrEqual(500)
    })
  )

  it.effect("does not retry after a response with Retry-After, and fails with retryAt", () =>
    Effect.gen(function* () {
      const { posts, revoke } = yield* revoking([respond(503, "busy", { "retry-after": "60" })])
      expect(yield* Effect.flip(revoke(token))).toMatchObject({ reason: "Unavailable", retryAt: 60_000 })
      expect(yield* posts).toHaveLength(1)
    })
  )
})
