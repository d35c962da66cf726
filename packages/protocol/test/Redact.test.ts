import * as Redact from "@countersign/protocol/Redact"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

describe("Redact.url", () => {
  it.each([
    ["https://api.test/v1/users", "https://api.test/v1/users"],
    ["https://user:hunter2@api.test:8443/", "https://api.test:8443/"],
    ["https://api.test/?key=s3cret&page=2", "https://api.test/?key=<redacted>&page=<redacted>"],
    ["https://api.test/?s3cret", "https://api.test/?<redacted>"],
    ["https://api.test/?a=s=3&&b", "https://api.test/?a=<redacted>&&<redacted>"],
    ["https://api.test/#access_token=s3cret", "https://api.test/"],
    ["https://api.test/?", "https://api.test/"],
    ["https://api.test/\u202e\u001b[31m", "https://api.test/%E2%80%AE%1B[31m"],
    ["/users?token=s3cret#x", "/users?token=<redacted>"],
    ["", "<not a URL>"],
    ["s3cret", "<not a URL>"],
    ["user:hunter2@api.test", "<not a URL>"],
    ["//user:hunter2@api.test/", "<not a URL>"],
    ["/\\user:hunter2@api.test/", "<not a URL>"],
    ["/\t/user:hunter2@api.test/", "<not a URL>"],
    ["https://user:hunter2@", "<not a URL>"],
    ["data:text/plain,s3cret", "<not a URL>"],
    ["postgres://user:hunter2@db.test/", "<not a URL>"]
  ])("of %j is %s", (url, shown) => {
    expect(Redact.url(url)).toBe(shown)
  })

  it("is bounded", () => {
    const shown = Redact.url(`https://api.test/${"a".repeat(1 << 20)}`)
    expect(shown).toHaveLength(2048)
    expect(shown.endsWith("a…")).toBe(true)
  })

  it("never shows a secret in userinfo, query value or fragment, and is printable", () => {
    const secret = FastCheck.string({ unit: FastCheck.constantFrom(..."XYZ789"), minLength: 6, maxLength: 12 })
    const junk = hostile.text("/a", "?b=", "&c=", "#d", "@", "/", ":")
    FastCheck.assert(
      FastCheck.property(secret, secret, secret, junk, (password, value, fragment, noise) => {
        const url = `https://user:${password}@api.test/p?key=${value}&${new URLSearchParams({ n: noise }).toString()}#${fragment}`
        const shown = Redact.url(url)
        for (const text of [password, value, fragment]) expect(shown).not.toContain(text)
        expect(isPrintable(Redact.url(noise))).toBe(true)
      }),
      hostile.runs
    )
  })
})

describe("Redact.isSensitiveHeader", () => {
  it.each([
    "authorization",
    "Authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "Ocp-Apim-Subscription-Key",
    "x-goog-api-key",
    "x-amz-security-token",
    "x-vault-token",
    "x-csrf-token",
    "x-auth",
    "dpop",
    "dpop-nonce",
    "signature",
    "x-hub-signature-256",
    "authentication-info",
    "x-password",
    "client-secret",
    "x-session-id",
    "link"
  ])("hides %s", (name) => {
    expect(Redact.isSensitiveHeader(name)).toBe(true)
    expect(Redact.headerValue(name, "s3cret")).toBe("<redacted>")
  })

  it.each([
    "accept",
    "content-type",
    "date",
    "etag",
    "retry-after",
    "www-authenticate",
    "WWW-Authenticate",
    "user-agent",
    "x-request-id",
    "idempotency-key",
    "x-timestamp",
    ""
  ])("shows %j", (name) => {
    expect(Redact.isSensitiveHeader(name)).toBe(false)
    expect(Redact.headerValue(name, "value\r\n")).toBe("value\\u{d}\\u{a}")
  })

  it.each(["location", "Referer", "content-location"])("cleans the URL in %s", (name) => {
    expect(Redact.headerValue(name, "https://u:p@api.test/cb?code=s3cret")).toBe("https://api.test/cb?code=<redacted>")
    expect(Redact.headerValue(name, "/cb?code=s3cret")).toBe("/cb?code=<redacted>")
  })
})

describe("Redact.text", () => {
  it.each([
    ["Fake Realm", "Fake Realm"],
    ["Zürich 日本 😀", "Zürich 日本 😀"],
    ["a\r\nSet-Cookie: b", "a\\u{d}\\u{a}Set-Cookie: b"],
    ["\u001b[31mred\u001b[0m", "\\u{1b}[31mred\\u{1b}[0m"],
    ["\u009b31m", "\\u{9b}31m"],
    ["\u0000\t\u007f", "\\u{0}\\u{9}\\u{7f}"],
    ["user\u202egpj.exe", "user\\u{202e}gpj.exe"],
    ["\u2066a\u2069", "\\u{2066}a\\u{2069}"],
    ["a\u200bb\u2028c\ufeff", "a\\u{200b}b\\u{2028}c\\u{feff}"],
    ["\ud800x\udc00", "\\u{d800}x\\u{dc00}"],
    ["\u{e0041}", "\\u{e0041}"],
    ["back\\slash", "back\\slash"],
    ["", ""]
  ])("of %j is %j", (text, shown) => {
    expect(Redact.text(text)).toBe(shown)
  })

  it("is cut with an ellipsis, never within a character or an escape", () => {
    expect(Redact.text("abcd", 4)).toBe("abcd")
    expect(Redact.text("abcde", 4)).toBe("abc…")
    expect(Redact.text("ab😀e", 4)).toBe("ab…")
    expect(Redact.text("ab\n\n", 6)).toBe("ab…")
    expect(Redact.text("a".repeat(1 << 20))).toBe(`${"a".repeat(199)}…`)
    for (const limit of [1, 0, -1, Number.NaN]) expect(Redact.text("abc", limit)).toBe("…")
    expect(Redact.text("a".repeat(1000), Infinity)).toBe("a".repeat(1000))
  })

  it("is one printable line within its limit, and showing it again changes nothing", () => {
    FastCheck.assert(
      FastCheck.property(
        hostile.text("\u001b[2J", "\r\n", "\u202e", "😀", "text"),
        FastCheck.integer({ min: 1, max: 80 }),
        (text, limit) => {
          const shown = Redact.text(text, limit)
          expect(shown.length).toBeLessThanOrEqual(limit)
          expect(isPrintable(shown)).toBe(true)
          expect(Redact.text(shown, limit)).toBe(shown)
        }
      ),
      hostile.runs
    )
  })

  it("looks no further than its limit", () => {
    for (const input of hostile.floods(1 << 20)) {
      expect(hostile.looks(() => Redact.text(input))).toBeLessThan(1_000)
    }
  })
})

const isPrintable = (text: string): boolean =>
  Buffer.from(text).toString() === text &&
  Array.from(text).every((character) => !"\r\n\u001b\u202e\u2028\u0000".includes(character))
