/**
 * Server-sent events: event streams ([HTML §9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html)) with typed events,
 * typed ends, and reconnections that lose and repeat nothing.
 *
 * A program that does not import this module does not load its parser.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ApiClient } from "./ApiClient.js"
import type * as Call from "./Call.js"
import type { BodyTooLarge, InvalidRequest, InvalidResponse, TransportError } from "./Errors.js"
import { clientRetries } from "./internal/client/services.js"
import type { OpenResponse } from "./internal/response/openResponse.js"
import { pullOf } from "./internal/response/openResponse.js"
import type { Reconnect } from "./internal/streams/eventSession.js"
import { EventSession, reconnectRules } from "./internal/streams/eventSession.js"
import type { AnyOptions, AnyReadOptions } from "./internal/streams/eventOptions.js"
import { problemOf, readProblemOf } from "./internal/streams/eventOptions.js"
import { EventConnections } from "./internal/streams/eventConnections.js"
import type { EventRules } from "./internal/streams/eventStream.js"
import { eventsOf } from "./internal/streams/eventStream.js"
import type { Open } from "./internal/streams/options.js"
import { withHeaders } from "./internal/streams/options.js"
import type { EventError, ServerEvent } from "./internal/streams/serverEvent.js"

export type { Reconnect } from "./internal/streams/eventSession.js"
export type { ServerEvent } from "./internal/streams/serverEvent.js"
export { EventError } from "./internal/streams/serverEvent.js"

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { maxEventSize: 1024 * 1024, reconnect: "resume" } as const

/**
 * Schemas by the names of events.
 *
 * @since 0.1.0
 * @category models
 */
export type Schemas = Readonly<Record<string, Schema.Schema.Any>>

/**
 * Options of {@link stream}, beside those of `api.open`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<S extends Call.AnySchema, M extends Schemas | undefined, F extends Schemas | undefined> {
  /** Schema that decodes the JSON data of every event. Without `schema` and `events`, the data is a text. */
  readonly schema?: S
  /** Schemas that decode the JSON data of events by name. Events with other names are skipped. */
  readonly events?: M
  /** Schemas of events that end the stream with an {@link EventError}, by name, such as `error`. */
  readonly failOn?: F
  /**
   * The last event: its data, such as `[DONE]`, or a predicate. An end without it is `TransportError` with the reason `Truncated`.
   * An event that a predicate accepts is emitted, and a text is not.
   */
  readonly until?: string | ((event: ServerEvent<string, string>) => boolean) | undefined
  /** Largest event, in characters of its data (1 Mi). A larger one fails with `BodyTooLarge`. */
  readonly maxEventSize?: number | undefined
  /**
   * When a stream that breaks is opened again (`"resume"`). Only a GET is, within the retry schedule and the retry budget.
   *
   * - `"resume"`: where no event is lost or repeated, which is if the last event had an id, or no event arrived.
   * - `"always"`: after each break and each end, as browsers do. Events may be lost or repeated.
   * - `"never"`: the stream fails.
   */
  readonly reconnect?: Reconnect | undefined
  /** Id of the last event of an earlier stream, to continue after it (`Last-Event-ID`). */
  readonly lastEventId?: string | undefined
}

/**
 * Options of {@link fromResponse}: how events are read.
 *
 * @since 0.1.0
 * @category models
 */
export type ReadOptions<S extends Call.AnySchema, M extends Schemas | undefined, F extends Schemas | undefined> = Omit<
  Options<S, M, F>,
  "reconnect" | "lastEventId"
>

/**
 * The events of a stream: those of `events`, with the data of `schema`, or with a text as data.
 *
 * @since 0.1.0
 * @category models
 */
export type EventsOf<S, M> = M extends Schemas
  ? { readonly [Name in keyof M & string]: ServerEvent<Name, Schema.Schema.Type<M[Name]>> }[keyof M & string]
  : ServerEvent<string, S extends Schema.Schema.Any ? Schema.Schema.Type<S> : string>

/**
 * The errors of a stream in the middle: those of its transfer and its data, and those of `failOn`.
 *
 * @since 0.1.0
 * @category models
 */
export type StreamError<F> =
  | TransportError
  | BodyTooLarge
  | InvalidResponse
  | InvalidRequest
  | (F extends Schemas ? EventError<Schema.Schema.Type<F[keyof F]>> : never)

type ContextOf<M> = M extends Schemas ? Schema.Schema.Context<M[keyof M]> : never

/** How events are read, with the defaults. */
const rulesOf = (
  { events, failOn, maxEventSize = defaults.maxEventSize, schema, until }: AnyReadOptions,
  isEndless: boolean
): EventRules => ({ events, failOn, isEndless, maxEventSize, schema, until })

/** The events of all connections. */
const connect = (api: object, open: Open, url: string | URL, options: AnyOptions) => {
  const { events, failOn, lastEventId, maxEventSize, reconnect, schema, until, ...request } = options
  const { headers, method, retry } = request
  const reconnects = reconnectRules({ method, reconnect, retry }, clientRetries.get(api))
  const rules = rulesOf({ events, failOn, maxEventSize, schema, until }, reconnects.reconnect === "always")
  return Stream.suspend(() => {
    const session = new EventSession(reconnects, lastEventId)
    const connection = Effect.suspend(() => {
      const field = session.lastEventIdField
      const others = { accept: "text/event-stream", "cache-control": "no-store" }
      const resumed = field === undefined ? others : { ...others, "last-event-id": field }
      return open(url, { ...request, headers: withHeaders(headers, resumed) })
    })
    const connections = new EventConnections(session, rules, connection)
    return Stream.ensuring(Stream.repeatEffectChunkOption(connections.next), connections.close)
  })
}

