import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { makeUrlSplitter } from "../../../src/internal/transport/requestUrl.js"

const origins = ["http://host", "https://host:8443", "http://[::1]:80", "http://127.0.0.1:3000", "http://a"]

/** Parts of paths and queries, and characters that a parser changes: dots, escapes, blanks, back slashes and others. */
const piece = FastCheck.oneof(
  {
    weight: 5,
    arbitrary: FastCheck.constantFrom("/", "a", "Z", "9", "-", "_", "~", ".", "..", "/./", "/../", "?", "&", "=", "+")
  },
  {
    weight: 1,
    arbitrary: FastCheck.constantFrom(
      "%20",
      "%2e",
      "%2E%2e",
      "%",
      "#",
      " ",
      "\\",
      "'",
      '"',
      "<",
      "|",
      "^",
      "`",
      "{",
      "ü",
      "\t",
      "\n",
      "\u0000",
      "@",
      ":",
      ";",
      "//",
      "😀"
    )
  },
  { weight: 1, arbitrary: FastCheck.string({ unit: "binary", maxLength: 3 }) }
)
const paths = FastCheck.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`)
const params = FastCheck.array(
  FastCheck.tuple(FastCheck.string({ maxLength: 4 }), FastCheck.string({ unit: "binary", maxLength: 4 })),
  { maxLength: 3 }
)

/** The parsed URL without its parameters. The parser encodes apostrophes in a query, which is not required. */
const parsed = (url: string) => {
  const parser = new URL(url)
  parser.hash = ""
  return { origin: parser.origin, path: parser.href.slice(parser.origin.length) }
}

const withoutApostrophe = (path: string): string => path.replaceAll("'", "%27")

describe("requestUrl", () => {
  it("splits every URL of a known origin as the URL parser does and appends parameters", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.constantFrom(...origins), paths, params, (origin, path, urlParams) => {
        const split = makeUrlSplitter()
        // The first request makes the origin known.
        expect(Either.isRight(split(HttpClientRequest.get(`${origin}/`)))).toBe(true)
        const request = HttpClientRequest.setUrlParams(HttpClientRequest.get(origin), UrlParams.fromInput(urlParams))
        const target = Either.getOrThrow(split(HttpClientRequest.setUrl(request, origin + path)))
        const bare = parsed(origin + path)
        const appended = new URLSearchParams(urlParams.map(([name, value]) => [name, value])).toString()
        expect(target.origin).toBe(bare.origin)
        const start = bare.path.indexOf("?")
        const separator = start === -1 ? "?" : start === bare.path.length - 1 || bare.path.endsWith("&") ? "" : "&"
        const expected = appended === "" ? bare.path : bare.path + separator + appended
        expect(withoutApostrophe(target.path)).toBe(withoutApostrophe(expected))
      }),
      { numRuns: 5000 }
    )
  })

  /** Characters that RFC 3986 §3.4 allows in a query, and others that a URL parser keeps. */
  const queryCharacters = [..."abcXYZ019-._~!$&'()*+,;=:@/?%[]{}|^`\\"]
  const queries = FastCheck.string({ unit: FastCheck.constantFrom(...queryCharacters), maxLength: 20 })

  it("keeps a query byte for byte, with and without parameters, a fragment and a known origin", () => {
    FastCheck.assert(
      FastCheck.property(
        queries,
        params,
        FastCheck.boolean(),
        FastCheck.boolean(),
        (query, urlParams, isKnown, hash) => {
          const split = makeUrlSplitter()
          if (isKnown) expect(Either.isRight(split(HttpClientRequest.get("http://host/")))).toBe(true)
          const request = HttpClientRequest.setUrlParams(
            HttpClientRequest.get(`http://host/a?${query}${hash ? "#top" : ""}`),
            UrlParams.fromInput(urlParams)
          )
          const { path } = Either.getOrThrow(split(request))
          expect(path.slice(0, `/a?${query}`.length)).toBe(`/a?${query}`)
          const added = path.slice(`/a?${query}`.length)
          expect([...new URLSearchParams(added)].length).toBe(new Set(urlParams).size)
        }
      ),
      { numRuns: 3000 }
    )
  })

  it("fails with an error of the URL Standard for parameters that are not text", () => {
    const request = HttpClientRequest.get("http://host/")
    const broken = Object.assign(Object.create(Object.getPrototypeOf(request)), request, {
      urlParams: [["a", Symbol()]]
    })
    expect(Either.isLeft(makeUrlSplitter()(broken))).toBe(true)
  })

  it("distinguishes a known host from a longer one and from one after user information", () => {
    const split = makeUrlSplitter()
    const origin = (url: string) => Either.getOrThrow(split(HttpClientRequest.get(url))).origin
    expect(origin("http://host/")).toBe("http://host")
    expect(origin("http://host.evil/")).toBe("http://host.evil")
    expect(origin("http://host@evil/")).toBe("http://evil")
    expect(origin("http://host\\@evil/a")).toBe("http://host")
    expect(origin("http://HOST:80/a")).toBe("http://host")
  })

  it("rejects text that is not a URL and schemes other than http and https", () => {
    const split = makeUrlSplitter()
    for (const url of ["/path", "", "file:///etc/passwd", "ftp://host/", "data:,x", "http://"]) {
      expect(Either.isLeft(split(HttpClientRequest.get(url)))).toBe(true)
    }
  })
})
