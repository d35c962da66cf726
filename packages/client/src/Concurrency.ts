/**
 * Concurrency limit for each origin: a maximum number of concurrent requests, and a bounded queue (bulkhead).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Overloaded } from "./Errors.js"
import { runExternal } from "./internal/call/externalCode.js"
import { makePolicy, nextOf } from "./internal/call/pipeline.js"
import { contextualWithPermit, defaults, makeConcurrencyLimiter } from "./internal/concurrency/admission.js"
import { AimdLimit } from "./internal/concurrency/aimdLimit.js"
import type { Limit, Options, Service } from "./internal/concurrency/service.js"
import type * as Policy from "./Policy.js"

export type {
  ExchangeResult,
  Limit,
  ConcurrencyStats,
  AdaptiveLimit,
  Options,
  Service
} from "./internal/concurrency/service.js"
import * as OptionNames from "./internal/options/optionNames.js"
export { defaults } from "./internal/concurrency/admission.js"

/**
 * The concurrency limits of all origins. Several clients can share them.
 *
 * @since 0.1.0
 * @category tags
 */
export class Concurrency
  extends /* @__PURE__ */ Context.Tag("@countersign/client/Concurrency")<Concurrency, Service>() {}

/**
 * Concurrency policy: sends a request when its origin has a free permit.
 *
 * It stands inside `CircuitBreaker`, so that rejected requests take no place in the queue. It stands outside `RateLimit` and
 * `Auth`, so that a request is counted against a rate limit and signed when it leaves the queue. A request that waits for a
 * throttle or a token therefore holds its permit.
 *
 * A request that is made while another one to the same origin is being signed waits for no further permit. Otherwise the two
 * would wait for each other, with a limit of 1 for ever. This applies to requests in the same fiber, and to calls of other
 * clients within the call. It does not apply to fibers outside the call, such as those of a background service. The token
 * requests of `@countersign/auth` run in such fibers, but they use the transport and not a client. A custom scheme that
 * sends token requests through a client needs a client with a separate `Concurrency` service, or without one.
 *
 * Fails with `Overloaded` when the request was not sent. A retry does not retry that error.
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (service: Service): Policy.Policy<Overloaded> => {
  const withPermit = contextualWithPermit(service)
  return makePolicy<Overloaded>((request, next, context) =>
    withPermit === undefined
      ? runExternal(service.withPermit(request, nextOf(next, context)(request)), context)
      : withPermit(request, next, context)
  )
}

const adaptiveNames: OptionNames.ShapeOf<NonNullable<Parameters<typeof adaptive>[0]>> = {
  min: "count",
  max: "count",
  initial: "count",
  backoffRatio: "ratio",
  latencyThreshold: "duration"
}

const names: OptionNames.ShapeOf<Options> = {
  limit: "count",
  maxQueued: "size",
  maxWait: "duration",
  maxOrigins: "count"
}

/**
 * Adaptive limit (AIMD): finds out how many concurrent requests a server can handle.
 *
 * The limit grows by one per round of responses, while at least half of it is used. It falls to 70 % after a sign of
 * overload ({@link ExchangeResult.overloaded}), at most once per round. On average it is 85 % of what the server can handle.
 * It exceeds that from time to time, to detect more capacity.
 *
 * This is the congestion avoidance of TCP ([RFC 5681 §3.1](https://www.rfc-editor.org/rfc/rfc5681#section-3.1)) with the
 * decrease of CUBIC ([RFC 9438 §4.6](https://www.rfc-editor.org/rfc/rfc9438#section-4.6)), as in Netflix's
 * [`AIMDLimit`](https://github.com/Netflix/concurrency-limits). `AIMDLimit` grows with every response and falls with every
 * failure, so a burst of failures with one cause reduces it to nothing. Limits that use latency gradients (Vegas, Gradient2)
 * see an overload before requests fail. They do not fit here, because the time measured includes the client's own waits for
 * a throttle, a rate limit or a token.
 *
 * @param options.min - the minimum limit (1).
 * @param options.max - the maximum limit (200).
 * @param options.initial - the first limit, between `min` and `max` (20).
 * @param options.backoffRatio - the factor that is applied to the limit after an overload, from 0 to 1 (0.7).
 * @param options.latencyThreshold - a slower request is a sign of overload too (none). For servers that become slow before
 *   they fail. Not for clients with a `RateLimit`, because its waits are included.
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
  OptionNames.known("Concurrency.adaptive", options, adaptiveNames)
  const min = options.min ?? defaults.min
  const max = Math.max(min, options.max ?? defaults.max)
  const initial = Math.min(max, Math.max(min, options.initial ?? defaults.initial))
  const slowMs =
    options.latencyThreshold === undefined ? Number.POSITIVE_INFINITY : Duration.toMillis(options.latencyThreshold)
  const limitOptions = { min, max, initial, slowMs, backoffRatio: options.backoffRatio ?? defaults.backoffRatio }
  return { make: () => new AimdLimit(limitOptions), needsDuration: options.latencyThreshold !== undefined }
}

/**
 * Makes the concurrency limits of all origins.
 *
 * A request holds a permit from the time it may be sent until it gets its response, fails or is interrupted. Without a free
 * permit it waits in a first-in, first-out queue. The wait can be interrupted.
 *
 * A request fails with `Overloaded`, without being sent, in two cases:
 *
 * - `maxQueued` requests are waiting already.
 * - It gets no permit within `maxWait`, or within 95 % of the time that the call had left when the wait started.
 *
 * A permit is released when the response header arrives. Where a verb reads the body, it is released after the body. A
 * request to a URL without http or https origin is sent and not counted.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as Concurrency from "@countersign/client/Concurrency"
 * import * as Effect from "effect/Effect"
 *
 * const client = Effect.flatMap(Concurrency.make({ limit: 10, maxQueued: 50 }), (concurrency) =>
 *   ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none, concurrency })
 * )
 *
 * @param options - the limit and the queue. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service> =>
  Effect.sync(() => {
    const { limit } = OptionNames.known("Concurrency", options, names)
    return makeConcurrencyLimiter(limit, options)
  })

/**
 * Layer with concurrency limits, for clients that send to the same server.
 *
 * @param options - the limit and the queue. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Concurrency> => Layer.effect(Concurrency, make(options))
