/**
 * Defaults of every request of an API: base URL, header fields and query parameters.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as UrlParams from "@effect/platform/UrlParams"
import * as BaseUrl from "@countersign/protocol/BaseUrl"
import * as Origin from "@countersign/protocol/Origin"
import * as Redact from "@countersign/protocol/Redact"
import type { Result } from "@countersign/protocol/Result"
import * as Effect from "effect/Effect"
import { BoundedMap } from "./BoundedMap.js"
import { InvalidRequest } from "./Errors.js"
import { makePolicy } from "./internal/call/pipeline.js"
import { withShownQuery } from "./internal/redaction/requestHistory.js"
import { describesBody, validateHeaders } from "./internal/request/headerValidation.js"
import { parseParams } from "./internal/request/formParams.js"
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
   * Base of all URLs: an http or https URL without a query. Relative URLs are joined to it, absolute URLs must be below it, or
   * of one of `origins`.
   */
  readonly baseUrl: string
  /** Further origins of absolute URLs, such as `https://uploads.example.com`. */
  readonly origins?: ReadonlyArray<string> | undefined
  /**
   * Default header fields. A field that the request sets itself is not replaced.
   *
   * Fields that describe a body (`content-type`, `content-language` …) are added only to requests with a body. They are not
   * added to forms, because the transport sets the boundary.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Default query parameters. A parameter that the request sets itself is not added. */
  readonly query?: UrlParams.Input | undefined
  /** Names of the query parameters that errors, spans and events show with their values. By default those of `Redact.url`. */
  readonly showQuery?: ReadonlyArray<string> | undefined
}

const invalid = (reason: InvalidRequest["reason"], detail: string) =>
  Effect.fail(new InvalidRequest({ reason, detail }))

/** The value is shown if it is a URL, or a host without a scheme. Anything else may be a secret in the wrong option. */
const invalidBase = (what: string, url: string, reason: BaseUrl.BaseReason) => {
  if (url === "") return invalid("Url", `${what} is empty. Set the environment variable that it comes from.`)
  const meant = reason === "InvalidBase" ? BaseUrl.addScheme(url) : undefined
  if (meant !== undefined) return invalid("Url", `invalid ${what} "${url}". It has no scheme. Use "${meant}".`)
  const isUrl = reason !== "InvalidBase" && reason !== "BaseScheme"
  return invalid("Url", `invalid ${what}${isUrl ? ` "${Redact.url(url)}"` : ""}. ${BaseUrl.explain(reason)}`)
}

/**
 * Validates the request defaults once, so that a configuration error is reported when the program starts.
 *
 * Fails with `InvalidRequest`: reason `Url` for an invalid base URL, origin or query, `Header` for an invalid header field.
 *
 * @returns the options with header names in lower case.
 * @since 0.1.0
 * @category constructors
 */
export const validate = ({
  baseUrl,
  headers = {},
  origins = [],
  query,
  showQuery
}: Options): Effect.Effect<Options, InvalidRequest> => {
  const base = BaseUrl.validate(baseUrl)
  if (base._tag === "Err") return invalidBase("`baseUrl`", baseUrl, base.reason)
  for (const origin of origins) {
    const valid = BaseUrl.validate(origin)
    if (valid._tag === "Err") return invalidBase("URL in `origins`", origin, valid.reason)
  }
  const params = query === undefined ? [] : parseParams(query, "query", "Url")
  if (params instanceof InvalidRequest) return Effect.fail(params)
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const problem = validateHeaders(lower)
  return problem === undefined
    ? Effect.succeed({ baseUrl, origins, showQuery, headers: lower, ...(params.length > 0 && { query: params }) })
    : invalid("Header", problem)
}

/** Fields that do not describe a body, for requests without a body, or with a body that sets its own content type. */
const withoutContent = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !describesBody(name)))

/** Whether a request consists of method and URL only, as most GETs do. */
const isBare = ({ body, hash, headers, urlParams }: HttpClientRequest.HttpClientRequest): boolean =>
  headers === Headers.empty && body._tag === "Empty" && urlParams.length === 0 && hash._tag === "None"

/** A request of each method with the default headers. To copy it costs less than to add the headers to each request. */
const makeTemplates = (headers: Readonly<Record<string, string>>) => {
  const templates = new BoundedMap<HttpClientRequest.HttpClientRequest>(mostMethods)
  return (method: HttpMethod): HttpClientRequest.HttpClientRequest => {
    const known = templates.get(method)
    if (known !== undefined) return known
    const template = HttpClientRequest.setHeaders(HttpClientRequest.make(method)(""), headers)
    templates.set(method, template)
    return template
  }
}

