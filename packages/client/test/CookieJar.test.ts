import * as CookieJar from "@countersign/client/CookieJar"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"
import { hostileText } from "./support/mockApi.js"

const url = "https://api.test/v1/x"
/** Cookie header that a new jar sends to `to` after one response of `from`. */
/** What a fresh jar sends to each of the URLs after one answer of `from`. */
const storedAndSent = (setCookie: string | ReadonlyArray<string>, to: string = url, from: string = url) =>
  Effect.gen(function* () {
    const jar = yield* CookieJar.makeMemory
    yield* jar.store(from, typeof setCookie === "string" ? [setCookie] : setCookie)
    return yield* jar.cookiesFor(to)
  })

const table = (rows: ReadonlyArray<readonly [setCookie: string, to: string, expected: string, from?: string]>) =>
  Effect.forEach(rows, ([setCookie, to, expected, from]) =>
    Effect.map(storedAndSent(setCookie, to, from), (cookie) => expect(cookie, `${setCookie} → ${to}`).toBe(expected))
  )

describe("CookieJar cookiesFor", () => {
  it.effect("sends a host-only cookie to its host only", () =>
    table([
      ["a=1", "https://api.test/v1/y", "a=1"],
      ["a=1", "https://evil.test/", ""],
      ["a=1", "https://sub.api.test/v1/y", ""],
      ["a=1", "https://api.test.evil.test/v1/y", ""],
      ["a=1", "https://xapi.test/v1/y", ""]
    ])
  )

  it.effect("sends a cookie with Domain to that domain and its subdomains, and rejects foreign domains", () =>
    table([
      ["a=1; Domain=example.com; Path=/", "https://www.example.com/", "a=1", "https://api.example.com/"],
      ["a=1; Domain=.example.com; Path=/", "https://example.com/", "a=1", "https://api.example.com/"],
      ["a=1; Domain=example.com; Path=/", "https://notexample.com/", "", "https://api.example.com/"],
      ["a=1; Domain=evil.com; Path=/", "https://evil.com/", "", "https://api.example.com/"],
      ["a=1; Domain=www.example.com; Path=/", "https://www.example.com/", "", "https://api.example.com/"]
    ])
  )

  it.effect("rejects a public suffix as Domain", () =>
    table([
      ["a=1; Domain=com; Path=/", "https://other.com/", "", "https://api.com/"],
      ["a=1; Domain=co.uk; Path=/", "https://other.co.uk/", "", "https://api.co.uk/"],
      ["a=1; Domain=github.io; Path=/", "https://b.github.io/", "", "https://a.github.io/"],
      ["a=1; Domain=localhost; Path=/", "https://b.localhost/", "", "https://a.localhost/"],
      ["a=1; Domain=localhost.; Path=/", "https://b.localhost./", "", "https://a.localhost./"],
      ["a=1; Domain=invalid; Path=/", "https://b.invalid/", "", "https://a.invalid/"],
      ["a=1; Domain=test; Path=/", "https://b.test/", "", "https://a.test/"],
      ["a=1; Domain=example; Path=/", "https://b.example/", "", "https://a.example/"],
      ["a=1; Domain=local; Path=/", "https://b.local/", "", "https://a.local/"],
      ["a=1; Domain=corp; Path=/", "https://b.corp/", "", "https://a.corp/"],
      ["a=1; Domain=home.arpa; Path=/", "https://b.home.arpa/", "", "https://a.home.arpa/"]
    ])
  )

  it.effect("rejects Domain below the suffixes of private networks", () =>
    Effect.gen(function* () {
      const host = "a.default.svc.cluster.local"
      for (const domain of [
        "local",
        "cluster.local",
        "svc.cluster.local",
        "default.svc.cluster.local",
        "CLUSTER.local"
      ]) {
        yield* table([
          [`a=1; Domain=${domain}; Path=/`, "https://b.default.svc.cluster.local/", "", `https://${host}/`],
          [`a=1; Domain=${domain}; Path=/`, `https://${host}/`, "", `https://${host}/`]
        ])
      }
      yield* table([
        [`a=1; Domain=${host}; Path=/`, `https://${host}/`, "a=1", `https://${host}/`],
        [`a=1; Domain=${host}; Path=/`, `https://x.${host}/`, "", `https://${host}/`],
        ["a=1; Domain=compute.internal; Path=/", "https://b.compute.internal/", "", "https://a.compute.internal/"],
        ["a=1; Domain=app.localhost; Path=/", "https://b.app.localhost/", "a=1", "https://a.app.localhost/"],
        ["a=1; Domain=notlocal.test; Path=/", "https://b.notlocal.test/", "a=1", "https://a.notlocal.test/"]
      ])
    })
  )

  it.effect("rejects a Domain with two leading dots or with spaces after a dot", () =>
    table([
      ["a=1; Domain=.home.example.org; Path=/", "https://home.example.org/", "a=1", "https://home.example.org/"],
      ["a=1; Domain=..home.example.org; Path=/", "https://home.example.org/", "", "https://home.example.org/"],
      ["a=1; domain=  .  home.example.org; Path=/", "https://home.example.org/", "", "https://home.example.org/"],
      ["a=1; Domain=  .home.example.org  ; Path=/", "https://home.example.org/", "a=1", "https://home.example.org/"]
    ])
  )

  it.effect("keeps a tab inside names and values and trims it around them", () =>
    table([
      ["test=9\tvalue; Path=/", "https://api.test/", "test=9\tvalue"],
      ["te\tst=1;\tPath=/", "https://api.test/", "te\tst=1"],
      ["\ta\t=\t1\t;\tPath=/v1\t", url, "a=1"],
      ["a=\ufdd0; Path=/", "https://api.test/", ""]
    ])
  )

  it.effect("sends a cookie to its path and to paths below it", () =>
    table([
      ["a=1; Path=/v1", "https://api.test/v1", "a=1"],
      ["a=1; Path=/v1", "https://api.test/v1/deep/er", "a=1"],
      ["a=1; Path=/v1", "https://api.test/v10", ""],
      ["a=1; Path=/v1", "https://api.test/", ""],
      ["a=1", "https://api.test/v1/other", "a=1"],
      ["a=1", "https://api.test/other", ""]
    ])
  )

  it.effect("stores and sends a Secure cookie over TLS only", () =>
    table([
      ["a=1; Secure; Path=/", "https://api.test/", "a=1"],
      ["a=1; Secure; Path=/", "http://api.test/", ""],
      ["a=1; Path=/", "http://api.test/", "a=1"],
      ["a=1; Secure; Path=/", "https://api.test/", "", "http://api.test/"],
      ["__Host-a=1; Secure; Path=/", "https://api.test/", "", "http://api.test/"]
    ])
  )

  it.effect("accepts Secure cookies of loopback hosts without TLS", () =>
    Effect.gen(function* () {
      for (const host of ["localhost", "localhost:8080", "127.0.0.1", "127.255.0.3:81", "[::1]", "2130706433"]) {
        yield* table([
          ["a=1; Secure; Path=/", `http://${host}/`, "a=1", `http://${host}/`],
          ["a=1; Secure; Path=/", `http://${host}/`, "a=1", `https://${host}/`],
          ["__Host-a=1; Secure; Path=/", `https://${host}/`, "__Host-a=1", `http://${host}/`]
        ])
      }
      for (const host of [
        "localhost.test",
        "127.0.0.1.test",
        "128.0.0.1",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "a.localhost"
      ]) {
        yield* table([
          ["a=1; Secure; Path=/", `http://${host}/`, "", `https://${host}/`],
          ["a=1; Secure; Path=/", `https://${host}/`, "", `http://${host}/`]
        ])
      }
    })
  )

  it.effect("does not overlay a Secure cookie from a response without TLS", () =>
    Effect.gen(function* () {
      for (const [line, from, expected] of [
        ["a=evil; Path=/", "http://api.example.com/", "a=1"],
        ["a=evil; Path=/v1", "http://api.example.com/", "a=1"],
        ["a=evil; Path=/; Domain=example.com", "http://www.example.com/", "a=1"],
        ["a=; Path=/; Max-Age=0", "http://api.example.com/", "a=1"],
        ["b=2; Path=/", "http://api.example.com/", "a=1; b=2"],
        ["a=2; Path=/", "https://api.example.com/", "a=2"]
      ] as const) {
        const jar = yield* CookieJar.makeMemory
        yield* jar.store("https://api.example.com/", ["a=1; Path=/; Secure"])
        yield* jar.store(from, [line])
        expect(yield* jar.cookiesFor("https://api.example.com/v1/x"), `${line} ← ${from}`).toBe(expected)
      }
    })
  )

  it.effect("overlays an expired Secure cookie from a response without TLS", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store("https://api.test/", ["a=1; Secure; Max-Age=5"])
      yield* TestClock.adjust("5 seconds")
      yield* jar.store("http://api.test/", ["a=2"])
      expect(yield* jar.cookiesFor("https://api.test/")).toBe("a=2")
    })
  )

  it.effect("ignores port and scheme", () =>
    table([
      ["a=1; Path=/", "https://api.test:9443/", "a=1", "https://api.test:8443/"],
      ["a=1; Path=/", "http://api.test:81/", "a=1", "https://api.test/"]
    ])
  )

  it.effect("matches an IP address as a whole", () =>
    table([
      ["a=1; Domain=127.0.0.1; Path=/", "http://127.0.0.1/", "a=1", "http://127.0.0.1:8080/"],
      ["a=1; Domain=0.0.1; Path=/", "http://127.0.0.1/", "", "http://127.0.0.1/"],
      ["a=1; Domain=[::1]; Path=/", "http://[::1]/", "a=1", "http://[::1]:8080/"],
      ["a=1; Path=/", "http://127.0.0.2/", "", "http://127.0.0.1/"],
      ["a=1; Path=/", "http://2130706433/", "a=1", "http://127.0.0.1/"]
    ])
  )

  it.effect("treats Domain as host-only on a public suffix or a host without dots", () =>
    table([
      ["a=1; Domain=github.io; Path=/", "https://github.io/", "a=1", "https://github.io/"],
      ["a=1; Domain=github.io; Path=/", "https://a.github.io/", "", "https://github.io/"],
      ["a=1; Domain=intranet; Path=/", "https://intranet/", "a=1", "https://intranet/"],
      ["a=1; Domain=intranet; Path=/", "https://a.intranet/", "", "https://intranet/"],
      ["a=1; Domain=com.; Path=/", "https://b.com./", "", "https://a.com./"]
    ])
  )

  it.effect("compares domains in lower case and in punycode", () =>
    table([
      [
        "a=1; Domain=Bücher.example.com; Path=/",
        "https://xn--bcher-kva.example.com/",
        "a=1",
        "https://bücher.example.com"
      ],
      ["a=1; Domain=EXAMPLE.com; Path=/", "https://api.Example.COM/", "a=1", "https://API.example.com/"],
      ["a=1; Domain=co.UK; Path=/", "https://b.co.uk/", "", "https://a.co.uk/"]
    ])
  )

  it.effect("orders cookies by path length, then by the time they were first set", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["a=1; Path=/", "b=2; Path=/", "c=3; Path=/v1"])
      yield* jar.store(url, ["a=changed; Path=/"])
      expect(yield* jar.cookiesFor(url)).toBe("c=3; a=changed; b=2")
    })
  )

  it.effect("compares paths as written, with percent-encoding", () =>
    table([
      ["a=1; Path=/a%20b", "https://api.test/a%20b/c", "a=1"],
      ["a=1; Path=/a", "https://api.test/%61/c", ""],
      ["a=1", "https://api.test/a%20b/d", "a=1", "https://api.test/a%20b/c"]
    ])
  )

  it.effect("drops __Host- and __Secure- cookies that violate their prefix rules", () =>
    table([
      ["__Host-a=1; Secure; Path=/", "https://api.test/", "__Host-a=1"],
      ["__Host-a=1; Path=/", "https://api.test/", ""],
      ["__Host-a=1; Secure; Path=/v1", url, ""],
      ["__Host-a=1; Secure; Path=/; Domain=api.test", "https://api.test/", ""],
      ["__Secure-a=1; Path=/", "https://api.test/", ""],
      ["__Secure-a=1; Secure; Path=/", "https://api.test/", "__Secure-a=1"],
      ["__Secure-a=1; Secure; Path=/", "https://api.test/", "", "http://api.test/"],
      // The default path does not satisfy the prefix: `Path=/` must be explicit.
      ["__Host-a=1; Secure", "https://api.test/", "", "https://api.test/"],
      // Servers compare cookie names case-insensitively.
      ["__host-a=1; Path=/", "https://api.test/", ""],
      ["__SECURE-a=1; Path=/", "https://api.test/", ""]
    ])
  )

  it.effect("applies the prefix rules to names that begin with spaces of Latin-1 or UTF-8, which servers remove", () =>
    table(
      ["\u0085", "\u00a0", "\u00c2\u0085", "\u00c2\u00a0", "\u00e2\u0080\u0080", "\u00e3\u0080\u0080"].flatMap(
        (space) =>
          [
            [`${space}__Host-a=1; Secure; Path=/; Domain=api.test`, "https://api.test/", ""],
            [`${space}__Secure-a=1; Path=/`, "https://api.test/", ""],
            [`${space}b=1; Path=/`, "https://api.test/", space === "\u00a0" ? "b=1" : `${space}b=1`]
          ] as const
      )
    )
  )
})

