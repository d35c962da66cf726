import * as TokenKey from "@countersign/auth/TokenKey"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"

/** Few characters, including those of the format, so that many short keys reveal a boundary that can be forged. */
const part = FastCheck.string({ unit: FastCheck.constantFrom("1", ":", ",", " ", "-"), maxLength: 2 })
const optional = FastCheck.option(part, { nil: undefined })
const key: FastCheck.Arbitrary<TokenKey.TokenKey> = FastCheck.record({
  issuer: part,
  client: part,
  account: optional,
  scopes: FastCheck.option(FastCheck.array(part, { maxLength: 3 }), { nil: undefined }),
  resource: optional
})

const meaning = ({ account, client, issuer, resource, scopes = [] }: TokenKey.TokenKey): string =>
  JSON.stringify([issuer, client, account ?? null, [...new Set(scopes)].sort(), resource ?? null])

describe("TokenKey.format", () => {
  it("returns the same text only for keys with the same meaning", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(key, { minLength: 200, maxLength: 400 }), (keys) => {
        const texts = new Set(keys.map(TokenKey.format))
        expect(texts.size).toBe(new Set(keys.map(meaning)).size)
      })
    )
  })

  const base = { issuer: "https://a.test", client: "c" }
  it.each<readonly [string, Partial<TokenKey.TokenKey>, Partial<TokenKey.TokenKey>]>([
    ["an account and a resource of the same name", { account: "x" }, { resource: "x" }],
    ["no account and an empty account", {}, { account: "" }],
    ["no resource and an empty resource", {}, { resource: "" }],
    ["two scopes and one scope with a space", { scopes: ["a", "b"] }, { scopes: ["a b"] }],
    ["no scope and an empty scope", { scopes: [] }, { scopes: [""] }],
    ["two scopes and one scope that imitates both", { scopes: ["a", "b"] }, { scopes: ["a,1:b"] }],
    [
      "an issuer and a client that differ by a moved character",
      { issuer: "1:a", client: "" },
      { issuer: "1:", client: "a" }
    ]
  ])("distinguishes %s", (_, one, other) => {
    expect(TokenKey.format({ ...base, ...one })).not.toBe(TokenKey.format({ ...base, ...other }))
  })

  it("ignores the order of scopes and duplicates", () => {
    const text = TokenKey.format({ ...base, scopes: ["write", "read"] })
    expect(TokenKey.format({ ...base, scopes: ["read", "write", "read"] })).toBe(text)
    expect(TokenKey.format({ ...base, scopes: undefined })).toBe(TokenKey.format({ ...base, scopes: [] }))
  })
})
