/**
 * HTTP verbs of a client: functions that send a request with one method and decode its response.
 *
 * @since 0.1.0
 */
import * as HttpBody from "@effect/platform/HttpBody"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Auth from "./Auth.js"
import type { ApiError } from "./Errors.js"
import { InvalidRequest, InvalidResponse } from "./Errors.js"
import { withResponse } from "./internal/errors/errorResponse.js"
import { makeRequestBuilder } from "./internal/request/requestBuilder.js"
import { makeResponseRedactor } from "./internal/response/redactEchoedCredentials.js"
import { exchangeInfoOf } from "./internal/response/statusError.js"
import * as SchemaIssue from "./SchemaIssue.js"
import type { Next } from "./Policy.js"

/**
 * Options of one request: the platform's (`headers`, `urlParams`, `body`, `accept` …), `json` and `auth`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E = never> extends HttpClientRequest.Options.NoUrl {
  /** Value to send as JSON, with the content type `application/json`. */
  readonly json?: unknown
  /** Authentication scheme for this request, instead of the client's. */
  readonly auth?: Auth.Service<E> | undefined
}

/**
 * Options of a request with a decoded response.
 *
 * @since 0.1.0
 * @category models
 */
export interface Decoding<A, I, R, E = never> extends Options<E> {
  /** Schema that decodes the JSON body of the response. */
  readonly schema: Schema.Schema<A, I, R>
}

/**
 * Options of a request with a `json` value that a Schema encodes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Encoding<A, I, R, E = never> extends Options<E> {
  /** Value to encode and to send as JSON. */
  readonly json: A
  /** Schema that encodes `json`. */
  readonly jsonSchema: Schema.Schema<A, I, R>
}

/**
 * Sends a request with one method. With `schema` it returns the decoded body, without it the response.
 *
 * The body of the response is read already, and can be read any number of times. It fails with:
 *
 * - `E`: the errors of the client, which are {@link ApiError} and those of its authentication scheme. `auth` adds `E1`.
 * - `InvalidRequest`: the URL, a header, the body or `json` is invalid (`Url`, `Header`, `Body`).
 * - `InvalidResponse`: the body is not JSON, or does not match `schema`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Verb<out E = ApiError> {
  <A, I, R, B, J, S, E1 = never>(
    url: string | URL,
    options: Decoding<A, I, R, E1> & Encoding<B, J, S, E1>
  ): Effect.Effect<A, E | E1 | InvalidRequest | InvalidResponse, R | S>
  <A, I, R, E1 = never>(
    url: string | URL,
    options: Decoding<A, I, R, E1> & { readonly jsonSchema?: never }
  ): Effect.Effect<A, E | E1 | InvalidRequest | InvalidResponse, R>
  <B, J, S, E1 = never>(
    url: string | URL,
    options: Encoding<B, J, S, E1> & { readonly schema?: never }
  ): Effect.Effect<HttpClientResponse, E | E1 | InvalidRequest, S>
  <E1 = never>(
    url: string | URL,
    options?: Options<E1> & { readonly schema?: never; readonly jsonSchema?: never }
  ): Effect.Effect<HttpClientResponse, E | E1 | InvalidRequest>
}

/** Options of all overloads. */
interface AnyOptions extends Options<unknown> {
  readonly schema?: Schema.Schema<unknown, unknown, unknown>
  readonly jsonSchema?: Schema.Schema<unknown, unknown, unknown>
}

const tooDeep: SchemaIssue.SchemaIssue = { path: "$", expected: "a value that is less deeply nested" }

const unencodable = (mismatches: ReadonlyArray<SchemaIssue.SchemaIssue>) =>
  new InvalidRequest({
    reason: "Body",
    detail: `\`json\` cannot be encoded${mismatches.length === 0 ? " as JSON" : `: ${SchemaIssue.format(mismatches)}`}`
  })

