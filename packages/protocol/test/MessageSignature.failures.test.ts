// Messages that have no signature base, and hostile input.
import * as MessageSignature from "@countersign/protocol/MessageSignature"
import * as StructuredField from "@countersign/protocol/StructuredField"
import { describe, expect, it, vi } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"
import * as rfc9421 from "./rfc9421.js"

const { component, make, queryParam } = MessageSignature

const request: MessageSignature.Request = {
  method: "GET",
  url: "https://example.com/path?a=1&b=2&b=3",
  headers: {
    dict: "a=1, b=2",
    list: "a, b",
    broken: "a=1,",
    newline: "a\nb",
    return: "a\rb",
    fold: "a\r\n",
    nul: "a\u0000b",
    latin: "\u00e9",
    wide: "\u{1f600}",
    nothing: undefined,
    empty: []
  },
  trailers: { expires: "now" }
}

const response: MessageSignature.Response = { status: 200, headers: {}, trailers: {}, request }

const types = { dict: "dictionary", list: "list", broken: "dictionary", item: "item" } as const

const withParams = (name: string, ...params: ReadonlyArray<readonly [string, StructuredField.BareItem]>) => ({
  name,
  params: new Map(params)
})

const yes = StructuredField.boolean(true)
const no = StructuredField.boolean(false)

type Message = MessageSignature.Request | MessageSignature.Response

const failures: ReadonlyArray<
  readonly [MessageSignature.BaseReason, string, Message, ReadonlyArray<string | MessageSignature.Component>]
