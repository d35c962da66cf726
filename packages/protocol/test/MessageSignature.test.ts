import * as MessageSignature from "@countersign/protocol/MessageSignature"
import * as StructuredField from "@countersign/protocol/StructuredField"
import { describe, expect, it } from "@effect/vitest"
import * as rfc9421 from "./rfc9421.js"

const { component, make, queryParam } = MessageSignature

const ok = <A>(value: A) => ({ _tag: "Ok", value })
const err = (reason: string) => ({ _tag: "Err", reason })

const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"))

const only = <A>(map: ReadonlyMap<string, A>): readonly [string, A] => {
  expect(map.size).toBe(1)
  return [...map][0]!
}

/** The lines of a base before `@signature-params`. */
const linesOf = (
  message: MessageSignature.Request | MessageSignature.Response,
  components: ReadonlyArray<string | MessageSignature.Component>,
  fieldTypes?: Readonly<Record<string, MessageSignature.FieldType>>
): ReadonlyArray<string> => {
  const base = MessageSignature.base(message, make(components), fieldTypes)
  expect(base).toMatchObject({ _tag: "Ok" })
  return base._tag === "Ok" ? base.value.split("\n").slice(0, -1) : []
}

describe("MessageSignature.base", () => {
  it.each(rfc9421.vectors)("builds the base of RFC 9421, $section, byte for byte", (vector) => {
    const signatures = MessageSignature.parse({
      "signature-input": vector.signatureInput,
      signature: vector.signature
    })
    if (signatures._tag === "Err") throw new Error(signatures.reason)
    const [label, signature] = only(signatures.value)
    const base = MessageSignature.base(vector.message, signature.input)
    expect(base).toEqual(ok(vector.base.join("\n")))
    // The signature of the RFC is valid for the base, so the base of the RFC was copied without an error.
    expect(rfc9421.verifies(vector.key, vector.base.join("\n"), signature.value)).toBe(true)
    expect(MessageSignature.format([[label, signature]])).toEqual(
      ok({ "signature-input": vector.signatureInput, signature: vector.signature })
    )
  })

  it("stays the same for the allowed transformations of RFC 9421, B.4, and changes for the others", () => {
    const { headers } = rfc9421.transformed
    const input = make(["@method", "@path", "@authority", "accept"], { created: 1618884473, keyid: "test-key-ed25519" })
    const base = (change: Partial<MessageSignature.Request>) =>
      MessageSignature.base({ ...rfc9421.transformed, ...change }, input)
    const original = base({})
    expect(original).toEqual(ok(rfc9421.vectors.find(({ section }) => section === "B.4")?.base.join("\n")))
    expect(base({ url: "https://example.org/demo?name1=Value1&Name2=value2&param=added" })).toEqual(original)
    expect(base({ headers: { ...headers, "accept-language": "en-US,en;q=0.5" } })).toEqual(original)
    expect(base({ headers: { accept: "application/json, */*" } })).toEqual(original)
    expect(base({ method: "POST", url: "https://example.com/demo" })).not.toEqual(original)
    expect(base({ headers: { accept: ["*/*", "application/json"] } })).not.toEqual(original)
  })

  it("canonicalizes the fields of RFC 9421 §2.1", () => {
    const headers = {
      host: "www.example.com",
      date: "Tue, 20 Apr 2021 02:07:56 GMT",
      "x-ows-header": "   Leading and trailing whitespace.\t ",
      "x-obs-fold-header": "Obsolete\r\n    line folding.",
      "cache-control": ["max-age=60", "   must-revalidate"],
      "example-dict": " a=1,    b=2;x=1;y=2,   c=(a   b   c)",
      "x-empty-header": " "
    }
    expect(linesOf({ status: 200, headers }, Object.keys(headers))).toEqual([
      '"host": www.example.com',
      '"date": Tue, 20 Apr 2021 02:07:56 GMT',
      '"x-ows-header": Leading and trailing whitespace.',
      '"x-obs-fold-header": Obsolete line folding.',
      '"cache-control": max-age=60, must-revalidate',
      '"example-dict": a=1,    b=2;x=1;y=2,   c=(a   b   c)',
      '"x-empty-header": '
    ])
  })

  it.each([
    ["a \t\r\n\t b", "a b"],
    ["a\n b\n  c", "a b c"],
    ["\r\n a\r\n ", "a"],
    ["a\r\n \r\n b", "a  b"]
  ])("replaces the obsolete line folding of %j", (value, expected) => {
    expect(linesOf({ status: 200, headers: { a: value } }, ["a"])).toEqual([`"a": ${expected}`])
  })

  it("serializes structured fields strictly, as in RFC 9421 §2.1.1 and §2.1.2", () => {
    const headers = { "example-dict": [" a=1,    b=2;x=1;y=2", "c=(a   b    c), d"], "example-list": "a,  ( b  )" }
    const types = { "example-dict": "dictionary", "example-list": "list", "example-item": "item" } as const
    const components = [
      component("example-dict", { sf: true }),
      ...["a", "d", "b", "c"].map((key) => component("example-dict", { key })),
      component("example-list", { sf: true }),
      component("example-item", { sf: true })
    ]
    expect(linesOf({ status: 200, headers: { ...headers, "example-item": "1.50 " } }, components, types)).toEqual([
      '"example-dict";sf: a=1, b=2;x=1;y=2, c=(a b c), d',
      '"example-dict";key="a": 1',
      '"example-dict";key="d": ?1',
      '"example-dict";key="b": 2;x=1;y=2',
      '"example-dict";key="c": (a b c)',
      '"example-list";sf: a, (b)',
      '"example-item";sf: 1.5'
    ])
  })

  it("knows the types of the structured fields of RFCs", () => {
    const headers = { priority: "u=1,i", "cache-status": "a,b;hit", "client-cert": ":YQ==:" }
    const components = Object.keys(headers).map((name) => component(name, { sf: true }))
    expect(linesOf({ status: 200, headers }, components)).toEqual([
      '"priority";sf: u=1, i',
      '"cache-status";sf: a, b;hit',
      '"client-cert";sf: :YQ==:'
    ])
  })

  it("wraps each line of a field with bs, as in RFC 9421 §2.1.3", () => {
    const wrapped = (value: string | ReadonlyArray<string>) =>
      linesOf({ status: 200, headers: { "example-header": value } }, [component("example-header", { bs: true })])
    expect(wrapped(["value, with, lots", " of, commas "])).toEqual([
      '"example-header";bs: :dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:'
    ])
    expect(wrapped("value, with, lots, of, commas")).toEqual([
      '"example-header";bs: :dmFsdWUsIHdpdGgsIGxvdHMsIG9mLCBjb21tYXM=:'
    ])
    expect(wrapped("\u00e9\u0000")).toEqual(['"example-header";bs: :6QA=:'])
  })

  it("takes components with tr from the trailer section, as in RFC 9421 §2.1.4", () => {
    const response = {
      status: 200,
      headers: { trailer: "Expires", expires: "never" },
      trailers: { expires: "Wed, 9 Nov 2022 07:28:00 GMT" }
    }
    expect(linesOf(response, ["@status", "trailer", component("expires", { tr: true }), "expires"])).toEqual([
      '"@status": 200',
      '"trailer": Expires',
      '"expires";tr: Wed, 9 Nov 2022 07:28:00 GMT',
      '"expires": never'
    ])
  })

  const target = (url: string, change: Partial<MessageSignature.Request> = {}) => ({
    method: "POST",
    url,
    headers: {},
    ...change
  })

  it("derives the components of RFC 9421 §2.2 from a request", () => {
    const names = ["@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query"]
    expect(linesOf(target("https://www.example.com/path?param=value"), names)).toEqual([
      '"@method": POST',
      '"@target-uri": https://www.example.com/path?param=value',
      '"@authority": www.example.com',
      '"@scheme": https',
      '"@request-target": /path?param=value',
      '"@path": /path',
      '"@query": ?param=value'
    ])
  })

  it.each([
    ["@scheme", "http://www.example.com/path?param=value", "http"],
    ["@authority", "HTTPS://user:secret@WWW.Example.com:443", "www.example.com"],
    ["@authority", "http://www.example.com:8080/", "www.example.com:8080"],
    ["@authority", "https://[2001:DB8::1]:444/", "[2001:db8::1]:444"],
    ["@target-uri", "https://user:secret@example.com#part", "https://example.com/"],
    ["@path", "https://example.com?a", "/"],
    ["@path", "https://example.com/a%2Fb%c3%bc/?#b", "/a%2Fb%c3%bc/"],
    ["@query", "https://example.com/path?param=value&foo=bar&baz=bat%2Dman", "?param=value&foo=bar&baz=bat%2Dman"],
    ["@query", "https://example.com/path?queryString", "?queryString"],
    ["@query", "https://example.com/path?it's?", "?it's?"],
    ["@query", "https://example.com/path?", "?"],
    ["@query", "https://example.com/path", "?"]
  ])("derives %s of %s", (name, url, value) => {
    expect(linesOf(target(url), [name])).toEqual([`"${name}": ${value}`])
  })

  it.each(["https://www.example.com/path?param=value", "www.example.com:80", "*"])(
    "uses the request target %s of HTTP/1.1, as in RFC 9421 §2.2.5",
    (requestTarget) => {
      const lines = linesOf(target("https://www.example.com/path", { requestTarget }), ["@request-target"])
      expect(lines).toEqual([`"@request-target": ${requestTarget}`])
    }
  )

  it("encodes names and values of query parameters, as in RFC 9421 §2.2.8", () => {
    const url =
      "https://www.example.com/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something&qux=&e=!'()~*-._"
    const components = ["var", "bar", 'fa\u00e7ade": ', "qux", "e"].map(queryParam)
    expect(linesOf(target(url), components)).toEqual([
      '"@query-param";name="var": this%20is%20a%20big%0Amultiline%20value',
      '"@query-param";name="bar": with%20plus%20whitespace',
      '"@query-param";name="fa%C3%A7ade%22%3A%20": something',
      '"@query-param";name="qux": ',
      '"@query-param";name="e": %21%27%28%29%7E*-._'
    ])
  })

  it("keeps the order of parameters, and distinguishes components by them", () => {
    const components = [
      component("priority", { key: "u", req: true }),
      component("priority", { req: true }),
      component("priority", { req: true, key: "i" }),
      "priority"
    ]
    const request = target("https://example.com/", { headers: { priority: "u=1, i" } })
    expect(linesOf({ status: 200, headers: { priority: "u=2" }, request }, components)).toEqual([
      '"priority";key="u";req: 1',
      '"priority";req: u=1, i',
      '"priority";req;key="i": ?1',
      '"priority": u=2'
    ])
  })
})

