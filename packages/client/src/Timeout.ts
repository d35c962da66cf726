/**
 * Timeouts: of one HTTP request and its response, and of the whole call with all requests and waits.
 *
 * @since 0.1.0
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Timeout } from "./Errors.js"
import type { CallContext } from "./internal/call/context.js"
import { contextOf, earlierDeadline, failTimeout, remainingMillis, timerAt } from "./internal/call/context.js"
import { boundBy } from "./internal/call/externalCode.js"
import { makePolicy } from "./internal/call/pipeline.js"
import type * as Policy from "./Policy.js"

/**
 * Default timeouts of a client: `exchange` of one request and its response, `call` of the whole call.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { call: "60 seconds", exchange: "30 seconds" } as const

/**
 * The time that the call has left, in milliseconds. Infinite outside of {@link call}.
 *
 * A policy should read it before it waits, and fail at once if the wait would end after the deadline.
 *
 * @since 0.1.0
 * @category deadlines
 */
export const remaining: Effect.Effect<number> = Effect.withFiberRuntime((fiber) =>
  Effect.succeed(remainingMillis(contextOf(fiber)))
)

/**
 * Bounds an effect by the deadline of the call: for the waits of a custom policy, which the call's timeout does not end.
 *
 * At the deadline the effect is interrupted, and its finalizers are waited for. Outside of {@link call} and
 * {@link exchange} it has no limit. Fails with the `Timeout` of the policy that set the deadline.
 *
 * @example
 * import type * as Errors from "@countersign/client/Errors"
 * import * as Policy from "@countersign/client/Policy"
 * import * as Timeout from "@countersign/client/Timeout"
 * import * as Effect from "effect/Effect"
 *
 * const afterStart = (ready: Effect.Effect<void>) =>
 *   Policy.make<Errors.Timeout>((request, next) => Effect.zipRight(Timeout.withDeadline(ready), next(request)))
 *
 * @since 0.1.0
 * @category deadlines
 */
export const withDeadline = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Timeout, R> =>
  Effect.withFiberRuntime((fiber) => {
    const context = contextOf(fiber)
    return timerAt(context) === Number.POSITIVE_INFINITY
      ? effect
      : boundBy(effect, timerAt(context), failTimeout(context))
  })

/**
 * Timeout policy of one HTTP request: bounds the time until its response, and its body if that is read inside the pipeline.
 *
 * Waits for a token or between attempts are not included. Fails with `Timeout { scope: "exchange" }`. The request is
 * interrupted and its connection closed.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 *
 * const client = ApiClient.make({
 *   baseUrl: "https://api.example.com",
 *   auth: Auth.none,
 *   timeout: { exchange: "5 seconds", call: "20 seconds" }
 * })
 *
 * @param after - the maximum duration of one request.
 * @since 0.1.0
 * @category policies
 */
export const exchange = (after: Duration.DurationInput): Policy.Policy<Timeout> => {
  const deadlineOf = makeDeadline("exchange", after)
  return makePolicy<Timeout>((request, next, context) =>
    next(request, { ...context, deadline: deadlineOf(context, request) })
  )
}

/**
 * Timeout policy of the whole call: bounds all its requests, waits and token refreshes together.
 *
 * Inner policies read the time that is left ({@link remaining}). Inside another call, the earlier deadline applies. Fails
 * with `Timeout { scope: "call" }`, also where the caller is uninterruptible, as in `acquireRelease` or a finalizer.
 *
 * @param after - the maximum duration of the call.
 * @since 0.1.0
 * @category policies
 */
export const call = (after: Duration.DurationInput): Policy.Policy<Timeout> => {
  const deadlineOf = makeDeadline("call", after)
  return makePolicy<Timeout>((request, next, context) =>
    next(request, { ...context, deadline: deadlineOf(context, request), requests: { count: 0 } })
  )
}

const makeDeadline = (scope: Timeout["scope"], input: Duration.DurationInput) => {
  const after = Duration.decode(input)
  const ms = Duration.toMillis(after)
  return (context: CallContext, request: HttpClientRequest) => earlierDeadline(context, ms, scope, after, request)
}
