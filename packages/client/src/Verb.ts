/**
 * The verbs of a client: a method with a URL, what is sent, and what is made of the answer.
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
import { requestOf } from "./internal/request/requestBuilder.js"
import { hiding } from "./internal/response/redactEchoedCredentials.js"
import { exchangeOf } from "./internal/response/statusError.js"
import * as Mismatch from "./Mismatch.js"
import type { Next } from "./Policy.js"

/**
 * What a call may say beside its URL: the platform's options (`headers`, `urlParams`, `body`, `accept` …), and
 * `json`, a value that is sent as `application/json`, and `auth`, other credentials than the client's for this call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends HttpClientRequest.Options.NoUrl {
  readonly json?: unknown
  readonly auth?: Auth.Service | undefined
}

/**
 * A call whose answer is decoded by a Schema.
 *
 * @since 0.1.0
 * @category models
 */
export interface Decoding<A, I, R> extends Options {
  readonly schema: Schema.Schema<A, I, R>
}

/**
 * A call whose `json` is encoded by a Schema first.
 *
 * @since 0.1.0
 * @category models
 */
export interface Encoding<A, I, R> extends Options {
  readonly json: A
  readonly jsonSchema: Schema.Schema<A, I, R>
}

/**
 * A method of a client. With a `schema` it gives the decoded body, without one the response, whose body is there to
 * be read as often as one likes.
 *
 * Fails with the {@link ApiError} of the pipeline; with `InvalidRequest` when no request can be made of the URL and the
 * options (`Url`, `Header`, `Body`), for one when `json` cannot be encoded; with `InvalidResponse` when the body is no JSON, or does not fit the schema.
 *
 * @since 0.1.0
 * @category models
 */
export interface Verb {
  <A, I, R, B, J, S>(
    url: string | URL,
    options: Decoding<A, I, R> & Encoding<B, J, S>
  ): Effect.Effect<A, ApiError | InvalidResponse, R | S>
  <A, I, R>(
    url: string | URL,
    options: Decoding<A, I, R> & { readonly jsonSchema?: never }
  ): Effect.Effect<A, ApiError | InvalidResponse, R>
  <B, J, S>(
    url: string | URL,
    options: Encoding<B, J, S> & { readonly schema?: never }
  ): Effect.Effect<HttpClientResponse, ApiError, S>
  (
    url: string | URL,
    options?: Options & { readonly schema?: never; readonly jsonSchema?: never }
  ): Effect.Effect<HttpClientResponse, ApiError>
}

/** All that the overloads above can say. */
interface AnyOptions extends Options {
  readonly schema?: Schema.Schema<unknown, unknown, unknown>
  readonly jsonSchema?: Schema.Schema<unknown, unknown, unknown>
}

const tooDeep: Mismatch.Mismatch = { path: "$", expected: "a value that is not nested so deeply" }

const unencodable = (mismatches: ReadonlyArray<Mismatch.Mismatch>) =>
  new InvalidRequest({
    reason: "Body",
    detail: `its JSON body cannot be encoded${mismatches.length === 0 ? "" : ` (${Mismatch.format(mismatches)})`}`
  })

const encoded = ({ json, jsonSchema }: AnyOptions): Effect.Effect<unknown, InvalidRequest, unknown> =>
  jsonSchema === undefined
    ? Effect.succeed(json)
    : Effect.suspend(() => Schema.encodeUnknown(jsonSchema)(json)).pipe(
        Effect.mapError((error) => unencodable(Mismatch.fromParseError(error))),
        // A schema that refers to itself follows the nesting of the value, or its circle, until the stack is full.
        Effect.catchSomeDefect((defect) =>
          defect instanceof RangeError ? Option.some(Effect.fail(unencodable([tooDeep]))) : Option.none()
        )
      )

/** @param type - a narrower type than `application/json`, where the call names one in its headers. */
const jsonBody = (
  options: AnyOptions,
  type: string | undefined
): Effect.Effect<HttpBody.HttpBody, InvalidRequest, unknown> =>
  Effect.flatMap(encoded(options), (value) =>
    Effect.filterOrFail(
      Effect.mapError(HttpBody.json(value, type), () => unencodable([])),
      // `JSON.stringify` makes nothing of a function, or of what `toJSON` hides; the platform makes an empty body of it.
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
  const invalid = (reason: "Json" | "Schema", mismatches: ReadonlyArray<Mismatch.Mismatch>) =>
    withResponse(new InvalidResponse({ ...exchangeOf(response), reason, mismatches }), response)
  return Effect.flatMap(
    Effect.mapError(response.json, () => invalid("Json", [])),
    (json) =>
      Effect.suspend(() => Schema.decodeUnknown(schema)(json)).pipe(
        Effect.mapError((error) => invalid("Schema", Mismatch.fromParseError(error, hiding(response)))),
        // A schema that refers to itself follows the server's nesting until the stack is full.
        Effect.catchSomeDefect((defect) =>
          defect instanceof RangeError ? Option.some(Effect.fail(invalid("Schema", [tooDeep]))) : Option.none()
        )
      )
  )
}

/**
 * Makes the verb of a method.
 *
 * @param pipeline - the pipeline with the client's credentials, or with those of one call. It gives whole bodies.
 * @since 0.1.0
 * @category constructors
 */
export const make = (method: HttpMethod, pipeline: (auth?: Auth.Service) => Next<ApiError, never>): Verb => {
  const build = requestOf(method)
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
      // A policy threw, or the options are of a type that the signature forbids. A verb gives an effect and never throws.
      return Effect.die(defect)
    }
  }
  // The implementation knows of its Schemas only that they are some; each overload says which.
  return verb as Verb
}
