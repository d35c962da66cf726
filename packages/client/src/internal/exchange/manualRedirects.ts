/** Prevents the platform's `fetch` from following redirects, because it would send the API's headers to any origin. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { RedirectRejected } from "../../Errors.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { clientErrorOf } from "./typedError.js"
import { changeService } from "../runtime/fiber.js"
import { makeResponseError } from "../runtime/transportFailure.js"

/**
 * Sets `redirect: "manual"` for the fiber, and keeps the other options of `RequestInit`. It runs when the request is
 * prepared, because the fiber's context then also contains what the transport's Layer was built with.
 */
const setManualRedirect = (request: HttpClientRequest): Effect.Effect<HttpClientRequest> =>
  Effect.as(
    changeService(FetchHttpClient.RequestInit, (services) => {
      const options = Option.getOrUndefined(Context.getOption(services, FetchHttpClient.RequestInit))
      return { ...options, redirect: "manual" as const }
    }),
    request
  )

/** A browser's `fetch` hides status and headers of a redirect, and reports status 0 (Fetch §2.2.6). */
const makeOpaqueRedirectError = (response: HttpClientResponse): HttpClientError.ResponseError => {
  const { request, status } = response
  const error = makeResponseError({ request, response, reason: "StatusCode" })
  const url = redactedUrl(request)
  clientErrorOf.set(
    error,
    new RedirectRejected({ method: request.method, url, status, reason: "Opaque", location: "" })
  )
  return error
}

/**
 * Makes a transport over the platform's `fetch` return 3xx responses, or fail if the platform hides them. Other
 * transports ignore the option.
 */
export const withManualRedirects = <R>(
  client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, R>
): HttpClient.HttpClient.With<HttpClientError.HttpClientError, R> =>
  HttpClient.transformResponse(HttpClient.mapRequestEffect(client, setManualRedirect), (exchange) =>
    exchange.pipe(
      // Restores the fiber's context when the request ends.
      Effect.mapInputContext((context: Context.Context<R>) => context),
      Effect.flatMap((response) =>
        response.status === 0 ? Effect.fail(makeOpaqueRedirectError(response)) : Effect.succeed(response)
      )
    )
  )
