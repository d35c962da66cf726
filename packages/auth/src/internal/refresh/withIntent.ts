import { TokenError } from "../../Errors.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Token } from "../../Token.js"
import * as Intent from "./intent.js"
import * as PersistenceState from "./persistenceState.js"
import * as RefreshState from "./refreshState.js"
import type { Decorator, Source } from "./source.js"
import { versionOf, whileInProgress } from "./source.js"

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

/** The token to refresh. A token that is not stored yet is newer than the record, unless a sign-out removed the record. */
const previousOf = ({ persistence }: Source, record: Option.Option<{ readonly token: Token }>): Token | undefined => {
  if (Option.isNone(record) && PersistenceState.versionOf(persistence.current) > 0)
    persistence.current = PersistenceState.removed(persistence.current)
  return PersistenceState.pendingTokenOf(persistence.current) ?? Option.getOrUndefined(record)?.token
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
      const { refresh, store } = source
      const now = yield* Clock.currentTimeMillis
      const found = versionOf(request.record)
      const state = RefreshState.recordRead(refresh.current, found)
      if (state._tag === "Invalid") return yield* Effect.fail(state.error)
      const token = previousOf(source, request.record)
      const intent = Intent.of(token, RefreshState.intentOf(state))
      const retryAt = store.isShared ? Intent.awaitedUntil(intent, now) : undefined
      if (retryAt !== undefined) return yield* Effect.fail(startedElsewhere(retryAt))
      const isNew = intent._tag === "None" && token?.refreshToken !== undefined
      refresh.current = RefreshState.start(state, isNew ? { _tag: "Ours", startedAt: now } : intent)
      const version = isNew ? yield* writeIntent(source, token, found, now) : found
      return yield* Effect.tapError(
        acquire({ ...request, previous: Option.fromNullable(token), version, intent }),
        (error) =>
          Effect.sync(() => {
            if (error._tag === "TokenError")
              whileInProgress(source, (state) => RefreshState.requestFailed(state, error))
          })
      )
    })
