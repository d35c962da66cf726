import * as Link from "@countersign/protocol/Link"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const link = (target: string, params: Record<string, string> = {}, ...relations: ReadonlyArray<string>) => ({
  target,
  relations,
  params
})

const next = (target: string) => link(target, { rel: "next" }, "next")

const wellFormed = [
  ['</a?page=2>; rel="next"', [next("/a?page=2")]],
  ["</a>;rel=next", [next("/a")]],
  ["</a> ; REL = NEXT", [link("/a", { rel: "NEXT" }, "next")]],
  [
    '<https://api.github.com/repositories/1/issues?page=2>; rel="next", <https://api.github.com/repositories/1/issues?page=5>; rel="last"',
    [
      next("https://api.github.com/repositories/1/issues?page=2"),
      link("https://api.github.com/repositories/1/issues?page=5", { rel: "last" }, "last")
    ]
  ],
  ['<a>; rel="last  NEXT"', [link("a", { rel: "last  NEXT" }, "last", "next")]],
  // Commas, semicolons and quotes in a URL and in quotes.
  [
    '<a?q=1,2;3"4">; title="x, <b>; rel=prev"; rel=next',
    [link('a?q=1,2;3"4"', { title: "x, <b>; rel=prev", rel: "next" }, "next")]
  ],
  ['<a>; title="say \\"next\\""; rel=next', [link("a", { title: 'say "next"', rel: "next" }, "next")]],
  [
    '<a>; results="true"; cursor="0:100:0"; rel="next"',
    [link("a", { results: "true", cursor: "0:100:0", rel: "next" }, "next")]
  ],
  ["<a>; title*=UTF-8''n%c3%a4chste; rel=next", [link("a", { "title*": "UTF-8''n%c3%a4chste", rel: "next" }, "next")]],
  [
    "<a>; rel=https://example.com/rel/next",
    [link("a", { rel: "https://example.com/rel/next" }, "https://example.com/rel/next")]
  ],
  ["<a>; crossorigin; rel=next", [link("a", { crossorigin: "", rel: "next" }, "next")]],
  ["<>; rel=self", [link("", { rel: "self" }, "self")]],
  ["< /a\t>; rel=next", [next("/a")]],
  ["<a>", [link("a")]],
  ["<a>, , <b>;;rel=next;", [link("a"), next("b")]],
  // Octets of UTF-8, as transports give them.
  ["</\u00c3\u00bc>; rel=next", [next("/%C3%BC")]],
  ["", []],
  [" ,\t, ", []]
] as const

const malformed = [
  ["/a; rel=next, <b>; rel=next", [next("b")]],
  ['"<x>; rel=next, ", <b>; rel=next', [next("b")]],
  ["<a; rel=next, <b>; rel=next", [next("a; rel=next, <b")]],
  ["<a", []],
  ["<a>; rel=next, <b", [next("a")]],
  ["<a> rel=next, <b>; rel=next", [link("a"), next("b")]],
  ["<a>; =next; rel=next", [next("a")]],
  ["<a>; rel=next; rel=prev", [next("a")]],
  ['<a>; rel="next"x; title=b', [link("a", { rel: "next", title: "b" }, "next")]],
  ['<a>; title="open; rel=next', [link("a")]],
  ['<a>; title="b\u0000"; rel=next, <b>; rel=next', [next("a"), next("b")]]
] as const

describe("Link.parse", () => {
  it.each(wellFormed)("parses the well-formed field %j", (value, links) => {
    expect(Link.parse(value)).toEqual(links)
  })

  it.each(malformed)("skips the malformed parts of %j and keeps the rest", (value, links) => {
    expect(Link.parse(value)).toEqual(links)
  })

  it("parses several lines in their order, as if joined with commas", () => {
    const lines = ["<a>; rel=prev", "", "<b>; rel=next"]
    expect(Link.parse(lines)).toEqual([link("a", { rel: "prev" }, "prev"), next("b")])
    expect(Link.parse(lines)).toEqual(Link.parse(lines.join(", ")))
  })

  it("treats __proto__ as a normal parameter", () => {
    const [found] = Link.parse("<a>; __proto__=x; rel=next")
    expect(found?.params["__proto__"]).toBe("x")
    expect(found?.relations).toEqual(["next"])
  })

  it("parses any links that follow the grammar", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(anyLink, { maxLength: 4 }), blanks, (links, blank) => {
        expect(Link.parse(links.map((one) => print(one, blank)).join(`${blank},${blank}`))).toEqual(links)
      }),
      { numRuns: 2_000 }
    )
  })

  it("returns lower-case names and relation types, for any text", () => {
    const seeds = [...wellFormed, ...malformed].map(([value]) => value)
    FastCheck.assert(
      FastCheck.property(hostile.text(...seeds, ",", '"', ";", "<", ">", "="), (text) => {
        for (const { params, relations } of Link.parse([text, text])) {
          for (const relation of relations) expect(relation).toBe(relation.toLowerCase())
          for (const name of Object.keys(params)) expect(name).toBe(name.toLowerCase())
        }
      }),
      hostile.runs
    )
  })

  it("does work that is linear in the text", () => {
    const units = ["<", "<a>", "<a>;", "<a>; b=c,", '<a>;b="c', '<a>;b="\u0000",', ";", '<a>;b="c" d']
    expect(hostile.growth(Link.parse, 4_096, ...units)).toBeLessThan(2.1)
  })
})

