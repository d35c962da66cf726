import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as Dpop from "@countersign/auth/Dpop"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import type { TokenReason } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { ending, failing, refusing, world } from "./support/device.js"
import { conversation, granted } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"

const { respond } = MockClient

const refreshed = (step: MockClient.Step, options: Partial<OAuth2.Client> = {}) =>
  Effect.gen(function* () {
    const { mock, server } = yield* conversation([step], options)
    const error = yield* Effect.flip(server.refresh(Redacted.make("canary-refresh-token")))
    return { error, sent: yield* mock.sent }
  })

type Row = readonly [string, MockClient.Step, TokenReason, string | undefined]

const html = { "content-type": "text/html" }

describe("OAuth2 with an error response", () => {
  it.effect.each<Row>([
    [
      "a JSON object without an OAuth error",
      respond(400, { status: 400, message: "account is locked" }),
      "Rejected",
      undefined
    ],
    [
      "a JSON object in text/plain",
      respond(400, `{"message":"no"}`, { "content-type": "text/plain" }),
      "Rejected",
      undefined
    ],
    ["an empty JSON object", respond(400, {}), "Rejected", undefined],
    ["403 and a JSON object", respond(403, { message: "no" }), "Rejected", undefined],
    ["404 and a JSON object", respond(404, { message: "no" }), "Rejected", undefined],
    ["a code that is a string", respond(400, { code: "E_LOCKED", message: "no" }), "Rejected", "E_LOCKED"],
    ["an object as error", respond(400, { error: { type: "X", code: 190, message: "no" } }), "Rejected", "190"],
    ["a list of errors", respond(400, { errors: [{ errorType: "invalid_scope" }] }), "Rejected", "invalid_scope"],
    ["a list of texts", respond(400, { errors: ["no"] }), "Rejected", undefined],
    ["an OAuth error", respond(400, { error: "invalid_grant" }), "ReauthorizationRequired", "invalid_grant"],
    [
      "an OAuth error as a form",
      respond(400, "error=invalid_grant&error_description=x"),
      "ReauthorizationRequired",
      "invalid_grant"
    ],
    [
      "an OAuth error code in message",
      respond(400, { message: "Invalid grant" }),
      "ReauthorizationRequired",
      "invalid_grant"
    ],
    [
      "an OAuth error code in error.type",
      respond(401, { error: { type: "invalid_client" } }),
      "Rejected",
      "invalid_client"
    ],
    ["an unregistered error", respond(400, { error: "Bad Request", message: "no" }), "Rejected", "Bad Request"],
    ["500 and invalid_grant", respond(500, { error: "invalid_grant" }), "ReauthorizationRequired", "invalid_grant"],
    ["502 and invalid_client", respond(502, { error: "invalid_client" }), "Rejected", "invalid_client"],
    ["503 and invalid_scope", respond(503, { error: "invalid_scope" }), "Rejected", "invalid_scope"],
    ["500 and another object", respond(500, { message: "Invalid grant" }), "Unavailable", undefined],
    ["500 and an unregistered error", respond(500, { error: "oops" }), "Unavailable", undefined],
    ["503 and HTML", respond(503, "<html>", html), "Unavailable", undefined],
    ["400 and HTML", respond(400, "<html>", html), "Unavailable", undefined],
    ["400 and text", respond(400, "Bad Request", html), "Unavailable", undefined],
    ["400 and nothing", respond(400, ""), "Unavailable", undefined],
    ["400 and a JSON list", respond(400, [{ error: "invalid_grant" }]), "Unavailable", undefined],
    ["400 and broken JSON", respond(400, `{"error":"invalid_grant"`), "Unavailable", undefined],
    [
      "403 and HTML that holds JSON",
      respond(403, `<pre>{"error":"invalid_grant"}</pre>`, html),
      "Unavailable",
      undefined
    ],
    ["429 and an OAuth error", respond(429, { error: "invalid_grant" }), "Unavailable", undefined],
    ["408 and a JSON object", respond(408, { message: "no" }), "Unavailable", undefined],
    ["407 of a proxy", respond(407, { error: "invalid_client" }), "Unavailable", undefined],
    ["511 of a network", respond(511, { error: "invalid_grant" }), "Unavailable", undefined],
    ["400 and temporarily_unavailable", respond(400, { error: "temporarily_unavailable" }), "Unavailable", undefined]
  ])("maps %s to its reason and code after one request", ([_, step, reason, code]) =>
    Effect.gen(function* () {
      const { error, sent } = yield* refreshed(step)
      expect([error.reason, error.error]).toEqual([reason, code])
      expect(sent).toHaveLength(1)
    })
  )

  it.effect.each<readonly [string, MockClient.Step, string]>([
    [
      "the message",
      respond(400, { message: "account is locked" }),
      `answered 400 without an OAuth error: "account is locked"`
    ],
    ["code and message", respond(400, { code: "E1", msg: "it is gone" }), `without an OAuth error: E1 "it is gone"`],
    ["the option to set", respond(400, { message: "x" }), "map it by `complianceFixes.errorCodes`"],
    ["the message of a 5xx", respond(500, { message: "database is down" }), `answered 500 ("database is down")`],
    [
      "the target of a redirect",
      respond(307, "", { location: "/token/?k=canary" }),
      "https://auth.test/token/?k=<redacted>"
    ],
    ["a redirect without a location", respond(302, ""), "redirects are not followed"]
  ])("shows %s", ([_, step, told]) =>
    Effect.gen(function* () {
      const { error } = yield* refreshed(step)
      expect(error.detail).toContain(told)
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect.each<readonly [string, MockClient.Step]>([
    ["a message", respond(400, { error: "Bad Request", status: 400, message: "Invalid refresh token" })],
    ["a message in another letter case", respond(400, { message: "INVALID REFRESH TOKEN." })],
    ["error_description", respond(403, { error: "unauthorized_client", error_description: "invalid refresh token" })],
    ["a code", respond(400, { status: "BAD_REFRESH_TOKEN", message: "no" })],
    ["a numeric code", respond(400, { error: { code: 190, message: "no" } })],
    ["a code in a list", respond(400, { errors: [{ code: "BAD_REFRESH_TOKEN" }] })],
    ["a code with status 200", respond(200, { ok: false, code: "BAD_REFRESH_TOKEN" })],
    ["a code with status 500", respond(500, { code: "BAD_REFRESH_TOKEN" })]
  ])("maps %s to ReauthorizationRequired by `complianceFixes.errorCodes`", ([_, step]) =>
    Effect.gen(function* () {
      const errors = {
        "Invalid refresh token": "invalid_grant",
        BAD_REFRESH_TOKEN: "invalid_grant",
        "190": "invalid_grant"
      }
      const { error } = yield* refreshed(step, { complianceFixes: { errorCodes: errors } })
      expect(error).toMatchObject({ reason: "ReauthorizationRequired", error: "invalid_grant" })
    })
  )

  it.effect("maps no error code by a property of Object.prototype", () =>
    Effect.gen(function* () {
      const { error } = yield* refreshed(respond(400, { code: "toString", message: "constructor" }), {
        complianceFixes: { errorCodes: {} }
      })
      expect(error).toMatchObject({ reason: "Rejected", error: "toString" })
    })
  )
})

describe("DeviceCode polling with an error response", () => {
  it.effect("stops after a JSON object without an OAuth error, and shows its message", () =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world({ answers: [respond(400, { message: "invalid device code" })] })
      const error = yield* failing(poll(yield* start))
      expect(error).toMatchObject({ reason: "Rejected" })
      expect(error).toHaveProperty("detail", expect.stringContaining(`"invalid device code"`))
      expect(yield* polls).toEqual([5])
    })
  )

  it.effect.each<readonly [string, MockClient.Step, ReadonlyArray<number>]>([
    ["authorization_pending in message", respond(400, { status: 400, message: "authorization_pending" }), [5, 10]],
    ["Authorization pending in title", respond(403, { title: "Authorization pending" }), [5, 10]],
    ["authorization_pending with 428", respond(428, { error: "authorization_pending" }), [5, 10]],
    ["slow_down with 429", respond(429, { error: "slow_down" }), [5, 15]],
    ["slow_down with 429 and Retry-After", respond(429, { error: "slow_down" }, { "retry-after": "20" }), [5, 25]],
    ["authorization_pending with 500", respond(500, { error: "authorization_pending" }), [5, 10]],
    ["authorization_pending of RFC 8628", refusing("authorization_pending"), [5, 10]]
  ])("continues at the right interval after %s", ([_, step, at]) =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world({ answers: [step, granted()] })
      yield* Effect.flatten(ending(poll(yield* start)))
      expect(yield* polls).toEqual(at)
    })
  )
})

