import * as RetryBudget from "@countersign/client/RetryBudget"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"

const url = "https://api.test/v1/x"

/** Number of retries of one kind that a budget allows. */
const countRetries = (budget: RetryBudget.RetryBudget, to = url, throttled = false): number => {
  let n = 0
  while (budget.withdraw(to, throttled) > 0) n++
  return n
}

const depositResponses = (budget: RetryBudget.RetryBudget, answers: number, to = url): void => {
  for (let n = 0; n < answers; n++) budget.deposit(to, 0)
}

describe("RetryBudget.make", () => {
  it("counts fractions of tokens, as gRPC does", () => {
    const budget = RetryBudget.make({ capacity: 1, retryCost: 1, throttlingRetryCost: 0.5, successCredit: 0.5 })
    expect([budget.withdraw(url, false), budget.withdraw(url, true)]).toEqual([1, 0])
    budget.deposit(url, 0)
    expect([budget.withdraw(url, true), budget.withdraw(url, true)]).toEqual([0.5, 0])
  })

  it("allows 35 retries, or a hundred after 429 responses", () => {
    expect(countRetries(RetryBudget.make())).toBe(35)
    expect(countRetries(RetryBudget.make(), url, true)).toBe(100)
    expect(countRetries(RetryBudget.make({ capacity: 10, retryCost: 3, throttlingRetryCost: 2 }))).toBe(3)
    expect(countRetries(RetryBudget.make({ capacity: 0 }))).toBe(0)
  })

  it("refills by one token per response and returns the cost of a successful retry", () => {
    const budget = RetryBudget.make()
    countRetries(budget)
    depositResponses(budget, 3)
    expect(countRetries(budget)).toBe(0)
    depositResponses(budget, 14)
    const cost = budget.withdraw(url, false)
    expect(cost).toBe(14)
    budget.deposit(url, cost)
    expect(countRetries(budget)).toBe(1)
  })

  it("never exceeds its capacity", () => {
    const budget = RetryBudget.make()
    depositResponses(budget, 1000)
    budget.withdraw(url, true)
    depositResponses(budget, 1000)
    expect(countRetries(budget)).toBe(35)
  })

  it("counts each origin (scheme, host and port) separately", () => {
    const budget = RetryBudget.make()
    countRetries(budget)
    for (const same of [
      "https://API.test:443/other",
      "https://user@api.test",
      "https://api.test?q",
      "https://api.test/"
    ]) {
      expect(countRetries(budget, same), same).toBe(0)
    }
    for (const other of [
      "http://api.test/",
      "https://api.test:8443/",
      "https://api.test@evil.test/",
      "https://api.test.evil/"
    ]) {
      expect(countRetries(budget, other), other).toBe(35)
    }
  })

  it("keeps at most maxOrigins budgets and evicts the fullest first", () => {
    const budget = RetryBudget.make({ maxOrigins: 32 })
    countRetries(budget)
    for (let n = 0; n < 10_000; n++) budget.withdraw(`https://h${n}.test/`, false)
    expect(countRetries(budget)).toBe(0)
    expect(countRetries(budget, "https://h0.test/")).toBe(35)
    expect(countRetries(budget, "https://h9999.test/")).toBe(34)
  })

  const requestsPerCall = (shares: ReadonlyArray<number>, seed: number): number => {
    const budget = RetryBudget.make()
    const random = makeRandom(seed)
    let sends = 0
    const call = (share: number, left: number, paid: number): void => {
      sends++
      if (random() >= share) return budget.deposit(url, paid)
      const cost = left === 0 ? 0 : budget.withdraw(url, false)
      if (cost > 0) call(share, left - 1, cost)
    }
    for (const share of shares) for (let n = 0; n < 2000; n++) call(share, 2, 0)
    return sends / (shares.length * 2000)
  }
  const failureRates = (min: number) =>
    FastCheck.array(FastCheck.double({ min, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 })

  it("limits requests to 1.2 per call when at least half fail, and to 1.3 at any failure rate", () => {
    for (const [min, maxRatio] of [
      [0.5, 1.2],
      [0, 1.3]
    ] as const) {
      FastCheck.assert(
        FastCheck.property(FastCheck.integer(), failureRates(min), (seed, shares) => {
          expect(requestsPerCall(shares, seed)).toBeLessThanOrEqual(maxRatio)
        }),
        { numRuns: 50 }
      )
    }
  })
})

/** mulberry32: pseudo-random numbers from 0 to 1 for a seed. */
const makeRandom = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
