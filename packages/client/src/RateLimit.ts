/**
 * Rate limits: throttles requests after a 429 ([RFC 6585 §4](https://www.rfc-editor.org/rfc/rfc6585#section-4)), and applies
 * client-side limits, so that the server does not send one.
 *
 * @since 0.1.0
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Limits from "@countersign/protocol/RateLimit"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { RateLimited } from "./Errors.js"
import type { Send } from "./internal/call/pipeline.js"
import type { CallContext } from "./internal/call/context.js"
import { holding } from "./internal/call/context.js"
import { runExternal } from "./internal/call/externalCode.js"
import { makePolicy } from "./internal/call/pipeline.js"
import { makeLocalLimits } from "./internal/rateLimit/localLimits.js"
import type { RateLimits } from "./internal/rateLimit/rateLimits.js"
import { rateLimitsOf, toService } from "./internal/rateLimit/rateLimits.js"
import { parseRetryAfter, defaults, makeServerThrottle, mayThrottle } from "./internal/rateLimit/serverThrottle.js"
import type { ThrottleOptions, Options, Service } from "./internal/rateLimit/service.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type * as Policy from "./Policy.js"
import * as RateLimiter from "./RateLimiter.js"

export type { ThrottleOptions, Limit, Options, Service } from "./internal/rateLimit/service.js"
export { defaults } from "./internal/rateLimit/serverThrottle.js"

/**
 * The rate limits and throttles of one or several clients. A client without it has a separate {@link throttle}.
 *
 * @since 0.1.0
 * @category tags
 */
export class RateLimit extends /* @__PURE__ */ Context.Tag("@countersign/client/RateLimit")<RateLimit, Service>() {}

/**
 * Rate limit policy: waits until a request may be sent, and reads the limits of each response.
 *
 * Fails with `RateLimited` when the request was not sent. Its `source` is `"throttle"` or `"clientLimit"`.
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (service: Service): Policy.Policy<RateLimited> => {
  const limits = limitsOf(service)
  return makePolicy<RateLimited>((request, next, context) =>
    limits.isActive() ? acquireAndSend(limits, request, next, context) : sendAndObserve(limits, request, next, context)
  )
}

const limitsOf = (service: Service): RateLimits => rateLimitsOf(service) ?? externalLimits(service)

/** A service of the application, which may wait for longer than the call. */
const externalLimits = (service: Service): RateLimits => ({
  isActive: () => true,
  acquire: (request, send, context) => runExternal(service.acquire(request, send), context),
  onResponse: (request, response, send, context) => runExternal(service.onResponse(request, response, send), context),
  end: (send, context) => (service.end === undefined ? Effect.void : runExternal(service.end(send), context))
})

const sendAndObserve = <E, R>(
  limits: RateLimits,
  request: HttpClientRequest,
  next: Send<E, R>,
  context: CallContext,
  send?: object
) =>
  Effect.flatMap(next(request, context), (response) =>
    limits.isActive() || mayThrottle(response.status)
      ? Effect.as(limits.onResponse(request, response, send, context), response)
      : Effect.succeed(response)
  )

const acquireAndSend = <E, R>(
  limits: RateLimits,
  request: HttpClientRequest,
  next: Send<E, R>,
  context: CallContext
) => {
  const send = {}
  const sent = Effect.suspend(() => sendAndObserve(limits, request, next, holding(context, send), send))
  return Effect.ensuring(
    Effect.zipRight(limits.acquire(request, send, context), sent),
    Effect.suspend(() => limits.end(send, context))
  )
}

/**
 * A key for {@link ThrottleOptions.key} and {@link Limit.key}: method, origin and path of a request, without the query.
 *
 * A path that contains an id (`/users/42`) is a separate route. Use a custom function if such paths share a limit.
 *
 * @since 0.1.0
 * @category keys
 */
