import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import { BoundedMap } from "@countersign/client/BoundedMap"
import * as RequestTarget from "@countersign/protocol/RequestTarget"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Either from "effect/Either"

/**
 * The URL of a request for the dispatcher: the origin, and the path with the query, without fragment (RFC 9110 §4.2.5).
 */
export interface Target {
  readonly origin: string
  readonly path: string
}

const invalidUrl = "not an absolute http or https URL"

/**
 * Makes a function that splits URLs into origin and path. Parsing a URL is the most expensive step here. A URL of a
 * known origin in normalized form is therefore only cut in two. Parameters are appended to the query.
 */
export const makeUrlSplitter = (): ((request: HttpClientRequest) => Either.Either<Target, unknown>) => {
  const knownOrigins = new BoundedMap<true>(256)

  const splitUrl = (url: string): Target | undefined => {
    const end = url.indexOf("/", 8)
    if (end !== -1 && knownOrigins.get(url.slice(0, end)) === true && RequestTarget.isNormalized(url, end)) {
      return { origin: url.slice(0, end), path: url.slice(end) }
    }
    const target = RequestTarget.parse(url)
    if (target !== undefined) knownOrigins.set(target.origin, true)
    return target
  }

  return ({ url, urlParams }) => {
    const target = splitUrl(url)
    if (target === undefined) return Either.left(new Error(invalidUrl))
    if (urlParams.length === 0) return Either.right(target)
    const { origin, path } = target
    // The URL Standard throws for parameters that are not valid text.
    return Either.try(() => ({ origin, path: RequestTarget.append(path, UrlParams.toString(urlParams)) }))
  }
}
