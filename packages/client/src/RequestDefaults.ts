/**
 * What every request of an API has in common: where it goes and what it says of itself.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as BaseUrl from "@countersign/protocol/BaseUrl"
import * as Redact from "@countersign/protocol/Redact"
import * as Effect from "effect/Effect"
import { InvalidRequest } from "./Errors.js"
import { describesBody, headerProblem } from "./internal/request/headerValidation.js"
import { appended } from "./internal/request/requestUrl.js"
import * as Policy from "./Policy.js"

/**
 * The defaults of a request.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Where relative URLs begin, and what absolute ones must stay within: an http or https URL without query. */
  readonly baseUrl: string
  /**
   * Header fields of every request that does not bring its own of that name. Those that describe a body (`content-type`,
   * `content-language` …) are added to requests with a body that brings no such field: never to a form, whose boundary
   * only the transport knows.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * Checks defaults once, so that a mistake in a configuration shows when the program starts.
 *
 * Fails with `InvalidRequest`: `Url` for a base URL that is none, `Header` for a header that cannot be sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const validate = ({ baseUrl, headers = {} }: Options): Effect.Effect<Options, InvalidRequest> => {
  const joined = BaseUrl.join(baseUrl, "")
  if (joined._tag === "Err") {
    const detail = `the base URL "${Redact.url(baseUrl)}" cannot be used (${BaseUrl.explain(joined.reason)}): give one like https://api.example.com/v1`
    return Effect.fail(new InvalidRequest({ reason: "Url", detail }))
  }
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const problem = headerProblem(lower)
  return problem === undefined
    ? Effect.succeed({ baseUrl, headers: lower })
    : Effect.fail(new InvalidRequest({ reason: "Header", detail: problem }))
}

/** Fields that describe no body: all that a request gets that has none, or one that brings its own. */
const withoutContent = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !describesBody(name)))

/** Whether there is no body, or one whose type the transport writes. */
const bringsFields = ({ body }: HttpClientRequest.HttpClientRequest): boolean =>
  body._tag === "Empty" ||
  body._tag === "FormData" ||
  (body._tag === "Raw" &&
    (body.body instanceof FormData ||
      body.body instanceof URLSearchParams ||
      (body.body instanceof Blob && body.body.type !== "")))

/**
 * Completes a request: its URL is joined to the base URL and cannot leave it, default headers are added. Runs once a
 * call: a redirect may lead elsewhere, as far as the redirect policy lets it. Where a URL has a query and the request
 * `urlParams` beside it, they are appended to the text of the query, which stays byte for byte.
 *
 * Fails with `InvalidRequest { reason: "Url" }` for a URL that would leave the base URL's origin or path.
 *
 * @param options - as {@link validate} gives them.
 * @since 0.1.0
 * @category policies
 */
export const policy = ({ baseUrl, headers = {} }: Options): Policy.Policy<InvalidRequest> => {
  const join = BaseUrl.joiner(baseUrl)
  const isEmpty = Object.keys(headers).length === 0
  const bodiless = withoutContent(headers)
  const complete = (request: HttpClientRequest.HttpClientRequest, url: string) => {
    const { headers: own } = request
    const located = HttpClientRequest.setUrl(request, url)
    if (isEmpty) return located
    const added = bringsFields(request) ? bodiless : headers
    return HttpClientRequest.setHeaders(located, own === Headers.empty ? added : { ...added, ...own })
  }
  return Policy.make<InvalidRequest>((request, next) => {
    const joined = join._tag === "Err" ? join : join.value(request.url)
    if (joined._tag === "Err") return Effect.fail(outside(request.url, joined.reason))
    const whole = appended(complete(request, joined.value))
    return whole instanceof InvalidRequest ? Effect.fail(whole) : next(whole)
  })
}

const outside = (url: string, reason: BaseUrl.Reason): InvalidRequest =>
  new InvalidRequest({
    reason: "Url",
    detail: `the URL "${Redact.url(url)}" does not stay within the base URL (${BaseUrl.explain(reason)})`
  })
