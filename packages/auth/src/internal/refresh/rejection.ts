/** The replacement of a token that an API rejected, or for which it sent a step-up challenge. */
import type { TokenError, TokenStoreError } from "@countersign/client/Errors"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import * as StepUp from "../../StepUp.js"
import type { Token } from "../../Token.js"
import * as RefreshState from "./refreshState.js"
import type { CachedToken, Service } from "./service.js"
import type { Source } from "./source.js"
import * as StepUpState from "./stepUpState.js"
import * as TokenCache from "./tokenCache.js"

/** Waits for a refresh, unless `isEnough` finds at its start that the cached token is good enough. */
export type Refresh = (isEnough: () => boolean) => Effect.Effect<CachedToken, TokenError | TokenStoreError>

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
      Effect.zipRight(Effect.sleep(ms))
    )

/**
 * Refreshes until `isDone`, at most `times` times. A refresh that is joined may have started before the rejection. Plain
 * recursion, because `Effect.repeat` allocates a schedule driver for each of many waiting fibers.
 */
const refreshUntil = (refresh: Refresh, isDone: () => boolean, times: number): ReturnType<Refresh> =>
  Effect.flatMap(refresh(isDone), (cached) =>
    isDone() || times <= 1 ? Effect.succeed(cached) : refreshUntil(refresh, isDone, times - 1)
  )

type Satisfy = (
  challenge: StepUp.StepUpChallenge,
  isReplaced: () => boolean,
  now: number
) => ReturnType<Service["onRejected"]>

/** Acquires a token that satisfies a step-up challenge. False if there is none. */
const satisfying =
  (source: Source, { canSatisfy, refresh, reload }: Reactions): Satisfy =>
  (challenge, isReplaced, now) => {
    if (!canSatisfy(challenge)) return Effect.map(Effect.ignore(Effect.timeout(reload, reloadTimeoutMs)), isReplaced)
    const { cache, stepUp } = source
    const isGranted = () =>
      StepUpState.isGranted(stepUp.current, challenge, TokenCache.cachedOf(cache.current)?.generation)
    const state = StepUpState.at(stepUp.current, now)
    if (isGranted() || StepUpState.isDenied(state, challenge)) return Effect.succeed(false)
    const error = RefreshState.errorAt(source.refresh.current, now)
    if (error !== undefined) return Effect.fail(error)
    const requested = StepUpState.requested(state, challenge)
    if (!StepUp.isWithinLimits(requested.challenge)) return Effect.succeed(false)
    stepUp.current = requested
    // Two APIs may send challenges that no token satisfies together.
    return Effect.map(refreshUntil(refresh, isGranted, 2), isReplaced)
  }

/** Makes the members of a source for rejected tokens. */
export const make = (source: Source, reactions: Reactions): Pick<Service, "onRejected" | "onReplayRejected"> => {
  const { cache, clock, events } = source
  const satisfy = satisfying(source, reactions)

  const replace = (current: TokenCache.Loaded, isReplaced: () => boolean, isReplay: boolean, now: number) => {
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
    return Effect.zipRight(
      events.publish("Rejected", token),
      Effect.as(refreshUntil(reactions.refresh, isReplaced, Number.POSITIVE_INFINITY), true)
    )
  }

  return {
    onRejected: (generation, first = generation, challenge) =>
      Effect.flatMap(clock.now, (now) => {
        const current = cache.current
        const isReplaced = () => TokenCache.cachedOf(cache.current)?.generation !== generation
        // The token was replaced before its rejection arrived, so the new one can be sent at once.
        if (current._tag === "Empty" || isReplaced()) return Effect.succeed(true)
        return challenge === undefined
          ? replace(current, isReplaced, first !== generation, now)
          : satisfy(challenge, isReplaced, now)
      }),
    onReplayRejected: (generation) =>
      Effect.map(clock.now, (now) => {
        const current = cache.current
        if (current._tag !== "Empty" && current.cached.generation === generation)
          cache.current = TokenCache.replayRejected(current, now)
      })
  }
}