const mostMethods = 16

/** Whether there is no body, or the transport writes its content type. */
const bringsFields = ({ body }: HttpClientRequest.HttpClientRequest): boolean =>
  body._tag === "Empty" ||
  body._tag === "FormData" ||
  (body._tag === "Raw" &&
    (body.body instanceof FormData ||
      body.body instanceof URLSearchParams ||
      (body.body instanceof Blob && body.body.type !== "")))

/** Adds each default parameter that the request has neither in its URL nor beside it. */
const addParams = (
  request: HttpClientRequest.HttpClientRequest,
  defaults: UrlParams.UrlParams
): HttpClientRequest.HttpClientRequest => {
  const { url, urlParams } = request
  const mark = url.indexOf("?")
  const own = new Set(mark === -1 ? [] : new URLSearchParams(url.slice(mark).split("#", 1)[0]).keys())
  for (const [name] of urlParams) own.add(name)
  const added = defaults.filter(([name]) => !own.has(name))
  return added.length === 0 ? request : HttpClientRequest.setUrlParams(request, [...added, ...urlParams])
}

/** Joins a URL to the base URL, or accepts an absolute URL of one of the further origins. */
const makeJoin = ({ baseUrl, origins = [] }: Options): ((path: string) => Result<string, BaseUrl.Reason>) => {
  const base = BaseUrl.joiner(baseUrl)
  if (base._tag === "Err") return () => base
  const others = origins.flatMap((origin) => {
    const join = BaseUrl.joiner(Origin.of(origin))
    return join._tag === "Ok" ? [join.value] : []
  })
  return (path) => {
    const joined = base.value(path)
    if (joined._tag === "Ok" || joined.reason !== "OtherOrigin") return joined
    return others.map((join) => join(path)).find(({ _tag }) => _tag === "Ok") ?? joined
  }
}

/**
 * Request defaults policy: joins the URL to the base URL, and adds the default header fields and query parameters, once per
 * call.
 *
 * A redirect may lead outside the base URL, if the redirect policy allows it. If the URL has a query, `urlParams` are
 * appended to it, and the existing query is not changed. Fails with `InvalidRequest { reason: "Url" }` if the URL is neither
 * below the base URL, nor of one of `origins`.
 *
 * @example
 * import * as RequestDefaults from "@countersign/client/RequestDefaults"
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 *
 * const client = Effect.map(
 *   HttpClient.HttpClient,
 *   RequestDefaults.policy({ baseUrl: "https://api.example.com", headers: { accept: "application/json" } })
 * )
 *
 * @param options - the result of {@link validate}.
 * @since 0.1.0
 * @category policies
 */
export const policy = (options: Options): Policy.Policy<InvalidRequest> => {
  const { headers = {}, query, showQuery } = options
  const join = makeJoin(options)
  const params = query === undefined ? [] : parseParams(query, "query", "Url")
  const isEmpty = Object.keys(headers).length === 0
  const bodiless = withoutContent(headers)
  const templateOf = makeTemplates(bodiless)
  const complete = (request: HttpClientRequest.HttpClientRequest, url: string) => {
    const { headers: own } = request
    if (isEmpty) return HttpClientRequest.setUrl(request, url)
    if (isBare(request)) return HttpClientRequest.setUrl(templateOf(request.method), url)
    const added = bringsFields(request) ? bodiless : headers
    return HttpClientRequest.setHeaders(HttpClientRequest.setUrl(request, url), { ...added, ...own })
  }
  return makePolicy<InvalidRequest>((request, next, context) => {
    if (params instanceof InvalidRequest) return Effect.fail(params)
    const joined = join(request.url)
    if (joined._tag === "Err") return Effect.fail(outside(request.url, joined.reason))
    const completed = complete(request, joined.value)
    const whole = appendUrlParams(params.length === 0 ? completed : addParams(completed, params))
    if (whole instanceof InvalidRequest) return Effect.fail(whole)
    return next(showQuery === undefined ? whole : withShownQuery(whole, showQuery), context)
  })
}

const outside = (url: string, reason: BaseUrl.Reason): InvalidRequest =>
  new InvalidRequest({
    reason: "Url",
    detail: `the URL "${Redact.url(url)}" cannot be joined to the base URL. ${BaseUrl.explain(reason)}`
  })