const secret = "cl!ent+Secret/0123456789=="
const refreshToken = "Refresh-Token-ABCDEF-0123456789"

type Echo = (sent: MockClient.Sent, form: URLSearchParams) => string

const base64 = (text: string) => Buffer.from(text).toString("base64")

describe("OAuth2 with a server that repeats a secret of the request", () => {
  const echoes: ReadonlyArray<readonly [string, Echo]> = [
    ["the refresh token", (_, form) => `bad ${form.get("refresh_token")}`],
    ["the refresh token in upper case", (_, form) => String(form.get("refresh_token")).toUpperCase()],
    ["the refresh token in lower case", (_, form) => String(form.get("refresh_token")).toLowerCase()],
    ["half of the refresh token", (_, form) => `bad ${String(form.get("refresh_token")).slice(3, 20)}…`],
    ["the refresh token in base64", (_, form) => base64(String(form.get("refresh_token")))],
    [
      "the refresh token in base64url, in a text",
      (_, form) => Buffer.from(`x: ${form.get("refresh_token")}!`).toString("base64url")
    ],
    [
      "the refresh token, each character encoded",
      (_, form) => [...String(form.get("refresh_token"))].map((one) => `%${one.charCodeAt(0).toString(16)}`).join("")
    ],
    ["the Authorization header", ({ headers }) => String(headers["authorization"])],
    ["the decoded Authorization header", ({ headers }) => atob(String(headers["authorization"]).slice(6))],
    ["the secret with backslashes", () => secret.replaceAll("/", "\\/")],
    ["the secret percent-encoded", () => encodeURIComponent(secret)],
    ["the secret percent-encoded in lower case", () => encodeURIComponent(secret).toLowerCase()],
    ["the whole body", ({ body }) => String(body)]
  ]

  it.effect.each(echoes)("shows nothing of %s", ([_, echo]) =>
    Effect.gen(function* () {
      for (const where of ["error_description", "message", "error"]) {
        for (const clientAuthentication of ["client_secret_basic", "client_secret_post"] as const) {
          const { server } = yield* conversation(
            (sent) => {
              const text = echo(sent, new URLSearchParams(sent.body))
              return respond(400, { ...(where !== "error" && { error: "invalid_request" }), [where]: text })
            },
            { clientSecret: Redacted.make(secret), clientAuthentication }
          )
          if (clientAuthentication === "client_secret_post" && _.includes("Authorization")) continue
          const error = yield* Effect.flip(server.refresh(Redacted.make(refreshToken)))
          const shown = error.detail
            .replace(/^.*?(?:rejected the request with|OAuth error)/, "")
            .replace(/invalid_request|an error/, "")
          expect(shown.trim()).toMatch(/^(?:\. If it means.*)?$/)
        }
      }
    })
  )

  it.effect.each<readonly [string, "client_assertion" | "dpop", number, number]>([
    ["the end of a client assertion", "client_assertion", -199, 100_000],
    ["the beginning of a client assertion", "client_assertion", 0, 60],
    ["a DPoP proof", "dpop", 0, 100_000],
    ["the beginning of a DPoP proof", "dpop", 0, 60]
  ])("shows nothing of %s", ([_, what, from, to]) =>
    Effect.gen(function* () {
      const pair = yield* Effect.promise(() =>
        crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])
      )
      const clientAuthentication = ClientAuthentication.privateKeyJwt({ key: pair.privateKey })
      let echoed = "-"
      const { server } = yield* conversation(
        ({ body, headers }) => {
          const text = what === "dpop" ? headers["dpop"] : new URLSearchParams(body).get(what)
          echoed = String(text).slice(from, to)
          return respond(400, { error: "invalid_request", error_description: echoed })
        },
        // An assertion and a proof begin with the same characters: one would hide the other.
        what === "dpop" ? { dpop: yield* Dpop.generateKey } : { clientSecret: undefined, clientAuthentication }
      )
      const error = yield* Effect.flip(server.refresh(Redacted.make(refreshToken)))
      expect(echoed.length).toBeGreaterThan(50)
      expect(allRenderings(error)).not.toContain(echoed.slice(0, 20))
      expect(error.detail).toBe("the authorization server rejected the request with invalid_request")
    })
  )

  it.effect("hides a secret that begins at the end of the shown text", () =>
    Effect.gen(function* () {
      for (let before = 180; before <= 200; before++) {
        const description = `${"x".repeat(before)} ${refreshToken}`
        const { server } = yield* conversation([respond(400, { error: "e", error_description: description })])
        const error = yield* Effect.flip(server.refresh(Redacted.make(refreshToken)))
        expect(error.detail).not.toContain("Ref")
      }
    })
  )

  it.effect("shows a message that shares only a letter with a short secret", () =>
    Effect.gen(function* () {
      const { server } = yield* conversation([respond(400, { message: "invalid device code" })])
      const error = yield* Effect.flip(server.requestToken("urn:x", { device_code: "d" }))
      expect(error.detail).toContain("invalid device code")
    })
  )
})