> = [
  ["InvalidComponent", '"Dict"', request, ["Dict"]],
  ["InvalidComponent", '""', request, [""]],
  ["InvalidComponent", '"a b"', request, ["a b"]],
  ["InvalidComponent", "", request, ["\u00e9"]],
  ["InvalidComponent", "", request, [component("dict", { key: "\u00e9" })]],
  ["DuplicateComponent", '"dict"', request, ["dict", "dict"]],
  ["DuplicateComponent", '"@method"', request, ["@method", "@path", "@method"]],
  [
    "DuplicateComponent",
    '"dict";req;sf',
    response,
    [component("dict", { sf: true, req: true }), component("dict", { req: true, sf: true })]
  ],
  ["UnknownDerivedComponent", '"@unknown"', request, ["@unknown"]],
  ["UnknownDerivedComponent", '"@METHOD"', request, ["@METHOD"]],
  ["UnknownDerivedComponent", '"@signature-params"', request, ["@signature-params"]],
  ["UnknownDerivedComponent", '"@toString"', request, ["@toString"]],
  ["UnknownParameter", '"dict";x', request, [withParams("dict", ["x", yes])]],
  ["UnknownParameter", '"dict";name="a"', request, [component("dict", { name: "a" })]],
  ["UnknownParameter", '"@method";tr', request, [component("@method", { tr: true })]],
  ["UnknownParameter", '"@path";name="a"', request, [component("@path", { name: "a" })]],
  ["UnknownParameter", '"@query-param";name="a";sf', request, [component("@query-param", { name: "a", sf: true })]],
  ["InvalidParameter", '"dict";sf=?0', request, [withParams("dict", ["sf", no])]],
  ["InvalidParameter", '"dict";sf=1', request, [withParams("dict", ["sf", StructuredField.integer(1)])]],
  ["InvalidParameter", '"dict";key=a', request, [withParams("dict", ["key", StructuredField.token("a")])]],
  ["InvalidParameter", '"@query-param"', request, ["@query-param"]],
  ["IncompatibleParameters", '"dict";bs;sf', request, [component("dict", { bs: true, sf: true })]],
  ["IncompatibleParameters", '"dict";key="a";bs', request, [component("dict", { key: "a", bs: true })]],
  ["WrongTarget", '"dict";req', request, [component("dict", { req: true })]],
  ["WrongTarget", '"@method";req', request, [component("@method", { req: true })]],
  ["WrongTarget", '"@status"', request, ["@status"]],
  ["WrongTarget", '"@status";req', response, [component("@status", { req: true })]],
  ...["@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query"].map(
    (name) => ["WrongTarget", `"${name}"`, response, [name]] as const
  ),
  ["WrongTarget", '"@query-param";name="a"', response, [queryParam("a")]],
  ["MissingRequest", '"dict";req', { status: 200, headers: {} }, [component("dict", { req: true })]],
  ["MissingField", '"other"', request, ["other"]],
  ["MissingField", '"constructor"', request, ["constructor"]],
  ["MissingField", '"nothing"', request, ["nothing"]],
  ["MissingField", '"empty"', request, ["empty"]],
  ["MissingField", '"dict"', response, ["dict"]],
  ["MissingField", '"dict";tr', request, [component("dict", { tr: true })]],
  ["MissingField", '"expires"', request, ["expires"]],
  ["MissingField", '"other";key="a"', request, [component("other", { key: "a" })]],
  ["MissingField", '"other";bs', request, [component("other", { bs: true })]],
  ["MissingMember", '"dict";key="c"', request, [component("dict", { key: "c" })]],
  ["MissingQueryParameter", '"@query-param";name="c"', request, [queryParam("c")]],
  ["MissingQueryParameter", '"@query-param";name="%61"', request, [component("@query-param", { name: "%61" })]],
  ["RepeatedQueryParameter", '"@query-param";name="b"', request, [queryParam("b")]],
  ["UnknownFieldType", '"latin";sf', request, [component("latin", { sf: true })]],
  ["UnknownFieldType", '"list";key="a"', request, [component("list", { key: "a" })]],
  ["MalformedField", '"broken";sf', request, [component("broken", { sf: true })]],
  ["MalformedField", '"broken";key="a"', request, [component("broken", { key: "a" })]],
  ["MalformedField", '"latin";key="a"', request, [component("latin", { key: "a" })]],
  ["InvalidUrl", '"@path"', { ...request, url: "/path" }, ["@path"]],
  ["InvalidUrl", '"@query-param";name="a"', { ...request, url: "ftp://example.com/?a=1" }, [queryParam("a")]],
  ["InvalidStatus", '"@status"', { ...response, status: 99 }, ["@status"]],
  ["InvalidStatus", '"@status"', { ...response, status: 1000 }, ["@status"]],
  ["InvalidStatus", '"@status"', { ...response, status: 200.5 }, ["@status"]],
  ["NewlineInValue", '"newline"', request, ["newline"]],
  ["NewlineInValue", '"return"', request, ["return"]],
  ["NewlineInValue", '"fold"', request, ["fold"]],
  ["NewlineInValue", '"newline";bs', request, [component("newline", { bs: true })]],
  ["NewlineInValue", '"return";bs', request, [component("return", { bs: true })]],
  ["NewlineInValue", '"@method"', { ...request, method: 'GET\n"@path": /' }, ["@method"]],
  ["ControlCharacter", '"nul"', request, ["nul"]],
  ["ControlCharacter", '"@method"', { ...request, method: "G\tT" }, ["@method"]],
  ["NonAsciiValue", '"latin"', request, ["latin"]],
  ["NonAsciiValue", '"wide";bs', request, [component("wide", { bs: true })]],
  ["NonAsciiValue", '"@request-target"', { ...request, requestTarget: "/\u00e9" }, ["@request-target"]],
  ["InvalidValue", '"@method"', { ...request, method: " GET" }, ["@method"]],
  ["InvalidValue", '"@request-target"', { ...request, requestTarget: "/ " }, ["@request-target"]]
]

describe("MessageSignature.base of what cannot be signed", () => {
  it.each(failures)("fails with %s for %s, %#", (reason, identifier, message, components) => {
    const failure = { _tag: "Err", reason, component: identifier }
    expect(MessageSignature.base(message, make(components), types)).toEqual(failure)
    expect(MessageSignature.explain(reason)).toMatch(/^[A-Z@].*\. [A-Z].*\.$/)
  })

  it.each([{ created: 1.5 }, { expires: 1e15 }, { keyid: "\u00e9" }, { nonce: "\n" }])(
    "fails with InvalidSignatureParams for %j",
    (metadata) => {
      const failure = { _tag: "Err", reason: "InvalidSignatureParams", component: "" }
      expect(MessageSignature.base(request, make(["@method"], metadata))).toEqual(failure)
    }
  )

  it("takes no member of a prototype for a field or a type", () => {
    const inherited = Object.create({ a: "1" }) as MessageSignature.Fields
    expect(MessageSignature.base({ ...request, headers: inherited }, make(["a"]))).toMatchObject({
      reason: "MissingField"
    })
    const message = { ...request, headers: { constructor: "1" } as MessageSignature.Fields }
    expect(MessageSignature.base(message, make([component("constructor", { sf: true })]))).toMatchObject({
      reason: "UnknownFieldType"
    })
  })
})

