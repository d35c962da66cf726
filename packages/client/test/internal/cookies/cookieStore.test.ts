import { describe, expect, it } from "@effect/vitest"
import { CookieStore } from "../../../src/internal/cookies/cookieStore.js"

/** Adds cookies one by one and counts how often the expiry of a stored cookie is read. */
const countExpiryReads = (cookies: number, domains: number) => {
  let reads = 0
  const expires = {
    valueOf: () => {
      reads += 1
      return 1
    }
    // The store only compares it, like a number.
  } as unknown as number
  const shelf = new CookieStore()
  for (let at = 0; at < cookies; at++) {
    const domain = `d${at % domains}.test`
    shelf.set(
      { name: `c${at}`, value: "", domain, hostOnly: true, path: "/", secure: true, httpOnly: true, expires },
      0
    )
  }
  return { reads, size: shelf.size }
}

describe("Shelf", () => {
  it("reads cookies of the same domain only for each added one", () => {
    const { reads, size } = countExpiryReads(10_000, 1)
    expect(size).toBe(50)
    expect(reads).toBeLessThan(10_000 * 120)
  })

  it("does not read the whole full jar for each added cookie", () => {
    const { reads, size } = countExpiryReads(10_000, 1000)
    expect(size).toBe(3000)
    expect(reads).toBeLessThan(10_000 * 10)
  })
})
