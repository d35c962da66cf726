/**
 * What a server and the caller allow: one 429 holds every request to that origin, and limits of one's own keep it from
 * coming to that.
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
import { limiting } from "./internal/rateLimit/localLimits.js"
import { asked, defaults, holding, mayThrottle } from "./internal/rateLimit/serverThrottle.js"
import type { ThrottleOptions, Options, Service } from "./internal/rateLimit/service.js"
import * as Policy from "./Policy.js"
import * as RateLimiter from "./RateLimiter.js"

export type { ThrottleOptions, Limit, Options, Service } from "./internal/rateLimit/service.js"
export { defaults } from "./internal/rateLimit/serverThrottle.js"

/**
 * The limits that clients share. A client without it has a {@link throttle} of its own.
 *
 * @since 0.1.0
 * @category tags
 */
export class RateLimit extends /* @__PURE__ */ Context.Tag("@countersign/client/RateLimit")<RateLimit, Service>() {}

/**
 * Asks the service before each send, and tells it of each answer.
 *
 * Fails with `RateLimited` whose `source` is `"throttle"` or `"clientLimit"` when the request was not sent.
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (service: Service): Policy.Policy<RateLimited> =>
  Policy.make<RateLimited>((request, next) =>
    Effect.suspend(() => (service.active ? admitted(service, request, next) : heeded(service, request, next)))
  )

const heeded = <E, R>(service: Service, request: HttpClientRequest, next: Policy.Next<E, R>, send?: object) =>
  Effect.flatMap(next(request), (response) =>
    service.active || mayThrottle(response.status)
      ? Effect.as(service.onResponse(request, response, send), response)
      : Effect.succeed(response)
  )

const admitted = <E, R>(service: Service, request: HttpClientRequest, next: Policy.Next<E, R>) => {
  const send = {}
  const sent = Effect.zipRight(service.acquire(request, send), heeded(service, request, next, send))
  return service.end === undefined ? sent : Effect.ensuring(sent, service.end(send))
}

/**
 * A key for {@link ThrottleOptions.key} and {@link Limit.key}: the method, origin and path of a request, without its query. A
 * path with an id in it (`/users/42`) is a route of its own; give a function of your own where those share a limit.
 *
 * @since 0.1.0
 * @category keys
 */
export const perRoute = ({ method, url }: HttpClientRequest): string => {
  const end = url.search(/[?#]/)
  return `${method} ${end === -1 ? url : url.slice(0, end)}`
}

/**
 * One rate limit of the server throttles every request of that origin and account.
 *
 * | response | throttles |
 * |---|---|
 * | 429 | until the time that it names; without one for 1 s, and for twice as long each time it comes again at once, up to 20 s |
 * | 403 with `Retry-After`, or whose fields say that nothing remains | the same |
 * | 503 and 529 with `Retry-After` | until that time |
 * | every other one | nothing |
 *
 * No request is sent before the time that the server named (the latest, where several responses name one; as
 * `RetryAfter.parse` reads it). Then the requests that wait are sent, first come first served: at most a tenth of them
 * (one, of less than ten) in the first 100 ms, all of them within about a second, and sooner where the answers are good.
 * Where none waits, those that were refused come back as gradually. With another 429 it all begins again.
 *
 * A throttle lasts for `maxThrottle` at most. If the server asked for longer, one request is sent then, the probe. The
 * others wait for its answer. A good one ends the throttle as above. A bad one begins the next throttle, again with
 * `maxThrottle` at most. A probe that ends without an answer, or with a 5xx that names no time, leaves its place to the next.
 *
 * A request fails with `RateLimited { source: "throttle" }`, at once and unsent, when the throttle ends after the call's deadline or
 * only after `maxWait`; one that waits already fails as soon as that is known. `retryAt` is the end of the throttle. A
 * request whose turn does not come before the deadline, although the throttle ends before it, ends as any call does that
 * takes too long.
 *
 * Delays are measured with the monotonic clock: a wall clock that is moved changes none of them.
 *
 * While nothing is held a request pays a look at a field. The state lives in the service: make it once for a client,
 * and share it where clients share a server and an account.
 *
 * Specification: [RFC 6585 §4](https://www.rfc-editor.org/rfc/rfc6585#section-4),
 * [RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
 *
 * @since 0.1.0
 * @category constructors
 */
export const throttle = (options: ThrottleOptions = {}): Service => holding(options, asked, false)

const learned = (response: HttpClientResponse, now: number): number | undefined =>
  Limits.parse(response.headers, now).some(({ remaining }) => remaining === 0)
    ? RetryAfter.parse(response.headers, now)?.delayMs
    : undefined

/**
 * A {@link throttle} that does not wait for a 429: an answer of any status that says that nothing remains (`RateLimit`,
 * `X-RateLimit-Remaining`) holds until the time that it names, with the precedence of `RetryAfter.parse`.
 *
 * For servers whose limit is one for all of an origin and account: where a part of an API has a limit of its own, it
 * holds the other parts too, unless `key` tells them apart.
 *
 * Specification: [draft-ietf-httpapi-ratelimit-headers](https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html).
 *
 * @since 0.1.0
 * @category constructors
 */
export const throttleOnExhausted = (options: ThrottleOptions = {}): Service =>
  holding(options, (response, now) => asked(response, now) ?? learned(response, now), true)

/**
 * Limits of one's own, with a {@link throttle}. A request is sent when each of its limits has room for it at that moment;
 * those that wait for the same limits get in first come first served.
 *
 * Fails a request with `RateLimited { source: "clientLimit" }`, unsent, when it would have to wait for longer than `maxWait` or
 * until after the call's deadline, as soon as that is known; with `onExceeded: "fail"` when there is no room. When the
 * {@link RateLimiter.RateLimiterStore} cannot be asked the request is sent, with a warning in the log.
 *
 * Where a request has several limits, one with a short window may have counted it when one with a longer window has no
 * room: it errs towards fewer.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, never, RateLimiter.RateLimiter> =>
  Effect.map(RateLimiter.RateLimiter, (limiter) => {
    const learn = options.useRemainingHeaders ?? defaults.useRemainingHeaders
    const gates = options.throttle === false ? undefined : (learn ? throttleOnExhausted : throttle)(options.throttle)
    return limiting(limiter, options, gates)
  })

/**
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<RateLimit, never, RateLimiter.RateLimiter> =>
  Layer.effect(RateLimit, make(options))

/**
 * {@link throttle} as a Layer, for clients that share a server and an account.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerThrottle = (options?: ThrottleOptions): Layer.Layer<RateLimit> =>
  Layer.sync(RateLimit, () => throttle(options))
