/**
 * HTTP verbs of a client: functions that send a request with one method and decode its response.
 *
 * @since 0.1.0
 */
import type { HttpMethod } from "@effect/platform/HttpMethod"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Call from "./Call.js"
import type { ApiError, InvalidRequest } from "./Errors.js"
import { makeAnyCall, makeCall } from "./internal/request/call.js"
import type { JsonCodec } from "./JsonCodec.js"
import type { OpenResponse } from "./OpenResponse.js"

/**
 * Sends a request without a body: `get`, `head` and `options`.
 *
 * Without `schema` the result is the response. Its body is read already, and can be read any number of times. Fails with the
 * errors of the client, which {@link Call.Failure} describes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Verb<out E = ApiError> {
  // The overloads differ in the number of arguments only, so that TypeScript reports the error of the right one. Types
  // of other code, such as `HttpClient.mapRequest`, are inferred from the last one.
  /**
   * Sends the request. With `schema` the result is the decoded body, without it the response.
   *
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
   * @param options - see {@link Call.Options}, {@link Call.PathOptions} and {@link Call.ResponseOptions}.
   */
  <
    const Url extends string,
    S extends Call.AnySchema = undefined,
    ES extends Call.AnySchema = undefined,
    const W extends boolean = false,
    E1 = never
  >(
    url: Url | URL,
    options: Call.ResponseOptions<S, ES, W, E1> & Call.PathOptions<Url>
  ): Effect.Effect<Call.Result<S, W>, Call.Failure<E | E1, S, ES>, Call.SchemaContext<S> | Call.SchemaContext<ES>>
  /**
   * Sends the request without options. The result is the response.
   *
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins.
   */
  <const Url extends string>(url: Call.CompleteUrl<Url> | URL): Effect.Effect<HttpClientResponse, E>
}

/**
 * Sends a request that may have a body: `post`, `put`, `patch` and `delete`.
 *
 * @since 0.1.0
 * @category models
 */
export interface BodyVerb<out E = ApiError> {
  /**
   * Sends the request with a body: one of `json`, `form`, `multipart`, `text` and `body`. With `schema` the result is the
   * decoded body, without it the response.
   *
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
   * @param options - see {@link Call.Options}, {@link Call.PathOptions}, {@link Call.ResponseOptions} and {@link Call.BodyOptions}.
   */
  <
    const Url extends string,
    S extends Call.AnySchema = undefined,
    ES extends Call.AnySchema = undefined,
    JS extends Call.AnySchema = undefined,
    const W extends boolean = false,
    E1 = never
  >(
    url: Url | URL,
    options: Call.ResponseOptions<S, ES, W, E1> & Call.BodyOptions<JS> & Call.PathOptions<Url>
  ): Effect.Effect<
    Call.Result<S, W>,
    Call.Failure<E | E1, S, ES>,
    Call.SchemaContext<S> | Call.SchemaContext<ES> | Call.SchemaContext<JS>
  >
  /**
   * Sends the request without options. The result is the response.
   *
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins.
   */
  <const Url extends string>(url: Call.CompleteUrl<Url> | URL): Effect.Effect<HttpClientResponse, E>
}

/**
 * Sends a request with any method, such as `PROPFIND`.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnyVerb<out E = ApiError> {
  /**
   * Sends a request with this method. With `schema` the result is the decoded body, without it the response.
   *
   * @param method - the method, an HTTP token in capitals. `CONNECT` and `TRACE` are rejected.
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
   * @param options - see {@link Call.Options}, {@link Call.PathOptions}, {@link Call.ResponseOptions} and {@link Call.BodyOptions}.
   */
  <
    const Url extends string,
    S extends Call.AnySchema = undefined,
    ES extends Call.AnySchema = undefined,
    JS extends Call.AnySchema = undefined,
    const W extends boolean = false,
    E1 = never
  >(
    method: string,
    url: Url | URL,
    options: Call.ResponseOptions<S, ES, W, E1> & Call.BodyOptions<JS> & Call.PathOptions<Url>
  ): Effect.Effect<
    Call.Result<S, W>,
    Call.Failure<E | E1, S, ES>,
    Call.SchemaContext<S> | Call.SchemaContext<ES> | Call.SchemaContext<JS>
  >
  /**
   * Sends a request with this method, without options. The result is the response.
   *
   * @param method - the method, an HTTP token in capitals. `CONNECT` and `TRACE` are rejected.
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins.
   */
  <const Url extends string>(method: string, url: Call.CompleteUrl<Url> | URL): Effect.Effect<HttpClientResponse, E>
}

