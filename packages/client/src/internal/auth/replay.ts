/** Sends a request with credentials, and sends it again with new credentials if the server rejects the first ones. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { InvalidRequest } from "../../Errors.js"
import { Unauthorized } from "../../Errors.js"
import * as RequestBody from "../../RequestBody.js"
import type { Send } from "../call/pipeline.js"
import type { CallContext } from "../call/context.js"
import { publish, remainingMillis } from "../call/context.js"
import { runExternal } from "../call/externalCode.js"
import { sleepWithin } from "../call/wait.js"
import { withResponse } from "../errors/errorResponse.js"
import { withHistory, keepHistory } from "../redaction/requestHistory.js"
import { recordUnsignedRequest } from "../response/clientResponse.js"
import { bufferErrorBody } from "../response/readBody.js"
import { signingsOf } from "../response/redactEchoedCredentials.js"
import { isRateLimit, setWait } from "../response/retryAfter.js"
import { challengesOf, exchangeInfoOf, redactedChallengesOf } from "../response/statusError.js"
import { emitNow } from "../telemetry/timeline.js"
import { unsafeNow } from "../time/clock.js"
import type { ScheduleStep } from "../time/scheduleStep.js"
import { initialState as scheduleStart, nextStep } from "../time/scheduleStep.js"
import * as CredentialExpiry from "./credentialExpiry.js"
import type { ExpiredWhen, Rejection, Replay, Service, Signed } from "./scheme.js"

const unauthorized = (response: HttpClientResponse, reason: Unauthorized["reason"]): Unauthorized =>
  withResponse(
    new Unauthorized({ ...exchangeInfoOf(response), challenges: redactedChallengesOf(response), reason }),
    response
  )

/** The request, the scheme, the rest of the pipeline, and the context of the call. */
export interface ReplayContext<E, R> {
  readonly auth: Service<E>
  readonly replay: Replay
  readonly request: HttpClientRequest
  readonly next: Send<E, R>
  readonly call: CallContext
  readonly steppedUp?: true
  /** Id of the credentials that this request replaces. */
  readonly rejected?: string | number
}

/** Id of the credentials that were rejected first. Undefined for the first request. */
export type InitialCredentialId = string | number | undefined

export type SignedExchange<E, R> = Effect.Effect<HttpClientResponse, E | Unauthorized | InvalidRequest, R>

/** The state of a replay before the first rejection. */
export const initialState = (replay: Replay): unknown => (typeof replay === "number" ? 0 : scheduleStart(replay))

