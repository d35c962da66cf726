import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { ApiError } from "../../Errors.js"
import { InvalidRequest, RedirectRejected, Timeout, TransportError } from "../../Errors.js"
import { responseOfError } from "../errors/errorResponse.js"
import { clientErrorOf } from "../exchange/typedError.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { makeRequestBuilder } from "../request/requestBuilder.js"
import { drain } from "../response/readBody.js"
import { makeRequestError } from "../runtime/transportFailure.js"
import { fromExecute } from "./pipeline.js"

/** The errors of a call. Other errors are those of an authentication scheme. */
const callErrors: ReadonlySet<unknown> = new Set<ApiError["_tag"]>([
  "BodyTooLarge",
  "CircuitOpen",
  "ClientError",
  "Forbidden",
  "Overloaded",
  "RateLimited",
  "RedirectRejected",
  "Unauthorized",
  "Unavailable"
])

const isCallError = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && callErrors.has(error._tag)

/** The message of an error. A scheme may fail with any value, which may be secret, so no other value is shown. */
const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : "the authentication scheme failed"

/**
 * Converts the error of an inner client. A whole call of the inner client is one request of the outer client, which may
 * retry it.
 */
const toTransportError = (error: unknown): TransportError | InvalidRequest => {
  if (error instanceof TransportError || error instanceof InvalidRequest) return error
  if (error instanceof Timeout) {
    return new TransportError({ method: error.method, url: error.url, reason: "HeadersTimeout", sent: "maybe" })
  }
  // Errors of other classes are those of the inner client's authentication scheme.
  const reason = isCallError(error) ? "Body" : "Credentials"
  return new InvalidRequest({ reason, detail: `the client used as the transport failed: ${messageOf(error)}` })
}

/**
 * Converts an error of this package to a platform error. `retryTransient` must not retry it, because the pipeline has
 * given up. It retries `Transport` and every status, but not `Encode`.
 */
const platformError = (request: HttpClientRequest.HttpClientRequest, error: unknown): HttpClientError.RequestError => {
  const redacted = makeRequestError({
    request: HttpClientRequest.make(request.method)(redactedUrl(request)),
    reason: error instanceof InvalidRequest && error.reason === "Url" ? "InvalidUrl" : "Encode",
    description: messageOf(error),
    cause: error
  })
  clientErrorOf.set(redacted, toTransportError(error))
  return redacted
}

/**
 * A pipeline as the platform's `HttpClient`. If a policy gave up because of a status, the result is the last response,
 * because typed clients decode the errors of their endpoints from it. Other errors become `RequestError`, with this
 * package's error as the cause.
 */
export const toPlatformHttpClient = (pipeline: HttpClient.HttpClient.With<unknown>): HttpClient.HttpClient => {
  const client = makePlatformExecute(pipeline)
  const verb = (method: HttpMethod) => {
    const build = makeRequestBuilder(method)
    return (url: string | URL, options: HttpClientRequest.Options.NoUrl = {}) => {
      const request = build(url, options)
      return request instanceof InvalidRequest
        ? Effect.fail(platformError(HttpClientRequest.make(method)(""), request))
        : client.execute(request)
    }
  }
  // The platform's own verbs throw for invalid options, and rewrite the query of a `URL`.
  return Object.assign(client, {
    get: verb("GET"),
    head: verb("HEAD"),
    post: verb("POST"),
    put: verb("PUT"),
    patch: verb("PATCH"),
    del: verb("DELETE"),
    options: verb("OPTIONS")
  })
}

const makePlatformExecute = (pipeline: HttpClient.HttpClient.With<unknown>): HttpClient.HttpClient =>
  fromExecute((request) =>
    Effect.catchAll(
      pipeline.execute(request),
      (error): Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError> => {
        const response = typeof error === "object" && error !== null ? responseOfError.get(error) : undefined
        if (response === undefined) return Effect.fail(platformError(request, error))
        return error instanceof RedirectRejected
          ? Effect.zipRight(drain(response), Effect.fail(platformError(request, error)))
          : Effect.succeed(response)
      }
    )
  )