describe("CookieJar expiry", () => {
  it.effect("counts Max-Age from the Set-Cookie by the Effect Clock, regardless of use", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["a=1; Max-Age=10"])
      for (let i = 0; i < 9; i++) {
        yield* TestClock.adjust("1 second")
        expect(yield* jar.cookiesFor(url)).toBe("a=1")
      }
      yield* TestClock.adjust("999 millis")
      expect(yield* jar.cookiesFor(url)).toBe("a=1")
      yield* TestClock.adjust("1 millis")
      expect(yield* jar.cookiesFor(url)).toBe("")
    })
  )

  it.effect("prefers Max-Age to Expires and restarts the time when a cookie is set again", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["a=1; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=5"])
      yield* TestClock.adjust("4 seconds")
      yield* jar.store(url, ["a=2; Max-Age=5"])
      yield* TestClock.adjust("4 seconds")
      expect(yield* jar.cookiesFor(url)).toBe("a=2")
      yield* TestClock.adjust("1 second")
      expect(yield* jar.cookiesFor(url)).toBe("")
    })
  )

  it.effect("compares Expires with the Effect Clock", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["a=1; Expires=Thu, 01 Jan 1970 01:00:00 GMT"])
      yield* TestClock.adjust("59 minutes")
      expect(yield* jar.cookiesFor(url)).toBe("a=1")
      yield* TestClock.adjust("1 minute")
      expect(yield* jar.cookiesFor(url)).toBe("")
    })
  )

  it.effect("deletes a cookie that is set again with a time in the past", () =>
    Effect.gen(function* () {
      for (const gone of ["a=; Max-Age=0", "a=; Max-Age=-1", "a=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]) {
        expect(yield* storedAndSent(["a=1", "b=2", gone]), gone).toBe("b=2")
      }
    })
  )

  it.effect("keeps session cookies as long as the jar and accepts a huge Max-Age", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["a=1", `b=2; Max-Age=${"9".repeat(30)}`])
      yield* TestClock.adjust("3650 days")
      expect(yield* jar.cookiesFor(url)).toBe("a=1; b=2")
    })
  )
})

