import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as RefreshState from "./refreshState.js"
import type { Decorator, Source } from "./source.js"
import * as TokenCache from "./tokenCache.js"

/** Delays of refreshes without a valid token, while the server is not available: doubled after each failure, up to a maximum. */
const firstDelayMs = 1_000
const maxDelayMs = 30_000

/** The next step of the backoff. No fiber waits for it: the next caller after this time starts the refresh. */
export const nextRetry = (state: RefreshState.RefreshState, now: number): RefreshState.Retry => {
  const failures = RefreshState.retryOf(state)?.failures ?? 0
  return { failures: failures + 1, at: now + Math.min(maxDelayMs, firstDelayMs * 2 ** failures) }
}

const onFailure = (source: Source, error: RefreshState.Failed["error"], isRepeated: boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { cache, clock, events, refresh } = source
    const wall = yield* Clock.currentTimeMillis
    const now = clock.correct(wall)
    const retryAt = error?._tag === "TokenError" && error.retryAt !== undefined ? error.retryAt + now - wall : now
    const retry = nextRetry(refresh.current, now)
    const state = refresh.current
    const token = TokenCache.cachedOf(cache.current)?.token
    refresh.current = RefreshState.failed(state, {
      ...{ error, now, retry, retryAt },
      expiresAt: TokenCache.expiresAtOf(cache.current)
    })
    yield* events.publish("RefreshFailed", token, error)
    const isLogged = isRepeated || (state._tag === "Invalid" && state.isLogged && error?._tag === "TokenError")
    if (token !== undefined && error !== undefined && !isLogged)
      yield* Effect.logWarning(`${error.message}; the old one serves until it expires.`)
  })

/** Records the outcome of a refresh, so that callers do not repeat a failed one at once. */
export const withBackoff = (source: Source): Decorator => {
  /** The failure of the store that was logged. A store is tried so often that its outage is logged once. */
  let logged: string | undefined
  const failed = (error: RefreshState.Failed["error"]) => {
    const message = error?._tag === "TokenStoreError" ? error.message : undefined
    const isRepeated = message !== undefined && message === logged
    logged = message
    return onFailure(source, error, isRepeated)
  }
  return (acquire) => (request) =>
    acquire(request).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          logged = undefined
          source.refresh.current = RefreshState.idle
        })
      ),
      Effect.tapErrorCause((cause) => failed(Option.getOrUndefined(Cause.failureOption(cause))))
    )
}
