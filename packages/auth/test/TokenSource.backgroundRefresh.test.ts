import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { lifetimeOf } from "../src/internal/refresh/refreshWindow.js"
import {
  key,
  logging,
  scriptedTokens,
  nameOf,
  scriptedError,
  source,
  makeSource,
  times,
  token
} from "./support/tokenSource.js"

const hour = 3_600_000

describe("lifetimeOf", () => {
  const windows = { refresh: 300_000, forcedRefresh: 30_000 }
  const bearer = (life?: number, at = 0) => Token.bearer(Redacted.make("t"), at, life)

  it.each([
    ["an hour", hour, { refreshAt: hour - 300_000, expiringAt: hour - 30_000, expiresAt: hour }],
    ["ten minutes", 600_000, { refreshAt: 480_000, expiringAt: 570_000, expiresAt: 600_000 }],
    ["a minute", 60_000, { refreshAt: 48_000, expiringAt: 54_000, expiresAt: 60_000 }],
    ["40 milliseconds", 40, { refreshAt: 32, expiringAt: 36, expiresAt: 40 }],
    ["no time", 0, { refreshAt: 0, expiringAt: 0, expiresAt: 0 }]
  ])("computes the times of a token that lives for %s", (_, life, times) => {
    expect(lifetimeOf(bearer(life), 0, windows, 0)).toEqual(times)
  })

  it("subtracts up to a fifth of the refresh window as jitter, and nothing of the forced one", () => {
    expect(lifetimeOf(bearer(hour), 0, windows, 1)).toEqual({
      refreshAt: hour - 240_000,
      expiringAt: hour - 30_000,
      expiresAt: hour
    })
    expect(lifetimeOf(bearer(hour), 0, { refresh: 0, forcedRefresh: 30_000 }, 0.5).refreshAt).toBe(hour - 30_000)
  })

  it("sets no refresh time for a token without an expiry", () => {
    const never = Number.POSITIVE_INFINITY
    expect(lifetimeOf(bearer(), 0, windows, 0)).toEqual({ refreshAt: never, expiringAt: never, expiresAt: never })
  })

  it("limits a token from a clock that is an hour ahead to its lifetime", () => {
    expect(lifetimeOf(bearer(60_000, hour), 1_000, windows, 0).expiresAt).toBe(61_000)
  })
})

describe("TokenSource within refreshWindow", () => {
  const failingFrom = (from: number, error: TokenError) =>
    scriptedTokens((n) => (n < from ? token(n, hour) : Effect.fail(error)))

  it.scoped("refreshes once for 1000 requests, without a wait", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) =>
        n === 1 ? token(n, hour) : Effect.delay(token(n, hour), "10 seconds")
      )
      const { get, getCached } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("56 minutes")
      yield* times(1_000, get)
      const now = yield* Clock.currentTimeMillis
      expect(getCached?.(now)?.generation).toBe(1)
      yield* TestClock.adjust("10 seconds")
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("sends a token request every 30 seconds if the server is down, and fails only after expiry", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { calls, mint } = failingFrom(2, scriptedError("Unavailable"))
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("55 minutes")
      for (let second = 0; second < 300; second += 5) {
        yield* times(20, get)
        yield* TestClock.adjust("5 seconds")
      }
      expect(calls).toHaveLength(11)
      expect(lines.filter((line) => line.includes("the old one serves"))).toHaveLength(10)
      expect((yield* Effect.flip(get)).reason).toBe("Unavailable")
    }).pipe(logging(lines))
  })

  it.scoped("logs an invalid refresh token once for many rejected requests", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { calls, mint } = failingFrom(2, scriptedError("ReauthorizationRequired"))
      const { get, onRejected } = yield* source(mint)
      const { generation } = yield* get
      for (let n = 0; n < 20; n++) yield* Effect.flip(onRejected(generation))
      expect(calls).toHaveLength(2)
      expect(lines.filter((line) => line.includes("the old one serves"))).toHaveLength(1)
    }).pipe(logging(lines))
  })

  it.scoped("sends no token request before retryAt", () =>
    Effect.gen(function* () {
      const busy = new TokenError({ reason: "Unavailable", detail: "429", retryAt: 55 * 60_000 + 120_000 })
      const { calls, mint } = failingFrom(2, busy)
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("55 minutes")
      for (let second = 0; second < 200; second += 10) {
        yield* get
        yield* TestClock.adjust("10 seconds")
      }
      expect(calls.map(({ at }) => at)).toEqual([0, 3_300_000, 3_420_000, 3_450_000, 3_480_000])
    })
  )

  it.scoped("runs acquireToken every 30 seconds after a defect, and logs each defect", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) => (n === 1 ? token(n, hour) : Effect.die("a bug")))
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("55 minutes")
      for (let second = 0; second < 60; second++) {
        expect(nameOf(yield* get)).toBe("canary-1")
        yield* TestClock.adjust("1 second")
      }
      expect(calls.map(({ at }) => at)).toEqual([0, 3_300_000, 3_330_000])
      expect(lines.filter((line) => line.startsWith("ERROR"))).toHaveLength(2)
    }).pipe(logging(lines))
  })

  it.scoped("refreshes at different times in two processes", () =>
    Effect.gen(function* () {
      const at = (chance: number) =>
        Effect.gen(function* () {
          const { calls, mint } = scriptedTokens((n) => token(n, hour))
          const { get } = yield* TokenSource.make({ key, acquireToken: mint }).pipe(
            Effect.provideServiceEffect(TokenStore.TokenStore, TokenStore.makeMemory),
            Effect.withRandom(Random.fixed([chance]))
          )
          return { calls, get }
        })
      const both = [yield* at(0), yield* at(1)]
      yield* Effect.forEach(both, ({ get }) => get)
      yield* TestClock.adjust("55 minutes")
      for (let second = 0; second < 90; second++) {
        yield* Effect.forEach(both, ({ get }) => get)
        yield* TestClock.adjust("1 second")
      }
      expect(both.map(({ calls }) => calls[1]?.at)).toEqual([3_300_000, 3_360_000])
    })
  )

  it.scoped("uses the options refreshWindow and forcedRefreshWindow", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) => token(n, hour))
      const { get } = yield* source(mint, { refreshWindow: "1 minute", forcedRefreshWindow: "1 second" })
      yield* get
      yield* TestClock.adjust("3539 seconds")
      yield* get
      expect(calls).toHaveLength(1)
      yield* TestClock.adjust("1 second")
      expect(nameOf(yield* get)).toBe("canary-1")
      yield* TestClock.adjust("1 second")
      expect(nameOf(yield* get)).toBe("canary-2")
    })
  )

  it.effect("runs no background refresh after its scope is closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { calls, mint } = scriptedTokens((n) => token(n, hour))
      const { get } = yield* Scope.extend(source(mint), scope)
      yield* get
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("56 minutes")
      expect(nameOf(yield* get)).toBe("canary-1")
      yield* TestClock.adjust("1 second")
      expect(calls).toHaveLength(1)
    })
  )
})

