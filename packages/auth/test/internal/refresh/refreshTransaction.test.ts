/** Each decorator of a refresh alone, around a scripted function. */
import type { Token } from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as Intent from "../../../src/internal/refresh/intent.js"
import * as RefreshState from "../../../src/internal/refresh/refreshState.js"
import * as Refresh from "../../../src/internal/refresh/refreshTransaction.js"
import { initial, load } from "../../../src/internal/refresh/source.js"
import * as StepUpState from "../../../src/internal/refresh/stepUpState.js"
import * as TokenCache from "../../../src/internal/refresh/tokenCache.js"
import * as RotatedToken from "../../../src/internal/response/rotatedToken.js"
import { refreshSource, requestFor, scriptedAcquire, withoutJitter } from "../../support/refreshSource.js"
import { key, nameOf, pauseAtStep, scriptedError, storeFromOtherProcess, token } from "../../support/tokenSource.js"

const lost = new TokenError({ reason: "Unavailable", sent: "maybe", detail: "the connection broke" })
const textOf = (token: Token) => nameOf({ token })
const write = { scopes: ["write"], acrValues: [] }
const inProgress = RefreshState.start(RefreshState.idle, Intent.none)

describe("withTimeout", () => {
  const limited = (script: Effect.Effect<Token, TokenError>) =>
    Refresh.withTimeout(Duration.seconds(20))(() => script)(initial)

  it.effect("passes a token and an error on", () =>
    Effect.gen(function* () {
      expect(textOf(yield* limited(token(1)))).toBe("canary-1")
      expect(yield* Effect.flip(limited(Effect.fail(lost)))).toBe(lost)
    })
  )

  it.effect("interrupts the request after the timeout, and fails", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const hanging = Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      const fiber = yield* Effect.fork(Effect.flip(limited(hanging)))
      yield* TestClock.adjust("20 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "Unavailable", sent: "maybe" })
      expect(interrupted).toBe(1)
    })
  )

  it.effect("fails with Unavailable if the request interrupts itself", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(limited(Effect.interrupt))).toMatchObject({ reason: "Unavailable", sent: "maybe" })
    })
  )
})

describe("retryOnceIfAmbiguous", () => {
  const ours: Intent.Intent = { _tag: "Ours", startedAt: 0 }
  const foreign: Intent.Intent = { _tag: "Foreign", startedAt: 0 }
  const failed: Intent.Intent = { _tag: "OursFailed", startedAt: 0 }
  const rejected = scriptedError("Rejected")

  it.effect.each([
    ["no intent and a token", Intent.none, undefined, ["sent"]],
    ["no intent and a lost response", Intent.none, lost, ["sent", "RefreshRetried", "sent"]],
    ["no intent and a rejected request", Intent.none, rejected, ["sent"]],
    ["an intent that failed and a lost response", failed, lost, ["sent", "RefreshRetried", "sent"]],
    ["an ambiguous intent of this process and a lost response", ours, lost, ["RefreshRetried", "sent"]],
    ["an intent of another process and a token", foreign, undefined, ["RefreshRetried", "sent"]]
  ] as const)("sends the refresh token at most twice in all, with %s", ([, intent, error, expected]) =>
    Effect.gen(function* () {
      const { source, types } = yield* refreshSource()
      const log: Array<string> = types
      const acquire = () => {
        log.push("sent")
        return error === undefined ? token(1) : Effect.fail(error)
      }
      const refresh = Refresh.retryOnceIfAmbiguous(source)(acquire)
      const result = yield* Effect.either(refresh(requestFor(yield* token("old"), { intent })))
      expect([log, Either.isRight(result)]).toEqual([expected, error === undefined])
    })
  )

  it.effect("sends a request without a refresh token once", () =>
    Effect.gen(function* () {
      const { source } = yield* refreshSource()
      const { acquire, requests } = scriptedAcquire(() => Effect.fail(lost))
      yield* Effect.flip(Refresh.retryOnceIfAmbiguous(source)(acquire)(initial))
      expect(requests).toHaveLength(1)
    })
  )
})

