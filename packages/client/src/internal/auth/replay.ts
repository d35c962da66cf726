/** Sends a request with credentials, and sends it again with new credentials if the server rejects the first ones. */
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
import { withHistory, keepHistory } from "../redaction/requestHistory.js"
import { recordUnsignedRequest } from "../response/clientResponse.js"
import { bufferErrorBody } from "../response/readBody.js"
import { signingsOf } from "../response/redactEchoedCredentials.js"
import { isRateLimit } from "../response/retryAfter.js"
import { challengesOf, exchangeInfoOf, redactedChallengesOf } from "../response/statusError.js"
import { currentTimeMillis } from "../time/clock.js"
import { nextStep } from "../time/scheduleStep.js"
import { sleep } from "../time/sleep.js"
import * as CredentialExpiry from "./credentialExpiry.js"
import type { ExpiredWhen, Rejection, Service, Signed } from "./scheme.js"

const unauthorized = (response: HttpClientResponse, reason: Unauthorized["reason"]): Unauthorized =>
  withResponse(
    new Unauthorized({ ...exchangeInfoOf(response), challenges: redactedChallengesOf(response), reason }),
    response
  )

/** The request, the next policy, and the scheme. */
export interface ReplayContext<E, R> {
  readonly auth: Service
  readonly replay: Schedule.Schedule<unknown, Unauthorized>
  readonly request: HttpClientRequest
  readonly next: Next<E, R>
  readonly steppedUp?: true
}

/** Id of the credentials that were rejected first. Undefined for the first request. */
export type InitialCredentialId = string | number | undefined

export type SignedExchange<E, R> = Effect.Effect<HttpClientResponse, E | Unauthorized | AuthError, R>

export const signAndSend = <E, R>(
  context: ReplayContext<E, R>,
  state: unknown,
  initialId: InitialCredentialId
): SignedExchange<E, R> =>
  Effect.flatMap(
    // Suspended, because an effect may run more than once, and a scheme may read its state when `sign` is called.
    Effect.suspend(() => context.auth.sign(context.request)),
    (signed) => sendSigned(context, signed, state, initialId)
  )

export const sendSigned = <E, R>(
  context: ReplayContext<E, R>,
  signed: Signed,
  state: unknown,
  initialId: InitialCredentialId
): SignedExchange<E, R> =>
  Effect.flatMap(context.next(keepHistory(context.request, signed.request)), (response): SignedExchange<E, R> => {
    signed.onResponse?.(response)
    recordUnsignedRequest(response, context.request)
    const { expiredWhen } = context.auth
    if (response.status >= 400) {
      if (response.status === 401) return onUnauthorized(context, signed, response, state, initialId, failWithError)
      // New credentials do not help against a rate limit.
      if (isRateLimit(response)) return Effect.succeed(response)
      const stepped = response.status === 403 ? tryStepUp(context, signed, response, state) : undefined
      if (stepped !== undefined) return stepped
    }
    return expiredWhen !== undefined && CredentialExpiry.matchesStatus(expiredWhen, response)
      ? checkExpired(context, signed, response, state, initialId, expiredWhen)
      : Effect.succeed(response)
  })

/** The outcome of the call if the rejection cannot be resolved. */
type OnGiveUp = (error: Unauthorized, response: HttpClientResponse) => Effect.Effect<HttpClientResponse, Unauthorized>

const failWithError: OnGiveUp = (error) => Effect.fail(error)

/** The response keeps the meaning of its status, as without an `expiredWhen` rule. */
const passResponse: OnGiveUp = (_, response) => Effect.succeed(response)

const checkExpired = <E, R>(
  context: ReplayContext<E, R>,
  signed: Signed,
  response: HttpClientResponse,
  state: unknown,
  initialId: InitialCredentialId,
  expiredWhen: ExpiredWhen
): SignedExchange<E, R> =>
  Effect.flatMap(CredentialExpiry.checkExpiry(expiredWhen, response), ({ isExpired, response: checked }) =>
    isExpired ? onUnauthorized(context, signed, checked, state, initialId, passResponse) : Effect.succeed(checked)
  )

const onUnauthorized = <E, R>(
  context: ReplayContext<E, R>,
  { credential, request }: Signed,
  response: HttpClientResponse,
  state: unknown,
  initialId: InitialCredentialId,
  onGiveUp: OnGiveUp
): SignedExchange<E, R> =>
  Effect.gen(function* () {
    const { auth, replay } = context
    // Buffer the body first. The scheme may request a token from the same server, and the pool may have only one
    // connection.
    const buffered = yield* bufferErrorBody(response)
    const error = unauthorized(buffered, initialId === undefined ? "Rejected" : "RejectedAfterRefresh")
    const at = yield* currentTimeMillis
    // The scheme gets the challenges unredacted, because it may have to repeat them to the server.
    const initialCredentialId = initialId ?? credential
    const rejection: Rejection = { credential, challenges: challengesOf(buffered), at, initialCredentialId }
    const nextAttempt = yield* nextStep(replay, state, error)
    if (Option.isNone(nextAttempt)) {
      if (auth.onReplayRejected !== undefined) yield* auth.onReplayRejected(rejection)
      return yield* onGiveUp(error, buffered)
    }
    const renewed = yield* auth.onRejected(rejection)
    yield* Timeline.emit(() => ({ _tag: "CredentialsRefreshed", renewed }))
    if (!renewed) return yield* onGiveUp(error, buffered)
    if (!RequestBody.isReplayable(request.body)) {
      return yield* onGiveUp(unauthorized(buffered, "BodyNotReplayable"), buffered)
    }
    if (nextAttempt.value.delayMs > 0) yield* sleep(nextAttempt.value.delayMs)
    return yield* signAndSend(toReplay(context, buffered), nextAttempt.value.state, initialCredentialId)
  })

/**
 * A replay. The response to it may quote the credentials of the rejected request, so that request is added to its
 * history.
 */
const toReplay = <E, R>(context: ReplayContext<E, R>, response: HttpClientResponse): ReplayContext<E, R> => ({
  ...context,
  request: withHistory(context.request, signingsOf(response))
})

/** Undefined if the scheme does not handle the 403. */
const tryStepUp = <E, R>(
  context: ReplayContext<E, R>,
  { credential, request }: Signed,
  response: HttpClientResponse,
  state: unknown
): SignedExchange<E, R> | undefined => {
  const stepUpResult = context.steppedUp
    ? undefined
    : context.auth.onInsufficientScope?.({ credential, challenges: challengesOf(response) })
  return stepUpResult !== undefined && RequestBody.isReplayable(request.body)
    ? Effect.flatMap(Effect.zip(bufferErrorBody(response), stepUpResult), ([buffered, hasCredentials]) =>
        hasCredentials
          ? signAndSend({ ...toReplay(context, buffered), steppedUp: true }, state, undefined)
          : Effect.succeed(buffered)
      )
    : undefined
}
