import * as RateLimiter from "@countersign/client/RateLimiter"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { adjust } from "./support/testClock.js"

const algorithms: ReadonlyArray<RateLimiter.Algorithm> = ["fixed-window", "sliding-window", "token-bucket"]

const withLimiter = <A, E>(use: (limiter: RateLimiter.Service) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(RateLimiter.RateLimiter, use).pipe(
    Effect.provide(RateLimiter.layer),
    Effect.provide(RateLimiter.layerStoreMemory)
  )

const millis = (result: RateLimiter.ConsumeResult) => ({
  delay: Duration.toMillis(result.delay),
  remaining: result.remaining,
  resetAfter: Duration.toMillis(result.resetAfter)
})

const three = { key: "k", limit: 3, window: "1 second" } as const

describe.each(algorithms)("RateLimiter.consume with %s", (algorithm) => {
  it.effect("admits the limit at once, then fails with the time to retry", () =>
    withLimiter((limiter) =>
      Effect.gen(function* () {
        const take = limiter.consume({ ...three, algorithm })
        const left = [yield* take, yield* take, yield* take].map(({ delay, remaining }) => [
          Duration.toMillis(delay),
          remaining
        ])
        expect(left).toEqual([
          [0, 2],
          [0, 1],
          [0, 0]
        ])
        const error = yield* Effect.flip(take)
        expect(error).toMatchObject({ _tag: "RateLimiterError", reason: "Exceeded", key: "k", limit: 3, remaining: 0 })
        if (error.reason !== "Exceeded") return
        yield* TestClock.adjust(Duration.subtract(error.retryAfter, 1))
        yield* Effect.flip(take)
        yield* TestClock.adjust(1)
        yield* take
      })
    )
  )

  it.effect("counts each key separately", () =>
    withLimiter((limiter) =>
      Effect.gen(function* () {
        for (const key of ["a", "b", "c"]) {
          yield* limiter.consume({ ...three, algorithm, key, tokens: 3 })
          yield* Effect.flip(limiter.consume({ ...three, algorithm, key }))
        }
      })
    )
  )

  it.effect("rejects more tokens than the limit with any onExceeded", () =>
    withLimiter((limiter) =>
      Effect.gen(function* () {
        for (const onExceeded of ["delay", "fail"] as const) {
          for (const tokens of [4, Number.NaN, Number.POSITIVE_INFINITY]) {
            const error = yield* Effect.flip(limiter.consume({ ...three, algorithm, onExceeded, tokens }))
            expect(error).toMatchObject({ reason: "Exceeded", retryAfter: Duration.seconds(1) })
          }
        }
        expect(yield* limiter.consume({ ...three, algorithm, tokens: 3 })).toMatchObject({ remaining: 0 })
      })
    )
  )

  it.effect("accepts an infinite, zero or negative window", () =>
    withLimiter((limiter) =>
      Effect.gen(function* () {
        for (const window of [Duration.infinity, Duration.zero, -5]) {
          const take = limiter.consume({ key: String(window), limit: 1, window, algorithm })
          expect(millis(yield* take).delay).toBe(0)
          expect(yield* Effect.flip(take)).toMatchObject({ reason: "Exceeded" })
        }
      })
    )
  )
})

describe("RateLimiter.consume with onExceeded: delay", () => {
  const delays = (algorithm: RateLimiter.Algorithm, takes: number) =>
    withLimiter((limiter) =>
      Effect.map(
        Effect.all(Array.from({ length: takes }, () => limiter.consume({ ...three, algorithm, onExceeded: "delay" }))),
        (results) => results.map(({ delay }) => Duration.toMillis(delay))
      )
    )

  it.effect("returns the delay before the reserved tokens are usable", () =>
    Effect.gen(function* () {
      expect(yield* delays("fixed-window", 7)).toEqual([0, 0, 0, 1000, 1000, 1000, 2000])
      // A slot is a 64th of the window, 16 ms, and 64 of them are 1024 ms.
      expect(yield* delays("sliding-window", 7)).toEqual([0, 0, 0, 1024, 1024, 1024, 2048])
      expect(yield* delays("token-bucket", 7)).toEqual([0, 0, 0, 334, 667, 1000, 1334])
    })
  )
})

/** Consumes tokens at each arrival. Returns the times at which they are usable, with their number. */
const usesOf = (
  options: Omit<RateLimiter.ConsumeOptions, "key" | "tokens">,
  arrivals: ReadonlyArray<readonly [gap: number, tokens: number]>
) =>
  withLimiter((limiter) =>
    Effect.gen(function* () {
      const uses: Array<readonly [at: number, tokens: number]> = []
      let now = 0
      for (const [gap, tokens] of arrivals) {
        yield* adjust(gap)
        now += gap
        const result = yield* Effect.option(limiter.consume({ ...options, key: "k", tokens }))
        if (result._tag === "Some") uses.push([now + Duration.toMillis(result.value.delay), tokens])
      }
      return uses
    })
  )

describe("RateLimiter.consume, any arrival pattern", () => {
  const arrivals = FastCheck.array(
    FastCheck.tuple(
      FastCheck.oneof(FastCheck.constant(0), FastCheck.nat(30), FastCheck.nat(700)),
      FastCheck.integer({ min: 1, max: 3 })
    ),
    { maxLength: 40 }
  )
  const limits = FastCheck.integer({ min: 3, max: 12 })
  const windows = FastCheck.oneof(FastCheck.integer({ min: 1, max: 70 }), FastCheck.integer({ min: 71, max: 1500 }))
  const modes = FastCheck.constantFrom<"delay" | "fail">("delay", "fail")

  /** Largest number of tokens in any interval of that length. The busiest interval starts with a use. */
  const busiest = (uses: ReadonlyArray<readonly [number, number]>, length: number): number =>
    Math.max(
      0,
      ...uses.map(([from]) =>
        uses.filter(([at]) => at >= from && at < from + length).reduce((total, [, tokens]) => total + tokens, 0)
      )
    )

  const property = (
    algorithm: RateLimiter.Algorithm,
    check: (uses: ReadonlyArray<readonly [number, number]>, limit: number, window: number) => void
  ) =>
    FastCheck.assert(
      FastCheck.asyncProperty(arrivals, limits, windows, modes, (pattern, limit, window, onExceeded) =>
        Effect.runPromise(
          Effect.map(usesOf({ limit, window, algorithm, onExceeded }, pattern), (uses) => {
            check(uses, limit, window)
          }).pipe(Effect.provide(TestContext.TestContext))
        )
      ),
      { numRuns: 60 }
    )

  it("never exceeds the limit in an interval of the sliding window's length", () =>
    property("sliding-window", (uses, limit, window) => {
      expect(busiest(uses, window)).toBeLessThanOrEqual(limit)
    }))

  it("never exceeds the limit in a fixed window, counted from the first use", () =>
    property("fixed-window", (uses, limit, window) => {
      let windowStart = Number.NEGATIVE_INFINITY
      let count = 0
      for (const [at, tokens] of uses) {
        if (at >= windowStart + window) {
          windowStart = at
          count = 0
        }
        count += tokens
        expect(count).toBeLessThanOrEqual(limit)
      }
    }))

  it("never exceeds a full token bucket plus its refill in any interval", () =>
    property("token-bucket", (uses, limit, window) => {
      for (const length of [1, Math.ceil(window / 3), window, 3 * window]) {
        expect(busiest(uses, length)).toBeLessThanOrEqual(limit + (limit * length) / window + 0.01)
      }
    }))

  it("admits requests in order of arrival", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        arrivals,
        limits,
        windows,
        FastCheck.constantFrom(...algorithms),
        (pattern, limit, window, algorithm) =>
          Effect.runPromise(
            Effect.map(usesOf({ limit, window, algorithm, onExceeded: "delay" }, pattern), (uses) => {
              const at = uses.map(([t]) => t)
              expect(at).toEqual([...at].sort((a, b) => a - b))
            }).pipe(Effect.provide(TestContext.TestContext))
          )
      ),
      { numRuns: 60 }
    ))
})

