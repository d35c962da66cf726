import * as RequestTarget from "@countersign/protocol/RequestTarget"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"

/** The result of a URL parser, with the apostrophe of the query, the only character that it encodes without need. */
const parsed = (text: string): string => new URL(`https://a.test${text}`).href.slice("https://a.test".length)

const withoutApostrophe = (text: string): string => text.replaceAll("'", "%27")

describe("RequestTarget.isNormalized", () => {
  it.each(["/", "/x", "/v1/users/1", "/a.b/c", "/x?page=2&q=%20", "/@scope/x", "/x?a=?/..", "/x?f[n]={1}|^`\\", "/x?"])(
    "returns true for %s, which a URL parser does not change",
    (text) => {
      expect(RequestTarget.isNormalized(text)).toBe(true)
      expect(parsed(text)).toBe(text)
    }
  )

  it("accepts an apostrophe in a query, which a URL parser would encode", () => {
    expect(RequestTarget.isNormalized("/x?name='a'")).toBe(true)
  })

  it.each([
    "",
    "x",
    "?a",
    "/..",
    "/x/./y",
    "/.x",
    "/%2e%2e/x",
    "/x#f",
    "/x y",
    "/ü",
    "/x\\y",
    "/x\n",
    "/x?#",
    '/x?"',
    "/x?<",
    "/x?a b"
  ])("returns false for %j", (text) => {
    expect(RequestTarget.isNormalized(text)).toBe(false)
  })

  const fragment = FastCheck.oneof(
    FastCheck.constantFrom(
      "/",
      ".",
      "..",
      "%2e",
      "%",
      "?",
      "#",
      "\\",
      "@",
      ":",
      "//",
      "'",
      '"',
      "<",
      "|",
      "^",
      "`",
      "{"
    ),
    FastCheck.string({ unit: "binary-ascii", maxLength: 4 }),
    FastCheck.string({ unit: "grapheme", maxLength: 2 })
  )

  it("returns true only for text that parsing does not change, for any text", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(fragment, { maxLength: 8 }), (fragments) => {
        const text = `/${fragments.join("")}`
        if (RequestTarget.isNormalized(text))
          expect(parsed(text)).toBe(text.includes("?") ? withoutApostrophe(text) : text)
      }),
      { numRuns: 5000 }
    )
  })

  it("starts at any index of a URL", () => {
    expect(RequestTarget.isNormalized("https://a.test/x", 14)).toBe(true)
    expect(RequestTarget.isNormalized("https://a.test/../x", 14)).toBe(false)
  })
})

describe("RequestTarget.append", () => {
  it.each([
    ["https://a.test/x", "p=1", "https://a.test/x?p=1"],
    ["https://a.test", "p=1", "https://a.test?p=1"],
    ["/x?", "p=1", "/x?p=1"],
    ["/x?a=b c&'", "p=1", "/x?a=b c&'&p=1"],
    ["/x?a=1&", "p=1", "/x?a=1&p=1"],
    ["/x?a=1?", "p=1", "/x?a=1?&p=1"],
    ["/x?a=1#top?", "p=1", "/x?a=1&p=1#top?"],
    ["/x#top?", "p=1", "/x?p=1#top?"],
    ["/x?a=1#", "p=1", "/x?a=1&p=1#"],
    ["/x#top", "", "/x#top"],
    ["/x?", "", "/x?"]
  ])("appends to %j the query %j, as %j", (url, query, result) => {
    expect(RequestTarget.append(url, query)).toBe(result)
  })
})

describe("RequestTarget.parse", () => {
  it.each([
    ["https://a.test", "https://a.test", "/"],
    ["HTTPS://A.test:443/x/../y?q='a'&b=%7e+~[]|#top", "https://a.test", "/y?q='a'&b=%7e+~[]|"],
    ["http://user:pass@a.test:8080/it's?", "http://a.test:8080", "/it's?"],
    ["http://a.test?a b'<ü>\"#'", "http://a.test", "/?a%20b'%3C%C3%BC%3E%22"],
    ["http://[::1]/x#?'", "http://[::1]", "/x"]
  ])("splits %j into %s and %s", (url, origin, path) => {
    expect(RequestTarget.parse(url)).toEqual({ origin, path })
  })

  it.each(["", "/x", "ftp://a.test/", "data:,x", "http://", "https://a b/"])("returns undefined for %j", (url) => {
    expect(RequestTarget.parse(url)).toBeUndefined()
  })

  /** Characters of a query (RFC 3986 §3.4), and others that a URL parser does not encode. */
  const query = FastCheck.string({
    unit: FastCheck.constantFrom(..."abcXYZ019-._~!$&'()*+,;=:@/?%[]{}|^`\\")
  })

  it("keeps any query unchanged, also when one is appended to it", () => {
    FastCheck.assert(
      FastCheck.property(query, query, FastCheck.constantFrom("", "#", "#it's?"), (given, added, hash) => {
        const path = `/x?${given}`
        expect(RequestTarget.parse(`https://a.test${path}${hash}`)?.path).toBe(path)
        const appended = RequestTarget.parse(RequestTarget.append(`https://a.test${path}${hash}`, added))
        expect(appended?.path.startsWith(path)).toBe(true)
        expect(appended?.path.endsWith(added)).toBe(true)
      })
    )
  })
})
