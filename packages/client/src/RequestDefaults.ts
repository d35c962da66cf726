/**
 * Defaults of every request of an API: base URL and header fields.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as BaseUrl from "@countersign/protocol/BaseUrl"
import * as Redact from "@countersign/protocol/Redact"
import * as Effect from "effect/Effect"
import { InvalidRequest } from "./Errors.js"
import { makePolicy } from "./internal/call/pipeline.js"
import { describesBody, validateHeaders } from "./internal/request/headerValidation.js"
import { appendUrlParams } from "./internal/request/requestUrl.js"
import type * as Policy from "./Policy.js"

/**
 * Options of the request defaults.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Base of all URLs: an http or https URL without a query. Relative URLs are joined to it, absolute URLs must be below it.
   */
  readonly baseUrl: string
  /**
   * Default header fields. A field that the request sets itself is not replaced.
   *
   * Fields that describe a body (`content-type`, `content-language` …) are added only to requests with a body. They are not
   * added to forms, because the transport sets the boundary.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * Validates the request defaults once, so that a configuration error is reported when the program starts.
 *
 * Fails with `InvalidRequest`: reason `Url` for an invalid base URL, `Header` for an invalid header field.
 *
 * @returns the options with header names in lower case.
 * @since 0.1.0
 * @category constructors
 */
export const validate = ({ baseUrl, headers = {} }: Options): Effect.Effect<Options, InvalidRequest> => {
  const joined = BaseUrl.join(baseUrl, "")
  if (joined._tag === "Err") {
    const detail = `invalid \`baseUrl\` "${Redact.url(baseUrl)}". ${BaseUrl.explain(joined.reason)}`
    return Effect.fail(new InvalidRequest({ reason: "Url", detail }))
  }
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const problem = validateHeaders(lower)
  return problem === undefined
    ? Effect.succeed({ baseUrl, headers: lower })
    : Effect.fail(new InvalidRequest({ reason: "Header", detail: problem }))
}

/** Fields that do not describe a body, for requests without a body, or with a body that sets its own content type. */
const withoutContent = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !describesBody(name)))

/** Whether there is no body, or the transport writes its content type. */
const bringsFields = ({ body }: HttpClientRequest.HttpClientRequest): boolean =>
  body._tag === "Empty" ||
  body._tag === "FormData" ||
  (body._tag === "Raw" &&
    (body.body instanceof FormData ||
      body.body instanceof URLSearchParams ||
      (body.body instanceof Blob && body.body.type !== "")))

/**
 * Request defaults policy: joins the URL to the base URL, and adds the default header fields, once per call.
 *
 * A redirect may lead outside the base URL, if the redirect policy allows it. If the URL has a query, `urlParams` are
 * appended to it, and the existing query is not changed. Fails with `InvalidRequest { reason: "Url" }` if the URL is outside
 * the base URL's origin or path.
 *
 * @param options - the result of {@link validate}.
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
  return makePolicy<InvalidRequest>((request, next, context) => {
    const joined = join._tag === "Err" ? join : join.value(request.url)
    if (joined._tag === "Err") return Effect.fail(outside(request.url, joined.reason))
    const whole = appendUrlParams(complete(request, joined.value))
    return whole instanceof InvalidRequest ? Effect.fail(whole) : next(whole, context)
  })
}

const outside = (url: string, reason: BaseUrl.Reason): InvalidRequest =>
  new InvalidRequest({
    reason: "Url",
    detail: `the URL "${Redact.url(url)}" cannot be joined to the base URL. ${BaseUrl.explain(reason)}`
  })
