import * as Dpop from "@countersign/auth/Dpop"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { TokenError } from "@countersign/auth/Errors"
import { conversation } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { calling, encodings, tokenCalls } from "./support/tokenCalls.js"

const granted = { access_token: "canary-a", token_type: "bearer", expires_in: 60, refresh_token: "canary-r" }

const statuses = [200, 201, 202, 203, 299]

/** The unusual part, its members, and the token fields that differ from the usual ones. */
const odd: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>]> = [
  ["nothing unusual", {}, {}],
  ["scopes as a list", { scope: ["read", "write"] }, { scope: "read write" }],
  ["scopes as a list with other values", { scope: ["read", null, 7] }, { scope: "read" }],
  ["an empty list of scopes", { scope: [] }, {}],
  ["scope null", { scope: null }, {}],
  ["an empty scope", { scope: "" }, {}],
  ["scope as an object", { scope: { read: true } }, {}],
  ["no token_type", { token_type: undefined }, {}],
  ["token_type null", { token_type: null }, {}],
  ["an empty token_type", { token_type: "" }, {}],
  ["token_type as a list", { token_type: ["Bearer"] }, {}],
  ["token_type with spaces", { token_type: " BEARER " }, {}],
  ["expires_in null", { expires_in: null }, { expiresAt: undefined }],
  ["expires_in as a word", { expires_in: "never" }, { expiresAt: undefined }],
  ["expires_in as a list", { expires_in: [60] }, { expiresAt: undefined }],
  ["a negative expires_in", { expires_in: -1 }, { expiresAt: undefined }],
  ["expires_in in digits", { expires_in: "60" }, {}],
  ["no refresh token", { refresh_token: undefined }, { refresh: undefined }],
  ["refresh_token null", { refresh_token: null }, { refresh: undefined }],
  ["an empty refresh_token", { refresh_token: "" }, { refresh: undefined }],
  ["refresh_token as a number", { refresh_token: 7 }, { refresh: undefined }],
  ["refresh_token as an object", { refresh_token: { token: "x" } }, { refresh: undefined }],
  ["a malformed ID token", { id_token: "no JWT" }, {}],
  ["an unsigned ID token", { id_token: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1In0." }, {}],
  ["id_token null", { id_token: null }, {}],
  ["id_token as an object", { id_token: {} }, {}],
  ["members that are null", { error: null, errors: null, user: null, issued_token_type: null }, {}],
  ["an empty error", { error: "", error_description: "" }, {}],
  ["an error beside the token", { error: "invalid_grant" }, {}],
  ["a member __proto__", { ["__proto__"]: { access_token: "x" } }, {}],
  ["a deep member", { deep: JSON.parse(`${"[".repeat(2_000)}${"]".repeat(2_000)}`) as unknown }, {}]
]

describe("OAuth2 with a successful token response", () => {
  for (const [name, call] of Object.entries(tokenCalls)) {
    it.effect.each(odd)(`returns a token for ${name} with %s and any status and content type`, ([_, more, differs]) =>
      Effect.gen(function* () {
        const members = { ...granted, ...more }
        for (const [body, type] of encodings(JSON.parse(JSON.stringify(members)))) {
          for (const status of type === "application/json" ? statuses : [201]) {
            const token = yield* calling(call, MockClient.respond(status, body, { "content-type": type }))
            const refresh = token.refreshToken && Redacted.value(token.refreshToken)
            const lifetime = token.expiresAt === undefined ? undefined : token.expiresAt - token.receivedAt
            const kept = name === "refresh" ? "canary-refresh-1" : undefined
            const expected: Record<string, unknown> = { refresh: "canary-r", scope: undefined, ...differs }
            expect([status, type, Redacted.value(token.accessToken), token.tokenType]).toEqual([
              ...[status, type, "canary-a"],
              "Bearer"
            ])
            expect(refresh).toBe(expected["refresh"] ?? kept)
            expect(token.scope).toBe(expected["scope"])
            expect(lifetime).toBe("expiresAt" in differs ? undefined : 60_000)
          }
        }
      })
    )
  }

  it.effect.each([
    ["in JSON", `{"access_token":"canary-x","access_token":"canary-a","token_type":"bearer"}`],
    ["in a form", "access_token=canary-x&access_token=canary-a&token_type=bearer"]
  ])("uses the last of two access tokens %s", ([_, body]) =>
    Effect.gen(function* () {
      const token = yield* calling(tokenCalls["refresh"] ?? expect.fail(), MockClient.respond(200, body))
      expect(Redacted.value(token.accessToken)).toBe("canary-a")
    })
  )

  it.effect("does not change the prototype of objects", () =>
    Effect.gen(function* () {
      const body = `{"__proto__":{"polluted":1,"access_token":"x"},"constructor":{"prototype":{"polluted":1}}}`
      const error = yield* Effect.flip(calling(tokenCalls["refresh"] ?? expect.fail(), MockClient.respond(200, body)))
      expect(error).toMatchObject({ reason: "InvalidResponse" })
      expect({}).not.toHaveProperty("polluted")
    })
  )
})

describe("OAuth2 with an invalid token response", () => {
  const unusable: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>, string]> = [
    ["no access_token", { access_token: undefined }, "`access_token` is missing, expected a string"],
    ["access_token null", { access_token: null }, "`access_token` is null, expected a string"],
    ["an empty access_token", { access_token: "" }, "`access_token` is empty, expected a string"],
    ["access_token as a list", { access_token: ["canary-a"] }, "`access_token` is a list, expected a string"],
    ["access_token as a number", { access_token: 7 }, "`access_token` is a number, expected a string"],
    ["a line break in access_token", { access_token: "canary\r\nx: y" }, "`access_token` holds characters"],
    ["another token_type", { token_type: "canary" }, "`token_type` names a type that this client cannot present"],
    ["token_type DPoP without a key", { token_type: "DPoP" }, "`token_type` names a type"]
  ]

  for (const [name, call] of Object.entries(tokenCalls)) {
    it.effect.each(unusable)(`names the invalid member, and no value, for ${name} with %s`, ([_, more, detail]) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(calling(call, MockClient.respond(200, { ...granted, ...more })))
        expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
        expect(error).toHaveProperty("detail", expect.stringContaining(detail))
        expect(allRenderings(error)).not.toContain("canary")
      })
    )
  }

  it.effect.each<readonly [string, unknown, string]>([
    ["no token_type", undefined, "`token_type` is missing, expected DPoP"],
    ["token_type null", null, "`token_type` is null, expected DPoP"],
    ["token_type Bearer", "Bearer", "not bound to the client's key"]
  ])("rejects a response with %s if DPoP was requested", ([_, token_type, detail]) =>
    Effect.gen(function* () {
      const dpop = yield* Dpop.generateKey
      const answer = MockClient.respond(200, { ...granted, token_type })
      const error = yield* Effect.flip(calling(tokenCalls["refresh"] ?? expect.fail(), answer, { dpop }))
      expect(error).toHaveProperty("detail", expect.stringContaining(detail))
    })
  )

  it.effect("returns the new refresh token from `rotatedRefreshToken`, and prints it nowhere", () =>
    Effect.gen(function* () {
      const answers = [
        MockClient.respond(200, { ...granted, token_type: "mac" }),
        MockClient.respond(200, { ...granted, access_token: null, refresh_token: "canary-s" }),
        MockClient.respond(400, { error: "invalid_request", refresh_token: "canary-t" })
      ]
      const { server } = yield* conversation(answers)
      const found: Array<string | undefined> = []
      for (let n = 0; n < 3; n++) {
        const error = yield* Effect.flip(server.refresh(Redacted.make("canary-old")))
        expect(error).toBeInstanceOf(TokenError)
        expect(allRenderings(error)).not.toContain("canary")
        found.push(Option.getOrUndefined(Option.map(OAuth2.rotatedRefreshToken(error), Redacted.value)))
      }
      expect(found).toEqual(["canary-r", "canary-s", undefined])
    })
  )
})
