/** The refresh of a token: decorators around the request for a token, each with one concern. */
import { TokenError } from "../../Errors.js"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Option from "effect/Option"
import { silently, step } from "../concurrency/flightProgress.js"
import { Stopwatch } from "../concurrency/stopwatch.js"
import * as HeldLock from "../lock/heldLock.js"
import * as RotatedToken from "../response/rotatedToken.js"
import * as Intent from "./intent.js"
import * as Observation from "./observation.js"
import type { PendingWrites } from "./pendingWrites.js"
import { persisting } from "./pendingWrites.js"
import * as PersistenceState from "./persistenceState.js"
import { withBackoff } from "./refreshBackoff.js"
import * as RefreshState from "./refreshState.js"
import type { Options } from "./service.js"
import type { Acquire, Decorator, RefreshRequest, Source } from "./source.js"
import { load, setToken, versionOf, whileInProgress } from "./source.js"
import * as StepUpState from "./stepUpState.js"
import { withIntent } from "./withIntent.js"

/** The error of a token request that took too long. */
export const timedOut = (after: Duration.Duration): TokenError =>
  new TokenError({
    reason: "Unavailable",
    sent: "maybe",
    detail: `acquiring a token took longer than ${Duration.format(after)}`
  })

const interrupted = new TokenError({
  reason: "Unavailable",
  sent: "maybe",
  detail: "`acquireToken` interrupted itself"
})

/** Sends no request after the lock was lost: another process may refresh the token. The answer to one is awaited. */
const whileLocked: Decorator = (acquire) => (request) => Effect.zipRight(HeldLock.checkLocked, acquire(request))

/** Limits one token request. */
export const withTimeout =
  (timeout: Duration.Duration): Decorator =>
  (acquire) =>
  (request) => {
    const limited = Effect.timeoutFail(silently(Effect.suspend(() => acquire(request))), {
      duration: timeout,
      onTimeout: () => timedOut(timeout)
    })
    return step(limited, Duration.toMillis(timeout)).pipe(
      // The waiting callers were not interrupted, so they get an error instead of an interruption.
      Effect.catchSomeCause((cause) =>
        Cause.isInterruptedOnly(cause) ? Option.some(Effect.fail(interrupted)) : Option.none()
      )
    )
  }

/** If it is unknown whether the server processed a refresh, the same refresh token is sent once more, but not twice. */
export const retryOnceIfAmbiguous =
  ({ events }: Pick<Source, "events">): Decorator =>
  (acquire) =>
  (request) => {
    const previous = Option.getOrUndefined(request.previous)
    if (previous?.refreshToken === undefined) return acquire(request)
    const retry = Effect.flatMap(events.publish("RefreshRetried", previous), () => acquire(request))
    if (Intent.isAmbiguous(request.intent)) return retry
    return Effect.catchIf(
      acquire(request),
      (error) => error._tag === "TokenError" && error.sent === "maybe",
      // Without the lock, the first request stays the last one, and its outcome unknown.
      (error) => Effect.flatMap(HeldLock.isLocked, (held) => (held ? retry : Effect.fail(error)))
    )
  }

/**
 * Keeps what a response brings: in memory first, because the old token is already invalid and a full disk must not lose the
 * new one. A rejected response may have a new refresh token too. An interruption does not lose a token that has arrived.
 */
export const caching =
  (source: Source, { tokenOwner }: Pick<Options, "tokenOwner"> = {}): Decorator =>
  (acquire) =>
  (request) => {
    const previous = Option.getOrUndefined(request.previous)
    const keep = (token: PersistenceState.PendingWrite["token"]) => {
      const write = { token, expectedVersion: request.version, previous }
      source.persistence.current = PersistenceState.acquired(source.persistence.current, write)
    }
    const acquired = Effect.uninterruptibleMask((restore) =>
      restore(acquire(request)).pipe(
        Effect.map((token) => ({ ...token, owner: tokenOwner ?? token.owner, refreshStartedAt: undefined })),
        Effect.tapBoth({
          onSuccess: (token) =>
            Effect.map(setToken(source, token), ({ cached: { generation } }) => {
              const { challenge } = request
              const { stepUp } = source
              if (challenge) stepUp.current = StepUpState.granted(stepUp.current, { challenge, generation })
              keep(token)
            }),
          onFailure: (error) =>
            Effect.map(Clock.currentTimeMillis, (now) => {
              const token = error._tag === "TokenError" ? RotatedToken.tokenOf(error, previous, now) : undefined
              if (token) keep({ ...token, owner: tokenOwner ?? token.owner })
            })
        })
      )
    )
    const type = previous?.refreshToken === undefined ? "Acquired" : "Refreshed"
    return Effect.tap(acquired, (token) => Effect.interruptible(source.events.publish(type, token)))
  }

