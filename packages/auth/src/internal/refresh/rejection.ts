/** What becomes of a token that was refused, or of which more is demanded. */
import type { TokenError, TokenStoreError } from "@countersign/client/Errors"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import * as StepUp from "../../StepUp.js"
import type * as Token from "../../Token.js"
import type * as SingleFlight from "../concurrency/singleFlight.js"
import type * as Telling from "./eventPublisher.js"
import type { State } from "./refreshTransaction.js"
import type { Service } from "./service.js"

/** Gets another token, unless the one in memory has become good enough in the meantime. */
export type Another = (isEnough: () => boolean) => Service["get"]

/** After another token did not help against a refusal, none is asked for because of one for so long. */
const cooldownMs = 30_000

/** Within the time of settling, a refused token is tried again after this, and then at the end. */
const settlingMs = 500

/** Timeout of the check of the store for a new sign-in. */
const lookMs = 1_000

/** Tries to replace the token `refused` by one that satisfies a step-up challenge. False if it cannot. */
export type Meeting = (
  demand: StepUp.StepUpChallenge,
  refused: string | number,
  now: number
) => Effect.Effect<boolean, TokenError | TokenStoreError>

export const meetingOf =
  (
    state: State,
    meets: (demand: StepUp.StepUpChallenge) => boolean,
    another: Another,
    looking: SingleFlight.Flight<void, TokenStoreError>
  ): Meeting =>
  (demand, refused, now) => {
    const { declined, holding } = state
    const isMet = () =>
      state.met !== undefined &&
      state.met.generation === holding.held?.generation &&
      StepUp.isSatisfiedBy(state.met.demand, demand)
    const isAnother = () => holding.held?.generation !== refused
    if (!meets(demand)) {
      // It is the API's answer that counts where the store has none to give, or takes its time.
      const looked = Effect.timeout(
        looking.run(() => undefined),
        lookMs
      )
      return Effect.map(Effect.ignore(looked), isAnother)
    }
    if (isMet()) return Effect.succeed(false)
    const isDeclined = declined !== undefined && now >= declined.at && now < declined.at + cooldownMs
    // What was declined together with something else may be had by itself.
    if (isDeclined && StepUp.equals(declined.demand, demand)) return Effect.succeed(false)
    const failure = holding.failureAt(now)
    if (failure !== undefined) return Effect.fail(failure)
    const merged = StepUp.merge(state.demand, demand)
    if (!StepUp.isWithinLimits(merged)) return Effect.succeed(false)
    state.demand = merged
    // What was joined may have begun before the demand, or have taken over what another process has got without it. No more
    // than once again: two APIs may demand what one token cannot be.
    return Effect.map(Effect.repeat(another(isMet), { until: isMet, times: 1 }), isAnother)
  }

export const make = (
  state: State,
  settlingMs: number,
  another: Another,
  meet: Meeting
): Pick<Service, "onRejected" | "onReplayRejected"> => {
  const { holding, telling } = state
  let fruitless = { generation: 0, at: Number.NEGATIVE_INFINITY }

  /** That it was set back lengthens no wait. */
  const isFruitless = (refused: string | number, now: number): boolean =>
    refused === fruitless.generation && now >= fruitless.at && now < fruitless.at + cooldownMs

  const onReplayRejected: Service["onReplayRejected"] = (refused) =>
    Effect.clockWith((clock) =>
      Effect.sync(() => {
        const generation = holding.held?.generation
        if (generation === refused) fruitless = { generation, at: clock.unsafeCurrentTimeMillis() }
      })
    )

  const renew: Service["onRejected"] = (refused, first = refused, demand) =>
    Effect.clockWith((clock) => {
      const { held } = holding
      // The token was replaced before its rejection arrived, so the new one can be tried at once.
      if (held?.generation !== refused) return Effect.succeed(true)
      const now = clock.unsafeCurrentTimeMillis()
      if (demand !== undefined) return meet(demand, refused, now)
      if (isFruitless(refused, now)) return Effect.succeed(false)
      const wait = settlingFor(held.token, now, settlingMs)
      if (wait !== undefined) return Effect.as(settled(telling, held.token, wait), true)
      const failure = holding.failureAt(now)
      if (failure !== undefined) return Effect.fail(failure)
      // This token replaced a rejected one, and was rejected too.
      if (first !== refused) return Effect.as(onReplayRejected(refused), false)
      const isAnother = () => holding.held?.generation !== refused
      // What was joined may be the very work that has got the refused one, and is not done with storing it.
      return telling
        .tell("Rejected", held.token)
        .pipe(Effect.zipRight(Effect.repeat(another(isAnother), { until: isAnother })), Effect.as(true))
    })

  return { onRejected: renew, onReplayRejected }
}

/** How long to wait before a token that was refused at `now` is tried again as it is; undefined when it should be known. */
const settlingFor = ({ receivedAt }: Token.Token, now: number, windowMs: number): number | undefined => {
  const age = now - receivedAt
  if (age < 0 || age >= windowMs) return undefined
  return age < settlingMs ? Math.min(settlingMs, windowMs) - age : windowMs - age
}

const settled = ({ tell }: Telling.Telling, token: Token.Token, ms: number): Effect.Effect<void> =>
  Effect.zipRight(
    tell("AwaitingPropagation", token),
    Effect.zipRight(
      Timeline.emit(() => ({ _tag: "RetryScheduled", ms, reason: "the token is new" })),
      Effect.sleep(ms)
    )
  )
