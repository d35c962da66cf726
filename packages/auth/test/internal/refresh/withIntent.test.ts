import type { Token } from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as PersistenceState from "../../../src/internal/refresh/persistenceState.js"
import * as RefreshState from "../../../src/internal/refresh/refreshState.js"
import { initial, load } from "../../../src/internal/refresh/source.js"
import { withIntent } from "../../../src/internal/refresh/withIntent.js"
import { refreshSource, scriptedAcquire, withoutJitter } from "../../support/refreshSource.js"
import { key, nameOf, scriptedError, storeFromOtherProcess, token } from "../../support/tokenSource.js"

const lost = new TokenError({ reason: "Unavailable", sent: "maybe", detail: "the connection broke" })
const unsent = new TokenError({ reason: "Unavailable", sent: "no", detail: "refused" })
const full = new TokenStoreError({ reason: "WriteFailed", detail: "the disk is full" })

type Wrap = (memory: TokenStore.Service) => TokenStore.Service
const shared: Wrap = (memory) => ({ ...memory, lockScope: "host" })
const unwritable: Wrap = (memory) => ({ ...memory, compareAndSet: () => Effect.fail(full) })

/** Refreshes the token `old` of version 1, with a mark of `refreshStartedAt`, at 5 seconds. */
const refreshing = (
  options: {
    readonly mark?: number
    readonly state?: RefreshState.RefreshState
    readonly wrap?: Wrap
    readonly outcome?: TokenError
    readonly pending?: Token
    readonly removed?: boolean
  } = {}
) =>
  Effect.gen(function* () {
    const { memory, source, types } = yield* refreshSource(options.wrap)
    const stored = yield* memory.compareAndSet(key, 0, { ...(yield* token("old", 0)), refreshStartedAt: options.mark })
    yield* load(source, stored)
    types.length = 0
    yield* TestClock.adjust("5 seconds")
    source.refresh.current = options.state ?? RefreshState.idle
    if (options.pending !== undefined)
      source.persistence.current = PersistenceState.writeFailed(
        PersistenceState.acquired(source.persistence.current, {
          ...{ token: options.pending, expectedVersion: 1, previous: undefined }
        })
      )
    if (options.removed === true) yield* memory.remove(key, 1)
    const { outcome } = options
    const { acquire, requests } = scriptedAcquire((n) => (outcome === undefined ? token(n) : Effect.fail(outcome)))
    const record = yield* memory.get(key)
    const result = yield* Effect.either(withIntent(source)(acquire)({ ...initial, record }))
    const [request] = requests
    return {
      error: Either.isLeft(result) ? result.left : undefined,
      request: request && {
        previous: Option.getOrUndefined(Option.map(request.previous, (token) => nameOf({ token }))),
        intent: request.intent._tag,
        version: request.version
      },
      mark: Option.getOrUndefined(yield* memory.get(key))?.token.refreshStartedAt,
      persistence: source.persistence.current,
      state: source.refresh.current,
      types
    }
  }).pipe(withoutJitter)

const backingOff = (intent: "Ours" | "OursFailed", startedAt: number): RefreshState.BackingOff => ({
  ...{ _tag: "BackingOff", quietUntil: 0, retry: undefined },
  intent: { _tag: intent, startedAt }
})

