/**
 * The URL of a request as text. Where a URL has a query and there are parameters beside it, the platform parses that query
 * and writes it anew; here parameters are appended to the text.
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as RequestTarget from "@countersign/protocol/RequestTarget"
import { InvalidRequest } from "../../Errors.js"

type Request = HttpClientRequest.HttpClientRequest

/** The whole URL: with the parameters, and with the fragment of the request or of its URL. */
export const urlOf = ({ hash, url, urlParams }: Request): string => {
  const whole = urlParams.length === 0 ? url : RequestTarget.append(url, UrlParams.toString(urlParams))
  return hash._tag === "None" ? whole : `${withoutFragment(whole)}#${hash.value}`
}

const withoutFragment = (url: string): string => {
  const hash = url.indexOf("#")
  return hash === -1 ? url : url.slice(0, hash)
}

const emptyUrl = new URL("http://localhost/")

/** The request with this URL, and with neither parameters nor a fragment beside it. */
const withUrl = (request: Request, url: string): Request =>
  // Only a `URL` replaces parameters and fragment, by its own; this one has none.
  HttpClientRequest.setUrl(HttpClientRequest.setUrl(request, emptyUrl), url)

const invalidParams = new InvalidRequest({
  reason: "Url",
  detail: "urlParams hold a value that is no text, or half a surrogate pair: give strings, numbers or booleans"
})

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/** Encoders write U+FFFD for half a surrogate pair: another value would be sent than the one that was given. */
const isText = (value: unknown): boolean => typeof value === "string" && !loneSurrogate.test(value)

/**
 * The request with its parameters appended to the query that its URL has. Where it has none they stay beside the URL: each
 * transport appends them in the same way.
 */
export const appendUrlParams = (request: Request): Request | InvalidRequest => {
  const { url, urlParams } = request
  if (urlParams.length === 0) return request
  if (!urlParams.every(([name, value]) => isText(name) && isText(value))) return invalidParams
  return url.includes("?") ? withUrl(request, urlOf(request)) : request
}

/** The request without a fragment, which is not a part of what is sent (RFC 9110 §7.1). */
export const removeFragment = (request: Request): Request => {
  const { hash, url } = request
  return hash._tag === "None" && !url.includes("#") ? request : withUrl(request, withoutFragment(urlOf(request)))
}
