import * as Origin from "@countersign/protocol/Origin"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const valid = [
  ["https://api.test/v1?x=1#f", "https://api.test"],
  ["HTTPS://API.Test", "https://api.test"],
  ["https://api.test:443/", "https://api.test"],
  ["http://api.test:80/", "http://api.test"],
  ["https://api.test:80/", "https://api.test:80"],
  ["https://user:secret@api.test/", "https://api.test"],
  ["https://bücher.test/", "https://xn--bcher-kva.test"],
  ["https://api.test./", "https://api.test."],
  ["http://0x7f.1/", "http://127.0.0.1"],
  ["http://[0:0:0:0:0:0:0:1]:8080/", "http://[::1]:8080"]
] as const

const invalid = [
  "",
  "api.test",
  "/path",
  "//api.test",
  "https://",
  "https://a b/",
  "https://api.test:99999",
  "ftp://api.test",
  "file:///etc/passwd",
  "data:text/plain,x",
  "blob:https://api.test/1",
  "javascript:alert(1)",
  "unix:/var/run/s.sock",
  "null"
]

describe("Origin", () => {
  it.each(valid)("serializes the origin of %s as %s", (url, origin) => {
    expect(Origin.of(url)).toBe(origin)
    expect(Origin.same(url, origin)).toBe(true)
  })

  it.each(invalid)("returns the opaque origin for %j, which is not the same as itself", (url) => {
    expect(Origin.of(url)).toBe(Origin.opaque)
    expect(Origin.same(url, url)).toBe(false)
    expect(Origin.same(url, "https://api.test")).toBe(false)
    expect(Origin.same("https://api.test", url)).toBe(false)
  })

  it.each([
    ["http://api.test", "https://api.test"],
    ["https://api.test", "https://api.test:8443"],
    ["https://api.test", "https://www.api.test"],
    ["https://api.test", "https://api.test.evil.test"],
    ["https://api.test", "https://api.test@evil.test"],
    ["https://api.test", "https://api.test."],
    ["https://api.test", "https:\\\\evil.test"]
  ])("distinguishes the origins %s and %s", (a, b) => {
    expect(Origin.same(a, b)).toBe(false)
  })

  it("rejects a host longer than 1024 characters, because its normalization takes quadratic time", () => {
    const marks = "\u0301\u0327".repeat(1 << 11)
    const encoded = "%CC%81%CC%A7".repeat(1 << 10)
    for (const host of [marks, encoded, `user@${marks}`, "a".repeat(1025)]) {
      for (const start of ["https://a", "https:a", "https:/\\/a", " \n https:\t//\n/a", "ht\ntps://a"]) {
        expect(Origin.of(`${start}${host}/path`)).toBe(Origin.opaque)
      }
    }
    expect(Origin.of(`https://${"a".repeat(1000)}/`)).toHaveLength(1008)
    expect(Origin.of(`https://api.test/${"a".repeat(1 << 20)}`)).toBe("https://api.test")
    expect(Origin.of(`https://api.test?${marks}`)).toBe("https://api.test")
  })

  it("returns an origin for any text, and the same origin for that origin", () => {
    const seeds = [...valid.map(([url]) => url), ...invalid, "https://", "@", ":", "[", "]", "%00"]
    FastCheck.assert(
      FastCheck.property(hostile.text(...seeds), (text) => {
        const origin = Origin.of(text)
        expect(Origin.of(origin)).toBe(origin)
        expect(Origin.same(text, origin)).toBe(origin !== Origin.opaque)
      }),
      hostile.runs
    )
  })
})

describe("Origin.isLoopbackHost", () => {
  it.each([
    ["http://localhost/", true],
    ["http://127.0.0.1:8080/", true],
    ["http://[::1]/", true],
    ["http://127.0.0.2/", false],
    ["http://localhost.example/", false]
  ])("returns for %s: %s", (url, expected) => {
    expect(Origin.isLoopbackHost(new URL(url).hostname)).toBe(expected)
  })
})
