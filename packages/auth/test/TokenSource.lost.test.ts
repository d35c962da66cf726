/** A refresh with a lost or frozen fiber is abandoned, and the next caller starts another one. */
import type * as Token from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as WaitStrategy from "@countersign/client/WaitStrategy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Machine } from "./support/machine.js"
import { sourceWith } from "./support/machine.js"
import { key, logging, nameOf, storedIn, times, token } from "./support/tokenSource.js"

const strategies: ReadonlyArray<WaitStrategy.Strategy> = ["notify", "poll"]

const seconds = (...list: ReadonlyArray<number>) => list.map((second) => 120_000 + second * 1000)

/** The first request for a token is lost: it gets no response, and the timers of its fiber do not fire. */
const losing =
  (times: number) =>
  (n: number, machine: Machine): Effect.Effect<Token.Token> =>
    Effect.suspend(() => {
      machine.isLosing = n <= times
      return machine.isLosing ? Effect.never : token(n)
    })

const poll = Effect.provideService(WaitStrategy.WaitStrategy, "poll")

describe("TokenSource.get after its refresh fiber is lost", () => {
  it.scopedLive("abandons the refresh after 3 seconds and returns the next token to polling callers", () =>
    Effect.gen(function* () {
      const { calls, get, machine, store } = yield* sourceWith(losing(1))
      const lines: Array<string> = []
      yield* Effect.forkDaemon(poll(get))
      yield* machine.pass("10 millis")
      const waiting = yield* Effect.fork(times(20, get).pipe(poll, logging(lines)))
      yield* machine.pass("2900 millis")
      expect(calls.length).toBe(1)
      yield* machine.pass("300 millis")
      expect((yield* Fiber.join(waiting)).map(nameOf)).toEqual(Array.from({ length: 20 }, () => "canary-2"))
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls.map(({ previous }) => previous)).toEqual(["canary-refresh-old", "canary-refresh-old"])
      expect(yield* storedIn(store)).toBe("canary-2")
    })
  )

  it.scopedLive("abandons the refresh after the same time if the wall clock is set back", () =>
    Effect.gen(function* () {
      const { calls, get, machine } = yield* sourceWith(losing(1))
      const asking = yield* Effect.fork(poll(get))
      yield* machine.pass("10 millis")
      machine.moved = -3_600_000
      yield* machine.pass("3100 millis")
      expect(nameOf(yield* Fiber.join(asking))).toBe("canary-2")
      expect(calls.length).toBe(2)
    })
  )

  it.scopedLive("abandons the refresh for a caller that arrives an hour later", () =>
    Effect.gen(function* () {
      const { calls, get, machine } = yield* sourceWith(losing(1))
      yield* Effect.forkDaemon(get)
      yield* machine.pass("10 millis")
      yield* machine.pass("1 hour")
      const next = yield* Effect.fork(poll(get))
      yield* machine.pass("3 seconds")
      expect(nameOf(yield* Fiber.join(next))).toBe("canary-2")
      expect(calls.length).toBe(2)
    })
  )

  it.scopedLive("fails with Unavailable if the next fiber is lost too, then succeeds", () =>
    Effect.gen(function* () {
      const { calls, get, machine } = yield* sourceWith(losing(2))
      const asking = yield* Effect.fork(poll(Effect.flip(get)))
      yield* machine.pass("7 seconds")
      expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "TokenError", reason: "Unavailable", sent: "maybe" })
      const next = yield* Effect.fork(poll(get))
      yield* machine.pass("1 second")
      expect([nameOf(yield* Fiber.join(next)), calls.length]).toEqual(["canary-3", 3])
    })
  )
})

describe("TokenSource.get after its write fiber is lost", () => {
  /** The write after that of refreshStartedAt hangs, and the timers of its fiber do not fire. */
  const losingItsWrite = (memory: TokenStore.Service): TokenStore.Service => {
    let writes = 0
    return {
      ...memory,
      compareAndSet: (...write) =>
        Effect.suspend(() => (++writes === 2 ? Effect.never : memory.compareAndSet(...write)))
    }
  }

  it.scopedLive("returns the new token and stores it later", () =>
    Effect.gen(function* () {
      const { calls, get, machine, store } = yield* sourceWith((n, machine) => {
        machine.isLosing = true
        return token(n, 600_000)
      }, losingItsWrite)
      const asking = yield* Effect.fork(poll(get))
      yield* machine.pass("16 seconds")
      machine.isLosing = false
      expect(yield* storedIn(store)).toBe("canary-old")
      yield* machine.pass("4 seconds")
      expect(nameOf(yield* Fiber.join(asking))).toBe("canary-1")
      expect([yield* storedIn(store), calls.length]).toEqual(["canary-1", 1])
    })
  )
})

describe("TokenSource.get with an uninterruptible refresh", () => {
  it.scopedLive("fails with LockTimeout while the lock is held, then succeeds", () =>
    Effect.gen(function* () {
      const { calls, get, machine } = yield* sourceWith((n) =>
        n === 1 ? Effect.uninterruptible(Effect.never) : token(n)
      )
      const all = yield* Effect.fork(times(5, Effect.flip(get)))
      yield* machine.pass("124 seconds")
      for (const error of yield* Fiber.join(all))
        expect(error).toMatchObject({ _tag: "TokenStoreError", reason: "LockTimeout" })
      const next = yield* Effect.fork(get)
      yield* machine.pass("1 second")
      expect([nameOf(yield* Fiber.join(next)), calls.length]).toEqual(["canary-2", 2])
    })
  )
})

describe.each(strategies)("TokenSource.get with the wait strategy %s", (strategy) => {
  const waits = Effect.provideService(WaitStrategy.WaitStrategy, strategy)

  it.scopedLive.each([3_600_000, 86_400_000, -3_600_000])(
    "sends no second request if the clock is set by %d ms during a refresh",
    (moved) =>
      Effect.gen(function* () {
        const { calls, get, machine } = yield* sourceWith((n) => Effect.delay(token(n), "900 millis"))
        const asking = yield* Effect.fork(get.pipe(waits))
        yield* machine.pass("500 millis")
        machine.moved = moved
        const others = yield* Effect.fork(times(3, get).pipe(waits))
        yield* machine.pass("3 seconds")
        expect(nameOf(yield* Fiber.join(asking))).toBe("canary-1")
        expect((yield* Fiber.join(others)).map(nameOf)).toEqual(["canary-1", "canary-1", "canary-1"])
        expect(calls.map(({ at }) => at)).toEqual(seconds(0))
      })
  )

  it.scopedLive("sends the same refresh token once more within 4 seconds after a suspension of the machine", () =>
    Effect.gen(function* () {
      const { calls, get, machine, store } = yield* sourceWith(
        (n) => (n === 1 ? Effect.never : token(n)),
        (memory) => memory,
        "20 seconds"
      )
      const asking = yield* Effect.fork(get.pipe(waits))
      yield* machine.pass("500 millis")
      machine.moved = 8 * 3_600_000
      yield* machine.pass("4 seconds")
      expect(nameOf(yield* Fiber.join(asking))).toBe("canary-2")
      expect(calls.map(({ previous }) => previous)).toEqual(["canary-refresh-old", "canary-refresh-old"])
      expect(Option.getOrThrow(yield* store.get(key)).token.refreshStartedAt).toBeUndefined()
    })
  )
})
