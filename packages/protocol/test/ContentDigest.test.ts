import * as ContentDigest from "@countersign/protocol/ContentDigest"
import * as FastCheck from "effect/FastCheck"
import { createHash } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import * as hostile from "./hostile.js"

const content = '{"hello": "world"}'
const hash = (algorithm: string, text = content) => new Uint8Array(createHash(algorithm).update(text).digest())
const ok = <A>(value: A) => ({ _tag: "Ok", value })
const err = (reason: string) => ({ _tag: "Err", reason })

// RFC 9530, Appendix D: samples for `{"hello": "world"}`.
const sha512 = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
const sha256 = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
const md5 = "md5=:Sd/dVLAcvNLSq16eXua5uQ==:"
const unixsum = "unixsum=:GQU=:"

describe("ContentDigest.parse and format", () => {
  it("parse and format the samples of RFC 9530", () => {
    const digests = new Map([
      ["sha-512", hash("sha512")],
      ["sha-256", hash("sha256")],
      ["md5", hash("md5")],
      ["unixsum", new Uint8Array([0x19, 0x05])]
    ])
    const field = `${sha512}, ${sha256}, ${md5}, ${unixsum}`
    expect(ContentDigest.parse(field)).toEqual(ok(digests))
    expect(ContentDigest.parse([`${sha512},${sha256}`, md5, unixsum])).toEqual(ok(digests))
    expect(ContentDigest.format(digests)).toEqual(ok(field))
  })

  it("ignores parameters and members that are no Byte Sequences", () => {
    expect(ContentDigest.parse(`${sha256};q=1, sha-512="abc", crc32c, md5=(:YQ==:)`)).toEqual(
      ok(new Map([["sha-256", hash("sha256")]]))
    )
  })

  it.each([
    ["sha-256=:X48E:, ", "InvalidKey"],
    ["sha-256=:X48E", "InvalidByteSequence"],
    ["SHA-256=:X48E:", "InvalidKey"],
    // RFC 9530, Appendices B and C have hashes with one `=` too many.
    ["sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg==:", "InvalidByteSequence"]
  ])("rejects the malformed field %j as %s", (field, reason) => {
    expect(ContentDigest.parse(field)).toEqual(err(reason))
  })

  it("does not format a hash of another size, or an invalid name", () => {
    expect(ContentDigest.format([["sha-256", hash("sha512")]])).toEqual(err("InvalidSize"))
    expect(ContentDigest.format([["sha-512", hash("sha256")]])).toEqual(err("InvalidSize"))
    expect(ContentDigest.format([["SHA-256", hash("sha256")]])).toEqual(err("InvalidAlgorithm"))
    expect(ContentDigest.format([])).toEqual(ok(""))
  })

  it("parse what they format, for any hashes", () => {
    const digests = FastCheck.dictionary(
      FastCheck.constantFrom("md5", "sha", "crc32c", "adler"),
      FastCheck.uint8Array({ maxLength: 80 }),
      { noNullPrototype: true }
    )
    FastCheck.assert(
      FastCheck.property(digests, (all) => {
        const field = ContentDigest.format(Object.entries(all))
        expect(ContentDigest.parse(field._tag === "Ok" ? field.value : "?")).toEqual(ok(new Map(Object.entries(all))))
      })
    )
  })
})

describe("ContentDigest.strongest", () => {
  const of = (field: string) => {
    const digests = ContentDigest.parse(field)
    return digests._tag === "Ok" ? ContentDigest.strongest(digests.value) : digests
  }

  it.each([
    [`${sha256}, ${sha512}`, { algorithm: "sha-512", hash: hash("sha512") }],
    [`${md5}, ${sha256}`, { algorithm: "sha-256", hash: hash("sha256") }],
    [`sha-512=:X48E:, ${sha256}`, { algorithm: "sha-256", hash: hash("sha256") }],
    [`${md5}, ${unixsum}`, undefined],
    ["", undefined]
  ])("finds the strongest hash of %j", (field, expected) => {
    expect(of(field)).toEqual(expected)
  })
})

describe("ContentDigest.parsePreferences, formatPreferences and preferred", () => {
  const preferences = new Map([
    ["sha-512", 3],
    ["sha-256", 10],
    ["unixsum", 0]
  ])

  it("parse and format the example of RFC 9530", () => {
    const field = "sha-512=3, sha-256=10, unixsum=0"
    expect(ContentDigest.parsePreferences(field)).toEqual(ok(preferences))
    expect(ContentDigest.formatPreferences(preferences)).toEqual(ok(field))
  })

  it("ignores members that are no integers from 0 to 10", () => {
    expect(ContentDigest.parsePreferences("a=11, b=-1, c=1.0, d=?1, e, f=(1), g=7;x")).toEqual(ok(new Map([["g", 7]])))
    expect(ContentDigest.parsePreferences("a=1 b")).toEqual(err("InvalidSeparator"))
  })

  it.each([11, -1, 1.5, Number.NaN])("does not format the preference %d", (preference) => {
    expect(ContentDigest.formatPreferences([["sha-256", preference]])).toEqual(err("InvalidPreference"))
  })

  it("does not format an invalid name", () => {
    expect(ContentDigest.formatPreferences([["sha 256", 1]])).toEqual(err("InvalidAlgorithm"))
  })

  it.each([
    [["sha-512", "sha-256"], "sha-256"],
    [["sha-512", "md5"], "sha-512"],
    [["unixsum", "md5"], undefined],
    [[], undefined]
  ])("prefers of %j the algorithm %s", (supported, expected) => {
    expect(ContentDigest.preferred(preferences, supported)).toBe(expected)
  })

  it("prefers the first of two algorithms with one preference", () => {
    const equal = new Map([
      ["a", 5],
      ["b", 5]
    ])
    expect(ContentDigest.preferred(equal, ["b", "a"])).toBe("b")
  })
})

describe("ContentDigest with text from outside", () => {
  it("never throws, and returns only preferences that can be formatted", () => {
    FastCheck.assert(
      FastCheck.property(hostile.text(`${sha256}, ${md5};a=1`, "sha-256=10, a=0", ",", "=", ":"), (text) => {
        const digests = ContentDigest.parse([text, text])
        if (digests._tag === "Ok") {
          for (const hash of digests.value.values()) expect(hash).toBeInstanceOf(Uint8Array)
        }
        const found = ContentDigest.parsePreferences(text)
        if (found._tag === "Ok") expect(ContentDigest.formatPreferences(found.value)._tag).toBe("Ok")
      }),
      hostile.runs
    )
  })

  it("does work that is linear in the text", () => {
    const units = [`${sha256},`, "a=1,", "a,", ":AAAA:,"]
    expect(hostile.growth(ContentDigest.parse, 4_096, ...units)).toBeLessThan(2.1)
    expect(hostile.growth(ContentDigest.parsePreferences, 4_096, ...units)).toBeLessThan(2.1)
  })
})
