import { TokenError } from "../../Errors.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Token } from "../../Token.js"
import * as Intent from "./intent.js"
import * as Observation from "./observation.js"
import * as PersistenceState from "./persistenceState.js"
import * as RefreshState from "./refreshState.js"
import type { Decorator, Source } from "./source.js"
import { forgetRecord, versionOf, whileInProgress } from "./source.js"

const overtaken = new TokenError({
  reason: "Unavailable",
  sent: "no",
  detail: "another process has changed the record without taking the lock. The next attempt reads it again."
})

const startedElsewhere = (retryAt: number): TokenError =>
  new TokenError({
    reason: "Unavailable",
    sent: "no",
    retryAt,
    detail: "another process has started to refresh the token, and may still store the outcome"
  })

/**
 * Writes into the record that a refresh of its token has started, and returns the new version. If the intent cannot be
 * written, the new token could not be stored either. The refresh token is then not sent, unless no other process uses the
 * record, or the token in memory is newer than the record.
 */
const writeIntent = (source: Source, token: Token, version: number, refreshStartedAt: number) =>
  Effect.gen(function* () {
    const { events, persistence, store } = source
    const mayFail = !store.isShared || persistence.current._tag !== "Clean"
    const written = yield* Effect.either(store.compareAndSet(version, { ...token, refreshStartedAt }))
    if (written._tag === "Left") {
      yield* events.publish("StoreFailed", token, written.left)
      return mayFail ? version : yield* Effect.fail(written.left)
    }
    if (Option.isNone(written.right)) return yield* Effect.fail(overtaken)
    const next = written.right.value.version
    const state = persistence.current
    if (state._tag === "Clean") persistence.current = PersistenceState.loaded(state, next)
    return next
  })

/** The token to refresh. A token that is not stored yet is newer than the record, unless the record is gone. */
const previousOf = (
  source: Source,
  record: Option.Option<{ readonly token: Token }>
): Effect.Effect<Token | undefined> =>
  Effect.suspend(() => {
    const { persistence } = source
    const isGone = Option.isNone(record) && PersistenceState.versionOf(persistence.current) > 0
    return Effect.map(
      isGone ? forgetRecord(source) : Effect.void,
      () => PersistenceState.pendingTokenOf(persistence.current) ?? Option.getOrUndefined(record)?.token
    )
  })

/**
 * Why the refresh of another process is awaited. Undefined if the own one may start at `now`. On one host, the time in the
 * intent counts. Another machine may have another clock.
 */
const awaitedOther = (source: Source, intent: Intent.Intent, look: Observation.Look, now: number) =>
  Effect.clockWith((clock) => {
    const { observation, store } = source
    if (!store.isCluster) {
      const retryAt = store.isShared ? Intent.awaitedUntil(intent, now) : undefined
      return Effect.succeed(retryAt === undefined ? undefined : startedElsewhere(retryAt))
    }
    const looked = intent._tag === "Foreign" ? Observation.looked(observation.current, look, clock) : undefined
    const error =
      looked === undefined || Observation.isOver(looked) ? undefined : startedElsewhere(now + Observation.lookMs)
    observation.current = looked && error && { ...looked, error }
    return Effect.succeed(error)
  })

/**
 * Whether the intent is written before the refresh token is sent. One that is found is written anew: of two processes that
 * found it, the compare-and-set lets one send. On one host, no other process has found an intent of this one.
 */
const isWritten = ({ store }: Source, intent: Intent.Intent, token: Token | undefined): boolean => {
  if (intent._tag === "None") return token?.refreshToken !== undefined
  return intent._tag === "Foreign" ? store.isShared : store.isCluster
}

/**
 * Writes the intent to send a refresh token, before it is sent. A process that finds an intent without an outcome knows that
 * the refresh token may be used up.
 */
export const withIntent =
  (source: Source): Decorator =>
  (acquire) =>
  (request) =>
    Effect.gen(function* () {
      const { refresh } = source
      const now = yield* Clock.currentTimeMillis
      const found = versionOf(request.record)
      const state = RefreshState.recordRead(refresh.current, found)
      if (state._tag === "Invalid") return yield* Effect.fail(state.error)
      const token = yield* previousOf(source, request.record)
      const intent = Intent.of(token, RefreshState.intentOf(state))
      const awaited = yield* awaitedOther(source, intent, { version: found, readMs: request.readMs }, now)
      if (awaited !== undefined) return yield* Effect.fail(awaited)
      const begun = token !== undefined && isWritten(source, intent, token) ? Intent.begun(intent, now) : undefined
      refresh.current = RefreshState.start(state, begun ?? intent)
      const version =
        begun === undefined || token === undefined ? found : yield* writeIntent(source, token, found, begun.startedAt)
      return yield* Effect.tapError(
        acquire({ ...request, previous: Option.fromNullable(token), version, intent }),
        (error) =>
          Effect.sync(() => {
            if (error._tag === "TokenError")
              whileInProgress(source, (state) => RefreshState.requestFailed(state, error))
          })
      )
    })
