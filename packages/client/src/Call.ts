/**
 * Calls of a client: the options of one call, its result and its errors.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import type * as Call from "@countersign/client/Call"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * class Api extends ApiClient.Tag("app/Api")<Api>() {}
 *
 * const Order = Schema.Struct({ id: Schema.Number, total: Schema.Number })
 *
 * // A report takes longer than other calls, and must not be sent twice.
 * const forReports: Call.Options = { timeout: { call: "5 minutes", exchange: "4 minutes" }, retry: false }
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* Api
 *   const order = yield* api.get("/orders/{id}", { path: { id: 42 }, query: { currency: "EUR" }, schema: Order })
 *   const report = yield* api.with(forReports).post("/reports", { json: { order: order.id } })
 *   return `report of order ${order.id}: status ${report.status}`
 * })
 *
 * @since 0.1.0
 */
import type * as Headers from "@effect/platform/Headers"
import type { HttpBody } from "@effect/platform/HttpBody"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as UrlParams from "@effect/platform/UrlParams"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Auth from "./Auth.js"
import type { InvalidResponse } from "./Errors.js"
import type * as Redirects from "./Redirects.js"
import type * as Retry from "./Retry.js"

/**
 * Time limits of a call and of its requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface TimeoutOptions {
  /** Time limit of the whole call: all attempts and waits (60 s). `false` for none. */
  readonly call?: Duration.DurationInput | false | undefined
  /** Time limit of one HTTP request and its response (30 s). `false` for none. */
  readonly exchange?: Duration.DurationInput | false | undefined
}

/**
 * Options of any call. Given to `api.with`, they are the defaults of a client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E = never> {
  /** Query parameters, appended to the URL. A list repeats its name, and `undefined` leaves the name out. */
  readonly query?: UrlParams.Input | undefined
  /** Header fields of the request. They replace default fields of the same name. */
  readonly headers?: Headers.Input | undefined
  /** Authentication scheme for this call, instead of the client's. The call then sends and stores no cookies. */
  readonly auth?: Auth.Service<E> | undefined
  /** Time limits of this call, instead of the client's. A duration alone limits the whole call. They may be longer. */
  readonly timeout?: Duration.DurationInput | TimeoutOptions | undefined
  /** Retries of this call, instead of the client's: a schedule, the options of `Retry.policy`, or `false` for none. */
  readonly retry?: Retry.RetrySchedule | Retry.Options | false | undefined
  /** Redirects of this call, instead of the client's. With `false` a 3xx is the response. */
  readonly redirects?: Redirects.Options | false | undefined
  /** Maximum size of the response body, in bytes after decompression (10 MiB). */
  readonly maxBodySize?: number | undefined
}

/**
 * A schema, or none.
 *
 * @since 0.1.0
 * @category models
 */
export type AnySchema = Schema.Schema.Any | undefined

/**
 * Value of a path parameter. It must not be empty, `.` or `..`.
 *
 * @since 0.1.0
 * @category models
 */
export type PathValue = string | number | bigint | boolean

/**
 * The parameter names of a URL: `"id" | "path"` for `"/users/{id}/{+path}"`.
 *
 * @since 0.1.0
 * @category models
 */
export type PathNames<Url extends string> = Url extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `+${infer Bare}` ? Bare : Name) | PathNames<Rest>
  : never

/**
 * The option `path`: required for a URL with parameters, and with exactly their names. A URL that is only known as `string`
 * accepts any names, which the client checks when it runs.
 *
 * @since 0.1.0
 * @category models
 */
export type PathOptions<Url extends string> = string extends Url
  ? { readonly path?: Readonly<Record<string, PathValue>> | undefined }
  : [PathNames<Url>] extends [never]
    ? { readonly path?: undefined }
    : {
        /** Values of the `{…}` in the URL, percent-encoded. `{+name}` keeps slashes. */
        readonly path: { readonly [Name in PathNames<Url>]: PathValue }
      }

/**
 * Options of a call without a body.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResponseOptions<
  S extends AnySchema,
  ES extends AnySchema,
  W extends boolean,
  E = never
> extends Options<E> {
  /** Schema that decodes the JSON body of a good response. Without it the result is the response. */
  readonly schema?: S
  /** Schema that decodes the JSON body of an error response, as the `body` of the error. */
  readonly errorSchema?: ES
  /** With `true` and a `schema`, the result is `[body, response]` (false). */
  readonly withResponse?: W
}