/**
 * Opens a response: sends a request, and returns when the header of the response has arrived. The body follows as a stream.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenVerb<out E = ApiError> {
  /**
   * Sends the request with the whole pipeline, up to the header of the response. When the scope closes, a body that is
   * unread, or still being read, is cancelled.
   *
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
   * @param options - see {@link Call.OpenOptions}, {@link Call.PathOptions} and {@link Call.BodyOptions}.
   */
  <const Url extends string, ES extends Call.AnySchema = undefined, JS extends Call.AnySchema = undefined, E1 = never>(
    url: Url | URL,
    options: Call.OpenOptions<ES, E1> & Call.BodyOptions<JS> & Call.PathOptions<Url>
  ): Effect.Effect<
    OpenResponse,
    Call.Failure<E | E1, undefined, ES>,
    Scope.Scope | Call.SchemaContext<ES> | Call.SchemaContext<JS>
  >
  /**
   * Sends a GET request without options.
   *
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins.
   */
  <const Url extends string>(url: Call.CompleteUrl<Url> | URL): Effect.Effect<OpenResponse, E, Scope.Scope>
}

/**
 * Makes the verb of a method without a body.
 *
 * Calls fail with the errors of `send`. They fail with `InvalidRequest`, before anything is sent, if the URL, its parameters
 * or an option is invalid.
 *
 * @example
 * import * as Status from "@countersign/client/Status"
 * import * as Timeout from "@countersign/client/Timeout"
 * import * as Transport from "@countersign/client/Transport"
 * import * as Verb from "@countersign/client/Verb"
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const User = Schema.Struct({ id: Schema.Number, name: Schema.String })
 *
 * // Verbs over a pipeline of only these policies.
 * const program = Effect.gen(function* () {
 *   const { execute } = Transport.fromHttpClient(yield* HttpClient.HttpClient).pipe(
 *     Transport.bufferBodies(1024 * 1024),
 *     Status.policy,
 *     Timeout.call("5 seconds")
 *   )
 *   const get = Verb.make("GET", execute)
 *   const { name } = yield* get("https://api.example.com/users/{id}", { path: { id: 42 }, schema: User })
 *   return name
 * })
 *
 * @param method - the method of the requests.
 * @param send - sends a request, such as the `execute` of a pipeline.
 * @param codec - how to parse and write JSON. The default is `JSON`.
 * @param defaults - header fields that `send` adds, by names in lower case. The verb adds no `accept` if they have one, and
 *   sends `json` with their `content-type` if it is one of JSON.
 * @since 0.1.0
 * @category constructors
 */
export const make = <E>(
  method: "GET" | "HEAD" | "OPTIONS",
  send: Call.Send<E>,
  codec?: JsonCodec,
  defaults?: Readonly<Record<string, string>>
): Verb<E | InvalidRequest> =>
  // The implementation does not know the types of the Schemas. The overloads declare them.
  makeCall(method, send, codec, defaults) as Verb<E | InvalidRequest>

/**
 * Makes the verb of a method with a body. Calls fail as those of {@link make}, and with `InvalidRequest` for an invalid body.
 *
 * @param method - the method of the requests.
 * @param send - sends a request, such as the `execute` of a pipeline.
 * @param codec - how to parse and write JSON. The default is `JSON`.
 * @param defaults - header fields that `send` adds, by names in lower case. The verb adds no `accept` if they have one, and
 *   sends `json` with their `content-type` if it is one of JSON.
 * @since 0.1.0
 * @category constructors
 */
export const makeWithBody = <E>(
  method: HttpMethod,
  send: Call.Send<E>,
  codec?: JsonCodec,
  defaults?: Readonly<Record<string, string>>
): BodyVerb<E | InvalidRequest> =>
  // The implementation does not know the types of the Schemas. The overloads declare them.
  makeCall(method, send, codec, defaults) as BodyVerb<E | InvalidRequest>

/**
 * Makes the verb that takes its method as the first argument. Calls fail as those of {@link makeWithBody}, and with
 * `InvalidRequest` for a method that is invalid, `CONNECT` or `TRACE`.
 *
 * @param send - sends a request, such as the `execute` of a pipeline.
 * @param codec - how to parse and write JSON. The default is `JSON`.
 * @param defaults - header fields that `send` adds, by names in lower case. The verb adds no `accept` if they have one, and
 *   sends `json` with their `content-type` if it is one of JSON.
 * @since 0.1.0
 * @category constructors
 */
export const makeAny = <E>(
  send: Call.Send<E>,
  codec?: JsonCodec,
  defaults?: Readonly<Record<string, string>>
): AnyVerb<E | InvalidRequest> => {
  const request = (method: string, url: string | URL, options?: object) =>
    makeAnyCall(method, send, codec, defaults)(url, options)
  // The implementation does not know the types of the Schemas. The overloads declare them.
  return request as AnyVerb<E | InvalidRequest>
}
