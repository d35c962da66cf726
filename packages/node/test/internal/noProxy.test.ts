import { describe, expect, it } from "@effect/vitest"
import { noProxy } from "../../src/internal/noProxy.js"

const hostOf = (url: string) => new URL(url).hostname

describe("noProxy", () => {
  it.each([
    ["example.com", "http://example.com", true],
    ["example.com", "http://api.example.com", true],
    ["example.com", "http://notexample.com", false],
    ["example.com", "http://example.com.evil.test", false],
    [".example.com", "http://api.example.com", true],
    [".example.com", "http://example.com", true],
    ["*.example.com", "http://api.example.com", true],
    ["EXAMPLE.com.", "http://example.com", true],
    ["example.com", "http://example.com./", true],
    ["a.test, b.test c.test", "http://c.test", true],
    ["a.test,,b.test", "http://d.test", false],
    ["", "http://a.test", false],
    ["*", "http://[::1]", true],
    ["a.test,*", "http://b.test", true],
    ["example.com:8080", "http://example.com:8080", true],
    ["example.com:8080", "http://example.com", false],
    ["example.com:80", "http://example.com", true],
    ["127.0.0.1", "http://127.0.0.1", true],
    ["127.0.0.1", "http://0x7f.1", true],
    ["127.0.0.1", "http://[::ffff:127.0.0.1]", true],
    ["::ffff:127.0.0.1", "http://127.0.0.1", true],
    ["127.0.0.1", "http://1.127.0.0.1.evil.test", false],
    ["::1", "http://[::1]", true],
    ["[::1]", "http://[0:0:0:0:0:0:0:1]", true],
    ["[::1]:8080", "http://[::1]:8080", true],
    ["[::1]:8080", "http://[::1]:9090", false],
    ["a%zz,b.test", "http://b.test", true],
    ["[:::]", "http://a.test", false]
  ])("of the list %j, %s is one: %s", (list, url, listed) => {
    const { port } = new URL(url)
    expect(noProxy(list)(hostOf(url), port || "80")).toBe(listed)
  })
})
