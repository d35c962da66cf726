import * as Challenge from "@countersign/protocol/Challenge"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const challenge = (scheme: string, params: Record<string, string> = {}) => ({ scheme, params })
const opaque = (scheme: string, token68: string) => ({ scheme, token68, params: {} })

const wellFormed = [
  ["Basic", [challenge("basic")]],
  ['Basic realm="Fake Realm"', [challenge("basic", { realm: "Fake Realm" })]],
  ["BASIC REALM=simple", [challenge("basic", { realm: "simple" })]],
  [
    'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
    [
      challenge("basic", { realm: "simple" }),
      challenge("newauth", { realm: "apps", type: "1", title: 'Login to "apps"' })
    ]
  ],
  ["Negotiate, NTLM", [challenge("negotiate"), challenge("ntlm")]],
  ["Negotiate YIIBhg+/9._~-==", [opaque("negotiate", "YIIBhg+/9._~-==")]],
  ["Negotiate abc=, Basic realm=x", [opaque("negotiate", "abc="), challenge("basic", { realm: "x" })]],
  ["Scheme a=b", [challenge("scheme", { a: "b" })]],
  // A name with an equals sign and no value is a token68.
  ["Scheme realm=", [opaque("scheme", "realm=")]],
  ["Scheme realm", [opaque("scheme", "realm")]],
  [
    'Bearer realm="a, b=c", error = "x" ,error_description\t=\t"y"',
    [challenge("bearer", { realm: "a, b=c", error: "x", error_description: "y" })]
  ],
  [' , ,Basic  , , realm="x",, ,', [challenge("basic", { realm: "x" })]],
  ['Basic realm=""', [challenge("basic", { realm: "" })]],
  ['Basic realm="\\a\\\\\\""', [challenge("basic", { realm: 'a\\"' })]],
  ['Basic realm="Zürich \u00ff"', [challenge("basic", { realm: "Zürich \u00ff" })]],
  ['Digest nonce="1", Digest nonce="2"', [challenge("digest", { nonce: "1" }), challenge("digest", { nonce: "2" })]],
  ["", []],
  [" ,\t, ", []]
] as const

const malformed = [
  ["Basic realm=@, charset=UTF-8", [challenge("basic", { charset: "UTF-8" })]],
  ['Basic realm="x" y, charset=UTF-8', [challenge("basic", { charset: "UTF-8" })]],
  ['Basic realm="x"y="z", a=b', [challenge("basic", { a: "b" })]],
  ['Basic a=b, realm="unclosed, Digest nonce=1', [challenge("basic", { a: "b" })]],
  ['Basic a=b, realm="ends with a backslash\\', [challenge("basic", { a: "b" })]],
  ['Basic realm="a\u0000b", c="d\re\n", f=g', [challenge("basic", { f: "g" })]],
  ['Basic realm="a\tb"', [challenge("basic", { realm: "a\tb" })]],
  ["Basic a=1, , =2, b=3", [challenge("basic", { a: "1", b: "3" })]],
  ['Basic a=1, "quoted, text", b=3', [challenge("basic", { a: "1", b: "3" })]],
  [
    'Digest a=1, B@d realm="x, y", c=2, Basic realm=z',
    [challenge("digest", { a: "1" }), challenge("basic", { realm: "z" })]
  ],
  ['Basic a=1, "quote \\", Evil b=2", c=3', [challenge("basic", { a: "1", c: "3" })]],
  ["realm=orphan, Basic realm=x", [challenge("basic", { realm: "x" })]],
  ["Negotiate abc=, realm=late", [opaque("negotiate", "abc=")]],
  ["Basic realm=first, REALM=second", [challenge("basic", { realm: "first" })]],
  ['Basic realm="", realm=second', [challenge("basic", { realm: "" })]],
  ["Bearer Basic realm=x, a=b", [challenge("bearer", { a: "b" })]],
  ["Basic ???, a=b", [challenge("basic", { a: "b" })]],
  ["(Basic) realm=x", []]
] as const