const seeds = rfc9421.vectors.flatMap(({ signature, signatureInput }) => [signatureInput, signature])

const identifiers = ['"@method"', '"@query-param";name="a"', '"dict";sf', '"dict";key="a"', '"latin";bs', '"@status"']

/** Any text that is one line of a base. */
const isLine = (line: string) => /^"[\x20-\x7e]*: [\t\x20-\x7e]*$/.test(line)

describe("MessageSignature with text from outside", () => {
  it("builds a base with one line for each component, for any Signature-Input", () => {
    const inner = FastCheck.array(FastCheck.constantFrom(...identifiers), { maxLength: 4 }).map(
      (all) => `a=(${all.join(" ")});created=1`
    )
    const text = FastCheck.oneof(inner, hostile.text(...seeds, ...identifiers, "a=(", ")", " "))
    FastCheck.assert(
      FastCheck.property(text, hostile.text("a", "\r\n ", "\n"), (field, value) => {
        const inputs = MessageSignature.parseInput(field)
        if (inputs._tag === "Err") return
        for (const input of inputs.value.values()) {
          const message = { ...request, method: value, headers: { ...request.headers, dict: value, latin: value } }
          const base = MessageSignature.base(message, input, types)
          if (base._tag === "Err") continue
          const lines = base.value.split("\n")
          expect(lines).toHaveLength(input.components.length + 1)
          for (const line of lines) expect(line).toSatisfy(isLine)
        }
      }),
      hostile.runs
    )
  })

  it("parses what it formats, for any signatures", () => {
    FastCheck.assert(
      FastCheck.property(hostile.text(...seeds), hostile.text(...seeds), (input, signature) => {
        const parsed = MessageSignature.parse({ "signature-input": [input, input], signature })
        if (parsed._tag === "Err") return
        const formatted = MessageSignature.format(parsed.value)
        expect(formatted._tag).toBe("Ok")
        if (formatted._tag === "Ok") expect(MessageSignature.parse(formatted.value)).toEqual(parsed)
      }),
      hostile.runs
    )
  })

  it("does work that is linear in the text", () => {
    const units = ['a=("b";key="c"),', '"@method" ', "a=(),", "a=::,", '("a";', "\r\n "]
    expect(hostile.growth(MessageSignature.parseInput, 4_096, ...units)).toBeLessThan(2.1)
    expect(hostile.growth(MessageSignature.parseSignature, 4_096, ...units)).toBeLessThan(2.1)
    const input = make(["dict", component("dict", { sf: true }), component("dict", { bs: true })])
    const base = (dict: string) => MessageSignature.base({ ...request, headers: { dict } }, input, types)
    expect(hostile.growth(base, 4_096, ...units, "\r\n", "a,", " \n")).toBeLessThan(2.1)
  })

  it("parses a field and a query once for any number of components", () => {
    const work = (count: number) => {
      const keys = Array.from({ length: count }, (_, index) => `k${index}`)
      const message = {
        ...request,
        url: `https://example.com/?${keys.join("=1&")}=1`,
        headers: { dict: keys.join(",") }
      }
      const input = make(keys.flatMap((key) => [component("dict", { key }), queryParam(key)]))
      const encode = vi.spyOn(TextEncoder.prototype, "encode")
      try {
        const looks = hostile.looks(() => {
          expect(MessageSignature.base(message, input, types)._tag).toBe("Ok")
        })
        return { looks, encoded: encode.mock.calls.length }
      } finally {
        encode.mockRestore()
      }
    }
    const [few, many] = [work(400), work(800)]
    expect(many.looks / few.looks).toBeLessThan(2.2)
    // One name and one value for each parameter of the query.
    expect(many.encoded).toBe(1600)
  })
})
