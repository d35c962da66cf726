import * as BaseUrl from "@countersign/protocol/BaseUrl"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const base = "https://api.test/v1"
const ok = (value: string) => ({ _tag: "Ok", value })
const err = (reason: BaseUrl.Reason) => ({ _tag: "Err", reason })

describe("BaseUrl.join", () => {
  it.each([
    ["", "https://api.test/v1"],
    ["/", "https://api.test/v1/"],
    ["users", "https://api.test/v1/users"],
    ["/users", "https://api.test/v1/users"],
    ["/users/", "https://api.test/v1/users/"],
    ["/users?page=2#top", "https://api.test/v1/users?page=2#top"],
    ["?page=2", "https://api.test/v1?page=2"],
    ["?", "https://api.test/v1?"],
    ["/x?flag&name=a%20b&f[n]=1&sig=~x&q='a'", "https://api.test/v1/x?flag&name=a%20b&f[n]=1&sig=~x&q='a'"],
    ["/x?q='a b'&ü#it's", "https://api.test/v1/x?q='a%20b'&%C3%BC#it's"],
    ["/it's?q='a'#", "https://api.test/v1/it's?q='a'#"],
    ["https://api.test/v1/x?q='a'&b=+", "https://api.test/v1/x?q='a'&b=+"],
    ["#top", "https://api.test/v1#top"],
    ["/users//7", "https://api.test/v1/users//7"],
    ["./users/.", "https://api.test/v1/users/"],
    ["/@scope/name", "https://api.test/v1/@scope/name"],
    ["/user@evil.test", "https://api.test/v1/user@evil.test"],
    ["/a:b", "https://api.test/v1/a:b"],
    ["instances:batchDelete", "https://api.test/v1/instances:batchDelete"],
    ["javascript:alert(1)", "https://api.test/v1/javascript:alert(1)"],
    ["/a b/ü", "https://api.test/v1/a%20b/%C3%BC"],
    ["/a%2Fb%20c%zz%", "https://api.test/v1/a%2Fb%20c%zz%"],
    ["/..a/...", "https://api.test/v1/..a/..."],
    ["/a;b=c/..a;d/.;e/x..;", "https://api.test/v1/a;b=c/..a;d/.;e/x..;"],
    ["/%e0%a4%85%c3%a9%c0%c1/%c0x/%u0041%", "https://api.test/v1/%e0%a4%85%c3%a9%c0%c1/%c0x/%u0041%"],
    ["/x?to=..;/..%c0%af", "https://api.test/v1/x?to=..;/..%c0%af"],
    ["/x?next=../..\\%09//evil.test", "https://api.test/v1/x?next=../..\\%09//evil.test"],
    ["/x#../..", "https://api.test/v1/x#../.."],
    ["https://api.test/v1/users?page=3", "https://api.test/v1/users?page=3"],
    ["HTTPS://API.test:443/v1", "https://api.test/v1"]
  ])("appends the path %j to the base URL, as %s", (path, url) => {
    expect(BaseUrl.join(base, path)).toEqual(ok(url))
  })

  it.each([
    ["https://api.test", "", "https://api.test/"],
    ["https://api.test", "users", "https://api.test/users"],
    ["https://api.test/", "/users", "https://api.test/users"],
    ["https://api.test", "?a=1", "https://api.test/?a=1"],
    ["https://api.test/v1/", "", "https://api.test/v1/"],
    ["https://api.test/v1/", "users", "https://api.test/v1/users"],
    ["https://api.test/v1/", "/users", "https://api.test/v1/users"],
    ["https://api.test/v1/", "?a=1", "https://api.test/v1/?a=1"],
    ["https://api.test/v1/", "https://api.test/v1", "https://api.test/v1"],
    ["https://api.test//", "users", "https://api.test//users"],
    ["http://127.0.0.1:8080", "/get", "http://127.0.0.1:8080/get"],
    ["http://[::1]:8080/a%20b", "/get", "http://[::1]:8080/a%20b/get"]
  ])("joins %s and %j to %s", (root, path, url) => {
    expect(BaseUrl.join(root, path)).toEqual(ok(url))
  })

  it.each([
    ["@evil.test/x", "LooksLikeAuthority"],
    [":80@evil.test/x", "LooksLikeAuthority"],
    [":8443/x", "LooksLikeAuthority"],
    ["//evil.test", "LooksLikeAuthority"],
    ["///evil.test", "LooksLikeAuthority"],
    ["\\\\evil.test", "IllegalCharacter"],
    ["\\evil", "IllegalCharacter"],
    ["/\\evil.test", "IllegalCharacter"],
    ["/a\\..\\b", "IllegalCharacter"],
    ["/%09/evil.test", "IllegalCharacter"],
    ["/a%00b", "IllegalCharacter"],
    ["/a%0d%0aHost:evil", "IllegalCharacter"],
    ["/a%7f", "IllegalCharacter"],
    ["/\t/evil.test", "IllegalCharacter"],
    ["/\n/evil.test", "IllegalCharacter"],
    ["ht\ntps://evil.test", "IllegalCharacter"],
    ["/a?b=\r\nc", "IllegalCharacter"],
    ["/a#\u0000", "IllegalCharacter"],
    [" /a", "IllegalCharacter"],
    ["/a ", "IllegalCharacter"],
    [" https://evil.test", "IllegalCharacter"],
    ["/a\ud800", "IllegalCharacter"],
    ["/?\udc00", "IllegalCharacter"],
    ["..", "DotSegment"],
    ["/..", "DotSegment"],
    ["/../admin", "DotSegment"],
    ["a/../b", "DotSegment"],
    ["/%2e%2e/admin", "DotSegment"],
    ["/%2E./admin", "DotSegment"],
    ["/.%2e", "DotSegment"],
    ["/a/..%2fadmin", "DotSegment"],
    ["/a%2f..%2Fadmin", "DotSegment"],
    ["/a%5c..%5cadmin", "DotSegment"],
    ["https://api.test/v1/../admin", "DotSegment"],
    ["/..;/admin", "DotSegment"],
    ["/..;", "DotSegment"],
    ["/x/..;a=b/admin", "DotSegment"],
    ["/x/..;a=b;c", "DotSegment"],
    ["/..%3b/admin", "DotSegment"],
    ["/..%3Ba=b%2fadmin", "DotSegment"],
    ["/%2e%2e;/admin", "DotSegment"],
    ["/..%c0%af/admin", "DotSegment"],
    ["/x/..%C0%AFadmin", "DotSegment"],
    ["/%c0%ae%c0%ae/admin", "DotSegment"],
    ["/.%c0%2e/admin", "DotSegment"],
    ["/..%c1%9cadmin", "DotSegment"],
    ["/..%c1%1cadmin", "DotSegment"],
    ["/%e0%80%ae%e0%80%ae%e0%80%af", "DotSegment"],
    ["/%f0%80%80%ae./admin", "DotSegment"],
    ["/%u002e%u002e/admin", "DotSegment"],
    ["/..%u002Fadmin", "DotSegment"],
    ["/..%U005cadmin", "DotSegment"],
    ["/a%c0%8ab", "IllegalCharacter"],
    ["/a%u000ab", "IllegalCharacter"],
    ["https://api.test/v1/..;/admin", "DotSegment"],
    ["ftp://api.test/v1/x", "UnsupportedScheme"],
    ["file:/etc/passwd", "UnsupportedScheme"],
    ["unix:/var/run/s.sock", "UnsupportedScheme"],
    ["https:evil", "InvalidUrl"],
    ["https:/evil.test", "InvalidUrl"],
    ["http:", "InvalidUrl"],
    ["https://", "InvalidUrl"],
    ["https://a b/", "InvalidUrl"],
    ["https://user:pass@api.test/v1/x", "Userinfo"],
    ["https://evil.test/v1/x", "OtherOrigin"],
    ["https://api.test.evil.test/v1/x", "OtherOrigin"],
    ["https://api.test@evil.test/v1/x", "Userinfo"],
    ["https:///evil.test/v1/x", "OtherOrigin"],
    ["http://api.test/v1/x", "OtherOrigin"],
    ["https://api.test:8443/v1/x", "OtherOrigin"],
    ["https://api.test", "OutsideBase"],
    ["https://api.test/v2/x", "OutsideBase"],
    ["https://api.test/v10", "OutsideBase"]
  ] as const)("rejects the path %j with %s", (path, reason) => {
    expect(BaseUrl.join(base, path)).toEqual(err(reason))
  })

  it("gives a URL below the base URL or rejects the path, for any path", () => {
    const seeds = [
      "https://api.test/v1/x",
      "https:",
      "//",
      "\\",
      "@evil.test",
      ":80",
      "..",
      "%2e",
      "%2F",
      "%5c",
      "/",
      "?",
      "#",
      "%09",
      "v1"
    ]
    const roots = [
      "https://api.test",
      "https://api.test/",
      "https://api.test/v1",
      "https://api.test/v1/",
      "http://127.0.0.1:8080/a//"
    ]
    FastCheck.assert(
      FastCheck.property(FastCheck.constantFrom(...roots), hostile.text(...seeds), (root, path) => {
        const joined = BaseUrl.join(root, path)
        if (joined._tag === "Err") return
        const [inside, url] = [new URL(root), new URL(joined.value)]
        expect(url.origin).toBe(inside.origin)
        expect(url.username + url.password).toBe("")
        expect(
          `${url.pathname}/`.startsWith(inside.pathname.endsWith("/") ? inside.pathname : `${inside.pathname}/`)
        ).toBe(true)
        // The apostrophe of a query is the only character that a parser encodes and `join` does not encode.
        expect(url.href).toBe(joined.value.replace(/(?<=\?.*)'/g, "%27").replace(/(?<=#.*)%27/g, "'"))
        // The result is accepted as a path, and does not change.
        expect(BaseUrl.join(root, joined.value)).toEqual(joined)
      }),
      { numRuns: 20_000 }
    )
  })

  it("keeps segments that need no encoding unchanged", () => {
    const segment = FastCheck.string({ unit: FastCheck.constantFrom(..."abcxyz019-_~"), minLength: 1 })
    FastCheck.assert(
      FastCheck.property(FastCheck.array(segment), (segments) => {
        const path = segments.map((name) => `/${name}`).join("")
        expect(BaseUrl.join(base, path)).toEqual(ok(base + path))
      })
    )
  })

  it("does work that is linear in the length of the path", () => {
    expect(
      hostile.growth((path) => BaseUrl.join(base, path), 8_192, "/..", "%2e", "/a", "a:", "\ud83d\ude00")
    ).toBeLessThan(2.1)
  })
})

describe("BaseUrl.validate", () => {
  it.each([
    ["https://api.test", "https://api.test/"],
    ["HTTP://API.test:80/V1/", "http://api.test/V1/"],
    ["https://bücher.test", "https://xn--bcher-kva.test/"]
  ])("normalizes %s to %s", (text, url) => {
    expect(BaseUrl.validate(text)).toEqual(ok(url))
  })

  it.each([
    ["", "InvalidBase"],
    ["api.test", "InvalidBase"],
    ["/v1", "InvalidBase"],
    ["//api.test", "InvalidBase"],
    ["https:api.test", "InvalidBase"],
    ["https:/api.test", "InvalidBase"],
    ["https:///api.test", "InvalidBase"],
    ["https:///user:pass@api.test", "InvalidBase"],
    ["https:user:pass@api.test/://x", "InvalidBase"],
    ["https://", "InvalidBase"],
    ["https://a b", "InvalidBase"],
    ["https://api.test:port", "InvalidBase"],
    [" https://api.test", "InvalidBase"],
    ["https://api.test\n", "InvalidBase"],
    ["https:\\\\api.test", "InvalidBase"],
    ["https://api.test\\v1", "InvalidBase"],
    ["https://api.test/\ud800", "InvalidBase"],
    ["mailto:a@api.test", "InvalidBase"],
    ["ftp://api.test", "BaseScheme"],
    ["file:///tmp", "InvalidBase"],
    ["https://user@api.test", "BaseUserinfo"],
    ["https://user:pass@api.test/v1", "BaseUserinfo"],
    ["https://@api.test/v1", "BaseUserinfo"],
    ["https://api.test/v1?key=x", "BaseQuery"],
    ["https://api.test/v1?", "BaseQuery"],
    ["https://api.test/v1#x", "BaseFragment"],
    ["https://api.test/v1#", "BaseFragment"]
  ] as const)("rejects the base URL %j with %s, as join does", (text, reason) => {
    expect(BaseUrl.validate(text)).toEqual(err(reason))
    expect(BaseUrl.join(text, "")).toEqual(err(reason))
    expect(BaseUrl.join(text, "/users")).toEqual(err(reason))
  })

  it("accepts an @ in the path of a base URL", () => {
    expect(BaseUrl.validate("https://registry.test/@scope")).toEqual(ok("https://registry.test/@scope"))
  })

  it("returns a result for any text, and accepts its own output", () => {
    FastCheck.assert(
      FastCheck.property(hostile.text(base, "https://", "http:", "@", ":", "//", "[::1]", "?", "#", "\\"), (text) => {
        const valid = BaseUrl.validate(text)
        if (valid._tag === "Ok") expect(BaseUrl.validate(valid.value)).toEqual(valid)
        else expect(BaseUrl.explain(valid.reason)).not.toBe("")
      }),
      hostile.runs
    )
  })
})

describe("BaseUrl.addScheme", () => {
  it.each([
    ["api.test", "https://api.test"],
    ["api.test:8443/v1/", "https://api.test:8443/v1/"],
    ["localhost:3000", "http://localhost:3000"],
    ["127.0.0.1/v1", "http://127.0.0.1/v1"]
  ])("adds the scheme that %j lacks", (text, url) => {
    expect(BaseUrl.addScheme(text)).toBe(url)
  })

  it.each([
    ...["", "/v1", "https://api.test", "//api.test", "user@api.test", "api.test?key=x", "api.test#x", "api.test:x"],
    ...[
      "sk_live_51abc",
      "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
      "api.test:99999",
      "a.test\n",
      `${"a".repeat(250)}.test`
    ]
  ])("adds no scheme to %j, which may be something else", (text) => {
    expect(BaseUrl.addScheme(text)).toBeUndefined()
  })
})

describe("BaseUrl.joiner", () => {
  const bases = ["https://a.test", "https://A.test/", "https://a.test:8443/v1", "http://a.test/v1/"]
  const fragment = FastCheck.oneof(
    FastCheck.constantFrom("/", ".", "..", "%2e", "?", "#", "\\", "@", ":", "//", "https://a.test/v1", "x", " ", "\n"),
    FastCheck.string({ unit: "grapheme", maxLength: 3 })
  )

  it("joins every path to every base URL as join does", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.constantFrom(...bases),
        FastCheck.array(fragment, { maxLength: 6 }),
        (base, fragments) => {
          const path = fragments.join("")
          const joiner = BaseUrl.joiner(base)
          expect(joiner._tag === "Ok" ? joiner.value(path) : joiner).toEqual(BaseUrl.join(base, path))
        }
      ),
      { numRuns: 3000 }
    )
  })

  it("rejects a base URL with the same reason as join", () => {
    for (const base of ["", "a.test", "ftp://a.test", "https://u:p@a.test", "https://a.test?x", "https://a.test#x"]) {
      expect(BaseUrl.joiner(base)).toEqual(BaseUrl.join(base, ""))
    }
  })
})
