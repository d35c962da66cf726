import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { splitter } from "../../src/internal/target.js"

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

const parsed = (url: string, urlParams: ReadonlyArray<readonly [string, string]>) => {
  const parser = new URL(url)
  for (const [name, value] of urlParams) parser.searchParams.append(name, value)
  return { origin: parser.origin, path: parser.pathname + parser.search }
}

describe("splitter", () => {
  it("splits every URL as the parser does, once it knows the origin", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.constantFrom(...origins), paths, params, (origin, path, urlParams) => {
        const split = splitter()
        // The first tells it the origin.
        expect(Either.isRight(split(HttpClientRequest.get(`${origin}/`)))).toBe(true)
        const request = HttpClientRequest.setUrlParams(HttpClientRequest.get(origin), UrlParams.fromInput(urlParams))
        const target = split(HttpClientRequest.setUrl(request, origin + path))
        expect(Either.getOrThrow(target)).toEqual(parsed(origin + path, urlParams))
      }),
      { numRuns: 5000 }
    )
  })

  it("takes no host for a known one that is longer, has a user, or another scheme", () => {
    const split = splitter()
    const origin = (url: string) => Either.getOrThrow(split(HttpClientRequest.get(url))).origin
    expect(origin("http://host/")).toBe("http://host")
    expect(origin("http://host.evil/")).toBe("http://host.evil")
    expect(origin("http://host@evil/")).toBe("http://evil")
    expect(origin("http://host\\@evil/a")).toBe("http://host")
    expect(origin("http://HOST:80/a")).toBe("http://host")
  })

  it("refuses what is no URL, and what is neither http nor https", () => {
    const split = splitter()
    for (const url of ["/path", "", "file:///etc/passwd", "ftp://host/", "data:,x", "http://"]) {
      expect(Either.isLeft(split(HttpClientRequest.get(url)))).toBe(true)
    }
  })
})
