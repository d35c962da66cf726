import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError } from "@countersign/client/Errors"
import * as Policy from "@countersign/client/Policy"
import * as Retry from "@countersign/client/Retry"
import * as Timeout from "@countersign/client/Timeout"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { minting, nameOf, nothing, source, sourceOn, storedIn, times, token, stoppingAt } from "./support/sources.js"

const slowly = (n: number) => Effect.delay(token(n), "1 second")

describe("one for everybody", () => {
  it.scoped("a thousand fibers that ask at once get one token, which was got once", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting(slowly)
      const { get } = yield* source(mint)
      const asking = yield* Effect.fork(times(1_000, get))
      yield* TestClock.adjust("1 second")
      const held = yield* Fiber.join(asking)
      expect(new Set(held.map(nameOf))).toEqual(new Set(["canary-1"]))
      expect(calls).toHaveLength(1)
      yield* times(10, get)
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("the token that is kept in the store is used without asking for another", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* Effect.flatMap(token("kept", 60_000), (kept) => store.compareAndSet("key", 0, kept))
      const { calls, mint } = minting()
      const { get } = yield* sourceOn(store, mint)
      expect(nameOf(yield* get)).toBe("canary-kept")
      expect(calls).toEqual([])
    })
  )

  it.scoped("whenever the one who asked first is interrupted, the token is got, stored and given to the others", () =>
    Effect.gen(function* () {
      for (let step = 1; step <= 80; step++) {
        const store = yield* TokenStore.makeMemory
        const { calls, mint } = minting(slowly)
        const { get } = yield* sourceOn(store, mint)
        const { goOn, run } = stoppingAt(step)
        const leader = yield* Effect.fork(run(get))
        const follower = yield* Effect.fork(get)
        if (step % 2 === 0) yield* Effect.yieldNow()
        const interrupting = yield* Effect.fork(Fiber.interrupt(leader))
        yield* Effect.yieldNow()
        yield* goOn
        yield* Fiber.join(interrupting)
        yield* TestClock.adjust("1 second")
        expect(nameOf(yield* Fiber.join(follower))).toBe("canary-1")
        expect([calls.length, yield* storedIn(store)]).toEqual([1, "canary-1"])
      }
    })
  )

  it.scoped("when nobody waits any more, the token that is on its way is stored all the same", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { calls, mint } = minting(slowly)
      const { get } = yield* sourceOn(store, mint)
      const waiting = yield* Effect.fork(times(10, get))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(waiting)
      yield* TestClock.adjust("500 millis")
      expect(yield* storedIn(store)).toBe("canary-1")
      expect(nameOf(yield* get)).toBe("canary-1")
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("who asks while another's answer comes in does not ask for one more", () =>
    Effect.gen(function* () {
      for (let step = 1; step <= 80; step++) {
        const { calls, mint } = minting()
        const { get } = yield* source(mint)
        const { goOn, run } = stoppingAt(step)
        const slow = yield* Effect.fork(run(get))
        yield* get
        yield* goOn
        yield* Fiber.join(slow)
        expect([step, calls.length]).toEqual([step, 1])
      }
    })
  )

  it.effect("closing the scope waits for a token that is on its way, and stores it", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const scope = yield* Scope.make()
      const { get } = yield* sourceOn(store, minting(slowly).mint).pipe(Scope.extend(scope))
      const asking = yield* Effect.fork(get)
      yield* Effect.yieldNow()
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("999 millis")
      expect(closing.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(closing)
      expect(yield* storedIn(store)).toBe("canary-1")
      expect(nameOf(yield* Fiber.join(asking))).toBe("canary-1")
    })
  )

  it.scoped("a mint that hangs is given up after 20 seconds, and the next one may work", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const hanging = Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      const { calls, mint } = minting((n) => (n === 1 ? hanging : token(n)))
      const { get } = yield* source(mint)
      const asking = yield* Effect.fork(Effect.flip(get))
      yield* TestClock.adjust("19999 millis")
      expect(asking.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(asking)
      expect(error).toBeInstanceOf(TokenError)
      expect(error.reason).toBe("Unavailable")
      expect(interrupted).toBe(1)
      yield* TestClock.adjust("1 second")
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls.map(({ at }) => at)).toEqual([0, 21_000])
    })
  )

  it.scoped("a source that was made where nothing can be interrupted gives up a mint that hangs, too", () =>
    Effect.gen(function* () {
      const { get } = yield* Effect.uninterruptible(source(() => Effect.never))
      const asking = yield* Effect.fork(Effect.flip(get))
      yield* TestClock.adjust("20 seconds")
      expect((yield* Fiber.join(asking)).reason).toBe("Unavailable")
    })
  )

  it.scoped("a mint that dies lets nobody wait: all hear of it, and the next one may work", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting((n) => (n === 1 ? Effect.delay(Effect.die("a bug"), "1 second") : token(n)))
      const { get } = yield* source(mint)
      const asking = yield* Effect.fork(times(10, Effect.exit(get)))
      yield* TestClock.adjust("1 second")
      for (const exit of yield* Fiber.join(asking)) expect(exit).toEqual(Exit.die("a bug"))
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("a mint that interrupts itself interrupts none of those who wait for it", () =>
    Effect.gen(function* () {
      const { get } = yield* source(() => Effect.delay(Effect.interrupt, "1 second"))
      const asking = yield* Effect.fork(times(3, Effect.exit(get)))
      yield* TestClock.adjust("1 second")
      for (const exit of yield* Fiber.join(asking)) {
        expect(Exit.isFailure(exit) && Cause.isInterrupted(exit.cause)).toBe(false)
        expect(Exit.isFailure(exit) && exit.cause).toMatchObject({ _tag: "Fail", error: { reason: "Unavailable" } })
      }
    })
  )

  it.scoped("the deadline, the retry and the span of the one who asked do not reach the mint", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      // As a scheme of one's own would: through a pipeline of its own, which retries.
      const { client, mock } = yield* MockClient.make((_, index) =>
        MockClient.respond(index === 0 ? 503 : 200, "token")
      )
      const mint = Effect.gen(function* () {
        seen.push(yield* Timeout.remaining, yield* Effect.option(Effect.currentSpan))
        yield* Retry.policy()(client).get("https://auth.test/token")
        return yield* token(1)
      })
      const { get } = yield* source(() => Effect.orDie(mint))
      const api = yield* MockClient.make([MockClient.respond(200)])
      // The token is asked for where Auth.policy asks for it: inside of the call and its retry.
      const asking = api.client.pipe(
        Policy.make((request, next) => Effect.zipRight(Effect.orDie(get), next(request))),
        Retry.policy(),
        Timeout.call("5 seconds")
      )
      const outer = yield* Effect.fork(asking.get("https://api.test/").pipe(Effect.withSpan("caller")))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(outer)
      expect(seen[0]).toBe(Number.POSITIVE_INFINITY)
      expect(seen[1]).toMatchObject({ _tag: "None" })
      expect(yield* mock.sent).toHaveLength(2)
    })
  )
})

