import * as CookieJar from "@countersign/client/CookieJar"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"
import { hostileText } from "./scripted.js"

const url = "https://api.test/v1/x"

/** What a fresh jar sends to each of the URLs after one answer of `from`. */
const kept = (setCookie: string | ReadonlyArray<string>, to: string = url, from: string = url) =>
  Effect.gen(function* () {
    const jar = yield* CookieJar.makeMemory
    yield* jar.store(from, typeof setCookie === "string" ? [setCookie] : setCookie)
    return yield* jar.cookiesFor(to)
  })

const table = (rows: ReadonlyArray<readonly [setCookie: string, to: string, expected: string, from?: string]>) =>
  Effect.forEach(rows, ([setCookie, to, expected, from]) =>
    Effect.map(kept(setCookie, to, from), (cookie) => expect(cookie, `${setCookie} → ${to}`).toBe(expected))
  )

describe("whom a cookie is sent to", () => {
  it.effect("the host that set it, and no other", () =>
    table([
      ["a=1", "https://api.test/v1/y", "a=1"],
      ["a=1", "https://evil.test/", ""],
      ["a=1", "https://sub.api.test/v1/y", ""],
      ["a=1", "https://api.test.evil.test/v1/y", ""],
      ["a=1", "https://xapi.test/v1/y", ""]
    ])
  )

  it.effect("a domain that it names, where that is its own", () =>
    table([
      ["a=1; Domain=example.com; Path=/", "https://www.example.com/", "a=1", "https://api.example.com/"],
      ["a=1; Domain=.example.com; Path=/", "https://example.com/", "a=1", "https://api.example.com/"],
      ["a=1; Domain=example.com; Path=/", "https://notexample.com/", "", "https://api.example.com/"],
      ["a=1; Domain=evil.com; Path=/", "https://evil.com/", "", "https://api.example.com/"],
      ["a=1; Domain=www.example.com; Path=/", "https://www.example.com/", "", "https://api.example.com/"]
    ])
  )

  it.effect("never a public suffix", () =>
    table([
      ["a=1; Domain=com; Path=/", "https://other.com/", "", "https://api.com/"],
      ["a=1; Domain=co.uk; Path=/", "https://other.co.uk/", "", "https://api.co.uk/"],
      ["a=1; Domain=github.io; Path=/", "https://b.github.io/", "", "https://a.github.io/"]
    ])
  )

  it.effect("its path and what lies below it", () =>
    table([
      ["a=1; Path=/v1", "https://api.test/v1", "a=1"],
      ["a=1; Path=/v1", "https://api.test/v1/deep/er", "a=1"],
      ["a=1; Path=/v1", "https://api.test/v10", ""],
      ["a=1; Path=/v1", "https://api.test/", ""],
      ["a=1", "https://api.test/v1/other", "a=1"],
      ["a=1", "https://api.test/other", ""]
    ])
  )

  it.effect("TLS only, when it is Secure", () =>
    table([
      ["a=1; Secure; Path=/", "https://api.test/", "a=1"],
      ["a=1; Secure; Path=/", "http://api.test/", ""],
      ["a=1; Path=/", "http://api.test/", "a=1"]
    ])
  )

  it.effect("__Host- and __Secure- keep their promise, or are dropped", () =>
    table([
      ["__Host-a=1; Secure; Path=/", "https://api.test/", "__Host-a=1"],
      ["__Host-a=1; Path=/", "https://api.test/", ""],
      ["__Host-a=1; Secure; Path=/v1", url, ""],
      ["__Host-a=1; Secure; Path=/; Domain=api.test", "https://api.test/", ""],
      ["__Secure-a=1; Path=/", "https://api.test/", ""],
      ["__Secure-a=1; Secure; Path=/", "https://api.test/", "__Secure-a=1"]
    ])
  )
})

describe("how long a cookie lives", () => {
  it.effect("Max-Age counts from when it was set, by the Effect clock, however often it is used", () =>
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

  it.effect("Max-Age wins over Expires, and a new cookie of the name starts anew", () =>
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

  it.effect("Expires is an instant of the Effect clock", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["a=1; Expires=Thu, 01 Jan 1970 01:00:00 GMT"])
      yield* TestClock.adjust("59 minutes")
      expect(yield* jar.cookiesFor(url)).toBe("a=1")
      yield* TestClock.adjust("1 minute")
      expect(yield* jar.cookiesFor(url)).toBe("")
    })
  )

  it.effect("an answer deletes a cookie with a time that has passed", () =>
    Effect.gen(function* () {
      for (const gone of ["a=; Max-Age=0", "a=; Max-Age=-1", "a=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]) {
        expect(yield* kept(["a=1", "b=2", gone]), gone).toBe("b=2")
      }
    })
  )

  it.effect("a session's cookie lives as long as the jar; one of a thousand years does no harm", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["a=1", `b=2; Max-Age=${"9".repeat(30)}`])
      yield* TestClock.adjust("3650 days")
      expect(yield* jar.cookiesFor(url)).toBe("a=1; b=2")
    })
  )
})

describe("limits", () => {
  it.effect("a cookie of more than 4096 characters is dropped, one of 4096 is kept", () =>
    Effect.gen(function* () {
      expect((yield* kept(`a=${"x".repeat(4094)}`)).length).toBe(4096)
      expect(yield* kept([`a=${"x".repeat(4095)}`, "b=2"])).toBe("b=2")
    })
  )

  it.effect("a host has 200 cookies at most: those it has can change, and expired ones make room", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(
        url,
        Array.from({ length: 300 }, (_, i) => `c${i}=1; Path=/p${i}; Max-Age=10`)
      )
      yield* jar.store(url, ["c0=changed; Path=/p0; Max-Age=10", "late=1"])
      expect(yield* jar.cookiesFor("https://api.test/p199")).toBe("c199=1")
      expect(yield* jar.cookiesFor("https://api.test/p200")).toBe("")
      expect(yield* jar.cookiesFor("https://api.test/p0")).toBe("c0=changed")
      expect(yield* jar.cookiesFor(url)).toBe("")
      yield* TestClock.adjust("10 seconds")
      yield* jar.store(url, ["late=1"])
      expect(yield* jar.cookiesFor(url)).toBe("late=1")
    })
  )
})

describe("hostile text", () => {
  it("is dropped or kept, and never a defect", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(hostileText(80), { maxLength: 5 }),
        FastCheck.oneof(FastCheck.constant(url), hostileText(), FastCheck.webUrl()),
        async (lines, from) => {
          expect(typeof (await Effect.runPromise(kept(lines, from, from)))).toBe("string")
        }
      ),
      { numRuns: 50 }
    ))
})

describe("layerMemory", () => {
  it.effect("is one session for everybody who is given it, and another one each time it is built", () =>
    Effect.gen(function* () {
      const store = Effect.flatMap(CookieJar.CookieJar, (jar) => jar.store(url, ["a=1"]))
      const read = Effect.flatMap(CookieJar.CookieJar, (jar) => jar.cookiesFor(url))
      expect(yield* Effect.provide(Effect.zipRight(store, read), CookieJar.layerMemory)).toBe("a=1")
      expect(yield* Effect.provide(read, CookieJar.layerMemory)).toBe("")
    })
  )
})