describe("caching", () => {
  const tokenOwner = { issuer: "https://auth.test", client: "c" }

  it.effect("puts a token into the cache with its owner, before it is written", () =>
    Effect.gen(function* () {
      const { source, types } = yield* refreshSource()
      source.refresh.current = inProgress
      const request = requestFor(yield* token("old"), { version: 3, challenge: write })
      yield* Refresh.caching(source, { tokenOwner })(scriptedAcquire().acquire)(request)
      expect(TokenCache.cachedOf(source.cache.current)).toMatchObject({ generation: 1, token: { owner: tokenOwner } })
      expect(source.persistence.current).toMatchObject({ _tag: "Unwritten", write: { expectedVersion: 3 } })
      expect(source.stepUp.current).toMatchObject({ _tag: "Granted", grant: { challenge: write, generation: 1 } })
      expect(types).toEqual(["Refreshed"])
    }).pipe(withoutJitter)
  )

  it.effect("keeps the new refresh token of a rejected response for the store, but not in the cache", () =>
    Effect.gen(function* () {
      const { source, types } = yield* refreshSource()
      const rejected = RotatedToken.attach(scriptedError("InvalidResponse"), Redacted.make("canary-refresh-rotated"))
      const acquire = () => Effect.fail(rejected)
      const refresh = Refresh.caching(source)(acquire)
      expect(yield* Effect.flip(refresh(requestFor(yield* token("old"))))).toBe(rejected)
      expect(source.cache.current).toBe(TokenCache.empty)
      const state = source.persistence.current
      const pending = state._tag === "Clean" ? undefined : state.write.token
      expect(pending?.refreshToken && Redacted.value(pending.refreshToken)).toBe("canary-refresh-rotated")
      expect(types).toEqual([])
    })
  )

  it.effect("changes nothing after an error", () =>
    Effect.gen(function* () {
      const { source, types } = yield* refreshSource()
      const before = [source.cache.current, source.persistence.current, source.stepUp.current]
      yield* Effect.flip(Refresh.caching(source)(() => Effect.fail(lost))(initial))
      expect([source.cache.current, source.persistence.current, source.stepUp.current]).toEqual(before)
      expect(types).toEqual([])
    })
  )

  it.effect("interrupts the request of a refresh that is given up", () =>
    Effect.gen(function* () {
      const { source } = yield* refreshSource()
      const fiber = yield* Effect.fork(Refresh.caching(source)(() => Effect.never)(initial))
      yield* Effect.yieldNow()
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
    })
  )

  it.effect("does not lose a token that has arrived when it is interrupted", () =>
    Effect.gen(function* () {
      for (let step = 1; step <= 40; step++) {
        const { source } = yield* refreshSource()
        let arrived = false
        const acquired = yield* token(1)
        const acquire = () =>
          Effect.zipRight(
            Effect.yieldNow(),
            Effect.sync(() => ((arrived = true), acquired))
          )
        const { goOn, run } = pauseAtStep(step)
        const fiber = yield* Effect.fork(run(Refresh.caching(source)(acquire)(initial)))
        yield* Effect.yieldNow()
        const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
        yield* Effect.yieldNow()
        yield* goOn
        yield* Fiber.join(interrupting)
        if (arrived) expect([step, source.persistence.current._tag]).toEqual([step, "Unwritten"])
      }
    }).pipe(withoutJitter)
  )
})

