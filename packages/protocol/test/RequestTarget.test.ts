import * as RequestTarget from "@countersign/protocol/RequestTarget"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"

const parsed = (text: string): string => {
  const { pathname, search } = new URL(`https://a.test${text}`)
  return pathname + search
}

describe("RequestTarget.isNormal", () => {
  it.each(["/", "/x", "/v1/users/1", "/a.b/c", "/x?page=2&q=%20", "/@scope/x", "/x?a=?/.."])("%s is", (text) => {
    expect(RequestTarget.isNormal(text)).toBe(true)
    expect(parsed(text)).toBe(text)
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
    "/x?'",
    "/x?#",
    "/x?"
  ])("%j is not, or not known to be", (text) => {
    expect(RequestTarget.isNormal(text)).toBe(false)
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
        if (RequestTarget.isNormal(text)) expect(parsed(text)).toBe(text)
      }),
      { numRuns: 5000 }
    )
  })

  it("it can begin anywhere in a URL", () => {
    expect(RequestTarget.isNormal("https://a.test/x", 14)).toBe(true)
    expect(RequestTarget.isNormal("https://a.test/../x", 14)).toBe(false)
  })
})
