/**
 * What happens to tokens, for those who watch over them: a stream, and a counter. Tokens appear as hashes only.
 *
 * @since 0.1.0
 */
import type { TokenError, TokenStoreError } from "@countersign/client/Errors"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/**
 * What happened to a token.
 *
 * - `Used`: a request was given it
 * - `Minted`: it was got anew, without a refresh token · `Refreshed`: it was got with one
 * - `Adopted`: it was taken over from the store, where another process or an earlier run had put it
 * - `Replayed`: a refresh token is sent again, since nothing was heard of the refresh before
 * - `Rejected`: an API answered it with 401 · `Settling`: so new that the API may not know it yet, it is tried again
 * - `Failed`: another one was not to be had; `error` says why
 * - `Saved` · `SaveFailed`: the store has it, or not: then it serves from memory, and is stored later
 * - `Quarantined`: stored data was damaged and was moved aside, see `TokenSource.Options`; `error` says what was wrong
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

/**
 * Something that happened to a token at `at` (epoch milliseconds).
 *
 * `key` is what it is filed under, and no secret. `token` is 16 hexadecimal digits of the SHA-256 of the access token: by
 * it two processes, or a log and a server's, find out whether they speak of the same one. There is none where there was
 * no token yet.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenEvent {
  readonly _tag: EventType
  readonly at: number
  readonly key: string
  readonly token: string | undefined
  readonly error?: TokenError | TokenStoreError | undefined
}

/**
 * Where token sources tell what happens. `tell` must neither wait nor throw.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly publish: (event: TokenEvent) => void
  /** What is told from now on, to everybody who listens. Who is slower than 1024 events misses the oldest. */
  readonly stream: Stream.Stream<TokenEvent>
}

/**
 * The events of every token source that is made where this is in the context. Without it nothing is told, nothing is
 * hashed, and nothing is paid.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenEvents extends /* @__PURE__ */ Context.Tag("@countersign/auth/TokenEvents")<TokenEvents, Service>() {}

/** What is kept for a listener that is busy. */
const capacity = 1024

/**
 * Makes the events, and counts them in the metric `countersign.tokens`, with the attribute `event`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service> = /* @__PURE__ */ Effect.map(
  /* @__PURE__ */ PubSub.sliding<TokenEvent>(capacity),
  (events) => {
    const counter = Metric.counter("countersign.tokens", { description: "What happened to tokens." })
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
 * Layer with one stream of events. Unlike the Layers that hold tokens or cookies it is built once for an application, so
 * that the events of all sources arrive in one stream, each with the key of its source.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<TokenEvents> = /* @__PURE__ */ Layer.effect(TokenEvents, make)

/**
 * The stream of the {@link TokenEvents} in the context.
 *
 * @since 0.1.0
 * @category streams
 */
export const stream: Stream.Stream<TokenEvent, never, TokenEvents> = /* @__PURE__ */ Stream.unwrap(
  /* @__PURE__ */ Effect.map(TokenEvents, ({ stream }) => stream)
)
