/** The interface of a client. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Call from "../../Call.js"
import type { ApiError } from "../../Errors.js"
import type * as Verb from "../../Verb.js"

/**
 * The client of one API: a platform `HttpClient`. `E` has all of its errors: {@link ApiError} and those of its scheme.
 *
 * The platform's combinators work on it. `execute` streams the response body. The verbs (`get`, `post` …) read it whole, up
 * to `maxBodySize`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ApiClient<out E = ApiError> extends HttpClient.HttpClient.With<E> {
  /**
   * Sends a request of the platform through the pipeline, and returns the response with its body as a stream. The verbs read
   * the body whole.
   */
  readonly execute: HttpClient.HttpClient.With<E>["execute"]
  /** Sends a GET request. With `schema` the result is the decoded body, without it the response. */
  readonly get: Verb.Verb<E>
  /** Sends a HEAD request. */
  readonly head: Verb.Verb<E>
  /** Sends an OPTIONS request. */
  readonly options: Verb.Verb<E>
  /** Sends a POST request. The body is one of `json`, `form`, `multipart`, `text` and `body`. */
  readonly post: Verb.BodyVerb<E>
  /** Sends a PUT request. */
  readonly put: Verb.BodyVerb<E>
  /** Sends a PATCH request. */
  readonly patch: Verb.BodyVerb<E>
  /** Sends a DELETE request. */
  readonly delete: Verb.BodyVerb<E>
  /** The same as `delete`: the platform's name for it. */
  readonly del: Verb.BodyVerb<E>
  /** Sends a request with any method: `api.request("PROPFIND", "/files")`. */
  readonly request: Verb.AnyVerb<E>
  /**
   * Sends a request (GET by default), and returns when the header of the response has arrived. The body is a stream: for
   * large, long and endless responses.
   */
  readonly open: Verb.OpenVerb<E>
  /**
   * This client with other defaults: header fields, query parameters, credentials, time limits and retries. Both clients
   * share limits, circuits and the retry budget. With other credentials, the client has a throttle of its own and no cookies.
   *
   * Throws a `TypeError` for an unknown option, or a value of another kind.
   */
  readonly with: <E1 = never>(defaults: Call.Options<E1>) => ApiClient<E | E1>
  /**
   * The same pipeline as a platform `HttpClient`, for SDKs and `HttpApiClient`. It returns the last response for an error
   * status. Other errors become a `RequestError` with the original error as `cause`, which the platform does not retry.
   */
  readonly httpClient: HttpClient.HttpClient
}
