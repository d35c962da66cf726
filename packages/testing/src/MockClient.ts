/**
 * A scripted transport: a Layer of platform's `HttpClient` tag that answers from a list of steps, opens no socket, and
 * records what was sent, when, and when each response body was let go.
 *
 * Times come from Effect's `Clock`, so under `TestClock` a test states *when* each send happened.
 *
 * @example
 * ```ts
 * import * as MockClient from "@countersign/testing/MockClient"
 *
 * const transport = MockClient.layer([
 *   MockClient.respond(503, "busy", { "retry-after": "2" }),
 *   MockClient.fail("ECONNRESET"),
 *   MockClient.delay("1 second", MockClient.respond(200, { ok: true }))
 * ])
 * ```
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Entry, ReleaseReason } from "./internal/mockClient/log.js"
import type { HeadersInput, Step as InternalStep } from "./internal/mockClient/step.js"
import { codedError } from "./internal/mockClient/step.js"
import { transport } from "./internal/mockClient/transport.js"

/**
 * One request as it reached the transport: `url` is absolute and holds the parameters, after a query that the URL had and
 * that stays byte for byte; the names of `headers` are lower
 * case, `body` is text or `undefined` for none, `at` is in epoch milliseconds, `index` counts from 0.
 *
 * @since 0.1.0
 * @category models
 */
export type Sent = Extract<Entry, { readonly _tag: "Sent" }>

/**
 * The moment (`at`, epoch milliseconds) from which the answer to request `index` held its connection no more:
 * `empty` there was no body; `drained` it was read to its end; `cancelled` its stream was cancelled; `aborted` the
 * request's scope closed, or its reader was interrupted; `failed` the body broke.
 *
 * @since 0.1.0
 * @category models
 */
export type Released = Extract<Entry, { readonly _tag: "Released" }>

/**
 * The moment (`at`, epoch milliseconds) when request `index` was interrupted before it was answered.
 *
 * @since 0.1.0
 * @category models
 */
export type Interrupted = Extract<Entry, { readonly _tag: "Interrupted" }>

/**
 * Everything that the transport saw, in order.
 *
 * @since 0.1.0
 * @category models
 */
export type Event = Entry

/**
 * How a body was let go; see {@link Released}.
 *
 * @since 0.1.0
 * @category models
 */
export type Release = ReleaseReason

/**
 * What happens to one request. Made by {@link respond}, {@link respondStream}, {@link truncated}, {@link fail},
 * {@link never} and {@link delay}.
 *
 * @since 0.1.0
 * @category models
 */
export type Step = InternalStep

/**
 * Header fields of an answer; a list of values gives as many fields (`{ "set-cookie": ["a=1", "b=2"] }`).
 *
 * @since 0.1.0
 * @category models
 */
export type Headers = HeadersInput

/**
 * Steps that are used in order, or a function from the request and its index (from 0) to its step.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = ReadonlyArray<Step> | ((request: Sent, index: number) => Step)

/**
 * The records of a scripted transport. Each effect gives what has been seen until it runs.
 *
 * @since 0.1.0
 * @category services
 */
export class MockClient extends Context.Tag("@countersign/testing/MockClient")<
  MockClient,
  {
    readonly sent: Effect.Effect<ReadonlyArray<Sent>>
    readonly released: Effect.Effect<ReadonlyArray<Released>>
    readonly interrupted: Effect.Effect<ReadonlyArray<Interrupted>>
    readonly events: Effect.Effect<ReadonlyArray<Event>>
  }
>() {}