describe("MessageSignature.make and metadata", () => {
  it("keep the order of parameters, and leave out undefined ones", () => {
    const input = make(["@method"], {
      tag: "app",
      nonce: undefined,
      alg: "ed25519",
      created: 1,
      expires: 2,
      keyid: "k"
    })
    expect([...input.params.keys()]).toEqual(["tag", "alg", "created", "expires", "keyid"])
    expect(MessageSignature.metadata(input)).toEqual({ tag: "app", alg: "ed25519", created: 1, expires: 2, keyid: "k" })
  })
})

describe("MessageSignature.parse and format", () => {
  const input = make(["@method", component("a", { key: "b" })], { created: 1, keyid: "k" })
  const other = make([], { nonce: "n" })
  const fields = {
    "signature-input": 'sig1=("@method" "a";key="b");created=1;keyid="k", sig2=();nonce="n"',
    signature: "sig1=:AAEC:, sig2=:/w==:"
  }
  const signatures = new Map([
    ["sig1", { input, value: bytes("AAEC") }],
    ["sig2", { input: other, value: bytes("/w==") }]
  ])

  it("parse and format several signatures, in one or several lines", () => {
    expect(MessageSignature.format(signatures)).toEqual(ok(fields))
    expect(MessageSignature.parse(fields)).toEqual(ok(signatures))
    const lines = {
      "signature-input": fields["signature-input"].split(", "),
      signature: ["sig2=:/w==:", "sig1=:AAEC:"]
    }
    expect(MessageSignature.parse(lines)).toEqual(ok(signatures))
  })

  it("parses the fields of RFC 9421 §4.3, with the signatures of a client and a proxy", () => {
    const proxy = rfc9421.vectors.find(({ section }) => section.includes("proxy"))!
    const [label, value] = proxy.signature.split("=:")
    const parsed = MessageSignature.parse({
      "signature-input": ['sig1=("@method");created=1618884475;keyid="test-key-ecc-p256"', proxy.signatureInput],
      signature: ["sig1=:YQ==:", proxy.signature]
    })
    expect(parsed._tag === "Ok" && parsed.value.get(label!)?.value).toEqual(bytes(value!.slice(0, -1)))
    expect(parsed._tag === "Ok" && MessageSignature.metadata(parsed.value.get(label!)!.input)).toEqual({
      created: 1618884480,
      keyid: "test-key-rsa",
      alg: "rsa-v1_5-sha256",
      expires: 1618884540
    })
  })

  it("keeps unknown parameters in their order", () => {
    const text = 'a=("x";z=1.0);y=tok;created=1;x=@5'
    const parsed = MessageSignature.parseInput(text)
    expect(
      parsed._tag === "Ok" &&
        MessageSignature.format(new Map([["a", { input: parsed.value.get("a")!, value: bytes("") }]]))
    ).toEqual(ok({ "signature-input": text, signature: "a=::" }))
  })

  it("finds no signatures in a message without the fields", () => {
    expect(MessageSignature.parse({})).toEqual(ok(new Map()))
  })

  it.each([
    [{ signature: "a=:AA==:" }, "UnpairedLabel"],
    [{ "signature-input": "a=()" }, "UnpairedLabel"],
    [{ "signature-input": "a=()", signature: "b=:AA==:" }, "UnpairedLabel"],
    [{ "signature-input": "a=(), a=()", signature: "a=:AA==:" }, "DuplicateLabel"],
    [{ "signature-input": "a=()", signature: ["a=:AA==:", "a=:AQ==:"] }, "DuplicateLabel"],
    [{ "signature-input": "a=(", signature: "a=:AA==:" }, "MalformedField"],
    [{ "signature-input": "a=()", signature: "a=:AA" }, "MalformedField"],
    [{ "signature-input": "a=1", signature: "a=:AA==:" }, "InvalidMember"],
    [{ "signature-input": "a=(b)", signature: "a=:AA==:" }, "InvalidMember"],
    [{ "signature-input": "a=()", signature: 'a="AA=="' }, "InvalidMember"],
    [{ "signature-input": "a=()", signature: "a=(:AA==:)" }, "InvalidMember"],
    [{ "signature-input": "a=();created=1.0", signature: "a=:AA==:" }, "InvalidParameter"],
    [{ "signature-input": "a=();created", signature: "a=:AA==:" }, "InvalidParameter"],
    [{ "signature-input": 'a=();expires="1"', signature: "a=:AA==:" }, "InvalidParameter"],
    [{ "signature-input": "a=();keyid=k", signature: "a=:AA==:" }, "InvalidParameter"],
    [{ "signature-input": "a=();alg=ed25519", signature: "a=:AA==:" }, "InvalidParameter"],
    [{ "signature-input": "a=();nonce=1", signature: "a=:AA==:" }, "InvalidParameter"],
    [{ "signature-input": "a=();tag=?1", signature: "a=:AA==:" }, "InvalidParameter"],
    [{ "signature-input": "a".padEnd(StructuredField.maxLength + 1), signature: "" }, "MalformedField"]
  ])("rejects %j as %s", (headers, reason) => {
    expect(MessageSignature.parse(headers)).toEqual(err(reason))
  })

  it.each([
    ["A", input, "InvalidLabel"],
    ["a", make(["\u00e9"]), "InvalidComponent"],
    ["a", make([component("a", { key: "\u00e9" })]), "InvalidParameter"],
    ["a", make([], { created: 1.5 }), "InvalidParameter"],
    ["a", make([], { keyid: "\n" }), "InvalidParameter"]
  ])("does not format label %j, %#", (label, invalid, reason) => {
    expect(MessageSignature.format([[label, { input: invalid, value: bytes("") }]])).toEqual(err(reason))
  })
})