describe("Link.find", () => {
  it("finds the first link with a relation type in any letter case, or undefined", () => {
    const links = Link.parse('<a>; rel="last Next", <b>; rel=next')
    expect(Link.find(links, "NEXT")?.target).toBe("a")
    expect(Link.find(links, "prev")).toBeUndefined()
  })

  it("ignores a link with an anchor, which belongs to another resource", () => {
    expect(Link.find(Link.parse('<a>; rel=next; anchor="/other", <b>; rel=next'), "next")?.target).toBe("b")
  })
})

const base = "https://user:secret@api.example.com/v1/issues?page=1&q=%27#top"

describe("Link.resolve", () => {
  it.each([
    ["https://api.example.com/v1/issues?page=2", "https://api.example.com/v1/issues?page=2"],
    ["/v1/issues?page=2", "https://api.example.com/v1/issues?page=2"],
    ["issues?page=2", "https://api.example.com/v1/issues?page=2"],
    ["?page=2", "https://api.example.com/v1/issues?page=2"],
    ["//other.example/x", "https://other.example/x"],
    ["http://api.example.com/x", "http://api.example.com/x"],
    ["/x#part", "https://api.example.com/x"],
    ["", "https://api.example.com/v1/issues?page=1&q=%27"],
    ["/a/../b?x=../c", "https://api.example.com/b?x=../c"],
    ["/x?name=O'Hara&f=%2f%2F", "https://api.example.com/x?name=O'Hara&f=%2f%2F"],
    ["/\u00fc", "https://api.example.com/%C3%BC"]
  ])("resolves %j to %s", (reference, url) => {
    expect(Link.resolve(reference, base)).toBe(url)
  })

  it.each([
    "file:///etc/passwd",
    "data:text/plain,x",
    "https://",
    "https://u@api.example.com/",
    "//u:p@x/",
    "/a\nb",
    "http://[::1"
  ])("rejects %j", (reference) => {
    expect(Link.resolve(reference, base)).toBeUndefined()
  })

  it("rejects a base that is no absolute URL", () => {
    expect(Link.resolve("/x", "/v1")).toBeUndefined()
  })
})

const letters = FastCheck.string({
  unit: FastCheck.constantFrom(..."abcxyz019!#$%&*+-.^_|~"),
  minLength: 1,
  maxLength: 8
})
const quotable = FastCheck.string({
  unit: FastCheck.oneof(
    FastCheck.constantFrom(...'",;<>\\= \t'),
    FastCheck.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code))
  ),
  maxLength: 12
})
const target = FastCheck.string({ unit: FastCheck.constantFrom(...'abc019/?&=,;%:"'), maxLength: 12 })
const params = FastCheck.dictionary(letters, quotable, { maxKeys: 4, noNullPrototype: true })
const anyLink = FastCheck.tuple(target, params, FastCheck.array(letters, { maxLength: 2 })).map(
  ([url, others, relations]): Link.Link => ({ target: url, relations, params: { ...others, rel: relations.join(" ") } })
)
const blanks = FastCheck.constantFrom("", " ", "\t ")

const print = ({ params: list, target: url }: Link.Link, blank: string): string =>
  Object.entries(list).reduce(
    (text, [name, value]) =>
      `${text}${blank};${blank}${name}${blank}=${blank}"${Array.from(value, (c) => (c === '"' || c === "\\" ? `\\${c}` : c)).join("")}"`,
    `<${url}>`
  )
