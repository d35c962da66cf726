import * as Token from "@countersign/auth/Token"
import * as SchemaIssue from "@countersign/client/SchemaIssue"
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { allRenderings } from "./support/allRenderings.js"

const secret = FastCheck.string({ unit: "binary", minLength: 1 }).map(Redacted.make)
const instant = FastCheck.double({ noNaN: true, noDefaultInfinity: true })
const token: FastCheck.Arbitrary<Token.Token> = FastCheck.record(
  {
    accessToken: secret,
    tokenType: FastCheck.string({ minLength: 1 }),
    receivedAt: instant,
    expiresAt: instant,
    refreshToken: secret,
    scope: FastCheck.string()
  },
  { requiredKeys: ["accessToken", "tokenType", "receivedAt"] }
)

const clear = ({ accessToken, refreshToken, ...rest }: Token.Token) => ({
  ...rest,
  accessToken: Redacted.value(accessToken),
  refreshToken: refreshToken && Redacted.value(refreshToken)
})

describe("Token.Token schema", () => {
  it("decodes an encoded token from JSON as the same token", () => {
    FastCheck.assert(
      FastCheck.property(token, (one) => {
        const written = JSON.stringify(Schema.encodeSync(Token.Token)(one))
        const read = Schema.decodeUnknownSync(Token.Token)(JSON.parse(written))
        // JSON has no negative zero, and instants do not need it.
        expect(clear(read)).toEqual(JSON.parse(JSON.stringify(clear(one))))
      })
    )
  })

  const good = { accessToken: "canary-a", tokenType: "Bearer", receivedAt: 0 }
  it.each([
    ["a list as the access token", { ...good, accessToken: ["canary-a"] }, "at $.accessToken, expected"],
    [
      "a missing access token",
      { tokenType: "Bearer", receivedAt: 0, refreshToken: "canary-r" },
      "at $.accessToken, expected a value, which is missing"
    ],
    ["an empty access token", { ...good, accessToken: "", refreshToken: "canary-r" }, "at $.accessToken, expected"],
    ["a string as receivedAt", { ...good, receivedAt: "canary-t" }, "at $.receivedAt, expected"],
    ["an infinite expiresAt", { ...good, expiresAt: Infinity }, "at $.expiresAt, expected"],
    ["a number as the refresh token", { ...good, refreshToken: 4711 }, "at $.refreshToken, expected"],
    ["a string", "canary-a", "at $, expected"],
    ["null", null, "at $, expected"]
  ])("rejects %s, and the error contains no secret", (_, written, told) => {
    const result = Schema.decodeUnknownEither(Token.Token)(written)
    const error = Either.getOrThrow(Either.flip(result))
    const mismatches = SchemaIssue.fromParseError(error)
    expect(SchemaIssue.format(mismatches)).toContain(told)
    expect(allRenderings(mismatches) + SchemaIssue.format(mismatches)).not.toMatch(/canary|4711/)
  })

  it("contains the secrets that a printed token does not contain", () => {
    const one = { ...Token.bearer(Redacted.make("canary-a"), 0), refreshToken: Redacted.make("canary-r") }
    expect(allRenderings(one)).not.toContain("canary")
    expect(JSON.stringify(Schema.encodeSync(Token.Token)(one))).toContain("canary-r")
  })
})