describe("reloadOnInvalidGrant", () => {
  const invalidGrant = scriptedError("ReauthorizationRequired")

  /** Stores `old` as version 1, which the source knows, and refreshes it. */
  const refreshing = (
    error: TokenError,
    meanwhile: (store: TokenStore.Service) => Effect.Effect<unknown, TokenStoreError> = () => Effect.void,
    challenge: typeof write | undefined = undefined,
    isReadable = true
  ) =>
    Effect.gen(function* () {
      let reads = 0
      const unreadable = Effect.fail(new TokenStoreError({ reason: "ReadFailed", detail: "scripted" }))
      const { memory, source } = yield* refreshSource((memory) => ({
        ...memory,
        get: (key) => Effect.suspend(() => (reads++ > 0 && !isReadable ? unreadable : memory.get(key)))
      }))
      yield* storeFromOtherProcess(memory, "old", 0)
      yield* load(source, yield* source.store.get)
      source.refresh.current = inProgress
      const acquire = () => Effect.zipRight(Effect.orDie(meanwhile(memory)), Effect.fail(error))
      const refresh = Refresh.reloadOnInvalidGrant(source)(acquire)
      const result = yield* Effect.either(refresh(requestFor(yield* token("old"), { version: 1, challenge })))
      return { reads: reads - 1, result: Either.map(result, textOf), state: source.refresh.current._tag }
    }).pipe(withoutJitter)

  const stored = (lifetimeMs?: number) => (store: TokenStore.Service) => storeFromOtherProcess(store, "new", lifetimeMs)
  const error = Either.left(invalidGrant)

  it.effect("marks the refresh token invalid if the record is unchanged or cannot be read", () =>
    Effect.gen(function* () {
      expect(yield* refreshing(invalidGrant)).toEqual({ reads: 1, result: error, state: "Invalid" })
      const unreadable = yield* refreshing(invalidGrant, () => Effect.void, undefined, false)
      expect(unreadable).toEqual({ reads: 1, result: error, state: "Invalid" })
    })
  )

  it.effect("returns the token that another process has stored meanwhile", () =>
    Effect.gen(function* () {
      const { result, state } = yield* refreshing(invalidGrant, stored())
      expect([result, state]).toEqual([Either.right("canary-new"), "InProgress"])
    })
  )

  it.effect("fails if the token of the other process expires soon, but does not mark it invalid", () =>
    Effect.gen(function* () {
      const { result, state } = yield* refreshing(invalidGrant, stored(0))
      expect([result, state]).toEqual([error, "InProgress"])
    })
  )

  it.effect("does not mark the refresh token invalid after a step-up request", () =>
    Effect.gen(function* () {
      const { result, state } = yield* refreshing(invalidGrant, () => Effect.void, write)
      expect([result, state]).toEqual([error, "InProgress"])
    })
  )

  it.effect("does not read the store after another error", () =>
    Effect.gen(function* () {
      expect(yield* refreshing(lost)).toEqual({ reads: 0, result: Either.left(lost), state: "InProgress" })
    })
  )
})

describe("withStepUp", () => {
  const refreshing = (error: TokenError | undefined) =>
    Effect.gen(function* () {
      const { source } = yield* refreshSource()
      source.refresh.current = inProgress
      source.stepUp.current = StepUpState.requested(StepUpState.none, write)
      const { acquire, requests } = scriptedAcquire(() => (error === undefined ? token(1) : Effect.fail(error)))
      const result = yield* Effect.either(Refresh.withStepUp(source)(acquire)(initial))
      expect(requests.map(({ challenge }) => challenge)).toEqual([write])
      return [Either.isRight(result), source.stepUp.current._tag, source.refresh.current]
    })

  it.effect("passes on no challenge if none was sent", () =>
    Effect.gen(function* () {
      const { source } = yield* refreshSource()
      const { acquire, requests } = scriptedAcquire()
      yield* Refresh.withStepUp(source)(acquire)(initial)
      expect(requests).toEqual([initial])
    })
  )

  it.effect("passes the requested challenge on", () =>
    Effect.gen(function* () {
      expect(yield* refreshing(undefined)).toEqual([true, "Requested", inProgress])
    })
  )

  it.effect("drops the challenge after an outage, and records a denial after another error", () =>
    Effect.gen(function* () {
      expect(yield* refreshing(lost)).toEqual([false, "None", inProgress])
      for (const reason of ["Rejected", "ReauthorizationRequired", "InvalidResponse"] as const) {
        const denied = { ...inProgress, isStepUpDenied: true }
        expect(yield* refreshing(scriptedError(reason))).toEqual([false, "Denied", denied])
      }
    })
  )
})

