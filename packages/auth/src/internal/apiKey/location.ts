/** Parts of a request that carry an API key. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { InvalidRequest } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { blank, isBlank } from "../schemes/invalidCredential.js"
import { withoutParameter } from "../schemes/queryParameters.js"

/**
 * Function that adds the key to a request: {@link header}, {@link query} or {@link cookie}.
 *
 * @since 0.1.0
 * @category models
 */
export type Location = (
  request: HttpClientRequest.HttpClientRequest,
  key: Redacted.Redacted<string>
) => HttpClientRequest.HttpClientRequest

/**
 * Sends the key as the value of a header field, after an optional prefix such as `Token `.
 *
 * @since 0.1.0
 * @category locations
 */
export const header =
  (name: string, prefix = ""): Location =>
  (request, key) =>
    HttpClientRequest.setHeader(request, name, prefix + Redacted.value(key))

/**
 * Sends the key as a query parameter, and replaces a parameter of the same name.
 *
 * URLs end up in logs and histories: use a header where the API supports one.
 *
 * @since 0.1.0
 * @category locations
 */
export const query =
  (name: string): Location =>
  (request, key) =>
    HttpClientRequest.setUrlParam(
      HttpClientRequest.setUrl(request, withoutParameter(request.url, name)),
      name,
      Redacted.value(key)
    )

/** The cookies of a `cookie` header except those with this name. */
const otherCookies = (header: string, name: string): ReadonlyArray<string> =>
  header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "" && !pair.startsWith(`${name}=`))

/**
 * Sends the key as a cookie beside the other cookies of the request, and replaces a cookie of the same name.
 *
 * @since 0.1.0
 * @category locations
 */
export const cookie =
  (name: string): Location =>
  (request, key) => {
    const pair = `${name}=${encodeURIComponent(Redacted.value(key))}`
    const others = otherCookies(request.headers["cookie"] ?? "", name)
    return HttpClientRequest.setHeader(request, "cookie", [...others, pair].join("; "))
  }

/** Adds the key to a request. Fails if the key is blank. */
export const put = (
  location: Location,
  request: HttpClientRequest.HttpClientRequest,
  key: Redacted.Redacted<string>
): Effect.Effect<HttpClientRequest.HttpClientRequest, InvalidRequest> =>
  isBlank(key) ? Effect.fail(blank("key")) : Effect.succeed(location(request, key))
