import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { makeUrlSplitter } from "../../../src/internal/transport/requestUrl.js"

const origins = ["http://host", "https://host:8443", "http://[::1]:80", "http://127.0.0.1:3000", "http://a"]

/** What a path and a query are made of, and what a parser changes: dots, escapes, blanks, back slashes, the rest. */
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

/** What a parser makes of a URL without its parameters; it encodes the apostrophes of a query, which need not be. */
const parsed = (url: string) => {
  const parser = new URL(url)
  parser.hash = ""
  return { origin: parser.origin, path: parser.href.slice(parser.origin.length) }
}

const withoutApostrophe = (path: string): string => path.replaceAll("'", "%27")

describe("splitter", () => {
  it("splits every URL as the parser does, once it knows the origin, and appends parameters", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.constantFrom(...origins), paths, params, (origin, path, urlParams) => {
        const split = makeUrlSplitter()
        // The first tells it the origin.
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

  /** RFC 3986 §3.4: what a query holds as it is; and what a URL parser leaves although that RFC has no place for it. */
  const queryCharacters = [..."abcXYZ019-._~!$&'()*+,;=:@/?%[]{}|^`\\"]
  const queries = FastCheck.string({ unit: FastCheck.constantFrom(...queryCharacters), maxLength: 20 })

  it("keeps an existing query byte for byte, with and without parameters, a fragment and a known origin", () => {
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

  it("gives the URL Standard's error for parameters that are no text", () => {
    const request = HttpClientRequest.get("http://host/")
    const broken = Object.assign(Object.create(Object.getPrototypeOf(request)), request, {
      urlParams: [["a", Symbol()]]
    })
    expect(Either.isLeft(makeUrlSplitter()(broken))).toBe(true)
  })

  it("takes no host for a known one that is longer, has a user, or another scheme", () => {
    const split = makeUrlSplitter()
    const origin = (url: string) => Either.getOrThrow(split(HttpClientRequest.get(url))).origin
    expect(origin("http://host/")).toBe("http://host")
    expect(origin("http://host.evil/")).toBe("http://host.evil")
    expect(origin("http://host@evil/")).toBe("http://evil")
    expect(origin("http://host\\@evil/a")).toBe("http://host")
    expect(origin("http://HOST:80/a")).toBe("http://host")
  })

  it("refuses what is no URL, and what is neither http nor https", () => {
    const split = makeUrlSplitter()
    for (const url of ["/path", "", "file:///etc/passwd", "ftp://host/", "data:,x", "http://"]) {
      expect(Either.isLeft(split(HttpClientRequest.get(url)))).toBe(true)
    }
  })
})
