import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError } from "@countersign/auth/Errors"
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
import {
  scriptedTokens,
  nameOf,
  scriptedError,
  source,
  makeSource,
  storedIn,
  times,
  token,
  pauseAtStep
} from "./support/tokenSource.js"

const slowly = (n: number) => Effect.delay(token(n), "1 second")

describe("TokenSource.get", () => {
  it.scoped("acquires one token for 1000 concurrent fibers", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens(slowly)
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

  it.scoped("uses the stored token without a token request", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* Effect.flatMap(token("kept", 60_000), (kept) => store.compareAndSet("key", 0, kept))
      const { calls, mint } = scriptedTokens()
      const { get } = yield* makeSource(store, mint)
      expect(nameOf(yield* get)).toBe("canary-kept")
      expect(calls).toEqual([])
    })
  )

  it.scoped("stores the token and returns it to other callers if the first caller is interrupted", () =>
    Effect.gen(function* () {
      for (let step = 1; step <= 80; step++) {
        const store = yield* TokenStore.makeMemory
        const { calls, mint } = scriptedTokens(slowly)
        const { get } = yield* makeSource(store, mint)
        const { goOn, run } = pauseAtStep(step)
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

  it.scoped("stores the token although all callers were interrupted", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { calls, mint } = scriptedTokens(slowly)
      const { get } = yield* makeSource(store, mint)
      const waiting = yield* Effect.fork(times(10, get))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(waiting)
      yield* TestClock.adjust("500 millis")
      expect(yield* storedIn(store)).toBe("canary-1")
      expect(nameOf(yield* get)).toBe("canary-1")
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("acquires one token if a caller arrives while the response is processed", () =>
    Effect.gen(function* () {
      for (let step = 1; step <= 80; step++) {
        const { calls, mint } = scriptedTokens()
        const { get } = yield* source(mint)
        const { goOn, run } = pauseAtStep(step)
        const slow = yield* Effect.fork(run(get))
        yield* get
        yield* goOn
        yield* Fiber.join(slow)
        expect([step, calls.length]).toEqual([step, 1])
      }
    })
  )

  it.effect("stores the token of a refresh in progress before closing the scope completes", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const scope = yield* Scope.make()
      const { get } = yield* makeSource(store, scriptedTokens(slowly).mint).pipe(Scope.extend(scope))
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

  it.scoped("interrupts acquireToken after 20 seconds, then tries again", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const hanging = Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      const { calls, mint } = scriptedTokens((n) => (n === 1 ? hanging : token(n)))
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

  it.scoped("fails after 20 seconds if acquireToken hangs in a source made in an uninterruptible region", () =>
    Effect.gen(function* () {
      const { get } = yield* Effect.uninterruptible(source(() => Effect.never))
      const asking = yield* Effect.fork(Effect.flip(get))
      yield* TestClock.adjust("20 seconds")
      expect((yield* Fiber.join(asking)).reason).toBe("Unavailable")
    })
  )

  it.scoped("fails all callers with the defect of acquireToken, then tries again", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) =>
        n === 1 ? Effect.delay(Effect.die("a bug"), "1 second") : token(n)
      )
      const { get } = yield* source(mint)
      const asking = yield* Effect.fork(times(10, Effect.exit(get)))
      yield* TestClock.adjust("1 second")
      for (const exit of yield* Fiber.join(asking)) expect(exit).toEqual(Exit.die("a bug"))
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("fails with Unavailable, not with an interruption, if acquireToken interrupts itself", () =>
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

  it.scoped("runs acquireToken without the deadline, retries and span of the caller", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      // A custom scheme sends the token request through its own pipeline, which retries.
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
      // As in Auth.policy, `get` runs inside the call and its retries.
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

describe("TokenSource.get and expiry", () => {
  it.scoped("refreshes a one-hour token 5 minutes before expiry, in the background", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) => (n === 1 ? token(n, 3_600_000) : slowly(n)))
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

  it.scoped("waits for a new token within 30 seconds before the expiry of a one-hour token", () =>
    Effect.gen(function* () {
      const { mint } = scriptedTokens((n) => token(n, 3_600_000))
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("59 minutes")
      yield* TestClock.adjust("30 seconds")
      expect(nameOf(yield* get)).toBe("canary-2")
    })
  )

  it.scoped("refreshes a ten-second token after eight seconds", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) => token(n, 10_000))
      const { get } = yield* source(mint)
      for (let second = 0; second < 20; second++) {
        yield* get
        yield* TestClock.adjust("1 second")
      }
      expect(calls.map(({ at }) => at)).toEqual([0, 8_000, 16_000])
    })
  )

  it.scoped("does not refresh a token without an expiry", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("3650 days")
      yield* get
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("serves the old token until it expires, with a token request every 30 seconds", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) =>
        n === 1 ? token(n, 600_000) : Effect.fail(scriptedError("Unavailable"))
      )
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

  it.scoped("retries 30 seconds after a failed refresh near expiry", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) =>
        n === 2 ? Effect.fail(scriptedError("Unavailable")) : token(n, 300_000)
      )
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

  it.scoped("never returns an expired token while acquireToken hangs", () =>
    Effect.gen(function* () {
      const { mint } = scriptedTokens((n) => (n === 1 ? token(n, 60_000) : Effect.never))
      const { get } = yield* source(mint)
      yield* get
      yield* TestClock.adjust("60 seconds")
      const asking = yield* Effect.fork(Effect.either(get))
      // Neither the first nor the second token request gets a response.
      yield* TestClock.adjust("40 seconds")
      expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "Left", left: { reason: "Unavailable" } })
    })
  )

  it.scoped("serves a stored token close to expiry after a restart if no new token is available", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* Effect.flatMap(token("kept", 60_000), (kept) => store.compareAndSet("key", 0, kept))
      yield* TestClock.adjust("55 seconds")
      const { calls, mint } = scriptedTokens(() => Effect.fail(scriptedError("Unavailable")))
      const { get } = yield* makeSource(store, mint)
      expect(nameOf(yield* get)).toBe("canary-kept")
      yield* times(100, get)
      expect(calls).toEqual([{ at: 55_000, previous: "canary-refresh-kept" }])
    })
  )
})

describe("TokenSource.layer", () => {
  it.effect("shares one token among all users of the Layer", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const live = TokenSource.layer({ key: "key", acquireToken: mint }).pipe(Layer.provide(TokenStore.layerMemory))
      const name = Effect.flatMap(TokenSource.TokenSource, ({ get }) => Effect.map(get, nameOf))
      expect(yield* Effect.provide(Effect.all([name, name]), live)).toEqual(["canary-1", "canary-1"])
      expect(calls).toHaveLength(1)
    })
  )

  it.effect("uses the option timeout, and acquireToken may require services", () =>
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

  it.scoped("numbers tokens with generations", () =>
    Effect.gen(function* () {
      const { get, onRejected } = yield* source(
        scriptedTokens((n) => Effect.succeed(Token.bearer(Redacted.make(`t${n}`), 0))).mint
      )
      const first = yield* get
      expect(yield* onRejected(first.generation)).toBe(true)
      expect([first.generation, (yield* get).generation]).toEqual([1, 2])
    })
  )
})
