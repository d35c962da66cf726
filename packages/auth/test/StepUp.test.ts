import * as StepUp from "@countersign/auth/StepUp"
import * as Challenge from "@countersign/protocol/Challenge"
import { describe, expect, it } from "@effect/vitest"
import * as Encoding from "effect/Encoding"
import * as FastCheck from "effect/FastCheck"

const demandOf = (field: string) => StepUp.fromChallenges(Challenge.parse(field))

const claims = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'

describe("StepUp.fromChallenges", () => {
  it("reads scopes from insufficient_scope", () => {
    expect(demandOf('Bearer realm="x", error="insufficient_scope", scope="read write  read"')).toEqual({
      scopes: ["read", "write"],
      acrValues: []
    })
  })

  it("reads acr_values, max_age and scope from insufficient_user_authentication", () => {
    expect(
      demandOf('Bearer error="insufficient_user_authentication", acr_values="gold silver", max_age="5", scope="pay"')
    ).toEqual({ scopes: ["pay"], acrValues: ["gold", "silver"], maxAge: 5 })
  })

  it("reads insufficient_user_authentication without parameters as an empty challenge", () => {
    expect(demandOf('Bearer error="insufficient_user_authentication"')).toEqual({ scopes: [], acrValues: [] })
  })

  it.each([
    ["base64", Encoding.encodeBase64(claims)],
    ["base64url", Encoding.encodeBase64Url(claims)],
    ["base64 without padding", Encoding.encodeBase64(claims).replaceAll("=", "")]
  ])("decodes claims in %s", (_, encoded) => {
    expect(demandOf(`Bearer realm="", error="insufficient_claims", claims="${encoded}"`)).toEqual({
      scopes: [],
      acrValues: [],
      claims
    })
  })

  it("finds the challenge after those of other schemes", () => {
    expect(
      demandOf('Basic realm="x", Bearer error="invalid_token", DPoP error="insufficient_scope", scope="a"')
    ).toEqual({ scopes: ["a"], acrValues: [] })
  })

  it.each([
    ["no challenge", ""],
    ["invalid_token", 'Bearer error="invalid_token"'],
    ["insufficient_scope without a scope", 'Bearer error="insufficient_scope"'],
    ["a scope with invalid characters", 'Bearer error="insufficient_scope", scope="a\\"b"'],
    ["a scope of 5 000 characters", `Bearer error="insufficient_scope", scope="${"a".repeat(5000)}"`],
    ["claims that are not base64", 'Bearer error="insufficient_claims", claims="%%%"'],
    ["claims that are not JSON", `Bearer error="insufficient_claims", claims="${Encoding.encodeBase64("{")}"`],
    ["claims that are not an object", `Bearer error="insufficient_claims", claims="${Encoding.encodeBase64("[1]")}"`],
    [
      "claims of 20 KiB",
      `Bearer error="insufficient_claims", claims="${Encoding.encodeBase64(JSON.stringify({ a: "x".repeat(20_000) }))}"`
    ]
  ])("returns undefined for %s", (_, field) => {
    expect(demandOf(field)).toBeUndefined()
  })

  it.each(["-1", "1.5", "1e3", "9999999999", "", "soon"])("ignores a max_age of %j", (maxAge) => {
    const demand = demandOf(`Bearer error="insufficient_user_authentication", max_age="${maxAge}"`)
    expect(demand).toEqual({ scopes: [], acrValues: [] })
  })

  it("does not throw for arbitrary challenge parameters", () => {
    const error = FastCheck.constantFrom(
      "insufficient_scope",
      "insufficient_user_authentication",
      "insufficient_claims"
    )
    FastCheck.assert(
      FastCheck.property(error, FastCheck.dictionary(FastCheck.string(), FastCheck.string()), (error, params) => {
        const demand = StepUp.fromChallenges([{ scheme: "bearer", params: { ...params, error } }])
        if (demand !== undefined) StepUp.toAuthorizationParameters(demand)
      })
    )
  })
})

const scopes = (...all: ReadonlyArray<string>): StepUp.StepUpChallenge => ({ scopes: all, acrValues: [] })

describe("StepUp", () => {
  it("merge unites scopes and takes other parameters of the later challenge", () => {
    const earlier = { ...scopes("a", "b"), acrValues: ["silver"], maxAge: 60, claims: "{}" }
    expect(StepUp.merge(earlier, { ...scopes("b", "c"), acrValues: ["gold"], maxAge: 5 })).toEqual({
      scopes: ["a", "b", "c"],
      acrValues: ["gold"],
      maxAge: 5,
      claims: "{}"
    })
    expect(StepUp.merge(undefined, earlier)).toBe(earlier)
  })

  it("isSatisfiedBy accepts only a challenge with nothing missing", () => {
    const asked = { ...scopes("a", "b"), acrValues: ["gold"], maxAge: 5, claims: "{}" }
    expect(StepUp.isSatisfiedBy(asked, asked)).toBe(true)
    expect(StepUp.isSatisfiedBy(asked, scopes("b"))).toBe(true)
    expect(StepUp.isSatisfiedBy(asked, scopes())).toBe(true)
    expect(StepUp.isSatisfiedBy(undefined, scopes())).toBe(false)
    expect(StepUp.isSatisfiedBy(asked, scopes("c"))).toBe(false)
    expect(StepUp.isSatisfiedBy(asked, { ...asked, acrValues: ["silver"] })).toBe(false)
    expect(StepUp.isSatisfiedBy(asked, { ...asked, maxAge: 4 })).toBe(false)
    expect(StepUp.isSatisfiedBy(asked, { ...asked, claims: '{"a":1}' })).toBe(false)
  })

  it("toAuthorizationParameters returns all parameters except the scopes", () => {
    expect(
      StepUp.toAuthorizationParameters({ ...scopes("a"), acrValues: ["gold", "silver"], maxAge: 0, claims: "{}" })
    ).toEqual({
      acr_values: "gold silver",
      max_age: "0",
      claims: "{}"
    })
    expect(StepUp.toAuthorizationParameters(scopes("a"))).toEqual({})
  })
})
