/** Building a request of a URL and the options of a call: what the platform throws for is an error of the call. */
import * as HttpBody from "@effect/platform/HttpBody"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as UrlParams from "@effect/platform/UrlParams"
import { InvalidRequest } from "../../Errors.js"

type Options = HttpClientRequest.Options.NoUrl

const invalid = (reason: InvalidRequest["reason"], detail: string) => new InvalidRequest({ reason, detail })

const invalidUrl = invalid("Url", "the URL is neither a text nor a URL object: give one of them")

const invalidParams = invalid(
  "Url",
  "urlParams hold a value that is no text, number or boolean: leave it out, or write it as text"
)

const invalidHeaders = invalid(
  "Header",
  "its headers are no record and no list of names and values of text: give one of them"
)

const invalidBody = invalid(
  "Body",
  "its body is no HttpBody: make one, as with HttpBody.text, or give the value as json"
)

/**
 * A `URL` is taken as its text: the platform would take its query apart and write it anew. One of another realm, such as
 * that of a test, is known by its `href`.
 */
const textOf = (url: unknown): string | undefined => {
  if (typeof url === "string") return url
  return typeof url === "object" && url !== null && "href" in url && typeof url.href === "string" ? url.href : undefined
}

/** A date, a URL, a secret: objects without entries would be lost without a word. An empty record is one. */
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
 * Parameters as the platform makes them of a record or a list: `a[b]` for a record in a record, `a` twice for a list. A
 * value that is null is left out, as one that is undefined is; the platform throws for it. What is no text would be sent
 * as `[object Object]`, or lost, and is refused.
 */
const appendParams = (
  input: object,
  nameOf: (key: string) => string,
  into: Array<readonly [string, string]>
): UrlParams.UrlParams => {
  if (hasNoEntries(input)) throw invalidParams
  // What the type allows is checked here, since the platform's coercion hides what it does not allow.
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
    // A circle, a getter or an iterator that throws, or a value that is no text.
    return invalidParams
  }
}

/**
 * Makes the requests of a method. Nothing throws: what cannot be used is an `InvalidRequest` that says which part it is.
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
      // The platform's type forbids a GET with a body. The other options are the same for all methods.
      const make = HttpClientRequest.make(method as "POST")
      return make(text, params === undefined ? options : { ...options, urlParams: params })
    } catch {
      return invalidHeaders
    }
  }
