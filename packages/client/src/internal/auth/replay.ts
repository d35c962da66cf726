/** Sends a request with credentials, and once more with others when the server rejects them. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type { AuthError } from "../../Errors.js"
import { Unauthorized } from "../../Errors.js"
import type { Next } from "../../Policy.js"
import * as RequestBody from "../../RequestBody.js"
import * as Timeline from "../../Timeline.js"
import { withResponse } from "../errors/errorResponse.js"
import { after, keep } from "../redaction/requestHistory.js"
import { keepUnsigned } from "../response/clientResponse.js"
import { settle } from "../response/readBody.js"
import { signingsOf } from "../response/redactEchoedCredentials.js"
import { isLimit } from "../response/retryAfter.js"
import { challengesOf, exchangeOf, shownChallengesOf } from "../response/statusError.js"
import { currentTimeMillis } from "../time/clock.js"
import { step } from "../time/scheduleStep.js"
import { sleep } from "../time/sleep.js"
import * as Expired from "./credentialExpiry.js"
import type { ExpiredWhen, Rejection, Service, Signed } from "./scheme.js"

const unauthorized = (response: HttpClientResponse, reason: Unauthorized["reason"]): Unauthorized =>
  withResponse(new Unauthorized({ ...exchangeOf(response), challenges: shownChallengesOf(response), reason }), response)

/** A request with what sends it, and what to do when it is refused. */
export interface Loop<E, R> {
  readonly auth: Service
  readonly replay: Schedule.Schedule<unknown, Unauthorized>
  readonly request: HttpClientRequest
  readonly next: Next<E, R>
  readonly steppedUp?: true
}

/** The credentials that were refused at first; none yet, where this is the first send. */
export type First = string | number | undefined

export type Sent<E, R> = Effect.Effect<HttpClientResponse, E | Unauthorized | AuthError, R>

export const sign = <E, R>(loop: Loop<E, R>, state: unknown, first: First): Sent<E, R> =>
  Effect.flatMap(
    // Not before it runs: an effect is made once and may run often, and schemes may look at their state at once.
    Effect.suspend(() => loop.auth.sign(loop.request)),
    (signed) => send(loop, signed, state, first)
  )

export const send = <E, R>(loop: Loop<E, R>, signed: Signed, state: unknown, first: First): Sent<E, R> =>
  Effect.flatMap(loop.next(keep(loop.request, signed.request)), (response): Sent<E, R> => {
    signed.onResponse?.(response)
    keepUnsigned(response, loop.request)
    const { expiredWhen } = loop.auth
    if (response.status >= 400) {
      if (response.status === 401) return answer(loop, signed, response, state, first, fail)
      // A rate limit asks for a wait, which other credentials do not spare.
      if (isLimit(response)) return Effect.succeed(response)
      const stepped = response.status === 403 ? stepUp(loop, signed, response, state) : undefined
      if (stepped !== undefined) return stepped
    }
    return expiredWhen !== undefined && Expired.isPossible(expiredWhen, response)
      ? expired(loop, signed, response, state, first, expiredWhen)
      : Effect.succeed(response)
  })

/** What a call gives when nothing more is done about a rejection. */
type GiveUp = (error: Unauthorized, response: HttpClientResponse) => Effect.Effect<HttpClientResponse, Unauthorized>

const fail: GiveUp = (error) => Effect.fail(error)

/** Its status decides what it means to the caller, as if there were no rule. */
const pass: GiveUp = (_, response) => Effect.succeed(response)

const expired = <E, R>(
  loop: Loop<E, R>,
  signed: Signed,
  response: HttpClientResponse,
  state: unknown,
  first: First,
  when: ExpiredWhen
): Sent<E, R> =>
  Effect.flatMap(Expired.look(when, response), ({ isExpired, response: looked }) =>
    isExpired ? answer(loop, signed, looked, state, first, pass) : Effect.succeed(looked)
  )

const answer = <E, R>(
  loop: Loop<E, R>,
  { credential, request }: Signed,
  response: HttpClientResponse,
  state: unknown,
  first: First,
  giveUp: GiveUp
): Sent<E, R> =>
  Effect.gen(function* () {
    const { auth, replay } = loop
    // Before anything else: a scheme may ask the same server for a token, through a pool of one connection.
    const settled = yield* settle(response)
    const error = unauthorized(settled, first === undefined ? "Rejected" : "RejectedAfterRefresh")
    const at = yield* currentTimeMillis
    // A scheme may have to answer what the server said word for word, where an error leaves out what it quotes.
    const initialCredentialId = first ?? credential
    const refusal: Rejection = { credential, challenges: challengesOf(settled), at, initialCredentialId }
    const decided = yield* step(replay, state, error)
    if (Option.isNone(decided)) {
      if (auth.onReplayRejected !== undefined) yield* auth.onReplayRejected(refusal)
      return yield* giveUp(error, settled)
    }
    const renewed = yield* auth.onRejected(refusal)
    yield* Timeline.emit(() => ({ _tag: "CredentialsRefreshed", renewed }))
    if (!renewed) return yield* giveUp(error, settled)
    if (!RequestBody.isReplayable(request.body)) {
      return yield* giveUp(unauthorized(settled, "BodyNotReplayable"), settled)
    }
    if (decided.value.delayMs > 0) yield* sleep(decided.value.delayMs)
    return yield* sign(again(loop, settled), decided.value.state, initialCredentialId)
  })

/** A replay: what the server says about it may quote the credentials that it was sent before. */
const again = <E, R>(loop: Loop<E, R>, response: HttpClientResponse): Loop<E, R> => ({
  ...loop,
  request: after(loop.request, signingsOf(response))
})

/** Undefined for a scheme that has nothing to say to a 403. */
const stepUp = <E, R>(
  loop: Loop<E, R>,
  { credential, request }: Signed,
  response: HttpClientResponse,
  state: unknown
): Sent<E, R> | undefined => {
  const asked = loop.steppedUp
    ? undefined
    : loop.auth.onInsufficientScope?.({ credential, challenges: challengesOf(response) })
  return asked !== undefined && RequestBody.isReplayable(request.body)
    ? Effect.flatMap(Effect.zip(settle(response), asked), ([settled, found]) =>
        found ? sign({ ...again(loop, settled), steppedUp: true }, state, undefined) : Effect.succeed(settled)
      )
    : undefined
}
