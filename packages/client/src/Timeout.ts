/**
 * Two bounds on time: on one exchange, and on the call with all its exchanges and waits.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Timeout } from "./Errors.js"
import type { Running } from "./internal/call/context.js"
import { begin, callOf, current } from "./internal/call/context.js"
import { Deadlines } from "./internal/call/deadlineQueue.js"
import { bound, longestTimer } from "./internal/call/fiberTimeout.js"
import { fromExecute } from "./internal/call/httpClient.js"
import type { Direct } from "./internal/exchange/callbackTransport.js"
import { directOf } from "./internal/exchange/callbackTransport.js"
import { directly } from "./internal/exchange/exchangeTimeout.js"
import { shownUrl } from "./internal/redaction/requestHistory.js"
import { hasLiveClock, monotonicMillis, monotonicOf } from "./internal/time/clock.js"
import * as Policy from "./Policy.js"
import * as Timeline from "./Timeline.js"

/**
 * The bounds of a client that names none.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { call: "60 seconds", exchange: "30 seconds" } as const

/**
 * How much time the call has left, in milliseconds; infinite outside of {@link call}. A policy that is about to wait
 * asks this first: a wait that would end after the deadline is time lost.
 *
 * @since 0.1.0
 * @category deadlines
 */
export const remaining: Effect.Effect<number> = Effect.flatMap(current, ({ deadline }) =>
  Number.isFinite(deadline)
    ? Effect.map(monotonicMillis, (now) => deadline - now)
    : Effect.succeed(Number.POSITIVE_INFINITY)
)

const timedOut = (scope: Timeout["scope"], after: Duration.Duration) => (request: HttpClientRequest) =>
  new Timeout({ method: request.method, url: shownUrl(request), scope, after })

/**
 * Bounds one exchange: the send, the answer and, where the body is read within the pipeline, the body. Waiting for a
 * token or between attempts does not count.
 *
 * Fails with `Timeout { scope: "exchange" }`; the exchange is interrupted and its connection closed.
 *
 * @since 0.1.0
 * @category policies
 */
export const exchange = (after: Duration.DurationInput): Policy.Policy<Timeout> => {
  const duration = Duration.decode(after)
  const ms = Duration.toMillis(duration)
  const within = bound(duration)
  const deadlines = new Deadlines(ms)
  const late = timedOut("exchange", duration)
  return <E, R>(client: HttpClient.HttpClient.With<E, R>) => {
    const stepwise = (request: HttpClientRequest) => within(client.execute(request), late, request)
    const send: Direct<E | Timeout> | undefined = ms > longestTimer ? undefined : directOf(client)
    if (send === undefined) return fromExecute(stepwise)
    return fromExecute<E | Timeout, R>((request) =>
      Effect.withFiberRuntime((fiber) =>
        Timeline.isObserved(fiber) || !hasLiveClock(fiber)
          ? stepwise(request)
          : directly(deadlines, send, request, late, stepwise)
      )
    )
  }
}

/**
 * Bounds the call: every exchange, wait and refresh of it together. Policies within see the time that is left.
 *
 * Fails with `Timeout { scope: "call" }`, also where the caller cannot be interrupted: in an `acquireRelease`, in a
 * finalizer. Within another call, the earlier deadline counts.
 *
 * @since 0.1.0
 * @category policies
 */
export const call = (after: Duration.DurationInput): Policy.Policy<Timeout> => {
  const duration = Duration.decode(after)
  const ms = Duration.toMillis(duration)
  const within = bound(duration)
  const inner = (fiber: Running) => begin(callOf(fiber), monotonicOf(fiber) + ms)
  const late = timedOut("call", duration)
  return Policy.make<Timeout>((request, next) => within(next(request), late, request, inner))
}