describe("expiry", () => {
  it.scoped("a token of an hour is replaced 5 minutes before its end, and nobody waits for that", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting((n) => (n === 1 ? token(n, 3_600_000) : slowly(n)))
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("3299999 millis")
      expect(nameOf(yield* get)).toBe("canary-1")
      yield* TestClock.adjust("1 millis")
      expect((yield* times(100, get)).map(nameOf)).toEqual(Array.from({ length: 100 }, () => "canary-1"))
      yield* TestClock.adjust("1 second")
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls).toEqual([
        { at: 0, previous: undefined },
        { at: 3_300_000, previous: "canary-refresh-1" }
      ])
    })
  )

  it.scoped("a token of an hour that nobody asked for until 30 seconds before its end is not given any more", () =>
    Effect.gen(function* () {
      const { mint } = minting((n) => token(n, 3_600_000))
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("59 minutes")
      yield* TestClock.adjust("30 seconds")
      expect(nameOf(yield* get)).toBe("canary-2")
    })
  )

  it.scoped("a token of ten seconds is replaced in the ninth of them, and waited for in the tenth", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting((n) => token(n, 10_000))
      const { get } = yield* source(mint)
      for (let second = 0; second < 20; second++) {
        yield* get
        yield* TestClock.adjust("1 second")
      }
      expect(calls.map(({ at }) => at)).toEqual([0, 8_000, 16_000])
    })
  )

  it.scoped("a token of unknown life is never replaced for its age", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting()
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("3650 days")
      yield* get
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped(
    "while there is no other, the old token serves until it expires, and one is asked for every 30 seconds",
    () =>
      Effect.gen(function* () {
        const { calls, mint } = minting((n) => (n === 1 ? token(n, 600_000) : Effect.fail(nothing("Unavailable"))))
        const { get } = yield* source(mint)
        yield* get
        yield* TestClock.adjust("570 seconds")
        for (let at = 570; at < 600; at++) {
          expect(nameOf(yield* get)).toBe("canary-1")
          yield* TestClock.adjust("1 second")
        }
        expect(calls.map(({ at }) => at)).toEqual([0, 570_000])
        expect((yield* Effect.flip(get)).reason).toBe("Unavailable")
      })
  )

  it.scoped("after a failure near the end, the next try comes 30 seconds later", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting((n) => (n === 2 ? Effect.fail(nothing("Unavailable")) : token(n, 300_000)))
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("240 seconds")
      for (let second = 0; second < 30; second++) {
        expect((yield* times(100, get)).map(nameOf)).toContain("canary-1")
        yield* TestClock.adjust("1 second")
      }
      yield* get
      yield* TestClock.adjust("1 second")
      expect(nameOf(yield* get)).toBe("canary-3")
      expect(calls.map(({ at }) => at)).toEqual([0, 240_000, 270_000])
    })
  )

  it.scoped("a token that has expired is given to nobody, however long another one is waited for", () =>
    Effect.gen(function* () {
      const { mint } = minting((n) => (n === 1 ? token(n, 60_000) : Effect.never))
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("60 seconds")
      const asking = yield* Effect.fork(Effect.either(get))
      // Nothing was heard of the first try, and nothing is of the second.
      yield* TestClock.adjust("40 seconds")
      expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "Left", left: { reason: "Unavailable" } })
    })
  )

  it.scoped("after a restart too, a stored token that is about to expire serves while there is no other", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* Effect.flatMap(token("kept", 60_000), (kept) => store.compareAndSet("key", 0, kept))
      yield* TestClock.adjust("55 seconds")
      const { calls, mint } = minting(() => Effect.fail(nothing("Unavailable")))
      const { get } = yield* sourceOn(store, mint)
      expect(nameOf(yield* get)).toBe("canary-kept")
      yield* times(100, get)
      expect(calls).toEqual([{ at: 55_000, previous: "canary-refresh-kept" }])
    })
  )
})

