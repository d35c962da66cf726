/** Builds a request from a URL and the options of a call. Errors that the platform throws become `InvalidRequest`. */
import * as HttpBody from "@effect/platform/HttpBody"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { InvalidRequest } from "../../Errors.js"
import { parseParams } from "./formParams.js"

type Options = HttpClientRequest.Options.NoUrl

const invalid = (reason: InvalidRequest["reason"], detail: string) => new InvalidRequest({ reason, detail })

const invalidUrl = invalid("Url", "the URL is neither a string nor a URL object. Pass one of them.")

const invalidHeaders = invalid(
  "Header",
  "`headers` is neither a record of strings nor a list of string pairs. Pass one of them."
)

const invalidBody = invalid(
  "Body",
  "`body` is not an HttpBody. Make one, for example with HttpBody.text, or pass the value as `json`."
)

/**
 * A `URL` is used as text, because the platform would parse and rewrite its query. A `URL` of another realm, such as a
 * test's, is recognized by its `href`.
 */
const textOf = (url: unknown): string | undefined => {
  if (typeof url === "string") return url
  return typeof url === "object" && url !== null && "href" in url && typeof url.href === "string" ? url.href : undefined
}

/**
 * Returns a function that makes the requests of a method. It never throws: it returns an `InvalidRequest` that names
 * the invalid part.
 *
 * @param paramsName - the option that the caller gave the query parameters in.
 */
export const makeRequestBuilder =
  (method: HttpMethod, paramsName = "urlParams") =>
  (url: string | URL, options: Options): HttpClientRequest.HttpClientRequest | InvalidRequest => {
    try {
      const text = textOf(url)
      if (text === undefined) return invalidUrl
      const { body, urlParams } = options
      if (body !== undefined && !HttpBody.isHttpBody(body)) return invalidBody
      const params = urlParams === undefined ? undefined : parseParams(urlParams, paramsName, "Url")
      if (params instanceof InvalidRequest) return params
      // The platform's type forbids a body for GET. The other options are the same for all methods.
      const make = HttpClientRequest.make(method as "POST")
      return make(text, params === undefined ? options : { ...options, urlParams: params })
    } catch {
      return invalidHeaders
    }
  }