/**
 * On `invalid_grant`, reads the store again: another process may have refreshed without the lock, and stored a new refresh
 * token. If the record is unchanged, the refresh token is invalid.
 */
export const reloadOnInvalidGrant =
  (source: Source): Decorator =>
  (acquire) =>
  (request) =>
    Effect.catchAll(acquire(request), (error) => {
      if (error._tag !== "TokenError" || error.reason !== "ReauthorizationRequired") return Effect.fail(error)
      return Effect.gen(function* () {
        const read = yield* Effect.option(source.store.get)
        const record = Option.flatten(read)
        const loaded = yield* load(source, record)
        if (Option.isSome(loaded)) return loaded.value
        // Without the challenge, the server may issue a token.
        const isUnchanged = Option.isNone(read) || versionOf(record) === request.version
        if (request.challenge === undefined && isUnchanged)
          whileInProgress(source, (state) => RefreshState.rejected(state, error, request.version))
        return yield* Effect.fail(error)
      })
    })

/** Adds the step-up challenges of the APIs. If the server does not grant them, later requests do not include them. */
export const withStepUp =
  (source: Source): Decorator =>
  (acquire) =>
  (request) =>
    Effect.suspend(() => {
      const { stepUp } = source
      const challenge = StepUpState.challengeOf(stepUp.current)
      if (challenge === undefined) return acquire(request)
      return Effect.tapError(acquire({ ...request, challenge }), (error) =>
        Effect.map(source.clock.now, (at) => {
          if (error._tag === "TokenStoreError" || error.reason === "Unavailable") {
            // A proxy may reject a long request, which looks like a server that is not available.
            stepUp.current = StepUpState.failed(stepUp.current, challenge)
          } else {
            stepUp.current = StepUpState.denied(stepUp.current, { challenge, at })
            whileInProgress(source, RefreshState.stepUpDenied)
          }
        })
      )
    })

/** Refreshes under the lock, unless the record has another valid token, before and after the wait for the lock. */
export const underLock =
  (source: Source): Decorator =>
  <R>(acquire: Acquire<R>): Acquire<R> => {
    const { refresh, store } = source
    const unlessLoaded =
      (next: Acquire<R>): Acquire<R> =>
      (request) =>
        Effect.gen(function* () {
          const reading = new Stopwatch(yield* Effect.clock)
          const record = yield* store.get
          const readMs = reading.elapsedMonotonic
          const loaded = yield* load(source, record)
          if (Option.isSome(loaded)) return loaded.value
          const state = RefreshState.recordRead(refresh.current, versionOf(record))
          refresh.current = state
          return yield* state._tag === "Invalid" ? Effect.fail(state.error) : next({ ...request, record, readMs })
        })
    const locked = unlessLoaded(acquire)
    return unlessLoaded((request) => store.exclusive(locked(request)))
  }

/**
 * Where several machines share the record: while another process has not finished its refresh, waits without the lock and
 * looks again. A caller that finds the refresh of another process, which has exited, gets its token after four seconds.
 */
const awaitingOthers =
  (source: Source): Decorator =>
  (acquire) =>
  (request) => {
    const { observation, store } = source
    if (!store.isCluster) return acquire(request)
    return Effect.clockWith((clock) => {
      /** Since the first look. The wait for the lock may have been long. */
      let waited: Stopwatch | undefined
      const attempt: ReturnType<typeof acquire> = Effect.catchAll(acquire(request), (error) => {
        // The store may have been unreachable for the other process too.
        if (error._tag === "TokenStoreError") observation.current = undefined
        waited ??= new Stopwatch(clock)
        const observed = observation.current
        const isAwaited = observed?.error === error && waited.elapsedMonotonic < Observation.longestWaitOf(observed)
        if (!isAwaited) return Effect.fail(error)
        return Effect.zipRight(step(Effect.sleep(Observation.lookMs), Observation.lookMs), attempt)
      })
      return attempt
    })
  }

/** The refresh of a source. Read it from the bottom up: the last decorator runs first. */
export const make = <R>(
  source: Source,
  writes: PendingWrites,
  options: Options<R>,
  timeout: Duration.Duration
): Acquire<R> =>
  pipe(
    ({ challenge, previous }: RefreshRequest) => options.acquireToken(previous, challenge),
    whileLocked,
    withTimeout(timeout),
    retryOnceIfAmbiguous(source),
    caching(source, options),
    persisting(writes),
    reloadOnInvalidGrant(source),
    withStepUp(source),
    withIntent(source),
    underLock(source),
    awaitingOthers(source),
    withBackoff(source)
  )
