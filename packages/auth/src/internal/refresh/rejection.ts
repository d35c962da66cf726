/** The replacement of a token that an API rejected, or for which it sent a step-up challenge. */
import type { TokenError, TokenStoreError } from "../../Errors.js"
import * as Timeline from "@countersign/client/Timeline"
import * as Timeout from "@countersign/client/Timeout"
import * as Effect from "effect/Effect"
import * as StepUp from "../../StepUp.js"
import type { Token } from "../../Token.js"
import * as RefreshState from "./refreshState.js"
import type { CachedToken, Service } from "./service.js"
import type { Source } from "./source.js"
import * as StepUpState from "./stepUpState.js"
import * as TokenCache from "./tokenCache.js"

/** Finds a cached token that is good enough. */
type Find = () => CachedToken | undefined

/** Waits for a refresh, unless `find` finds a token at its start. `runs`: at most so many, until it finds one. */
export type Refresh = (find: Find, runs?: number) => Effect.Effect<CachedToken, TokenError | TokenStoreError>

/** How a source reacts to rejections. */
export interface Reactions {
  readonly propagationDelayMs: number
  readonly canSatisfy: (challenge: StepUp.StepUpChallenge) => boolean
  readonly refresh: Refresh
  /** Loads a token of a new sign-in from the store. */
  readonly reload: Effect.Effect<void, TokenStoreError>
}

/** A new token that is rejected is sent again after this time since its receipt, and at the end of the delay. */
const firstPropagationMs = 500

/** Timeout of the search for a new sign-in. After it, the caller gets the response of the API. */
const reloadTimeoutMs = 1_000

/**
 * How long to wait before a token that was rejected at `now` is sent again. Undefined if the API should accept it by now.
 * The times count from the receipt of the token, for all requests with it, so they are no `Schedule` of one request.
 */
const propagationWaitOf = ({ receivedAt }: Token, now: number, delayMs: number): number | undefined => {
  const age = now - receivedAt
  if (age < 0 || age >= delayMs) return undefined
  return age < firstPropagationMs ? Math.min(firstPropagationMs, delayMs) - age : delayMs - age
}

const awaitPropagation = ({ events }: Source, token: Token, ms: number): Effect.Effect<void> =>
  events
    .publish("AwaitingPropagation", token)
    .pipe(
      Effect.zipRight(Timeline.emit(() => ({ _tag: "RetryScheduled", ms, reason: "the token is new" }))),
      Effect.zipRight(sleepAtMost(ms))
    )

/** Sleeps until the deadline of the call at most. The next request then fails with `Timeout`. */
const sleepAtMost = (ms: number): Effect.Effect<void> =>
  Effect.flatMap(Timeout.remaining, (left) => Effect.sleep(Math.max(0, Math.min(ms, left))))

/** The search for a new sign-in ends after its timeout, or at the deadline of the call. */
const withinDeadline = <A, E>(reload: Effect.Effect<A, E>) =>
  Effect.flatMap(Timeout.remaining, (left) => Effect.timeout(reload, Math.max(0, Math.min(reloadTimeoutMs, left))))

/** Acquires a token that satisfies a step-up challenge. Returns whether the rejected token was replaced. */
const satisfying =
  (source: Source, { canSatisfy, refresh, reload }: Reactions) =>
  (challenge: StepUp.StepUpChallenge, replacement: Find, now: number): ReturnType<Service["onRejected"]> => {
    const isReplaced = () => replacement() !== undefined
    if (!canSatisfy(challenge)) return Effect.map(Effect.ignore(withinDeadline(reload)), isReplaced)
    const { cache, stepUp } = source
    const granted = () => {
      const cached = TokenCache.cachedOf(cache.current)
      return StepUpState.isGranted(stepUp.current, challenge, cached?.generation) ? cached : undefined
    }
    const state = StepUpState.at(stepUp.current, now)
    if (granted() !== undefined || StepUpState.isDenied(state, challenge)) return Effect.succeed(false)
    const error = RefreshState.errorAt(source.refresh.current, now)
    if (error !== undefined) return Effect.fail(error)
    const requested = StepUpState.requested(state, challenge)
    if (!StepUp.isWithinLimits(requested.challenge)) return Effect.succeed(false)
    stepUp.current = requested
    // Two APIs may send challenges that no token satisfies together.
    return Effect.map(refresh(granted, 2), isReplaced)
  }

const yes = () => true

/** Makes the members of a source for rejected tokens. */
export const make = (source: Source, reactions: Reactions): Pick<Service, "onRejected" | "onReplayRejected"> => {
  const { cache, clock, events } = source
  const satisfy = satisfying(source, reactions)

  const replace = (current: TokenCache.Loaded, replacement: Find, isReplay: boolean, now: number) => {
    if (TokenCache.isReplayRejected(current, now)) return Effect.succeed(false)
    const { token } = current.cached
    const ms = propagationWaitOf(token, now, reactions.propagationDelayMs)
    if (ms !== undefined) return Effect.as(awaitPropagation(source, token, ms), true)
    const error = RefreshState.errorAt(source.refresh.current, now)
    if (error !== undefined) return Effect.fail(error)
    if (isReplay) {
      cache.current = TokenCache.replayRejected(current, now)
      return Effect.succeed(false)
    }
    const refreshed = Effect.map(reactions.refresh(replacement, Number.POSITIVE_INFINITY), yes)
    return Effect.zipRight(events.publish("Rejected", token), refreshed)
  }

  return {
    onRejected: (generation, first = generation, challenge) =>
      Effect.flatMap(clock.now, (now) => {
        const current = cache.current
        const replacement = () => {
          const cached = TokenCache.cachedOf(cache.current)
          return cached?.generation === generation ? undefined : cached
        }
        // The token was replaced before its rejection arrived, so the new one can be sent at once.
        if (current._tag === "Empty" || replacement() !== undefined) return Effect.succeed(true)
        return challenge === undefined
          ? replace(current, replacement, first !== generation, now)
          : satisfy(challenge, replacement, now)
      }),
    onReplayRejected: (generation) =>
      Effect.map(clock.now, (now) => {
        const current = cache.current
        if (current._tag !== "Empty" && current.cached.generation === generation)
          cache.current = TokenCache.replayRejected(current, now)
      })
  }
}
