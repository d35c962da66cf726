import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"

/** The query of a URL, including its `?`. */
const query = /^[^?#]*(\?[^#]*)/

/**
 * The URL of a request as `NodeTransport` sends it: parameters are appended to the text of the query. `URL` would rewrite the
 * query. Even without parameters, it encodes apostrophes.
 */
export const sentUrl = ({ url, urlParams }: HttpClientRequest, parsed: URL): string => {
  const given = query.exec(url)?.[1]
  if (given === undefined) return parsed.href
  // For a scheme that is not special, `URL` encodes the query in the same way but keeps apostrophes.
  const search = new URL(`a:${given}`).search || "?"
  const added = UrlParams.toString(urlParams)
  const separator = added === "" || search === "?" || search.endsWith("&") ? "" : "&"
  return parsed.origin + parsed.pathname + search + separator + added + parsed.hash
}
