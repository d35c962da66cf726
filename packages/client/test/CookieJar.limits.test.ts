import * as CookieJar from "@countersign/client/CookieJar"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"

const url = "https://api.test/v1/x"

const cookieNames = (field: string) => (field === "" ? [] : field.split("; ").map((pair) => pair.split("=", 1)[0]))

const numberedCookies = (count: number, attributes = "") =>
  Array.from({ length: count }, (_, at) => `c${at}=1; Path=/${attributes}`)

describe("CookieJar length limits", () => {
  it.effect("stores a cookie of 4096 octets and ignores one of 4097", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, [`a=${"x".repeat(4095)}`, `b=${"x".repeat(4096)}`, `a=${"y".repeat(4096)}`])
      expect(yield* jar.cookiesFor(url)).toBe(`a=${"x".repeat(4095)}`)
    })
  )

  it.effect("ignores an attribute of more than 1024 octets but stores its cookie", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      const path = (length: number) => `/${"p".repeat(length - 1)}`
      yield* jar.store(url, [`a=1; Path=${path(1025)}; Max-Age=5`, `b=2; Path=${path(1024)}`])
      expect(yield* jar.cookiesFor(url)).toBe("a=1")
      expect(yield* jar.cookiesFor(`https://api.test${path(1024)}`)).toBe("b=2")
      yield* TestClock.adjust("5 seconds")
      expect(yield* jar.cookiesFor(url)).toBe("")
    })
  )

  it.effect(
    "ignores a Set-Cookie line of more than 8192 octets and a cookie with a default path that is too long",
    () =>
      Effect.gen(function* () {
        const jar = yield* CookieJar.makeMemory
        yield* jar.store(url, [`a=1; ${"x".repeat(8187)}`, `b=2; ${"x".repeat(8188)}`])
        expect(yield* jar.cookiesFor(url)).toBe("a=1")
        const deep = `https://api.test/${"p".repeat(1024)}/x`
        yield* jar.store(deep, ["deep=1"])
        expect(yield* jar.cookiesFor(deep)).toBe("")
      })
  )
})

describe("CookieJar count limits", () => {
  it.effect("evicts the least recently used cookie of a domain beyond 50", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["old=1; Path=/old", ...numberedCookies(49)])
      expect(yield* jar.cookiesFor("https://api.test/old")).toContain("old=1")
      // The lookup has used c0 after `old`. Cookies of one response count as used in the order of their paths.
      yield* jar.store(url, ["new=1; Path=/"])
      expect(cookieNames(yield* jar.cookiesFor(url))).toEqual([
        ...numberedCookies(49).map((line) => line.split("=", 1)[0]),
        "new"
      ])
      yield* jar.store(url, ["c0=changed; Path=/"])
      yield* jar.store(url, ["newer=1; Path=/"])
      const names = cookieNames(yield* jar.cookiesFor(url))
      expect(names).toHaveLength(50)
      expect(names.filter((name) => name === "c0" || name === "c1")).toEqual(["c0"])
    })
  )

  it.effect("evicts expired cookies first, then cookies without Secure", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["kept=1; Path=/; Secure", ...numberedCookies(48), "gone=1; Path=/; Max-Age=5"])
      yield* TestClock.adjust("5 seconds")
      yield* jar.store(url, ["new=1; Path=/"])
      expect(cookieNames(yield* jar.cookiesFor(url))).toHaveLength(50)
      yield* jar.store("https://api.test/none", numberedCookies(100, "; Secure"))
      const names = cookieNames(yield* jar.cookiesFor(url))
      expect(names).toHaveLength(50)
      yield* jar.store(
        "http://api.test/",
        Array.from({ length: 100 }, (_, at) => `evil${at}=1; Path=/`)
      )
      expect(cookieNames(yield* jar.cookiesFor(url))).toEqual(names)
    })
  )

  it.effect("evicts least recently used cookies of any domain beyond 3000", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      const host = (at: number) => `https://h${at}.test/`
      yield* Effect.forEach(Array.from({ length: 60 }), (_, at) => jar.store(host(at), numberedCookies(50)))
      expect(cookieNames(yield* jar.cookiesFor(host(0)))).toHaveLength(50)
      yield* jar.store("https://new.test/", numberedCookies(30))
      expect(cookieNames(yield* jar.cookiesFor(host(0)))).toHaveLength(50)
      expect(cookieNames(yield* jar.cookiesFor(host(1)))).toHaveLength(20)
      expect(cookieNames(yield* jar.cookiesFor("https://new.test/"))).toHaveLength(30)
    })
  )

  it.effect("evicts expired cookies of other domains first beyond 3000", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      const host = (at: number) => `https://h${at}.test/`
      yield* jar.store(host(0), numberedCookies(50))
      yield* jar.store(host(1), numberedCookies(50, "; Max-Age=5"))
      yield* Effect.forEach(Array.from({ length: 58 }), (_, at) => jar.store(host(at + 2), numberedCookies(50)))
      yield* TestClock.adjust("5 seconds")
      yield* jar.store("https://new.test/", numberedCookies(30))
      expect(cookieNames(yield* jar.cookiesFor(host(0)))).toHaveLength(50)
    })
  )

  it("keeps at most 50 cookies per domain, including the last Secure one, for any response", () => {
    const line = FastCheck.tuple(FastCheck.nat(400), FastCheck.constantFrom("", "; Secure", "; Max-Age=9"))
    return FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(line, { maxLength: 600, size: "max" }), async (lines) => {
        const field = await Effect.runPromise(
          Effect.gen(function* () {
            const jar = yield* CookieJar.makeMemory
            yield* jar.store(
              url,
              lines.map(([name, attributes]) => `c${name}=1; Path=/${attributes}`)
            )
            return yield* jar.cookiesFor(url)
          })
        )
        const distinct = new Set(lines.map(([name]) => name))
        expect(cookieNames(field)).toHaveLength(Math.min(distinct.size, 50))
        const last = lines.at(-1)
        if (last?.[1] === "; Secure") expect(cookieNames(field)).toContain(`c${last[0]}`)
      }),
      { numRuns: 50 }
    )
  })

  it.effect("keeps the last 50 of ten thousand cookies of one response", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, numberedCookies(10_000))
      expect(cookieNames(yield* jar.cookiesFor(url))).toEqual(Array.from({ length: 50 }, (_, at) => `c${9950 + at}`))
    })
  )
})
