import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"

/** The query of a URL with its `?`, if it has one. */
const query = /^[^?#]*(\?[^#]*)/

/**
 * The URL of a request with its parameters, as `NodeTransport` sends it: parameters are appended to the text of the query.
 * `URL` would write that query anew; where nothing is appended, it still encodes apostrophes.
 */
export const sentUrl = ({ url, urlParams }: HttpClientRequest, parsed: URL): string => {
  const given = query.exec(url)?.[1]
  if (given === undefined) return parsed.href
  // The query of a scheme that is not special is encoded by the same rules, but for the apostrophe.
  const search = new URL(`a:${given}`).search || "?"
  const added = UrlParams.toString(urlParams)
  const separator = added === "" || search === "?" || search.endsWith("&") ? "" : "&"
  return parsed.origin + parsed.pathname + search + separator + added + parsed.hash
}