describe("withIntent", () => {
  it.effect("marks the record before it passes the request on", () =>
    Effect.gen(function* () {
      const { mark, persistence, request, state } = yield* refreshing()
      expect([mark, request]).toEqual([5_000, { previous: "canary-old", intent: "None", version: 2 }])
      expect(persistence).toEqual({ _tag: "Clean", version: 2 })
      expect(state).toMatchObject({ _tag: "InProgress", intent: { _tag: "Ours", startedAt: 5_000 } })
    })
  )

  it.effect.each([
    ["its own mark with an unknown outcome", backingOff("Ours", 4_000), "Ours"],
    ["its own mark of a request that was not processed", backingOff("OursFailed", 4_000), "OursFailed"],
    ["a mark of another process, with a store that is not shared", RefreshState.idle, "Foreign"],
    ["a mark of another process, after an own one", backingOff("Ours", 3_000), "Foreign"]
  ] as const)("finds %s, and writes none", ([, state, intent]) =>
    Effect.gen(function* () {
      const { mark, request } = yield* refreshing({ mark: 4_000, state })
      expect([mark, request]).toEqual([4_000, { previous: "canary-old", intent, version: 1 }])
    })
  )

  it.effect("waits four seconds for another process with a shared store", () =>
    Effect.gen(function* () {
      const waiting = yield* refreshing({ mark: 1_001, wrap: shared })
      expect([waiting.error, waiting.request]).toMatchObject([{ reason: "Unavailable", retryAt: 5_001 }, undefined])
      expect((yield* refreshing({ mark: 1_000, wrap: shared })).request).toMatchObject({ intent: "Foreign" })
      const own = yield* refreshing({ mark: 4_000, wrap: shared, state: backingOff("Ours", 4_000) })
      expect(own.request).toMatchObject({ intent: "Ours" })
    })
  )

  it.effect("sends nothing if a shared record cannot be marked", () =>
    Effect.gen(function* () {
      const marking: Wrap = (memory) => ({
        ...shared(memory),
        compareAndSet: (...write) =>
          write[2].refreshStartedAt === undefined ? memory.compareAndSet(...write) : Effect.fail(full)
      })
      const failed = yield* refreshing({ wrap: marking })
      expect([failed.error, failed.request, failed.types]).toEqual([full, undefined, ["StoreFailed"]])
      const pending = yield* refreshing({ wrap: marking, pending: yield* token("newer") })
      expect(pending.request).toEqual({ previous: "canary-newer", intent: "None", version: 1 })
      const alone = yield* refreshing({ wrap: unwritable })
      expect(alone.request).toMatchObject({ intent: "None" })
    })
  )

  it.effect("sends nothing if another process has changed the record without the lock", () =>
    Effect.gen(function* () {
      const rude: Wrap = (memory) => ({
        ...memory,
        compareAndSet: (...write) =>
          write[2].refreshStartedAt === undefined
            ? memory.compareAndSet(...write)
            : Effect.zipRight(storeFromOtherProcess(memory, "rude"), memory.compareAndSet(...write))
      })
      const { error, request } = yield* refreshing({ wrap: rude })
      expect([error, request]).toMatchObject([{ reason: "Unavailable", sent: "no" }, undefined])
    })
  )

  it.effect("discards a pending token if the record was removed", () =>
    Effect.gen(function* () {
      const { persistence, request } = yield* refreshing({ pending: yield* token("newer"), removed: true })
      expect(request).toEqual({ previous: undefined, intent: "None", version: 0 })
      expect(persistence).toEqual(PersistenceState.initial)
    })
  )

  it.effect("keeps a pending token while it marks the record with it", () =>
    Effect.gen(function* () {
      const { persistence, request } = yield* refreshing({ pending: yield* token("newer") })
      expect(request).toEqual({ previous: "canary-newer", intent: "None", version: 2 })
      expect(persistence._tag).toBe("Unsaved")
    })
  )

  it.effect("records whether the server may have processed the request", () =>
    Effect.gen(function* () {
      const intentAfter = (outcome: TokenError) => Effect.map(refreshing({ outcome }), ({ state }) => state)
      expect(yield* intentAfter(lost)).toMatchObject({ intent: { _tag: "Ours" } })
      expect(yield* intentAfter(unsent)).toMatchObject({ intent: { _tag: "OursFailed" } })
    })
  )

  it.effect("does not send an invalid refresh token", () =>
    Effect.gen(function* () {
      const error = scriptedError("ReauthorizationRequired")
      const invalid = (version: number): RefreshState.Invalid => ({
        ...{ _tag: "Invalid", error, version, quietUntil: 0, isLogged: false }
      })
      const same = yield* refreshing({ state: invalid(1) })
      expect([same.error, same.request]).toEqual([error, undefined])
      expect((yield* refreshing({ state: invalid(2) })).request).toMatchObject({ version: 2 })
    })
  )
})