describe("Challenge.parse", () => {
  it.each(wellFormed)("parses the well-formed field %j", (value, challenges) => {
    expect(Challenge.parse(value)).toEqual(challenges)
  })

  it.each(malformed)("skips the malformed parts of %j and keeps the rest", (value, challenges) => {
    expect(Challenge.parse(value)).toEqual(challenges)
  })

  it("parses several lines in their order, as if joined with commas", () => {
    const lines = ['Digest realm="a", nonce="n"', "qop=auth", "", "Basic realm=b"]
    expect(Challenge.parse(lines)).toEqual([
      challenge("digest", { realm: "a", nonce: "n", qop: "auth" }),
      challenge("basic", { realm: "b" })
    ])
    expect(Challenge.parse(lines)).toEqual(Challenge.parse(lines.join(", ")))
  })

  it("ends an unclosed quoted string at the end of its line", () => {
    expect(Challenge.parse(['Digest realm="open', 'Basic realm="b"'])).toEqual([
      challenge("digest"),
      challenge("basic", { realm: "b" })
    ])
  })

  it("treats __proto__ and constructor as normal parameter names", () => {
    const [found] = Challenge.parse('Basic __proto__="polluted", constructor=c, toString=t')
    expect(Object.entries(found?.params ?? {})).toEqual([
      ["__proto__", "polluted"],
      ["constructor", "c"],
      ["tostring", "t"]
    ])
    expect(Object.getPrototypeOf(found?.params)).toBeNull()
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  })

  it("reads 16 KiB and drops the challenge that is cut there", () => {
    const fits = `Basic realm=a, Digest nonce="${"n".repeat(Challenge.maxLength - 30)}"`
    expect(fits.length).toBe(Challenge.maxLength)
    expect(Challenge.parse(fits)).toHaveLength(2)
    expect(Challenge.parse(`${fits},`)).toEqual([challenge("basic", { realm: "a" })])
    expect(Challenge.parse([fits, "Bearer"])).toEqual([challenge("basic", { realm: "a" })])
    expect(Challenge.parse(["Basic realm=a", "x".repeat(1 << 20), "Bearer"])).toEqual([
      challenge("basic", { realm: "a" })
    ])
  })

  it("parses any challenges that follow the grammar", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(anyChallenge, { maxLength: 4 }), spelling, (challenges, style) => {
        expect(Challenge.parse(print(challenges, style))).toEqual(challenges)
        expect(Challenge.parse(challenges.map((one) => print([one], style)))).toEqual(challenges)
      }),
      { numRuns: 2_000 }
    )
  })

  it("returns lower-case names and values without control characters, for any text", () => {
    const seeds = [...wellFormed, ...malformed].map(([value]) => value)
    FastCheck.assert(
      FastCheck.property(hostile.text(...seeds, ",", '"', "\\", "=", " "), (text) => {
        for (const { params, scheme, token68 } of Challenge.parse([text, text])) {
          expect(scheme).toBe(scheme.toLowerCase())
          expect(scheme).not.toBe("")
          expect(token68).not.toBe("")
          for (const [name, value] of Object.entries(params)) {
            expect(name).toBe(name.toLowerCase())
            for (const character of value)
              expect(character === "\t" || (character >= " " && character !== "\u007f")).toBe(true)
          }
        }
      }),
      hostile.runs
    )
  })

  const units = ["Basic ", 'Basic a="b" c,', "Basic a=\u0000,", "B@,", 'a="\\",', "a  "]

  it("does work that is linear in the text, and constant beyond maxLength", () => {
    expect(hostile.growth(Challenge.parse, 4_096, ...units)).toBeLessThan(2.1)
    for (const input of hostile.floods(Challenge.maxLength, ...units)) {
      const most = hostile.looks(() => Challenge.parse(input))
      expect(hostile.looks(() => Challenge.parse(input.repeat(64)))).toBeLessThanOrEqual(most)
      expect(hostile.looks(() => Challenge.parse([input, input]))).toBeLessThanOrEqual(most)
    }
  })
})

describe("Challenge.find", () => {
  it("finds the first challenge of a scheme in any letter case, or undefined", () => {
    const challenges = Challenge.parse("Basic realm=a, Bearer, BASIC realm=b")
    expect(Challenge.find(challenges, "BaSiC")).toEqual(challenge("basic", { realm: "a" }))
    expect(Challenge.find(challenges, "digest")).toBeUndefined()
  })
})

const letters = FastCheck.string({
  unit: FastCheck.constantFrom(..."abcxyz019!#$%&'*+-.^_`|~"),
  minLength: 1,
  maxLength: 8
})
const token68 = FastCheck.tuple(
  FastCheck.string({ unit: FastCheck.constantFrom(..."abcXYZ019-._~+/"), minLength: 1, maxLength: 12 }),
  FastCheck.constantFrom("", "=", "==")
).map((parts) => parts.join(""))
const quotable = FastCheck.string({
  unit: FastCheck.oneof(
    FastCheck.constantFrom(...'",\\= \t'),
    FastCheck.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    FastCheck.constant("é")
  ),
  maxLength: 12
})
const params = FastCheck.dictionary(letters, quotable, { minKeys: 0, maxKeys: 4, noNullPrototype: true })
const anyChallenge = FastCheck.oneof(
  FastCheck.record({ scheme: letters, params }),
  FastCheck.record({ scheme: letters, token68, params: FastCheck.constant({}) })
)
const spelling = FastCheck.record({
  blank: FastCheck.constantFrom("", " ", "\t "),
  comma: FastCheck.constantFrom(",", ", ", " ,\t", ", , ,"),
  upper: FastCheck.boolean(),
  escapeAll: FastCheck.boolean()
})

type Style = typeof spelling extends FastCheck.Arbitrary<infer A> ? A : never

const print = (challenges: ReadonlyArray<Challenge.Challenge>, { blank, comma, escapeAll, upper }: Style): string => {
  const name = (text: string): string => (upper ? text.toUpperCase() : text)
  const quote = (value: string): string =>
    `"${Array.from(value, (c) => (escapeAll || c === '"' || c === "\\" ? `\\${c}` : c)).join("")}"`
  return challenges
    .map(({ params, scheme, token68 }) => {
      const list = Object.entries(params).map(([key, value]) => `${name(key)}${blank}=${blank}${quote(value)}`)
      return `${name(scheme)} ${token68 ?? list.join(comma)}`
    })
    .join(comma)
}
