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
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { RateLimited } from "./Errors.js"
import { asked, holding } from "./internal/hold.js"
import { limiting } from "./internal/limiting.js"
import * as Policy from "./Policy.js"
import * as RateLimiter from "./RateLimiter.js"

/**
 * Decides when a request may be sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Whether requests are to be looked at. While it is false they are sent as they come. */
  readonly active: boolean
  /** Succeeds when the request may be sent now; fails with `RateLimited` when it may not, and is not to wait. */
  readonly admit: (request: HttpClientRequest) => Effect.Effect<void, RateLimited>
  /** Hears of the answer: of every one while {@link Service.active}, else of a 429 or 503. */
  readonly heed: (request: HttpClientRequest, response: HttpClientResponse) => Effect.Effect<void>
}

/**
 * The limits that clients share. A client without it has a {@link hold} of its own.
 *
 * @since 0.1.0
 * @category tags
 */
export class RateLimit extends /* @__PURE__ */ Context.Tag("@countersign/client/RateLimit")<RateLimit, Service>() {}

/**
 * Asks the service before each send, and tells it of each answer.
 *
 * Fails with `RateLimited` whose `by` is `"hold"` or `"limit"` when the request was not sent.
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (service: Service): Policy.Policy<RateLimited> =>
  Policy.make<RateLimited>((request, next) => {
    const sent = Effect.flatMap(next(request), (response) =>
      service.active || response.status === 429 || response.status === 503
        ? Effect.as(service.heed(request, response), response)
        : Effect.succeed(response)
    )
    return Effect.suspend(() => (service.active ? Effect.zipRight(service.admit(request), sent) : sent))
  })

/**
 * How to hold.
 *
 * @since 0.1.0
 * @category models
 */
export interface HoldOptions {
  /** What to do with a request that may not be sent now: let it wait (the default), or fail with `RateLimited`. */
  readonly onLimit?: "wait" | "fail" | undefined
  /** The longest wait from a request's arrival until the gate opens (60 s); one that is longer is not begun. */
  readonly longest?: Duration.DurationInput | undefined
  /** Which account a request is of, where the requests to one origin are of several: a name that is no secret. */
  readonly account?: ((request: HttpClientRequest) => string) | undefined
  /** Of how many origins and accounts it remembers at most that they are held (1000). */
  readonly capacity?: number | undefined
}

/**
 * What {@link HoldOptions}, {@link Options} and {@link Limit} are when they are left out.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  onLimit: "wait",
  longest: "60 seconds",
  capacity: 1000,
  learn: false,
  algorithm: "sliding-window"
} as const

/**
 * One 429 holds every request of that origin and account, and so does a 503 that says when to come back.
 *
 * None is sent before the time that the server named (the latest, where several answers name one; as
 * `RetryAfter.parse` reads it). A 429 that names none holds for a second, and for twice as long each time it comes again
 * at once, up to 20 seconds. Then those who wait get in, first come first served: at most a tenth of them (one, of less
 * than ten) in the first 100 ms, all of them within about a second, and sooner where the answers are good. Where nobody
 * waits, those that were refused come back as gradually. With another 429 it all begins again.
 *
 * A request fails with `RateLimited { by: "hold" }`, at once and unsent, when the gate opens after the call's deadline or
 * only after `longest`; one that waits already fails as soon as that is known. One whose turn does not come before the
 * deadline, although the gate does open before it, ends as any call does that takes too long.
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
export const hold = (options: HoldOptions = {}): Service => holding(options, defaults, asked, false)

const learned = (response: HttpClientResponse, now: number): number | undefined =>
  Limits.parse(response.headers, now).some(({ remaining }) => remaining === 0)
    ? RetryAfter.parse(response.headers, now)?.delayMs
    : undefined

/**
 * A {@link hold} that does not wait for a 429: an answer of any status that says that nothing remains (`RateLimit`,
 * `X-RateLimit-Remaining`) holds until the time that it names, with the precedence of `RetryAfter.parse`.
 *
 * For servers whose limit is one for all of an origin and account: where a part of an API has a limit of its own, it
 * holds the other parts too.
 *
 * Specification: [draft-ietf-httpapi-ratelimit-headers](https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html).
 *
 * @since 0.1.0
 * @category constructors
 */
export const learning = (options: HoldOptions = {}): Service =>
  holding(options, defaults, (response, now) => asked(response, now) ?? learned(response, now), true)

/**
 * A limit of one's own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limit {
  /** How many requests a window takes. */
  readonly limit: number
  readonly window: Duration.DurationInput
  /**
   * How they are counted: see {@link RateLimiter.Algorithm}. `sliding-window` is the default, since it keeps to the
   * limit however the server's own windows lie.
   */
  readonly algorithm?: RateLimiter.Algorithm | undefined
  /** What the limit is for; each key has its own count. The request's origin by default. */
  readonly key?: string | ((request: HttpClientRequest) => string) | undefined
}

/**
 * What to make a service of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly limits: ReadonlyArray<Limit>
  /** What to do with a request beyond a limit: let it wait (the default), or fail with `RateLimited`. */
  readonly onLimit?: "wait" | "fail" | undefined
  /** The longest wait for a permit (60 s); a request that would have to wait longer fails. */
  readonly longest?: Duration.DurationInput | undefined
  /** The options of {@link hold}; `false` leaves it out, and learning with it. */
  readonly hold?: HoldOptions | false | undefined
  /** Whether to hold when an answer says that nothing remains, as {@link learning} does (false). */
  readonly learn?: boolean | undefined
}

/**
 * Limits of one's own, with a {@link hold}. A request is sent when each of its limits has room for it at that moment;
 * those that wait for the same limits get in first come first served.
 *
 * Fails a request with `RateLimited { by: "limit" }`, unsent, when it would have to wait for longer than `longest` or
 * until after the call's deadline, as soon as that is known; with `onLimit: "fail"` when there is no room. When the
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
    const learn = options.learn ?? defaults.learn
    const gates = options.hold === false ? undefined : (learn ? learning : hold)(options.hold)
    return limiting(limiter, options, defaults, gates)
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
 * {@link hold} as a Layer, for clients that share a server and an account.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHold = (options?: HoldOptions): Layer.Layer<RateLimit> => Layer.sync(RateLimit, () => hold(options))
