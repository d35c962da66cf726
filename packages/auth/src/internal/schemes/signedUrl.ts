/** The URL of a request that a scheme signs. It is sent exactly as it was signed. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import { InvalidRequest } from "@countersign/client/Errors"
import * as RequestTarget from "@countersign/protocol/RequestTarget"
import * as Either from "effect/Either"
import * as Option from "effect/Option"

const notAUrl = new InvalidRequest({
  reason: "Url",
  detail: "the URL to sign is not absolute. Set `baseUrl`, or use an absolute URL."
})

/** Appends the parameters to the text of the query, so that the signed query equals the query that is sent. */
export const urlOf = ({ url, urlParams }: HttpClientRequest.HttpClientRequest): Either.Either<URL, InvalidRequest> =>
  Either.mapLeft(
    UrlParams.makeUrl(RequestTarget.append(url, UrlParams.toString(urlParams)), UrlParams.empty, Option.none()),
    () => notAUrl
  )

/**
 * The request with exactly the signed URL as one text. A transport could otherwise encode an apostrophe or the parameters in
 * another way.
 */
export const located = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL
): HttpClientRequest.HttpClientRequest => {
  const bare = new URL(url.origin + url.pathname)
  return HttpClientRequest.setUrl(HttpClientRequest.setUrl(request, bare), bare.href + url.search)
}