describe("underLock", () => {
  /** The store, and whether its lock is held or was taken. */
  const locking = (beforeLock: (memory: TokenStore.Service) => Effect.Effect<unknown, TokenStoreError>) => {
    const lock = { isHeld: false, taken: 0 }
    const wrap = (memory: TokenStore.Service): TokenStore.Service => ({
      ...memory,
      withLock: (key) => (effect) =>
        Effect.zipRight(
          Effect.orDie(beforeLock(memory)),
          memory.withLock(key)(
            Effect.acquireUseRelease(
              Effect.sync(() => ((lock.isHeld = true), lock.taken++)),
              () => effect,
              () => Effect.sync(() => (lock.isHeld = false))
            )
          )
        )
    })
    return { lock, wrap }
  }

  const refreshing = (
    before: (memory: TokenStore.Service) => Effect.Effect<unknown, TokenStoreError>,
    beforeLock: (memory: TokenStore.Service) => Effect.Effect<unknown, TokenStoreError> = () => Effect.void,
    state: RefreshState.RefreshState = RefreshState.idle
  ) =>
    Effect.gen(function* () {
      const { lock, wrap } = locking(beforeLock)
      const { memory, source } = yield* refreshSource(wrap)
      yield* before(memory)
      source.refresh.current = state
      // The source knows the record of its invalid refresh token.
      if (state._tag === "Invalid") source.persistence.current = { _tag: "Clean", version: state.version }
      const held: Array<boolean> = []
      const { acquire, requests } = scriptedAcquire((n) => (held.push(lock.isHeld), token(n)))
      const result = yield* Effect.either(Refresh.underLock(source)(acquire)(initial))
      return { result: Either.map(result, textOf), held, requests, taken: lock.taken, state: source.refresh.current }
    }).pipe(withoutJitter)

  const nothing = () => Effect.void
  const storing = (text: string, lifetimeMs?: number) => (memory: TokenStore.Service) =>
    storeFromOtherProcess(memory, text, lifetimeMs)

  it.effect("acquires a token under the lock, with the record", () =>
    Effect.gen(function* () {
      const { held, requests, result, taken } = yield* refreshing(storing("old", 0))
      expect([result, held, taken]).toEqual([Either.right("canary-1"), [true], 1])
      expect(Option.map(requests[0]!.record, nameOf)).toEqual(Option.some("canary-old"))
    })
  )

  it.effect("uses a valid token of the store without the lock", () =>
    Effect.gen(function* () {
      const { held, result, taken } = yield* refreshing(storing("theirs"))
      expect([result, held, taken]).toEqual([Either.right("canary-theirs"), [], 0])
    })
  )

  it.effect("uses a token that another process has stored before the lock was free", () =>
    Effect.gen(function* () {
      const { held, result, taken } = yield* refreshing(nothing, storing("theirs"))
      expect([result, held, taken]).toEqual([Either.right("canary-theirs"), [], 1])
    })
  )

  it.effect("fails without the lock if the refresh token of the record is invalid", () =>
    Effect.gen(function* () {
      const error = scriptedError("ReauthorizationRequired")
      const invalid = RefreshState.rejected(inProgress, error, 1)
      const same = yield* refreshing(storing("old", 0), nothing, invalid)
      expect([same.result, same.held, same.taken, same.state]).toEqual([Either.left(error), [], 0, invalid])
      const changed = yield* refreshing(
        (memory) => Effect.zipRight(storing("old", 0)(memory), storing("signed-in", 0)(memory)),
        nothing,
        invalid
      )
      expect([changed.held, changed.state]).toEqual([[true], RefreshState.idle])
    })
  )

  it.effect("fails with the error of the store", () =>
    Effect.gen(function* () {
      const { source } = yield* refreshSource((memory) => ({
        ...memory,
        get: () => Effect.fail(new TokenStoreError({ reason: "Corrupt", detail: key }))
      }))
      const error = yield* Effect.flip(Refresh.underLock(source)(scriptedAcquire().acquire)(initial))
      expect(error).toMatchObject({ _tag: "TokenStoreError", reason: "Corrupt" })
    })
  )
})