/**
 * Streams the events of a server.
 *
 * Each connection is an open call: it passes through the whole pipeline, with credentials, retries and limits. The stream is
 * bounded: an event by `maxEventSize`, and a silence by `idle`, in which comments count as a sign of life. The connection closes
 * when the stream ends, also if its reader stops early.
 *
 * Fails as `api.open` does, and in the middle of the stream with:
 *
 * - `TransportError`: `Truncated` for a body that breaks off, and for an end without the event of `until`. `BodyTimeout` after a
 *   silence of `idle`.
 * - `InvalidResponse` for another content type, and for data that is not JSON or does not match its schema.
 * - `BodyTooLarge` for an event larger than `maxEventSize`.
 * - {@link EventError} for an event of `failOn`.
 *
 * A GET that breaks is opened again as `reconnect` says, with `Last-Event-ID`, after the reconnection time of the server, or that
 * of the retry schedule. The schedule begins anew with each event. Each reconnection pays from the retry budget, and a connection
 * of 30 seconds or more gives the cost back. A response with status 204 ends the stream.
 *
 * @example
 * import type { ApiClient } from "@countersign/client/ApiClient"
 * import * as ServerEvents from "@countersign/client/ServerEvents"
 * import * as Schema from "effect/Schema"
 *
 * const Delta = Schema.Struct({ text: Schema.String })
 * const Failure = Schema.Struct({ message: Schema.String })
 *
 * const answer = (api: ApiClient, question: string) =>
 *   ServerEvents.stream(api, "/v1/answers", {
 *     method: "POST",
 *     json: { question, stream: true },
 *     events: { delta: Delta },
 *     failOn: { error: Failure },
 *     until: "[DONE]"
 *   })
 *
 * @param api - the client of the API.
 * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
 * @param options - see {@link Options}, `Call.OpenOptions`, `Call.PathOptions` and `Call.BodyOptions`.
 * @since 0.1.0
 * @category streams
 */
export const stream = <
  E,
  const Url extends string,
  S extends Call.AnySchema = undefined,
  const M extends Schemas | undefined = undefined,
  const F extends Schemas | undefined = undefined,
  ES extends Call.AnySchema = undefined,
  JS extends Call.AnySchema = undefined,
  E1 = never
>(
  api: ApiClient<E>,
  url: Url | URL,
  options: Options<S, M, F> & Call.OpenOptions<ES, E1> & Call.BodyOptions<JS> & Call.PathOptions<Url>
): Stream.Stream<
  EventsOf<S, M>,
  Call.Failure<E | E1, undefined, ES> | StreamError<F>,
  Call.SchemaContext<S> | ContextOf<M> | ContextOf<F> | Call.SchemaContext<ES> | Call.SchemaContext<JS>
> => {
  // The signature declares which options belong together, and what the schemas require.
  const given = options as unknown as AnyOptions
  const problem = problemOf(given)
  if (problem !== undefined) return Stream.fail(problem)
  // As declared by the signature.
  return connect(api, api.open, url, given) as unknown as ReturnType<typeof stream<E, Url, S, M, F, ES, JS, E1>>
}

/**
 * Streams the events of one response of `api.open`, for servers that answer a request with JSON or with an event stream. Decide by
 * `content-type`, and read other responses from their `stream`.
 *
 * The events are read once, within the scope of the response. It is not opened again. Fails as {@link stream} does after its
 * connection is open, and with
 * `InvalidRequest` for an invalid option.
 *
 * @example
 * import type { ApiClient } from "@countersign/client/ApiClient"
 * import * as ServerEvents from "@countersign/client/ServerEvents"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const texts = (api: ApiClient) =>
 *   Effect.gen(function* () {
 *     const response = yield* api.open("/v1/answers", { method: "POST", json: { question: "Why?" } })
 *     const isStream = response.headers["content-type"]?.startsWith("text/event-stream") === true
 *     return isStream ? ServerEvents.fromResponse(response) : Stream.decodeText(response.stream)
 *   })
 *
 * @param response - an open response with the content type `text/event-stream`.
 * @param options - see {@link Options}.
 * @since 0.1.0
 * @category streams
 */
export const fromResponse = <
  S extends Call.AnySchema = undefined,
  const M extends Schemas | undefined = undefined,
  const F extends Schemas | undefined = undefined
>(
  response: OpenResponse,
  options: ReadOptions<S, M, F> = {}
): Stream.Stream<EventsOf<S, M>, StreamError<F>, Call.SchemaContext<S> | ContextOf<M> | ContextOf<F>> => {
  // The signature declares what the schemas require.
  const given = options as unknown as AnyReadOptions
  const problem = readProblemOf(given)
  if (problem !== undefined) return Stream.fail(problem)
  // A response is not opened again.
  const session = new EventSession(reconnectRules({ retry: false }, undefined), undefined)
  const events = Effect.map(pullOf(response), (body) =>
    Stream.repeatEffectChunkOption(eventsOf(response, body, rulesOf(given, false), session))
  )
  // As declared by the signature.
  return Stream.unwrapScoped(events) as unknown as ReturnType<typeof fromResponse<S, M, F>>
}
