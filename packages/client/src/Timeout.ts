/**
 * Timeouts: of one HTTP request and its response, and of the whole call with all requests and waits.
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
import { redactedUrl } from "./internal/redaction/requestHistory.js"
import { hasLiveClock, monotonicMillis, unsafeMonotonicNow } from "./internal/time/clock.js"
import * as Policy from "./Policy.js"
import * as Timeline from "./Timeline.js"

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
export const remaining: Effect.Effect<number> = Effect.flatMap(current, ({ deadline }) =>
  Number.isFinite(deadline)
    ? Effect.map(monotonicMillis, (now) => deadline - now)
    : Effect.succeed(Number.POSITIVE_INFINITY)
)

const timedOut = (scope: Timeout["scope"], after: Duration.Duration) => (request: HttpClientRequest) =>
  new Timeout({ method: request.method, url: redactedUrl(request), scope, after })

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
  const duration = Duration.decode(after)
  const ms = Duration.toMillis(duration)
  const within = bound(duration)
  const inner = (fiber: Running) => begin(callOf(fiber), unsafeMonotonicNow(fiber) + ms)
  const late = timedOut("call", duration)
  return Policy.make<Timeout>((request, next) => within(next(request), late, request, inner))
}
