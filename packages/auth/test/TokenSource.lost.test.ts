/** A refresh with a lost or frozen fiber is given up, and the next caller makes another one. */
import type * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as WaitStrategy from "@countersign/client/WaitStrategy"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { key, logging, minting, nameOf, sourceOn, storedBySibling, storedIn, times, token } from "./support/sources.js"

const strategies: ReadonlyArray<WaitStrategy.Strategy> = ["notify", "poll"]

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

const turn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** A clock whose wall time can be set. */
class Machine implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())
  /** How far the wall clock was moved, in milliseconds. */
  moved = 0
  /** The clock of a source, whose timers do not fire if they are set while `isLosing` is true. */
  isLosing = false
  readonly losing: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    currentTimeMillis: this.currentTimeMillis,
    currentTimeNanos: this.currentTimeNanos,
    unsafeCurrentTimeMillis: () => this.unsafeCurrentTimeMillis(),
    unsafeCurrentTimeNanos: () => this.unsafeCurrentTimeNanos(),
    sleep: (duration) => (this.isLosing ? Effect.never : this.sleep(duration))
  }
  #now = 60_000
  readonly #sleepers = new Set<Sleeper>()

  unsafeCurrentTimeMillis(): number {
    return this.#now + this.moved
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.#now * 1e6))
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const sleeper = { at: this.#now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      this.#sleepers.add(sleeper)
      return Effect.sync(() => this.#sleepers.delete(sleeper))
    })
  }

  /** Lets this time pass, and wakes each sleeper at its instant. */
  pass(duration: Duration.DurationInput): Effect.Effect<void> {
    const end = this.#now + Duration.toMillis(duration)
    return Effect.gen(this, function* () {
      for (;;) {
        for (let n = 0; n < 3; n++) yield* turn
        const next = Math.min(end, ...[...this.#sleepers].map(({ at }) => at))
        this.#now = next
        const due = [...this.#sleepers].filter(({ at }) => at <= next)
        for (const sleeper of due) if (this.#sleepers.delete(sleeper)) sleeper.wake()
        if (due.length === 0 && next === end) return
      }
    })
  }
}

/** A source on a machine of its own, with a stored token that has expired. A request for a token may take a second. */
const sourceWith = (
  script: (n: number, machine: Machine) => Effect.Effect<Token.Token>,
  storeOf: (memory: TokenStore.Service) => TokenStore.Service = (memory) => memory,
  timeout: Duration.DurationInput = "1 second"
) =>
  Effect.gen(function* () {
    const machine = new Machine()
    const store = yield* TokenStore.makeMemory
    yield* storedBySibling(store, "old", 1).pipe(Effect.withClock(machine))
    yield* machine.pass("1 minute")
    const { calls, mint } = minting((n) => script(n, machine))
    const source = yield* sourceOn(storeOf(store), mint, { timeout }).pipe(Effect.withClock(machine.losing))
    return { machine, store, calls, get: Effect.withClock(source.get, machine) }
  })

const seconds = (...list: ReadonlyArray<number>) => list.map((second) => 120_000 + second * 1000)

/** The first request for a token is lost: it does not answer, and the timers of its fiber do not fire. */
const losing =
  (times: number) =>
  (n: number, machine: Machine): Effect.Effect<Token.Token> =>
    Effect.suspend(() => {
      machine.isLosing = n <= times
      return machine.isLosing ? Effect.never : token(n)
    })

const poll = Effect.provideService(WaitStrategy.WaitStrategy, "poll")

describe("a refresh whose fiber is lost", () => {
  it.scopedLive("is given up 3 seconds after it was begun: waiting callers poll, and get the next token", () =>
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

  it.scopedLive("is given up after the same time if the wall clock is set back", () =>
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

  it.scopedLive("is given up by a caller that comes much later", () =>
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

  it.scopedLive("fails with a typed error if the next one is lost too, and a later call succeeds", () =>
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

describe("a token that has arrived", () => {
  /** The write after the one of the intent does not end, and the timers of its fiber do not fire. */
  const losingItsWrite = (memory: TokenStore.Service): TokenStore.Service => {
    let writes = 0
    return {
      ...memory,
      compareAndSet: (...write) =>
        Effect.suspend(() => (++writes === 2 ? Effect.never : memory.compareAndSet(...write)))
    }
  }

  it.scopedLive("is not lost with the fiber that stores it: it serves, and is stored later", () =>
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

describe("a refresh that cannot be interrupted", () => {
  it.scopedLive("ends with a typed error while its lock lasts, and a later call succeeds", () =>
    Effect.gen(function* () {
      const { calls, get, machine } = yield* sourceWith((n) =>
        n === 1 ? Effect.uninterruptible(Effect.never) : token(n)
      )
      const all = yield* Effect.fork(times(5, Effect.flip(get)))
      yield* machine.pass("124 seconds")
      for (const error of yield* Fiber.join(all))
        expect(error).toMatchObject({ _tag: "TokenStoreError", reason: "Busy" })
      const next = yield* Effect.fork(get)
      yield* machine.pass("1 second")
      expect([nameOf(yield* Fiber.join(next)), calls.length]).toEqual(["canary-2", 2])
    })
  )
})

describe.each(strategies)("a clock that is set during a refresh, where fibers %s,", (strategy) => {
  const waits = Effect.provideService(WaitStrategy.WaitStrategy, strategy)

  it.scopedLive.each([3_600_000, 86_400_000, -3_600_000])("causes no second request (by %d ms)", (moved) =>
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

  it.scopedLive("after the suspension of a machine, the same refresh token is sent once more, within 4 seconds", () =>
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
      expect(Option.getOrThrow(yield* store.get(key)).token.refreshingSince).toBeUndefined()
    })
  )
})
