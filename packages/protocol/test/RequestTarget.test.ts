import * as RequestTarget from "@countersign/protocol/RequestTarget"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"

/** What a URL parser makes of a path and a query; the apostrophe of a query is the only character that it need not encode. */
const parsed = (text: string): string => new URL(`https://a.test${text}`).href.slice("https://a.test".length)

const withoutApostrophe = (text: string): string => text.replaceAll("'", "%27")

describe("RequestTarget.isNormalized", () => {
  it.each(["/", "/x", "/v1/users/1", "/a.b/c", "/x?page=2&q=%20", "/@scope/x", "/x?a=?/..", "/x?f[n]={1}|^`\\", "/x?"])(
    "accepts %s, which a URL parser leaves as it is",
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
  ])("%j is not, or not known to be", (text) => {
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

  it("a yes is never wrong: parsing gives the text back", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(fragment, { maxLength: 8 }), (fragments) => {
        const text = `/${fragments.join("")}`
        if (RequestTarget.isNormalized(text))
          expect(parsed(text)).toBe(text.includes("?") ? withoutApostrophe(text) : text)
      }),
      { numRuns: 5000 }
    )
  })

  it("it can begin anywhere in a URL", () => {
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
  ])("to %j and %j gives %j", (url, query, result) => {
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
  ])("of %j gives %s and %s", (url, origin, path) => {
    expect(RequestTarget.parse(url)).toEqual({ origin, path })
  })

  it.each(["", "/x", "ftp://a.test/", "data:,x", "http://", "https://a b/"])("of %j is undefined", (url) => {
    expect(RequestTarget.parse(url)).toBeUndefined()
  })

  /** What a query holds as it is (RFC 3986 §3.4), and what a URL parser leaves although that RFC has no place for it. */
  const query = FastCheck.string({
    unit: FastCheck.constantFrom(..."abcXYZ019-._~!$&'()*+,;=:@/?%[]{}|^`\\")
  })

  it("keeps any query byte for byte, and begins with it where one is appended", () => {
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
