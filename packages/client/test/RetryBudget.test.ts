import * as RetryBudget from "@countersign/client/RetryBudget"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"

const url = "https://api.test/v1/x"

/** How many retries of one kind a budget pays for. */
const affords = (budget: RetryBudget.RetryBudget, to = url, throttled = false): number => {
  let n = 0
  while (budget.withdraw(to, throttled) > 0) n++
  return n
}

const earned = (budget: RetryBudget.RetryBudget, answers: number, to = url): void => {
  for (let n = 0; n < answers; n++) budget.deposit(to, 0)
}

describe("a budget", () => {
  it("pays for 35 retries, or for a hundred after a 429, and then for none", () => {
    expect(affords(RetryBudget.make())).toBe(35)
    expect(affords(RetryBudget.make(), url, true)).toBe(100)
    expect(affords(RetryBudget.make({ capacity: 10, retryCost: 3, throttlingRetryCost: 2 }))).toBe(3)
    expect(affords(RetryBudget.make({ capacity: 0 }))).toBe(0)
  })

  it("is refilled by answers, one token each, and a retry that was answered gives back what it cost", () => {
    const budget = RetryBudget.make()
    affords(budget)
    earned(budget, 3)
    expect(affords(budget)).toBe(0)
    earned(budget, 14)
    const cost = budget.withdraw(url, false)
    expect(cost).toBe(14)
    budget.deposit(url, cost)
    expect(affords(budget)).toBe(1)
  })

  it("never holds more than its capacity", () => {
    const budget = RetryBudget.make()
    earned(budget, 1000)
    budget.withdraw(url, true)
    earned(budget, 1000)
    expect(affords(budget)).toBe(35)
  })

  it("is each origin's own: scheme, host and port, however the URL is written", () => {
    const budget = RetryBudget.make()
    affords(budget)
    for (const same of [
      "https://API.test:443/other",
      "https://user@api.test",
      "https://api.test?q",
      "https://api.test/"
    ]) {
      expect(affords(budget, same), same).toBe(0)
    }
    for (const other of [
      "http://api.test/",
      "https://api.test:8443/",
      "https://api.test@evil.test/",
      "https://api.test.evil/"
    ]) {
      expect(affords(budget, other), other).toBe(35)
    }
  })

  it("takes no more room for any number of origins, and remembers those with the least left", () => {
    const budget = RetryBudget.make({ maxOrigins: 32 })
    affords(budget)
    for (let n = 0; n < 10_000; n++) budget.withdraw(`https://h${n}.test/`, false)
    expect(affords(budget)).toBe(0)
    expect(affords(budget, "https://h0.test/")).toBe(35)
    expect(affords(budget, "https://h9999.test/")).toBe(34)
  })

  const twoRetries = (shares: ReadonlyArray<number>, seed: number): number => {
    const budget = RetryBudget.make()
    const chance = generator(seed)
    let sends = 0
    const call = (share: number, left: number, paid: number): void => {
      sends++
      if (chance() >= share) return budget.deposit(url, paid)
      const cost = left === 0 ? 0 : budget.withdraw(url, false)
      if (cost > 0) call(share, left - 1, cost)
    }
    for (const share of shares) for (let n = 0; n < 2000; n++) call(share, 2, 0)
    return sends / (shares.length * 2000)
  }
  const mixtures = (min: number) =>
    FastCheck.array(FastCheck.double({ min, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 })

  it("keeps sends to 1.2 times the calls while half of them or more fail, and to 1.3 times whatever share does", () => {
    for (const [min, most] of [
      [0.5, 1.2],
      [0, 1.3]
    ] as const) {
      FastCheck.assert(
        FastCheck.property(FastCheck.integer(), mixtures(min), (seed, shares) => {
          expect(twoRetries(shares, seed)).toBeLessThanOrEqual(most)
        }),
        { numRuns: 50 }
      )
    }
  })
})

/** mulberry32: numbers from 0 to 1 that a seed makes. */
const generator = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