/**
 * A transport and its records, for tests without Layers. State belongs to this pair: each run makes a new one.
 *
 * A request past the end of a list of steps is a defect, so that no policy retries or replaces it. Its message says that
 * the script ended and lists what was sent, and its code is `ERR_MOCK_SCRIPT_ENDED`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  script: Script
): Effect.Effect<{ readonly client: HttpClient.HttpClient; readonly mock: Context.Tag.Service<MockClient> }> =>
  Effect.sync(() => {
    const entries: Array<Event> = []
    const only = <Tag extends Event["_tag"]>(tag: Tag): Effect.Effect<ReadonlyArray<Extract<Event, { _tag: Tag }>>> =>
      Effect.sync(() => entries.filter((entry): entry is Extract<Event, { _tag: Tag }> => entry._tag === tag))
    return {
      client: transport(entries, typeof script === "function" ? script : (_, index) => script[index]),
      mock: {
        sent: only("Sent"),
        released: only("Released"),
        interrupted: only("Interrupted"),
        events: Effect.sync(() => [...entries])
      }
    }
  })

/**
 * The scripted transport as platform's `HttpClient`, together with its records; see {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (script: Script): Layer.Layer<HttpClient.HttpClient | MockClient> =>
  Layer.effectContext(
    Effect.map(make(script), ({ client, mock }) =>
      Context.make(HttpClient.HttpClient, client).pipe(Context.add(MockClient, mock))
    )
  )

const bytes = (body: string | Uint8Array): Uint8Array =>
  typeof body === "string" ? new TextEncoder().encode(body) : body

const contentType = (body: unknown): string =>
  typeof body === "string"
    ? "text/plain; charset=utf-8"
    : body instanceof Uint8Array
      ? "application/octet-stream"
      : "application/json"

/**
 * Answers with a status (any integer, also one that is no status), a body and headers.
 *
 * A string is sent as text, a `Uint8Array` as it is, `undefined` sends no body, and any other value is sent as JSON;
 * `content-type` says so unless `headers` has one. Statuses 204, 205 and 304 and answers to HEAD carry no body.
 *
 * @since 0.1.0
 * @category constructors
 */
export const respond = (status: number, body?: unknown, headers: Headers = {}): Step => {
  if (body === undefined) return { _tag: "Respond", status, headers, body: undefined }
  const content = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)
  const named = Object.keys(headers).some((name) => name.toLowerCase() === "content-type")
  return {
    _tag: "Respond",
    status,
    headers: named ? headers : { ...headers, "content-type": contentType(body) },
    body: bytes(content)
  }
}

/**
 * Answers with a body that is produced as it is read: nothing of it runs before. It sees the clock of the request, so
 * a `Stream` that sleeps is a slow body under `TestClock`; an error of the stream breaks the body with it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const respondStream = (
  status: number,
  body: Stream.Stream<Uint8Array, unknown>,
  headers: Headers = {}
): Step => ({ _tag: "Respond", status, headers, body })

/**
 * Answers with `status` and headers, then breaks the body after `partial`, as a server that closes its socket does.
 *
 * The reader gets `ResponseError` (`Decode`) with the status of the answer; the code is only in `cause.cause.code`, and
 * is `UND_ERR_SOCKET` unless another is given.
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncated = (
  status: number,
  partial: string | Uint8Array,
  options: { readonly code?: string; readonly headers?: Headers } = {}
): Step => {
  const cause = codedError(options.code ?? "UND_ERR_SOCKET")
  const body = Stream.concat(Stream.make(bytes(partial)), Stream.fail(new TypeError("terminated", { cause })))
  return respondStream(status, body, options.headers)
}

/**
 * Fails as a transport: `RequestError` (`Transport`) whose cause is an `Error` with this `code`, for example
 * `ECONNREFUSED`, `ECONNRESET`, `ENOTFOUND`, `UND_ERR_SOCKET`, `UND_ERR_CONNECT_TIMEOUT` or `UND_ERR_HEADERS_TIMEOUT`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fail = (code: string, message?: string): Step => ({ _tag: "Fail", error: codedError(code, message) })

/**
 * Never answers. Its interruption is recorded in `interrupted`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const never: Step = { _tag: "Never" }

/**
 * Waits before `step`, on Effect's clock.
 *
 * @since 0.1.0
 * @category constructors
 */
export const delay = (duration: Duration.DurationInput, step: Step): Step => ({ _tag: "Delay", duration, step })