const encoded = ({ json, jsonSchema }: AnyOptions): Effect.Effect<unknown, InvalidRequest, unknown> =>
  jsonSchema === undefined
    ? Effect.succeed(json)
    : Effect.suspend(() => Schema.encodeUnknown(jsonSchema)(json)).pipe(
        Effect.mapError((error) => unencodable(SchemaIssue.fromParseError(error))),
        // A recursive schema follows the nesting of the value, or its cycle, until the stack overflows.
        Effect.catchSomeDefect((defect) =>
          defect instanceof RangeError ? Option.some(Effect.fail(unencodable([tooDeep]))) : Option.none()
        )
      )

/** @param type - the content type from the request's headers, which replaces `application/json`. */
const jsonBody = (
  options: AnyOptions,
  type: string | undefined
): Effect.Effect<HttpBody.HttpBody, InvalidRequest, unknown> =>
  Effect.flatMap(encoded(options), (value) =>
    Effect.filterOrFail(
      Effect.mapError(HttpBody.json(value, type), () => unencodable([])),
      // For a function, or a `toJSON` that returns undefined, `JSON.stringify` returns undefined, and the platform makes an
      // empty body.
      ({ contentLength }) => contentLength !== 0,
      () => unencodable([])
    )
  )

const noOptions: AnyOptions = {}

const withJson = (
  request: HttpClientRequest.HttpClientRequest,
  options: AnyOptions
): Effect.Effect<HttpClientRequest.HttpClientRequest, InvalidRequest, unknown> =>
  Effect.map(jsonBody(options, options.body === undefined ? request.headers["content-type"] : undefined), (body) =>
    HttpClientRequest.setBody(request, body)
  )

const decoded = (
  response: HttpClientResponse,
  schema: Schema.Schema<unknown, unknown, unknown>
): Effect.Effect<unknown, InvalidResponse, unknown> => {
  const invalid = (reason: "Json" | "Schema", mismatches: ReadonlyArray<SchemaIssue.SchemaIssue>) =>
    withResponse(new InvalidResponse({ ...exchangeInfoOf(response), reason, mismatches }), response)
  return Effect.flatMap(
    Effect.mapError(response.json, () => invalid("Json", [])),
    (json) =>
      Effect.suspend(() => Schema.decodeUnknown(schema)(json)).pipe(
        Effect.mapError((error) =>
          invalid("Schema", SchemaIssue.fromParseError(error, makeResponseRedactor(response)))
        ),
        // A recursive schema follows the nesting of the response until the stack overflows.
        Effect.catchSomeDefect((defect) =>
          defect instanceof RangeError ? Option.some(Effect.fail(invalid("Schema", [tooDeep]))) : Option.none()
        )
      )
  )
}

/**
 * Makes the verb of an HTTP method.
 *
 * @param method - the method of the requests.
 * @param pipeline - the pipeline with the client's credentials, or with those of one request. Its responses must be
 *   buffered.
 * @since 0.1.0
 * @category constructors
 */
export const make = <E>(
  method: HttpMethod,
  pipeline: <E1>(auth?: Auth.Service<E1>) => Next<E | E1, never>
): Verb<E> => {
  const build = makeRequestBuilder(method)
  const call = (url: string | URL, options: AnyOptions) => {
    const request = build(url, options)
    if (request instanceof InvalidRequest) return Effect.fail(request)
    const send = pipeline(options.auth)
    if (options === noOptions) return send(request)
    const answered = "json" in options ? Effect.flatMap(withJson(request, options), send) : send(request)
    const { schema } = options
    return schema === undefined ? answered : Effect.flatMap(answered, (response) => decoded(response, schema))
  }
  const verb = (url: string | URL, options: AnyOptions | null = noOptions) => {
    try {
      return call(url, options ?? noOptions)
    } catch (defect) {
      // A policy threw, or the options are of a type that the signature forbids. A verb returns an effect and never throws.
      return Effect.die(defect)
    }
  }
  // The implementation does not know the types of the Schemas. The overloads declare them.
  return verb as Verb<E>
}
