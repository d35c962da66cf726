/**
 * The URL of a request as text. If a URL has a query and the request has parameters, the platform parses and rewrites
 * the query. The functions here append the parameters to the text instead.
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as RequestTarget from "@countersign/protocol/RequestTarget"
import { InvalidRequest } from "../../Errors.js"

type Request = HttpClientRequest.HttpClientRequest

/** The complete URL: with the parameters, and with the fragment of the request or of its URL. */
export const urlOf = ({ hash, url, urlParams }: Request): string => {
  const whole = urlParams.length === 0 ? url : RequestTarget.append(url, UrlParams.toString(urlParams))
  return hash._tag === "None" ? whole : `${withoutFragment(whole)}#${hash.value}`
}

const withoutFragment = (url: string): string => {
  const hash = url.indexOf("#")
  return hash === -1 ? url : url.slice(0, hash)
}

const emptyUrl = new URL("http://localhost/")

/** The request with this URL, and without separate parameters or fragment. */
const withUrl = (request: Request, url: string): Request =>
  // Only setting a `URL` object replaces parameters and fragment. This one has none.
  HttpClientRequest.setUrl(HttpClientRequest.setUrl(request, emptyUrl), url)

const invalidParams = new InvalidRequest({
  reason: "Url",
  detail:
    "`query` (`urlParams`) contains a value that is not a string, or half a surrogate pair. Pass valid strings, numbers or booleans."
})

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/** Encoders replace half a surrogate pair by U+FFFD, so another value than the given one would be sent. */
const isText = (value: unknown): boolean => typeof value === "string" && !loneSurrogate.test(value)

/**
 * Appends the parameters to the URL's query. Without a query they stay separate, because all transports append them in
 * the same way.
 */
export const appendUrlParams = (request: Request): Request | InvalidRequest => {
  const { url, urlParams } = request
  if (urlParams.length === 0) return request
  if (!urlParams.every(([name, value]) => isText(name) && isText(value))) return invalidParams
  return url.includes("?") ? withUrl(request, urlOf(request)) : request
}

/** The request without its fragment, which is never sent (RFC 9110 §7.1). */
export const removeFragment = (request: Request): Request => {
  const { hash, url } = request
  return hash._tag === "None" && !url.includes("#") ? request : withUrl(request, withoutFragment(urlOf(request)))
}