export const perRoute = ({ method, url }: HttpClientRequest): string => {
  const end = url.search(/[?#]/)
  return `${method} ${end === -1 ? url : url.slice(0, end)}`
}

/**
 * Makes a throttle: after a rate limit response, all requests of that origin and account wait until the server accepts more.
 *
 * | response | throttles |
 * |---|---|
 * | 429 | until the time in the response, otherwise 1 s, doubled for each further 429, up to 20 s |
 * | 403 with `Retry-After`, or with rate limit fields that say that nothing remains | the same |
 * | 503 and 529 with `Retry-After` | until that time |
 * | any other | not |
 *
 * **End.** No request is sent before the time that the server named. If several responses name one, the latest counts, as
 * `RetryAfter.parse` reads it. Then the waiting requests are sent in the order in which they came. In the first 100 ms at
 * most a tenth of them is sent, and at least one. All are sent within about a second, and sooner if the responses are good.
 * If no request waits, new ones are admitted as gradually. Another 429 starts the throttle again.
 *
 * **Maximum.** A throttle lasts at most `maxThrottle`. If the server asked for longer, one request is then sent as a probe,
 * and the others wait for its result. A good response ends the throttle as above. A bad response starts the next throttle,
 * again of at most `maxThrottle`. If the probe gets no response, or a 5xx without a time, the next request becomes the
 * probe.
 *
 * **Errors.** A request fails with `RateLimited { source: "throttle" }`, without being sent, if the throttle ends after the
 * call deadline or after `maxWait`. Waiting requests fail as soon as that is known. `retryAt` is the end of the throttle. If
 * the throttle ends before the deadline but the request's turn comes too late, the call fails with `Timeout`.
 *
 * Delays are measured with the monotonic clock, so changes of the system clock have no effect. The state lives in the
 * service: make one for each client, and share it between clients that have the same server and account.
 *
 * Specification: [RFC 6585 §4](https://www.rfc-editor.org/rfc/rfc6585#section-4),
 * [RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
 *
 * @param options - waits, maximum delay, and how requests are grouped. See {@link ThrottleOptions}.
 * @since 0.1.0
 * @category constructors
 */
export const throttle = (options: ThrottleOptions = {}): Service => toService(makeThrottle(options))

const throttleNames: OptionNames.ShapeOf<ThrottleOptions> = {
  onExceeded: true,
  maxWait: "duration",
  maxThrottle: "duration",
  account: true,
  key: true,
  maxKeys: "count"
}

const knownThrottle = (options: ThrottleOptions): ThrottleOptions =>
  OptionNames.known("RateLimit.throttle", options, throttleNames)

const makeThrottle = (options: ThrottleOptions): RateLimits =>
  makeServerThrottle(knownThrottle(options), parseRetryAfter, false)

const exhaustedDelay = (response: HttpClientResponse, now: number): number | undefined =>
  Limits.parse(response.headers, now).some(({ remaining }) => remaining === 0)
    ? RetryAfter.parse(response.headers, now)?.delayMs
    : undefined

/**
 * Makes a {@link throttle} that also starts when a response says that no requests remain, before the server sends a 429.
 *
 * It reads `RateLimit` and `X-RateLimit-Remaining` of every response. The throttle ends at the time in the response, with
 * the precedence of `RetryAfter.parse`. Use it for servers with one limit per origin and account. If parts of an API have
 * separate limits, set `key`, or the throttle of one part applies to the others.
 *
 * Specification:
 * [draft-ietf-httpapi-ratelimit-headers](https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html).
 *
 * @param options - waits, maximum delay, and how requests are grouped. See {@link ThrottleOptions}.
 * @since 0.1.0
 * @category constructors
 */
export const throttleOnExhausted = (options: ThrottleOptions = {}): Service =>
  toService(makeThrottleOnExhausted(options))

const makeThrottleOnExhausted = (options: ThrottleOptions): RateLimits =>
  makeServerThrottle(
    knownThrottle(options),
    (response, now) => parseRetryAfter(response, now) ?? exhaustedDelay(response, now),
    true
  )

/**
 * Makes client-side rate limits, together with a {@link throttle}. A request is sent when all its limits have capacity.
 *
 * Requests that wait for the same limits are sent in the order in which they came. A request fails with
 * `RateLimited { source: "clientLimit" }`, without being sent, if its wait would exceed `maxWait` or the call deadline. With
 * `onExceeded: "fail"` it fails whenever a limit has no capacity. If the {@link RateLimiter.RateLimiterStore} fails, the
 * request is sent, and a warning is logged.
 *
 * A request with several limits may be counted by a short window although a longer window then has no capacity. The client
 * then sends fewer requests than allowed, never more.
 *
 * @example
 * import * as RateLimit from "@countersign/client/RateLimit"
 * import * as RateLimiter from "@countersign/client/RateLimiter"
 * import * as Effect from "effect/Effect"
 *
 * // A service of its own, with a `RateLimiter` of the application: at most 100 requests per minute to each origin.
 * const limits = RateLimit.make({ limits: [{ limit: 100, window: "1 minute" }] }).pipe(
 *   Effect.provide(RateLimiter.layer),
 *   Effect.provide(RateLimiter.layerStoreMemory)
 * )
 *
 * @param options - the limits, waits and the throttle. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, never, RateLimiter.RateLimiter> =>
  Effect.suspend(() => {
    const known = OptionNames.known("RateLimit", options, names)
    return Effect.map(RateLimiter.RateLimiter, (limiter) =>
      toService(makeLocalLimits(limiter, known, serverThrottleOf(known)))
    )
  })

const names: OptionNames.ShapeOf<Options> = {
  limits: { limit: "count", window: "duration", algorithm: true, key: true },
  onExceeded: true,
  maxWait: "duration",
  throttle: true,
  useRemainingHeaders: true
}

const serverThrottleOf = ({ throttle = {}, useRemainingHeaders }: Options): RateLimits | undefined => {
  if (throttle === false) return undefined
  if ("acquire" in throttle) return limitsOf(throttle)
  const readsQuotaHeaders = useRemainingHeaders ?? defaults.useRemainingHeaders
  return (readsQuotaHeaders ? makeThrottleOnExhausted : makeThrottle)(throttle)
}

/**
 * Layer with client-side rate limits by a `RateLimiter` of the application, and a throttle. See {@link make}.
 *
 * @param options - the limits, waits and the throttle. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<RateLimit, never, RateLimiter.RateLimiter> =>
  Layer.effect(RateLimit, make(options))

/**
 * Layer with client-side rate limits that are counted in this process, and a throttle. See {@link make}.
 *
 * @example
 * import * as RateLimit from "@countersign/client/RateLimit"
 *
 * // The option `rateLimit` of a client: at most 10 requests in any second to each origin.
 * const rateLimit = RateLimit.layerMemory({ limits: [{ limit: 10, window: "1 second" }] })
 *
 * @param options - the limits, waits and the throttle. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options: Options): Layer.Layer<RateLimit> =>
  layer(options).pipe(Layer.provide(RateLimiter.layer), Layer.provide(RateLimiter.layerStoreMemory))

/**
 * Layer with a throttle, for clients that share a server and an account. See {@link throttle}.
 *
 * @param options - waits, maximum delay, and how requests are grouped. See {@link ThrottleOptions}.
 * @since 0.1.0
 * @category layers
 */
export const layerThrottle = (options?: ThrottleOptions): Layer.Layer<RateLimit> =>
  Layer.sync(RateLimit, () => throttle(options))
