/**
 * Token events for monitoring: a stream and a metric of acquired, refreshed, rejected and stored tokens. Events contain only
 * hashes of tokens.
 *
 * @since 0.1.0
 */
import type { TokenError, TokenStoreError } from "./Errors.js"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/**
 * The types of token events.
 *
 * - `Used`: the token was added to a request
 * - `Acquired`: a token was acquired without a refresh token
 * - `Refreshed`: a token was acquired with a refresh token
 * - `LoadedFromStore`: a token of another process, or of an earlier run, was loaded from the store
 * - `RefreshRetried`: the same refresh token is sent again, because the previous refresh got no response
 * - `Rejected`: the API rejected the token (401)
 * - `AwaitingPropagation`: a new token was rejected, and is sent again after a wait, see `propagationDelay`
 * - `RefreshFailed`: no new token was acquired. `error` is the cause
 * - `Stored`: the token was stored
 * - `StoreFailed`: the token was not stored. It is kept in memory and stored later
 * - `Quarantined`: a damaged record was moved aside, see `onCorruptRecord`. `error` is the cause
 * - `RecordGone`: a record that this source has read or written does not exist any more. The token in memory is not refreshed.
 *   After a sign-out this is expected. Otherwise the store has lost the record
 *
 * @since 0.1.0
 * @category models
 */
export type EventType =
  | "Used"
  | "Acquired"
  | "Refreshed"
  | "LoadedFromStore"
  | "RefreshRetried"
  | "Rejected"
  | "AwaitingPropagation"
  | "RefreshFailed"
  | "Stored"
  | "StoreFailed"
  | "Quarantined"
  | "RecordGone"

/**
 * An event of a token source.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenEvent {
  /** The type of the event. */
  readonly _tag: EventType
  /** When it happened, in epoch milliseconds. */
  readonly at: number
  /** The key of the token in the store. It is not a secret. */
  readonly key: string
  /**
   * The first 16 hexadecimal digits of the SHA-256 of the access token, to compare tokens across processes and logs.
   * Undefined if there was no token yet, and on a web page without HTTPS.
   */
  readonly token: string | undefined
  /** The cause of `RefreshFailed`, `StoreFailed` and `Quarantined`. */
  readonly error?: TokenError | TokenStoreError | undefined
}

/**
 * Publishes the events of token sources to subscribers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Publishes an event. It must not block and must not throw. */
  readonly publish: (event: TokenEvent) => void
  /** The events from the subscription on. A subscriber that falls behind by more than 1024 events loses the oldest. */
  readonly stream: Stream.Stream<TokenEvent>
}

/**
 * Context tag of the token events. Token sources publish to this service if it is in the context in which they are made.
 * Without it, sources neither publish events nor compute hashes.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenEvents extends /* @__PURE__ */ Context.Tag("@countersign/auth/TokenEvents")<TokenEvents, Service>() {}

/** Number of events that are buffered for a slow subscriber. */
const capacity = 1024

/**
 * Makes the service. It counts the events in the metric `countersign.tokens`, with the attribute `event`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service> = /* @__PURE__ */ Effect.map(
  /* @__PURE__ */ PubSub.sliding<TokenEvent>(capacity),
  (events) => {
    const counter = Metric.counter("countersign.tokens", { description: "Events of token sources." })
    const labels = new Map<EventType, ReadonlyArray<MetricLabel.MetricLabel>>()
    const labelOf = (kind: EventType) => {
      const known = labels.get(kind) ?? [MetricLabel.make("event", kind)]
      labels.set(kind, known)
      return known
    }
    return {
      publish: (event) => {
        counter.unsafeUpdate(1, labelOf(event._tag))
        events.unsafeOffer(event)
      },
      stream: Stream.fromPubSub(events)
    }
  }
)

/**
 * Layer with one stream of the events of all token sources. Unlike Layers that hold tokens or cookies, Effect builds it once
 * for the whole application. Each event has the key of its source.
 *
 * @example
 * import * as TokenEvents from "@countersign/auth/TokenEvents"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const program = TokenEvents.stream.pipe(
 *   Stream.runForEach((event) => Effect.log(event._tag)),
 *   Effect.provide(TokenEvents.layer)
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<TokenEvents> = /* @__PURE__ */ Layer.effect(TokenEvents, make)

/**
 * The event stream of the {@link TokenEvents} service in the context.
 *
 * @since 0.1.0
 * @category streams
 */
export const stream: Stream.Stream<TokenEvent, never, TokenEvents> = /* @__PURE__ */ Stream.unwrap(
  /* @__PURE__ */ Effect.map(TokenEvents, ({ stream }) => stream)
)
