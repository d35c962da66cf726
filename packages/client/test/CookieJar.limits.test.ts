import * as CookieJar from "@countersign/client/CookieJar"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"

const url = "https://api.test/v1/x"

const namesIn = (field: string) => (field === "" ? [] : field.split("; ").map((pair) => pair.split("=", 1)[0]))

const numbered = (count: number, rest = "") => Array.from({ length: count }, (_, at) => `c${at}=1; Path=/${rest}`)

describe("lengths", () => {
  it.effect("a cookie of 4096 octets is kept, one of 4097 is passed over; what it shadows stays", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, [`a=${"x".repeat(4095)}`, `b=${"x".repeat(4096)}`, `a=${"y".repeat(4096)}`])
      expect(yield* jar.cookiesFor(url)).toBe(`a=${"x".repeat(4095)}`)
    })
  )

  it.effect("an attribute of more than 1024 is passed over, and the cookie is not", () =>
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

  it.effect("a field of more than 8192 is passed over, and so is a cookie whose path is the URL's and too long", () =>
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

describe("numbers", () => {
  it.effect("a domain has 50: the one that was not used for longest goes", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["old=1; Path=/old", ...numbered(49)])
      expect(yield* jar.cookiesFor("https://api.test/old")).toContain("old=1")
      // The asking has used c0 after `old`, and all that were set together in the order of their paths.
      yield* jar.store(url, ["new=1; Path=/"])
      expect(namesIn(yield* jar.cookiesFor(url))).toEqual([...numbered(49).map((line) => line.split("=", 1)[0]), "new"])
      yield* jar.store(url, ["c0=changed; Path=/"])
      yield* jar.store(url, ["newer=1; Path=/"])
      const names = namesIn(yield* jar.cookiesFor(url))
      expect(names).toHaveLength(50)
      expect(names.filter((name) => name === "c0" || name === "c1")).toEqual(["c0"])
    })
  )

  it.effect("those that have expired go first, then those without Secure, whatever their use", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, ["kept=1; Path=/; Secure", ...numbered(48), "gone=1; Path=/; Max-Age=5"])
      yield* TestClock.adjust("5 seconds")
      yield* jar.store(url, ["new=1; Path=/"])
      expect(namesIn(yield* jar.cookiesFor(url))).toHaveLength(50)
      yield* jar.store("https://api.test/none", numbered(100, "; Secure"))
      const names = namesIn(yield* jar.cookiesFor(url))
      expect(names).toHaveLength(50)
      yield* jar.store(
        "http://api.test/",
        Array.from({ length: 100 }, (_, at) => `evil${at}=1; Path=/`)
      )
      expect(namesIn(yield* jar.cookiesFor(url))).toEqual(names)
    })
  )

  it.effect("the jar has 3000: the ones that were not used for longest go, of whatever domain", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      const host = (at: number) => `https://h${at}.test/`
      yield* Effect.forEach(Array.from({ length: 60 }), (_, at) => jar.store(host(at), numbered(50)))
      expect(namesIn(yield* jar.cookiesFor(host(0)))).toHaveLength(50)
      yield* jar.store("https://new.test/", numbered(30))
      expect(namesIn(yield* jar.cookiesFor(host(0)))).toHaveLength(50)
      expect(namesIn(yield* jar.cookiesFor(host(1)))).toHaveLength(20)
      expect(namesIn(yield* jar.cookiesFor("https://new.test/"))).toHaveLength(30)
    })
  )

  it.effect("expired ones make room in the whole jar too, for a domain that has none of them", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      const host = (at: number) => `https://h${at}.test/`
      yield* jar.store(host(0), numbered(50))
      yield* jar.store(host(1), numbered(50, "; Max-Age=5"))
      yield* Effect.forEach(Array.from({ length: 58 }), (_, at) => jar.store(host(at + 2), numbered(50)))
      yield* TestClock.adjust("5 seconds")
      yield* jar.store("https://new.test/", numbered(30))
      expect(namesIn(yield* jar.cookiesFor(host(0)))).toHaveLength(50)
    })
  )

  it("hold for whatever an answer sets, and a Secure cookie that came last is there", () => {
    const line = FastCheck.tuple(FastCheck.nat(400), FastCheck.constantFrom("", "; Secure", "; Max-Age=9"))
    return FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(line, { maxLength: 600, size: "max" }), async (lines) => {
        const field = await Effect.runPromise(
          Effect.gen(function* () {
            const jar = yield* CookieJar.makeMemory
            yield* jar.store(
              url,
              lines.map(([name, rest]) => `c${name}=1; Path=/${rest}`)
            )
            return yield* jar.cookiesFor(url)
          })
        )
        const distinct = new Set(lines.map(([name]) => name))
        expect(namesIn(field)).toHaveLength(Math.min(distinct.size, 50))
        const last = lines.at(-1)
        if (last?.[1] === "; Secure") expect(namesIn(field)).toContain(`c${last[0]}`)
      }),
      { numRuns: 50 }
    )
  })

  it.effect("of ten thousand fields of one answer the last fifty are kept", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(url, numbered(10_000))
      expect(namesIn(yield* jar.cookiesFor(url))).toEqual(Array.from({ length: 50 }, (_, at) => `c${9950 + at}`))
    })
  )
})
