import * as Redact from "@countersign/protocol/Redact"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

describe("Redact.url", () => {
  it.each([
    ["https://api.test/v1/users", "https://api.test/v1/users"],
    ["https://user:hunter2@api.test:8443/", "https://api.test:8443/"],
    ["https://api.test/?key=s3cret&page=2", "https://api.test/?key=<redacted>&page=2"],
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
  ])("redacts %j to %s", (url, shown) => {
    expect(Redact.url(url)).toBe(shown)
  })

  it("cuts a URL after 2048 characters", () => {
    const shown = Redact.url(`https://api.test/${"a".repeat(1 << 20)}`)
    expect(shown).toHaveLength(2048)
    expect(shown.endsWith("a…")).toBe(true)
  })

  it("removes secrets in userinfo, query values and fragment, and returns printable text", () => {
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

/** The query of a shown URL. Empty if the URL was cut. */
const queryOf = (shown: string): string =>
  shown.endsWith("…") || !shown.includes("?") ? "" : shown.slice(shown.indexOf("?") + 1)

describe("Redact.url with shown query values", () => {
  it.each<readonly [string, ReadonlyArray<string> | undefined, string]>([
    ["page=2&per_page=100&limit=10&offset=0", undefined, "page=2&per_page=100&limit=10&offset=0"],
    ["page=123456789", undefined, "page=123456789"],
    ["page=1234567890", undefined, "page=<redacted>"],
    ["page=s3cret", undefined, "page=<redacted>"],
    ["page=2s", undefined, "page=<redacted>"],
    ["page=-2", undefined, "page=<redacted>"],
    ["page=%32", undefined, "page=<redacted>"],
    ["page=", undefined, "page=<redacted>"],
    ["page=2=3", undefined, "page=<redacted>"],
    ["Page=2", undefined, "Page=<redacted>"],
    ["page[]=2", undefined, "page[]=<redacted>"],
    ["mypage=2", undefined, "mypage=<redacted>"],
    ["page=2&q=a+b", ["q"], "page=<redacted>&q=a+b"],
    ["page=2", [], "page=<redacted>"],
    ["page=s3cret", ["page"], "page=s3cret"],
    ["filter%5Bname%5D=x&filter[name]=y", ["filter[name]"], "filter%5Bname%5D=x&filter[name]=y"],
    ["a+b=1", ["a b"], "a+b=1"],
    ["q", ["q"], "<redacted>"]
  ])("redacts ?%s with show %j to ?%s", (query, show, shown) => {
    expect(Redact.url(`https://api.test/x?${query}`, { show })).toBe(`https://api.test/x?${shown}`)
  })

  it("hides secrets also in shown values", () => {
    const hide = Redact.withoutSecrets(["SECRET-0123456789"])
    expect(Redact.url("/x?q=SECRET-0123456789", { hide, show: ["q"] })).toBe("/x?q=<redacted>")
  })

  it("shows no value of another parameter, and no value of a page parameter that is not a short number", () => {
    const name = FastCheck.oneof(
      FastCheck.constantFrom("page", "per_page", "limit", "offset", "q", "shown", "Page", "page%00", "%70age"),
      FastCheck.string({ unit: FastCheck.constantFrom(..."pageq_%[]"), maxLength: 6 })
    )
    const value = FastCheck.oneof(
      FastCheck.string({ unit: FastCheck.constantFrom(..."XYZ789"), minLength: 4, maxLength: 12 }),
      hostile.text("&", "=", "#", "?", "page=", "12", "%31")
    )
    const show = FastCheck.constantFrom(undefined, [], ["shown"])
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.tuple(name, value), { maxLength: 5 }), show, (pairs, names) => {
        const query = pairs.map(([key, text]) => `${key}=${text}`).join("&")
        const shown = Redact.url(`https://api.test/x?${query}`, { show: names })
        for (const pair of queryOf(shown).split("&")) {
          const [key = "", ...rest] = pair.split("=")
          const text = rest.join("=")
          if (text === "<redacted>" || pair === "<redacted>" || pair === "") continue
          const isPage = Redact.pageParameters.includes(key) && /^[0-9]{1,9}$/.test(text)
          expect(
            names === undefined ? isPage : names.includes(String(new URLSearchParams(pair).keys().next().value))
          ).toBe(true)
        }
      }),
      hostile.runs
    )
  })
})

describe("Redact.withoutSecrets", () => {
  const secret = 'Tok/en+9 "ü\\"=='
  const percent = (text: string) =>
    Array.from(new TextEncoder().encode(text), (octet) => `%${octet.toString(16).padStart(2, "0")}`).join("")
  const unicode = (text: string) =>
    Array.from(text, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")
  const forms: Readonly<Record<string, (text: string) => string>> = {
    "as it is": (text) => text,
    "in lower case": (text) => text.toLowerCase(),
    "in capitals": (text) => text.toUpperCase(),
    "percent-encoded": encodeURIComponent,
    "percent-encoded with small digits": (text) => encodeURIComponent(text).toLowerCase(),
    "percent-encoded throughout": percent,
    "as a URL writes it": (text) => encodeURI(text),
    "as a form writes it": (text) => new URLSearchParams([["", text]]).toString().slice(1),
    "as JSON writes it": (text) => JSON.stringify(text).slice(1, -1),
    "as JSON may write it": unicode,
    "in a quoted string": (text) => Array.from(text, (one) => `\\${one}`).join("")
  }

  it.each(Object.entries(forms))("replaces only the secret when written %s", (_, form) => {
    const hide = Redact.withoutSecrets([secret])
    expect(hide(`before ${form(secret)} after`)).toBe("before <redacted> after")
    expect(hide(`${form(secret)}-${form(secret)}`)).toBe("<redacted>-<redacted>")
    expect(hide("before and after, 100 % \\ of it")).toBe("before and after, 100 % \\ of it")
  })

  it("replaces secrets of every length, in every form, at every position", () => {
    const text = FastCheck.string({ unit: FastCheck.constantFrom(..."abcXYZ019+/=. "), minLength: 8, maxLength: 900 })
    const around = FastCheck.string({ unit: FastCheck.constantFrom(..."_<>{}"), maxLength: 40 })
    FastCheck.assert(
      FastCheck.property(
        text,
        around,
        around,
        FastCheck.constantFrom(...Object.values(forms)),
        (one, before, after, form) => {
          const hide = Redact.withoutSecrets([one, `${one}and more of it`])
          expect(hide(before + form(one) + after)).toBe(`${before}<redacted>${after}`)
        }
      ),
      { numRuns: 2000 }
    )
  })

  it("ignores secrets shorter than 8 characters, and finds short ones only as a whole", () => {
    expect(Redact.withoutSecrets(["a word", ""])("a word, A WORD")).toBe("a word, A WORD")
    const hide = Redact.withoutSecrets(["password-1"])
    expect(hide("your password is wrong")).toBe("your password is wrong")
    expect(hide("PASSWORD-1 is wrong")).toBe("<redacted> is wrong")
  })

  it("replaces a large part of a long secret", () => {
    const token = Array.from({ length: 1000 }, (_, index) => index.toString(36)).join("")
    const hide = Redact.withoutSecrets([token])
    expect(hide(`got ${token.slice(0, 512)}...`)).toBe("got <redacted>...")
    expect(hide(token.slice(0, 100))).toBe(token.slice(0, 100))
  })

  it("cuts a text at the limit without showing the start of a secret", () => {
    for (const form of Object.values(forms)) {
      for (let before = 0; before <= 40; before++) {
        const shown = Redact.withoutSecrets([secret])(`${"x".repeat(before)}${form(secret)} and the rest of it`, 30)
        const whole = `${"x".repeat(Math.min(before, 30))}${before < 30 ? "<redacted>" : ""}`
        expect(shown.startsWith(whole)).toBe(true)
        expect(shown.endsWith("…")).toBe(true)
        expect(shown.slice(whole.length).length).toBeLessThanOrEqual(31)
      }
    }
  })

  it("replaces the whole text when there are too many or too long secrets", () => {
    const many = Array.from({ length: 1001 }, (_, index) => `secret-number-${index}`)
    expect(Redact.withoutSecrets(many)("anything")).toBe("<redacted>")
    expect(Redact.withoutSecrets(many)("")).toBe("")
    expect(Redact.withoutSecrets(["a".repeat(600_000)])("anything")).toBe("<redacted>")
    expect(Redact.withoutSecrets(many.slice(1))("anything")).toBe("anything")
  })

  it("never throws and never shows a secret, for any text and secrets", () => {
    const text = hostile.text("%", "\\u", "%4", "\\", "secret-1", "%73ecret-1")
    FastCheck.assert(
      FastCheck.property(text, text, FastCheck.nat(80), (said, one, limit) => {
        const hide = Redact.withoutSecrets([one, "secret-1"])
        expect(hide(said)).toBeTypeOf("string")
        // A placeholder has 10 characters, and the shortest secret 8. The last placeholder and the `…` may exceed the limit.
        expect(hide(said, limit).length).toBeLessThanOrEqual(1.25 * limit + 11)
      }),
      hostile.runs
    )
  })

  it("does work that is linear in the text, for any secrets", () => {
    const lengths = [8, 9, 15, 16, 31, 32, 100, 4000]
    const units = ["a", "%61", "\\u0061", "\\a", "ab"]
    for (const unit of units) {
      const secrets = lengths.flatMap((length) => [
        unit.repeat(length),
        `ab${"a".repeat(length)}`,
        `${"a".repeat(length)}b`
      ])
      const hide = Redact.withoutSecrets(secrets)
      expect(hostile.growth(hide, 1 << 9, unit)).toBeLessThan(2.2)
    }
  })
})

describe("Redact.url with withoutSecrets", () => {
  const hide = Redact.withoutSecrets(["SECRET-0123456789"])

  it.each([
    ["https://api.test/nf/SECRET-0123456789/x", "https://api.test/nf/<redacted>/x"],
    ["https://api.test/nf/%53ECRET%2D0123456789", "https://api.test/nf/<redacted>"],
    ["https://SECRET-0123456789.api.test/", "https://<redacted>.api.test/"],
    ["https://api.test/?SECRET-0123456789=1", "https://api.test/?<redacted>=<redacted>"],
    ["/nf/SECRET-0123456789?a=b", "/nf/<redacted>?a=<redacted>"],
    ["https://api.test/nf/other", "https://api.test/nf/other"]
  ])("redacts %s to %s", (url, shown) => {
    expect(Redact.url(url, { hide })).toBe(shown)
  })

  it("cuts a long URL without showing the start of a secret", () => {
    for (let length = 2000; length < 2060; length++) {
      expect(Redact.url(`https://api.test/${"x".repeat(length)}SECRET-0123456789`, { hide })).not.toContain("SEC")
    }
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
  ])("returns true for %s", (name) => {
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
  ])("returns false for %j", (name) => {
    expect(Redact.isSensitiveHeader(name)).toBe(false)
    expect(Redact.headerValue(name, "value\r\n")).toBe("value\\u{d}\\u{a}")
  })

  it.each(["location", "Referer", "content-location"])("redacts the URL in the field %s", (name) => {
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
  ])("escapes %j to %j", (text, shown) => {
    expect(Redact.text(text)).toBe(shown)
  })

  it("cuts text with an ellipsis, never within a character or an escape", () => {
    expect(Redact.text("abcd", 4)).toBe("abcd")
    expect(Redact.text("abcde", 4)).toBe("abc…")
    expect(Redact.text("ab😀e", 4)).toBe("ab…")
    expect(Redact.text("ab\n\n", 6)).toBe("ab…")
    expect(Redact.text("a".repeat(1 << 20))).toBe(`${"a".repeat(199)}…`)
    for (const limit of [1, 0, -1, Number.NaN]) expect(Redact.text("abc", limit)).toBe("…")
    expect(Redact.text("a".repeat(1000), Infinity)).toBe("a".repeat(1000))
  })

  it("returns one printable line within the limit, and does not change its own output", () => {
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

  it("does not read text beyond the limit", () => {
    for (const input of hostile.floods(1 << 20)) {
      expect(hostile.looks(() => Redact.text(input))).toBeLessThan(1_000)
    }
  })
})

const isPrintable = (text: string): boolean =>
  Buffer.from(text).toString() === text &&
  Array.from(text).every((character) => !"\r\n\u001b\u202e\u2028\u0000".includes(character))