describe("CookieJar parsing", () => {
  it("never dies on random Set-Cookie lines", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(hostileText(80), { maxLength: 5 }),
        FastCheck.oneof(FastCheck.constant(url), hostileText(), FastCheck.webUrl()),
        async (lines, from) => {
          expect(typeof (await Effect.runPromise(storedAndSent(lines, from, from)))).toBe("string")
        }
      ),
      { numRuns: 50 }
    ))

  it.effect("drops values with characters that cannot be sent", () =>
    table([
      ["a=\u20ac", url, ""],
      ["a=\u007f", url, ""],
      ["a=\u00e4", url, "a=\u00e4"]
    ])
  )

  const part = FastCheck.constantFrom("a", "b", "example", "com", "co", "uk", "github", "io", "test", "127", "1")
  const host = FastCheck.oneof(
    FastCheck.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(".")),
    FastCheck.constantFrom("127.0.0.1", "[::1]", "localhost", "example.com.")
  )
  const line = FastCheck.tuple(
    FastCheck.constantFrom("a", "b", "__Host-c", "__Secure-d"),
    FastCheck.option(host, { nil: undefined }),
    FastCheck.constantFrom("", "; Path=/", "; Secure", "; Path=/; Secure", "; Max-Age=0")
  )

  it("never sends a cookie to a host that shares no registrable domain with its setter", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(FastCheck.tuple(host, line), { maxLength: 30 }),
        host,
        async (answers, to) => {
          const cookie = await Effect.runPromise(
            Effect.gen(function* () {
              const jar = yield* CookieJar.makeMemory
              for (const [from, [name, domain, rest]] of answers) {
                // The value encodes the setting host and the Domain attribute.
                const value = `${from}>${domain ?? ""}`
                yield* jar.store(`https://${from}/`, [
                  `${name}=${value}${domain === undefined ? "" : `; Domain=${domain}`}${rest}`
                ])
              }
              return yield* jar.cookiesFor(`https://${to}/`)
            })
          )
          for (const [, from = "", domain = ""] of cookie.matchAll(/=([^;]*)>([^;]*)/g)) {
            const isBelow = (name: string) => name === domain || name.endsWith(`.${domain}`)
            const isSame = new URL(`https://${from}/`).hostname === new URL(`https://${to}/`).hostname
            expect(isSame || (domain.includes(".") && isBelow(from) && isBelow(to)), `${cookie} → ${to}`).toBe(true)
            expect(["co.uk", "github.io"].includes(domain) && !isSame, cookie).toBe(false)
          }
        }
      ),
      { numRuns: 300 }
    ))
})

describe("CookieJar.makeMemory", () => {
  it.effect("hides cookie values from inspect and JSON.stringify", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["sid=verysecret"])
      expect(inspect(jar, { depth: 9, showHidden: true }) + JSON.stringify(jar)).not.toContain("verysecret")
    })
  )
})

describe("CookieJar.layerMemory", () => {
  it.effect("shares one jar per build of the layer", () =>
    Effect.gen(function* () {
      const store = Effect.flatMap(CookieJar.CookieJar, (jar) => jar.store(url, ["a=1"]))
      const read = Effect.flatMap(CookieJar.CookieJar, (jar) => jar.cookiesFor(url))
      expect(yield* Effect.provide(Effect.zipRight(store, read), CookieJar.layerMemory)).toBe("a=1")
      expect(yield* Effect.provide(read, CookieJar.layerMemory)).toBe("")
    })
  )
})
