import * as Token from "@countersign/auth/Token"
import * as SchemaIssue from "@countersign/client/SchemaIssue"
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { printed } from "./support/printed.js"

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

describe("the written form", () => {
  it("of any token, through JSON, is read as the same token", () => {
    FastCheck.assert(
      FastCheck.property(token, (one) => {
        const written = JSON.stringify(Schema.encodeSync(Token.Token)(one))
        const read = Schema.decodeUnknownSync(Token.Token)(JSON.parse(written))
        // JSON knows no negative zero, and no instant needs one.
        expect(clear(read)).toEqual(JSON.parse(JSON.stringify(clear(one))))
      })
    )
  })

  const good = { accessToken: "canary-a", tokenType: "Bearer", receivedAt: 0 }
  it.each([
    ["another access token", { ...good, accessToken: ["canary-a"] }, "at $.accessToken, expected"],
    [
      "no access token",
      { tokenType: "Bearer", receivedAt: 0, refreshToken: "canary-r" },
      "at $.accessToken, expected a value"
    ],
    ["an empty access token", { ...good, accessToken: "", refreshToken: "canary-r" }, "at $.accessToken, expected"],
    ["a time that is text", { ...good, receivedAt: "canary-t" }, "at $.receivedAt, expected"],
    ["a time without end", { ...good, expiresAt: Infinity }, "at $.expiresAt, expected"],
    ["a refresh token that is a number", { ...good, refreshToken: 4711 }, "at $.refreshToken, expected"],
    ["text", "canary-a", "at $, expected"],
    ["nothing", null, "at $, expected"]
  ])("with %s is refused, and what tells so holds no secret", (_, written, told) => {
    const result = Schema.decodeUnknownEither(Token.Token)(written)
    const error = Either.getOrThrow(Either.flip(result))
    const mismatches = SchemaIssue.fromParseError(error)
    expect(SchemaIssue.format(mismatches)).toContain(told)
    expect(printed(mismatches) + SchemaIssue.format(mismatches)).not.toMatch(/canary|4711/)
  })

  it("is the only one that shows a secret: a token prints without", () => {
    const one = { ...Token.bearer(Redacted.make("canary-a"), 0), refreshToken: Redacted.make("canary-r") }
    expect(printed(one)).not.toContain("canary")
    expect(JSON.stringify(Schema.encodeSync(Token.Token)(one))).toContain("canary-r")
  })
})

describe("the end of a token", () => {
  it.each([
    ["an hour", 3_600_000, 30_000],
    ["five minutes", 300_000, 30_000],
    ["ten seconds", 10_000, 1_000],
    ["no time at all", 0, 0],
    ["less than no time", -5_000, 0],
    ["nobody knows how long", undefined, 0]
  ])("comes with a margin: of one that lives %s, %s ms: %s ms", (_, life, margin) => {
    expect(Token.margin(Token.bearer(Redacted.make("a"), 1_000, life))).toBe(margin)
  })

  it("it is fresh until its margin begins, and always if its end is not known", () => {
    const one = Token.bearer(Redacted.make("a"), 1_000, 10_000)
    expect([Token.isFresh(one, 9_999), Token.isFresh(one, 10_000)]).toEqual([true, false])
    expect(Token.isFresh(Token.bearer(Redacted.make("a"), 0), Number.MAX_SAFE_INTEGER)).toBe(true)
    expect(Token.isFresh(Token.bearer(Redacted.make("a"), 0, 0), 0)).toBe(false)
  })
})