describe("TokenSource within forcedRefreshWindow", () => {
  it.scoped("waits at most five seconds, and not until expiry, for a server that hangs", () =>
    Effect.gen(function* () {
      const waits = (life: number, at: number) =>
        Effect.gen(function* () {
          const { mint } = scriptedTokens((n) => (n === 1 ? token(n, life) : Effect.never))
          const { get } = yield* source(mint)
          yield* get
          yield* TestClock.adjust(at)
          const before = yield* Clock.currentTimeMillis
          const asking = yield* Effect.fork(
            Effect.flatMap(get, (held) => Effect.map(Clock.currentTimeMillis, (now) => [nameOf(held), now - before]))
          )
          yield* TestClock.adjust("10 seconds")
          // Closing the source waits for the refresh in progress.
          yield* TestClock.adjust("1 minute")
          return yield* Fiber.join(asking)
        })
      expect(yield* waits(hour, hour - 20_000)).toEqual(["canary-1", 5_000])
      expect(yield* waits(60_000, 58_000)).toEqual(["canary-1", 1_000])
    })
  )
})

/** A clock of which the wall time is the test clock minus `back`. The monotonic time continues. */
const movableClock = Effect.map(Effect.clock, (real) => {
  const state = { back: 0 }
  const clock: Clock.Clock = {
    ...real,
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    sleep: (duration) => real.sleep(duration),
    currentTimeNanos: real.currentTimeNanos,
    unsafeCurrentTimeNanos: () => real.unsafeCurrentTimeNanos(),
    unsafeCurrentTimeMillis: () => real.unsafeCurrentTimeMillis() - state.back,
    currentTimeMillis: Effect.map(real.currentTimeMillis, (now) => now - state.back)
  }
  return { clock, state }
})

describe("TokenSource and clocks", () => {
  it.scoped("does not extend a token if the clock is set back by an hour", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) => token(n, 60_000))
      const { clock, state } = yield* movableClock
      const made = yield* Effect.withClock(source(mint), clock)
      const get = Effect.withClock(made.get, clock)
      yield* get
      yield* TestClock.adjust("30 seconds")
      yield* get
      state.back = hour
      yield* get
      yield* TestClock.adjust("17 seconds")
      yield* get
      expect(calls).toHaveLength(1)
      yield* TestClock.adjust("8 seconds")
      expect(nameOf(yield* get)).toBe("canary-2")
      // The clock is set forward again: the token has expired by the wall clock, and is refreshed once.
      state.back = 0
      expect(nameOf(yield* get)).toBe("canary-3")
      yield* times(100, get)
      expect(calls).toHaveLength(3)
    })
  )

  it.scoped("does not prolong the wait after a failed request if the clock is set back by an hour", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) => (n === 1 ? Effect.fail(scriptedError("Unavailable")) : token(n)))
      const { clock, state } = yield* movableClock
      const made = yield* Effect.withClock(source(mint), clock)
      const get = Effect.withClock(made.get, clock)
      yield* TestClock.adjust("1 minute")
      yield* Effect.flip(get)
      state.back = hour
      yield* TestClock.adjust("999 millis")
      yield* Effect.flip(get)
      expect(calls).toHaveLength(1)
      yield* TestClock.adjust("1 millis")
      expect(nameOf(yield* get)).toBe("canary-2")
    })
  )

  it.scoped("does not extend a token of another process with a clock an hour ahead", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const ahead = yield* Effect.map(token("ahead", 60_000), (token) => ({
        ...token,
        receivedAt: token.receivedAt + hour,
        expiresAt: (token.expiresAt ?? 0) + hour
      }))
      yield* store.compareAndSet(key, 0, ahead)
      const { calls, mint } = scriptedTokens()
      const { get } = yield* makeSource(store, mint)
      expect(nameOf(yield* get)).toBe("canary-ahead")
      yield* TestClock.adjust("55 seconds")
      expect(nameOf(yield* get)).toBe("canary-1")
      expect(calls).toHaveLength(1)
    })
  )
})
