/**
 * Policies: functions that wrap a client. A pipeline is a list of nested policies.
 *
 * @since 0.1.0
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { failTimeout, publish, remainingMillis } from "./internal/call/context.js"
import type { Next, Policy } from "./internal/call/pipeline.js"
import { makePolicy, nextOf } from "./internal/call/pipeline.js"

export type { Next, Policy } from "./internal/call/pipeline.js"

/**
 * Makes a policy from a function of one request and the rest of the pipeline.
 *
 * The function may call `next` never, once or several times, with this request or another. Policies nest: the last one in a
 * `pipe` is the outermost. The platform's `mapRequest` and `transform` do not nest, they form one list that runs once.
 *
 * The function runs once for each request. `next` ends at the deadline of the call, and a further `next` after it ends the
 * policy. Other waits of the policy do not end
 * there by themselves: bound them with `Timeout.withDeadline`, or read `Timeout.remaining` before them. Otherwise
 * `Timeout.call` cannot end the call while the policy waits.
 *
 * @example
 * import * as Policy from "@countersign/client/Policy"
 * import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
 *
 * const acceptJson = Policy.make((request, next) => next(HttpClientRequest.acceptJson(request)))
 *
 * @param f - sends the request, or decides the result without sending it.
 * @since 0.1.0
 * @category constructors
 */
export const make = <E = never, R = never>(
  f: <E1, R1>(request: HttpClientRequest, next: Next<E1, R1>) => Effect.Effect<HttpClientResponse, E1 | E, R1 | R>
): Policy<E, R> =>
  makePolicy<E, R>((request, next, context) => {
    let isLate = false
    const send = nextOf(next, context)
    const sendInTime: typeof send = (sent) =>
      Effect.suspend(() => {
        isLate = remainingMillis(context) <= 0
        // No failure, because a policy that retries would never end.
        return isLate ? Effect.interrupt : send(sent)
      })
    const result = publish(
      Effect.suspend(() => f(request, sendInTime)),
      context
    )
    return Effect.catchAllCause(result, (cause) =>
      isLate && Cause.isInterruptedOnly(cause) ? failTimeout(context) : Effect.failCause(cause)
    )
  })
