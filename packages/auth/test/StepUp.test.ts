import * as StepUp from "@countersign/auth/StepUp"
import * as Challenge from "@countersign/protocol/Challenge"
import { describe, expect, it } from "@effect/vitest"
import * as Encoding from "effect/Encoding"
import * as FastCheck from "effect/FastCheck"

const demandOf = (field: string) => StepUp.fromChallenges(Challenge.parse(field))

const claims = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'

describe("what an API demands", () => {
  it("is scopes, where it says insufficient_scope", () => {
    expect(demandOf('Bearer realm="x", error="insufficient_scope", scope="read write  read"')).toEqual({
      scopes: ["read", "write"],
      acrValues: []
    })
  })

  it("is a stronger or a more recent sign-in, where it says insufficient_user_authentication", () => {
    expect(
      demandOf('Bearer error="insufficient_user_authentication", acr_values="gold silver", max_age="5", scope="pay"')
    ).toEqual({ scopes: ["pay"], acrValues: ["gold", "silver"], maxAge: 5 })
  })

  it("is a sign-in that it does not name, where it says no more than that", () => {
    expect(demandOf('Bearer error="insufficient_user_authentication"')).toEqual({ scopes: [], acrValues: [] })
  })

  it.each([
    ["base64", Encoding.encodeBase64(claims)],
    ["base64url", Encoding.encodeBase64Url(claims)],
    ["base64 without padding", Encoding.encodeBase64(claims).replaceAll("=", "")]
  ])("is claims, in %s", (_, encoded) => {
    expect(demandOf(`Bearer realm="", error="insufficient_claims", claims="${encoded}"`)).toEqual({
      scopes: [],
      acrValues: [],
      claims
    })
  })

  it("is found behind the challenges of other schemes", () => {
    expect(
      demandOf('Basic realm="x", Bearer error="invalid_token", DPoP error="insufficient_scope", scope="a"')
    ).toEqual({ scopes: ["a"], acrValues: [] })
  })

  it.each([
    ["no challenge", ""],
    ["a token that is not good", 'Bearer error="invalid_token"'],
    ["a scope that it does not name", 'Bearer error="insufficient_scope"'],
    ["a scope with characters that none has", 'Bearer error="insufficient_scope", scope="a\\"b"'],
    ["a scope of 5 000 characters", `Bearer error="insufficient_scope", scope="${"a".repeat(5000)}"`],
    ["claims that are no base64", 'Bearer error="insufficient_claims", claims="%%%"'],
    ["claims that are no JSON", `Bearer error="insufficient_claims", claims="${Encoding.encodeBase64("{")}"`],
    ["claims that are no object", `Bearer error="insufficient_claims", claims="${Encoding.encodeBase64("[1]")}"`],
    [
      "claims of 20 KiB",
      `Bearer error="insufficient_claims", claims="${Encoding.encodeBase64(JSON.stringify({ a: "x".repeat(20_000) }))}"`
    ]
  ])("is nothing, for %s", (_, field) => {
    expect(demandOf(field)).toBeUndefined()
  })

  it.each(["-1", "1.5", "1e3", "9999999999", "", "soon"])("names no time, for a max_age of %j", (maxAge) => {
    const demand = demandOf(`Bearer error="insufficient_user_authentication", max_age="${maxAge}"`)
    expect(demand).toEqual({ scopes: [], acrValues: [] })
  })

  it("never throws, whatever a server says", () => {
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

describe("two demands", () => {
  it("in one have all scopes, and of the rest what the later one says", () => {
    const earlier = { ...scopes("a", "b"), acrValues: ["silver"], maxAge: 60, claims: "{}" }
    expect(StepUp.merge(earlier, { ...scopes("b", "c"), acrValues: ["gold"], maxAge: 5 })).toEqual({
      scopes: ["a", "b", "c"],
      acrValues: ["gold"],
      maxAge: 5,
      claims: "{}"
    })
    expect(StepUp.merge(undefined, earlier)).toBe(earlier)
  })

  it("cover each other only where nothing is left to ask for", () => {
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

  it("become the parameters of an authorization request, without the scopes", () => {
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