/** Runs an effect of the scheme, within the deadline of the call. */
const runScheme = <A, E>(
  { auth, call }: Pick<ReplayContext<unknown, never>, "auth" | "call">,
  effect: () => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  // Suspended, because an effect may run more than once, and a scheme may read its state when it is called.
  auth.honorsDeadline === true ? publish(Effect.suspend(effect), call) : runExternal(Effect.suspend(effect), call)

export const signAndSend = <E, R>(
  context: ReplayContext<E, R>,
  state: unknown,
  initialId: InitialCredentialId
): SignedExchange<E, R> =>
  Effect.flatMap(
    runScheme(context, () => context.auth.sign(context.request, context.rejected)),
    (signed) => sendSigned(context, signed, state, initialId)
  )

export const sendSigned = <E, R>(
  context: ReplayContext<E, R>,
  signed: Signed<E>,
  state: unknown,
  initialId: InitialCredentialId
): SignedExchange<E, R> => {
  const sent = context.next(keepHistory(context.request, signed.request), context.call)
  return Effect.flatMap(withoutResponse(sent, signed), (response): SignedExchange<E, R> => {
    signed.onResponse?.(response)
    recordUnsignedRequest(response, context.request)
    if (response.status === 401) return onUnauthorized(context, signed, response, state, initialId, failWithError)
    const verified = signed.verify?.(response)
    return verified === undefined
      ? handleResponse(context, signed, response, state, initialId)
      : Effect.zipRight(
          runScheme(context, () => verified),
          handleResponse(context, signed, response, state, initialId)
        )
  })
}

/** Calls `onNoResponse` of a scheme that has it. */
const withoutResponse = <A, E, R>(
  sent: Effect.Effect<A, E, R>,
  { onNoResponse }: Signed<unknown>
): Effect.Effect<A, E, R> =>
  onNoResponse === undefined
    ? sent
    : Effect.onExit(sent, (exit) => (Exit.isFailure(exit) ? Effect.sync(onNoResponse) : Effect.void))

/** The response, or the outcome of a replay. */
const handleResponse = <E, R>(
  context: ReplayContext<E, R>,
  signed: Signed<E>,
  response: HttpClientResponse,
  state: unknown,
  initialId: InitialCredentialId
): SignedExchange<E, R> => {
  const { expiredWhen = signed.expiredWhen } = context.auth
  if (response.status >= 400) {
    if (isRateLimit(response)) {
      // New credentials help only if the server limits each of them.
      const ms = context.auth.onRateLimited?.(signed.credential, response)
      if (ms !== undefined) setWait(response, ms)
      return ms === 0
        ? onUnauthorized(context, signed, response, state, initialId, passResponse)
        : Effect.succeed(response)
    }
    const stepped = response.status === 403 ? tryStepUp(context, signed, response, state) : undefined
    if (stepped !== undefined) return stepped
  }
  return expiredWhen !== undefined && CredentialExpiry.matchesStatus(expiredWhen, response)
    ? checkExpired(context, signed, response, state, initialId, expiredWhen)
    : Effect.succeed(response)
}

/**
 * The outcome of the call if the rejection cannot be resolved. The error is made only then: with its stack trace it costs
 * as much as the call, and thousands of requests may be rejected at once.
 */
type OnGiveUp = (
  response: HttpClientResponse,
  reason: Unauthorized["reason"]
) => Effect.Effect<HttpClientResponse, Unauthorized>

const failWithError: OnGiveUp = (response, reason) => Effect.fail(unauthorized(response, reason))

/** The response keeps the meaning of its status, as without an `expiredWhen` rule. */
const passResponse: OnGiveUp = (response) => Effect.succeed(response)

const checkExpired = <E, R>(
  context: ReplayContext<E, R>,
  signed: Signed<E>,
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
  signed: Signed<E>,
  response: HttpClientResponse,
  state: unknown,
  initialId: InitialCredentialId,
  onGiveUp: OnGiveUp
): SignedExchange<E, R> =>
  // Buffer the body first. The scheme may request a token from the same server, and the pool may have only one
  // connection.
  Effect.flatMap(bufferErrorBody(response, remainingMillis(context.call)), (buffered) =>
    onRejected(context, signed, buffered, state, initialId, onGiveUp)
  )

const onRejected = <E, R>(
  context: ReplayContext<E, R>,
  { credential }: Signed<E>,
  response: HttpClientResponse,
  state: unknown,
  initialId: InitialCredentialId,
  onGiveUp: OnGiveUp
): SignedExchange<E, R> => {
  const { auth, call } = context
  const reason = initialId === undefined ? "Rejected" : "RejectedAfterRefresh"
  // The scheme gets the challenges unredacted, because it may have to repeat them to the server.
  const rejection: Rejection = {
    credential,
    challenges: challengesOf(response),
    at: unsafeNow(call.fiber),
    initialCredentialId: initialId ?? credential
  }
  return Effect.flatMap(nextReplay(context, state, response, reason), (step): SignedExchange<E, R> => {
    if (step === undefined) {
      const giveUp = onGiveUp(response, reason)
      return auth.onReplayRejected === undefined
        ? giveUp
        : Effect.zipRight(
            runScheme(context, () => auth.onReplayRejected?.(rejection) ?? Effect.void),
            giveUp
          )
    }
    return Effect.flatMap(
      runScheme(context, () => auth.onRejected(rejection)),
      (renewed) => {
        emitNow(call.fiber, () => ({ _tag: "CredentialsRefreshed", renewed }))
        return renewed ? replay(context, response, step, rejection, onGiveUp) : onGiveUp(response, reason)
      }
    )
  })
}

/** The next step of the replay schedule, or undefined at its end. A number needs no error as input. */
const nextReplay = <E, R>(
  { call, replay }: ReplayContext<E, R>,
  state: unknown,
  response: HttpClientResponse,
  reason: Unauthorized["reason"]
): Effect.Effect<ScheduleStep | undefined> => {
  if (typeof replay === "number") {
    const count = typeof state === "number" ? state : 0
    return Effect.succeed(count < replay ? { state: count + 1, delayMs: 0 } : undefined)
  }
  return runExternal(Effect.map(nextStep(replay, state, unauthorized(response, reason)), Option.getOrUndefined), call)
}

/** Sends the request again with new credentials, if its body can be sent again. */
const replay = <E, R>(
  context: ReplayContext<E, R>,
  response: HttpClientResponse,
  { delayMs, state }: ScheduleStep,
  { credential, initialCredentialId }: Rejection,
  onGiveUp: OnGiveUp
): SignedExchange<E, R> => {
  if (!RequestBody.isReplayable(context.request.body)) return onGiveUp(response, "BodyNotReplayable")
  const again = signAndSend(toReplay(context, response, credential), state, initialCredentialId)
  return delayMs > 0 ? Effect.zipRight(sleepWithin(delayMs, context.call), again) : again
}

/**
 * A replay. The response to it may quote the credentials of the rejected request, so that request is added to its
 * history.
 */
const toReplay = <E, R>(
  context: ReplayContext<E, R>,
  response: HttpClientResponse,
  rejected: string | number
): ReplayContext<E, R> => ({
  ...context,
  rejected,
  request: withHistory(context.request, signingsOf(response))
})

/** Undefined if the scheme does not handle the 403. */
const tryStepUp = <E, R>(
  context: ReplayContext<E, R>,
  { credential, request }: Signed<E>,
  response: HttpClientResponse,
  state: unknown
): SignedExchange<E, R> | undefined => {
  const stepUp = context.steppedUp
    ? undefined
    : context.auth.onInsufficientScope?.({ credential, challenges: challengesOf(response) })
  return stepUp !== undefined && RequestBody.isReplayable(request.body)
    ? Effect.flatMap(bufferErrorBody(response, remainingMillis(context.call)), (buffered) =>
        Effect.flatMap(
          runScheme(context, () => stepUp),
          (hasCredentials) =>
            hasCredentials
              ? signAndSend({ ...toReplay(context, buffered, credential), steppedUp: true }, state, undefined)
              : Effect.succeed(buffered)
        )
      )
    : undefined
}
