import * as GitHubActions from "@countersign/auth/GitHubActions"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { allRenderings } from "./support/allRenderings.js"

const url = "https://actions.test/abc//idtoken?api-version=2.0"
const jwt = "canary-header.canary-payload.canary-signature"
const variables = { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "canary-request" }
const granted = MockClient.respond(200, { count: 1, value: jwt })

/** The result of one request with these variables, and what was sent. */
const run = (
  options: GitHubActions.Options = {},
  script: MockClient.Script = [granted],
  changes: Record<string, string | undefined> = {}
) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(script)
    const entries = Object.entries({ ...variables, ...changes }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const]
    )
    const result = yield* GitHubActions.idToken(options).pipe(
      Effect.provideService(HttpClient.HttpClient, client),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(entries))),
      Effect.either
    )
    return { result, sent: yield* mock.sent }
  })

describe("GitHubActions.idToken", () => {
  it.effect("requests a token for an audience, with the variables of the job", () =>
    Effect.gen(function* () {
      const { result, sent } = yield* run({ audience: "api://Azure AD&x=1" })
      expect(result._tag === "Right" && Redacted.value(result.right)).toBe(jwt)
      expect(sent).toMatchObject([
        { method: "GET", url: `${url}&audience=api%3A%2F%2FAzure%20AD%26x%3D1`, body: undefined }
      ])
      expect(sent[0]?.headers).toMatchObject({ accept: "application/json", authorization: "Bearer canary-request" })
      expect(allRenderings(result)).not.toContain("canary")
    })
  )

  it.effect("fails with Rejected for an audience that is not well-formed, and sends nothing", () =>
    Effect.gen(function* () {
      const { result, sent } = yield* run({ audience: "\ud800" })
      expect(result).toMatchObject({
        _tag: "Left",
        left: { reason: "Rejected", detail: expect.stringContaining("audience") }
      })
      expect(sent).toEqual([])
    })
  )

  it.effect("sends the URL as it is without an audience", () =>
    Effect.gen(function* () {
      expect((yield* run()).sent.map((one) => one.url)).toEqual([url])
    })
  )

  it.effect.each<readonly [string, Record<string, string | undefined>]>([
    ["no URL", { ACTIONS_ID_TOKEN_REQUEST_URL: undefined }],
    ["an empty URL", { ACTIONS_ID_TOKEN_REQUEST_URL: "" }],
    ["no request token", { ACTIONS_ID_TOKEN_REQUEST_TOKEN: undefined }],
    ["an empty request token", { ACTIONS_ID_TOKEN_REQUEST_TOKEN: " " }]
  ])("names the permission that is missing, with %s", ([, changes]) =>
    Effect.gen(function* () {
      const { result, sent } = yield* run({}, [granted], changes)
      expect(result).toMatchObject({ left: { _tag: "TokenError", reason: "Rejected" } })
      expect(String(result._tag === "Left" && result.left.message)).toContain("`permissions: id-token: write`")
      expect(sent).toEqual([])
    })
  )

  it.effect.each([
    "http://actions.test/token",
    "http://127.0.0.1:8080/token",
    "https://canary:canary@actions.test/token",
    "canary.canary.canary",
    "//actions.test/token"
  ])("sends the request token to no URL such as %s, and does not show it", (other) =>
    Effect.gen(function* () {
      const { result, sent } = yield* run({}, [granted], { ACTIONS_ID_TOKEN_REQUEST_URL: other })
      expect(result).toMatchObject({ left: { _tag: "TokenError", reason: "Rejected" } })
      expect(allRenderings(result)).not.toContain("canary")
      expect(sent).toEqual([])
    })
  )

  it.effect("sends the request token to a loopback address over http only if it is allowed", () =>
    Effect.gen(function* () {
      const transport = OAuth2.dangerouslyAllowHttpOnLoopback
      const loopback = { ACTIONS_ID_TOKEN_REQUEST_URL: "http://127.0.0.1:8080/token?a=1" }
      expect((yield* run({ transport }, [granted], loopback)).sent).toHaveLength(1)
      const remote = { ACTIONS_ID_TOKEN_REQUEST_URL: "http://actions.test/token" }
      expect((yield* run({ transport }, [granted], remote)).sent).toEqual([])
    })
  )

  it.effect.each<readonly [string, MockClient.Step, string]>([
    ["a redirect", MockClient.respond(302, "", { location: "https://evil.test/" }), "Rejected"],
    ["a 401 that repeats the token", MockClient.respond(401, "canary-request"), "Rejected"],
    ["a 403", MockClient.respond(403), "Rejected"],
    ["a 429", MockClient.respond(429, "", { "retry-after": "7" }), "Unavailable"],
    ["a 503", MockClient.respond(503), "Unavailable"],
    ["a lost connection", MockClient.fail("ECONNRESET"), "Unavailable"],
    ["another JSON object", MockClient.respond(200, { token: jwt }), "InvalidResponse"],
    ["a value that is no text", MockClient.respond(200, { value: { jwt } }), "InvalidResponse"],
    ["a value that is no JWT", MockClient.respond(200, { value: "canary" }), "InvalidResponse"],
    ["a value with a line break", MockClient.respond(200, { value: `${jwt}\n` }), "InvalidResponse"],
    ["HTML", MockClient.respond(200, "<html>canary</html>"), "InvalidResponse"],
    ["a body of more than 64 KiB", MockClient.respond(200, { value: jwt, x: "x".repeat(70_000) }), "InvalidResponse"]
  ])("sends one request and fails typed for %s", ([, step, reason]) =>
    Effect.gen(function* () {
      const { result, sent } = yield* run({}, [step, granted])
      expect(result).toMatchObject({ left: { _tag: "TokenError", reason } })
      expect(allRenderings(result)).not.toContain("canary")
      expect(sent).toHaveLength(1)
    })
  )

  it.effect("reports when the next request is accepted", () =>
    Effect.gen(function* () {
      const { result } = yield* run({}, [MockClient.respond(429, "", { "retry-after": "7" })])
      expect(result).toMatchObject({ left: { retryAt: 7000 } })
    })
  )

  it.effect("gives up a request without a response after 10 seconds", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(run({}, [MockClient.never]))
      yield* TestClock.adjust("9 seconds")
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(fiber)).result).toMatchObject({ left: { reason: "Unavailable" } })
    })
  )

  it("rejects an unknown option when it is made", () => {
    expect(() => GitHubActions.idToken({ aud: "x" } as GitHubActions.Options)).toThrow("audience")
  })
})
