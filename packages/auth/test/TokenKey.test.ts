import * as TokenKey from "@countersign/auth/TokenKey"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"

/** Few characters, those of the format among them: among many short keys, a boundary that can be forged is found. */
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
  it("gives two keys the same text only if they mean the same", () => {
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
    ["no account and the one without a name", {}, { account: "" }],
    ["no resource and an empty one", {}, { resource: "" }],
    ["two scopes and one that holds a space", { scopes: ["a", "b"] }, { scopes: ["a b"] }],
    ["no scope and an empty one", { scopes: [] }, { scopes: [""] }],
    ["two scopes and one that looks like both", { scopes: ["a", "b"] }, { scopes: ["a,1:b"] }],
    ["an issuer and a client that swap a character", { issuer: "1:a", client: "" }, { issuer: "1:", client: "a" }]
  ])("tells apart %s", (_, one, other) => {
    expect(TokenKey.format({ ...base, ...one })).not.toBe(TokenKey.format({ ...base, ...other }))
  })

  it("does not mind the order of scopes, nor that one is named twice", () => {
    const text = TokenKey.format({ ...base, scopes: ["write", "read"] })
    expect(TokenKey.format({ ...base, scopes: ["read", "write", "read"] })).toBe(text)
    expect(TokenKey.format({ ...base, scopes: undefined })).toBe(TokenKey.format({ ...base, scopes: [] }))
  })
})