/**
 * Options of `api.open`. `timeout` bounds the time until the header of the response, and `idle` the silence of its body.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenOptions<ES extends AnySchema, E = never> extends Omit<Options<E>, "maxBodySize"> {
  /** Method of the request, an HTTP token in capitals (`GET`). */
  readonly method?: string | undefined
  /** Schema that decodes the JSON body of an error response, as the `body` of the error. */
  readonly errorSchema?: ES
  /** Longest time without a byte of the body (60 s). It replaces the transport's `bodyTimeout`. `false` for no limit. */
  readonly idle?: Duration.DurationInput | false | undefined
}

/**
 * Fields of a multipart form. A list repeats its name.
 *
 * @since 0.1.0
 * @category models
 */
export type MultipartFields = Readonly<Record<string, string | Blob | ReadonlyArray<string | Blob>>>

/**
 * The body of a request: at most one of these options.
 *
 * @since 0.1.0
 * @category models
 */
export interface BodyOptions<JS extends AnySchema> {
  /** Value to send as JSON (`application/json`). With `jsonSchema`, the schema encodes it. */
  readonly json?: JS extends Schema.Schema.Any ? Schema.Schema.Type<JS> : unknown
  /** Schema that encodes `json`. */
  readonly jsonSchema?: JS
  /** Fields to send as a form (`application/x-www-form-urlencoded`). */
  readonly form?: UrlParams.Input | undefined
  /** Fields and files to send as a multipart form (`multipart/form-data`). */
  readonly multipart?: FormData | MultipartFields | undefined
  /** Text to send (`text/plain`). */
  readonly text?: string | undefined
  /** Bytes to send. A stream can be sent once only, so a failed request with it is not retried. */
  readonly body?: Uint8Array | Blob | HttpBody | Stream.Stream<Uint8Array, unknown> | undefined
}

/**
 * The result of a call: the response, the decoded body, or both.
 *
 * @since 0.1.0
 * @category models
 */
export type Result<S, W> = S extends Schema.Schema.Any
  ? W extends true
    ? readonly [body: Schema.Schema.Type<S>, response: HttpClientResponse]
    : Schema.Schema.Type<S>
  : HttpClientResponse

type ErrorStatus = "Unauthorized" | "Forbidden" | "RateLimited" | "Unavailable" | "ClientError"

/**
 * The body of an error response, decoded by `errorSchema`. Undefined if it does not match, such as the page of a proxy.
 *
 * @since 0.1.0
 * @category models
 */
export interface DecodedBody<out B> {
  /** The decoded body. */
  readonly body: B | undefined
}

type WithDecodedBody<E, B> = E extends { readonly _tag: ErrorStatus } ? E & DecodedBody<B> : E

/**
 * The errors of a call: those of the client `E`, and `InvalidResponse` with a `schema`. With an `errorSchema`, the errors of
 * a response have a typed `body`.
 *
 * @since 0.1.0
 * @category models
 */
// A conditional type at the top, so that editors show its members instead of its name.
export type Failure<E, S, ES> = ES extends Schema.Schema.Any
  ? WithDecodedBody<E, Schema.Schema.Type<ES>> | (S extends Schema.Schema.Any ? InvalidResponse : never)
  : E | (S extends Schema.Schema.Any ? InvalidResponse : never)

/**
 * The services that a schema requires.
 *
 * @since 0.1.0
 * @category models
 */
export type SchemaContext<S> = S extends Schema.Schema.Any ? Schema.Schema.Context<S> : never

/**
 * A URL for a call without options. A URL with parameters requires the option `path`, which the type says.
 *
 * @since 0.1.0
 * @category models
 */
export type CompleteUrl<Url extends string> = string extends Url
  ? Url
  : [PathNames<Url>] extends [never]
    ? Url
    : `give the option path: { ${PathNames<Url>} }`

/**
 * Sends the request of a verb. The second argument has the options of the call, of which `schema`, body, `path`, `query` and
 * `headers` are in the request already. The responses must be buffered, as by `Transport.bufferBodies`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Send<out E> {
  (request: HttpClientRequest, options: Options<unknown>): Effect.Effect<HttpClientResponse, E>
}