describe("as a Layer", () => {
  it.effect("two users of one Layer share its token", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting()
      const live = TokenSource.layer({ key: "key", acquireToken: mint }).pipe(Layer.provide(TokenStore.layerMemory))
      const name = Effect.flatMap(TokenSource.TokenSource, ({ get }) => Effect.map(get, nameOf))
      expect(yield* Effect.provide(Effect.all([name, name]), live)).toEqual(["canary-1", "canary-1"])
      expect(calls).toHaveLength(1)
    })
  )

  it.effect("the patience with a mint can be set, and a mint may ask for services", () =>
    Effect.gen(function* () {
      const mint = () => Effect.zipRight(MockClient.MockClient, Effect.never)
      const live = TokenSource.layer({ key: "key", acquireToken: mint, timeout: "3 seconds" }).pipe(
        Layer.provide([TokenStore.layerMemory, MockClient.layer([])])
      )
      const asking = yield* Effect.fork(
        Effect.flatMap(TokenSource.TokenSource, ({ get }) => Effect.flip(get)).pipe(Effect.provide(live))
      )
      yield* TestClock.adjust("3 seconds")
      expect((yield* Fiber.join(asking)).message).toContain("3s")
    })
  )

  it.scoped("generations tell tokens apart and hold nothing of them", () =>
    Effect.gen(function* () {
      const { get, onRejected } = yield* source(
        minting((n) => Effect.succeed(Token.bearer(Redacted.make(`t${n}`), 0))).mint
      )
      const first = yield* get
      expect(yield* onRejected(first.generation)).toBe(true)
      expect([first.generation, (yield* get).generation]).toEqual([1, 2])
    })
  )
})
