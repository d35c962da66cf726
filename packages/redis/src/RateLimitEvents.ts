/**
 * Events of rate limiters in Redis for monitoring: the start and the end of each outage, as a stream and a metric.
 *
 * @since 0.1.0
 */
import type { RateLimitStoreError } from "@countersign/client/RateLimiter"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/**
 * An event of a rate limiter. Each outage has one of each type, whatever the number of requests.
 *
 * - `Degraded`: Redis did not respond, or reported an error. `onUnavailable` applies from now on
 * - `Restored`: Redis responds again, so the shared limits apply
 *
 * @since 0.1.0
 * @category models
 */
export type RateLimitEvent =
  | {
      /** The type of the event. */
      readonly _tag: "Degraded"
      /** When the outage began for this limiter, in epoch milliseconds. */
      readonly at: number
      /** The first error of the outage. */
      readonly error: RateLimitStoreError
    }
  | {
      /** The type of the event. */
      readonly _tag: "Restored"
      /** When the outage ended, in epoch milliseconds. */
      readonly at: number
      /** When it had begun: `at` of the event `Degraded`. */
      readonly since: number
    }

/**
 * Publishes the events of rate limiters to subscribers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Publishes an event. It must not block and must not throw. */
  readonly publish: (event: RateLimitEvent) => void
  /** The events from the subscription on. A subscriber that falls behind by more than 64 events loses the oldest. */
  readonly stream: Stream.Stream<RateLimitEvent>
}

/**
 * Context tag of the events. Rate limiters publish to this service if it is in the context in which they are made.
 *
 * @since 0.1.0
 * @category tags
 */
export class RateLimitEvents
  extends /* @__PURE__ */ Context.Tag("@countersign/redis/RateLimitEvents")<RateLimitEvents, Service>() {}

/** Number of events that are buffered for a slow subscriber. */
const capacity = 64

/**
 * Makes the service. It counts the events in the metric `countersign.rate_limit.outages`, with the attribute `event`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service> = /* @__PURE__ */ Effect.map(
  /* @__PURE__ */ PubSub.sliding<RateLimitEvent>(capacity),
  (events) => {
    const counter = Metric.counter("countersign.rate_limit.outages", {
      description: "Starts and ends of outages of shared rate limits."
    })
    const counters = {
      Degraded: Metric.tagged(counter, "event", "Degraded"),
      Restored: Metric.tagged(counter, "event", "Restored")
    }
    return {
      publish: (event) => {
        counters[event._tag].unsafeUpdate(1, [])
        events.unsafeOffer(event)
      },
      stream: Stream.fromPubSub(events)
    }
  }
)

/**
 * Layer with one stream of the events of all rate limiters of the application.
 *
 * @example
 * import * as RateLimitEvents from "@countersign/redis/RateLimitEvents"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const alert = Stream.runForEach(RateLimitEvents.stream, ({ _tag, at }) => Effect.logWarning(_tag, at)).pipe(
 *   Effect.provide(RateLimitEvents.layer)
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RateLimitEvents> = /* @__PURE__ */ Layer.effect(RateLimitEvents, make)

/**
 * The event stream of the {@link RateLimitEvents} service in the context.
 *
 * @since 0.1.0
 * @category streams
 */
export const stream: Stream.Stream<RateLimitEvent, never, RateLimitEvents> = /* @__PURE__ */ Stream.unwrap(
  /* @__PURE__ */ Effect.map(RateLimitEvents, ({ stream }) => stream)
)