describe("RateLimiter.makeStoreMemory", () => {
  it.effect("evicts expired counters first and never exceeds its capacity", () =>
    Effect.gen(function* () {
      const store = yield* RateLimiter.makeStoreMemory({ capacity: 16 })
      const limiter = yield* Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, store)
      const take = (key: string, window: number) => limiter.consume({ key, limit: 1, window })
      yield* take("counts", 10_000)
      for (let n = 0; n < 15; n++) yield* take(`short ${n}`, 10)
      yield* TestClock.adjust(10)
      for (let n = 0; n < 12; n++) yield* take(`long ${n}`, 10_000)
      expect(yield* Effect.flip(take("counts", 10_000))).toMatchObject({ reason: "Exceeded" })
      for (let n = 0; n < 1000; n++) yield* take(`more ${n}`, 10_000)
      expect(yield* take("counts", 10_000)).toMatchObject({ remaining: 0 })
    })
  )

  it.effect("counts exactly when many fibers consume at once", () =>
    withLimiter((limiter) =>
      Effect.gen(function* () {
        const taken = yield* Effect.all(
          Array.from({ length: 100 }, () => Effect.option(limiter.consume({ ...three, limit: 7 }))),
          { concurrency: "unbounded" }
        )
        expect(taken.filter(({ _tag }) => _tag === "Some")).toHaveLength(7)
      })
    )
  )
})
