/** Builds a request from a URL and the options of a call. Errors that the platform throws become `InvalidRequest`. */
import * as HttpBody from "@effect/platform/HttpBody"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as UrlParams from "@effect/platform/UrlParams"
import { InvalidRequest } from "../../Errors.js"

type Options = HttpClientRequest.Options.NoUrl

const invalid = (reason: InvalidRequest["reason"], detail: string) => new InvalidRequest({ reason, detail })

const invalidUrl = invalid("Url", "the URL is neither a string nor a URL object. Pass one of them.")

const invalidParams = invalid(
  "Url",
  "`urlParams` contains a value that is not a string, number or boolean. Remove it, or convert it to a string."
)

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
 * Whether an object such as a `Date`, `URL` or `Redacted` has no entries, so that it would be dropped silently. An
 * empty record is allowed.
 */
const hasNoEntries = (value: object): boolean =>
  !(Symbol.iterator in value) && Object.keys(value).length === 0 && Object.getPrototypeOf(value) !== Object.prototype

const paramText = (value: unknown): string => {
  if (
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "bigint" ||
    typeof value === "boolean"
  ) {
    return String(value)
  }
  throw invalidParams
}

/**
 * Converts a record or a list to parameters, like the platform: `a[b]` for nested records, a repeated `a` for lists. It
 * skips `null` like `undefined`; the platform throws for `null`. A value that has no text form throws, because it would
 * be sent as `[object Object]` or dropped.
 */
const appendParams = (
  input: object,
  nameOf: (key: string) => string,
  into: Array<readonly [string, string]>
): UrlParams.UrlParams => {
  if (hasNoEntries(input)) throw invalidParams
  // Checked here although the types exclude other values, because the platform's coercion hides them.
  const entries = Symbol.iterator in input ? (input as Iterable<readonly [string, unknown]>) : Object.entries(input)
  for (const [key, value] of entries) {
    const name = nameOf(paramText(key))
    const values: ReadonlyArray<unknown> = Array.isArray(value) ? value : [value]
    for (const one of values) {
      if (one === undefined || one === null) continue
      if (typeof one === "object" && one === value) appendParams(one, (inner) => `${name}[${inner}]`, into)
      else into.push([name, paramText(one)])
    }
  }
  return into
}

const parseParams = (input: unknown): UrlParams.UrlParams | InvalidRequest => {
  if (input === null) return []
  try {
    return typeof input === "object" ? appendParams(input, (key) => key, []) : invalidParams
  } catch {
    // A circular value, a getter or iterator that throws, or a value without a text form.
    return invalidParams
  }
}

/**
 * Returns a function that makes the requests of a method. It never throws: it returns an `InvalidRequest` that names
 * the invalid part.
 */
export const makeRequestBuilder =
  (method: HttpMethod) =>
  (url: string | URL, options: Options): HttpClientRequest.HttpClientRequest | InvalidRequest => {
    try {
      const text = textOf(url)
      if (text === undefined) return invalidUrl
      const { body, urlParams } = options
      if (body !== undefined && !HttpBody.isHttpBody(body)) return invalidBody
      const params = urlParams === undefined ? undefined : parseParams(urlParams)
      if (params instanceof InvalidRequest) return params
      // The platform's type forbids a body for GET. The other options are the same for all methods.
      const make = HttpClientRequest.make(method as "POST")
      return make(text, params === undefined ? options : { ...options, urlParams: params })
    } catch {
      return invalidHeaders
    }
  }
