import { describe, expect, it } from "@effect/vitest"
import { CookieStore } from "../../../src/internal/cookies/cookieStore.js"

/** Puts as many cookies, one after the other, and counts how often one of them is asked when it expires. */
const looksFor = (cookies: number, domains: number) => {
  let looks = 0
  const expires = {
    valueOf: () => {
      looks += 1
      return 1
    }
    // It compares like a number, and that is all that is done with it.
  } as unknown as number
  const shelf = new CookieStore()
  for (let at = 0; at < cookies; at++) {
    const domain = `d${at % domains}.test`
    shelf.set(
      { name: `c${at}`, value: "", domain, hostOnly: true, path: "/", secure: true, httpOnly: true, expires },
      0
    )
  }
  return { looks, size: shelf.size }
}

describe("a server that sets ten thousand cookies", () => {
  it("makes nobody look at more than those of their domain for each", () => {
    const { looks, size } = looksFor(10_000, 1)
    expect(size).toBe(50)
    expect(looks).toBeLessThan(10_000 * 120)
  })

  it("makes nobody look at all of the jar for each, when that is full", () => {
    const { looks, size } = looksFor(10_000, 1000)
    expect(size).toBe(3000)
    expect(looks).toBeLessThan(10_000 * 10)
  })
})
