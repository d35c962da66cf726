/**
 * How many requests are under way to an origin at a time: no more than a limit, and a bounded queue of those that wait.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Overloaded } from "./Errors.js"
import { defaults, queueing } from "./internal/concurrency/admission.js"
import { Aimd } from "./internal/concurrency/aimdLimit.js"
import type { Limit, Options, Service } from "./internal/concurrency/service.js"
import * as Policy from "./Policy.js"

export type {
  ExchangeResult,
  Limit,
  ConcurrencyStats,
  AdaptiveLimit,
  Options,
  Service
} from "./internal/concurrency/service.js"
export { defaults } from "./internal/concurrency/admission.js"

/**
 * The permits that clients share.
 *
 * @since 0.1.0
 * @category tags
 */
export class Concurrency
  extends /* @__PURE__ */ Context.Tag("@countersign/client/Concurrency")<Concurrency, Service>() {}

/**
 * Sends a request when its origin has a permit for it.
 *
 * It stands within `CircuitBreaker`, so that what is rejected there takes no place in the queue, and outside of `RateLimit`
 * and `Auth`: a request is counted against a limit and signed when it is sent, and not before it waits. So a request that
 * waits for a held origin, or for a token, has its permit meanwhile.
 *
 * Whoever holds a permit needs no other: a request that is made on the way of another one to the same origin, by the
 * scheme that signs it for one, passes where it would have to wait, since the other one would wait for it, and with a
 * limit of 1 for ever. That holds for requests in the same fiber, and for those of clients that are called within
 * the call. It does not for a request in a fiber that belongs to nobody's call, such as a service's own: the token
 * requests of `@countersign/auth` are such, and ask the transport, not a client. A scheme of one's own that does so
 * through a client needs a client with a service of its own, or none.
 *
 * Fails with `Overloaded` when the request was not sent; a retry leaves that alone.
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (service: Service): Policy.Policy<Overloaded> =>
  Policy.make<Overloaded>((request, next) => service.withPermit(request, next(request)))

/**
 * A limit that finds out how much a server takes: it grows by one with every round of answers, as long as at least half of
 * it is used, and falls to 70 % with a sign of overload (see {@link Ended.overloaded}), once a round. So it goes up and down
 * below what the server takes, at 85 % of it on average, and asks for too much once in a while to see whether it takes more.
 *
 * This is the congestion avoidance of TCP ([RFC 5681 §3.1](https://www.rfc-editor.org/rfc/rfc5681#section-3.1)) with the
 * decrease of CUBIC ([RFC 9438 §4.6](https://www.rfc-editor.org/rfc/rfc9438#section-4.6)), as Netflix's
 * [`AIMDLimit`](https://github.com/Netflix/concurrency-limits) brought it to requests; that one grows with every answer and
 * falls with every failure, which makes a burst of failures that have one reason fall to nothing. A gradient of latencies
 * (Vegas, Gradient2) would see the overload before it fails, but what is measured here includes waits that are this
 * client's own (a hold, a limit, a token), for which the server must not be blamed.
 *
 * @param options.min - the limit is never less (1).
 * @param options.max - nor more (200).
 * @param options.initial - what it begins with (20, within those).
 * @param options.backoffRatio - what an overload leaves of it, of 1 (0.7).
 * @param options.latencyThreshold - an exchange that takes longer is a sign of overload too, for servers that become slow before they
 *   fail. Not for clients whose requests wait further in, for a `RateLimit` of their own (none).
 * @since 0.1.0
 * @category limits
 */
export const adaptive = (
  options: {
    readonly min?: number | undefined
    readonly max?: number | undefined
    readonly initial?: number | undefined
    readonly backoffRatio?: number | undefined
    readonly latencyThreshold?: Duration.DurationInput | undefined
  } = {}
): Limit => {
  const min = Math.max(1, Math.floor(options.min ?? defaults.min))
  const max = Math.max(min, Math.floor(options.max ?? defaults.max))
  const initial = Math.min(max, Math.max(min, Math.floor(options.initial ?? defaults.initial)))
  const slow =
    options.latencyThreshold === undefined ? Number.POSITIVE_INFINITY : Duration.toMillis(options.latencyThreshold)
  const bounds = { min, max, initial, slow, backoff: options.backoffRatio ?? defaults.backoffRatio }
  return { make: () => new Aimd(bounds), needsDuration: options.latencyThreshold !== undefined }
}

/**
 * Makes permits. A request has one from when it may be sent until its exchange is over: answered, failed or interrupted.
 * Where there is none it waits, first come first served, and can be interrupted.
 *
 * Fails a request with `Overloaded`, unsent: at once when `maxQueued` wait already, and when its turn does not come within
 * `maxWait`, or within 95 % of the time that the call had left when it began to wait.
 *
 * The exchange is over when the answer's head is there, or its body too where a verb reads that: a body that is streamed
 * holds no permit. A URL without an http or https origin passes uncounted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service> => Effect.sync(() => queueing(options.limit, options))

/**
 * {@link make} as a Layer, for clients that share a server.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Concurrency> => Layer.effect(Concurrency, make(options))
