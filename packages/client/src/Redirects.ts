/**
 * Redirects ([RFC 9110 §15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4)), without sending credentials or bodies
 * to another origin.
 *
 * | response | next request |
 * |---|---|
 * | 303; 301 or 302 to a POST | GET (HEAD stays HEAD) without a body |
 * | any other 301 or 302; 307, 308 | same method and body |
 * | to the same origin | all headers; credentials are signed again |
 * | to another origin | safe headers only; a body only with `crossOriginBody` |
 * | https to http, another scheme, userinfo, more than `limit` redirects | none: `RedirectRejected` |
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Redact from "@countersign/protocol/Redact"
import * as Redirect from "@countersign/protocol/Redirect"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { InvalidRequest, RateLimited, RedirectReason } from "./Errors.js"
import { RedirectRejected } from "./Errors.js"
import type { Send } from "./internal/call/pipeline.js"
import type { CallContext } from "./internal/call/context.js"
import { makePolicy } from "./internal/call/pipeline.js"
import { withResponse } from "./internal/errors/errorResponse.js"
import { withHistory, redactorOf, redactedUrl, shownQueryOf } from "./internal/redaction/requestHistory.js"
import { hopDelay, drainAndWait } from "./internal/redirects/hopDelay.js"
import { describesBody, isBodyOnlyHeader } from "./internal/request/headerValidation.js"
import { urlOf } from "./internal/request/requestUrl.js"
import { fieldValuesOf } from "./internal/response/fieldValues.js"
import { makeResponseRedactor, signingsOf } from "./internal/response/redactEchoedCredentials.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type { Options } from "./internal/redirects/options.js"
import { redirectNames } from "./internal/redirects/options.js"
import type * as Policy from "./Policy.js"
import * as RequestBody from "./RequestBody.js"
import * as Timeline from "./Timeline.js"

export type { Options } from "./internal/redirects/options.js"

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  limit: 5,
  crossOrigin: "follow",
  crossOriginBody: false,
  maxRetryAfter: "60 seconds"
} as const

const only = (headers: Headers.Headers, isKept: (name: string) => boolean): Headers.Headers =>
  Headers.fromInput(Object.entries(headers).filter(([name]) => isKept(name)))

/**
 * To the same origin all headers are sent, to another one only safe headers. Headers that describe the body are sent with
 * it.
 */
const headersOf = (headers: Headers.Headers, hop: Redirect.Follow): Headers.Headers =>
  hop.sameOrigin && hop.keepBody
    ? headers
    : only(headers, (name) =>
        describesBody(name)
          ? hop.keepBody && (hop.sameOrigin || isBodyOnlyHeader(name))
          : hop.sameOrigin || Redirect.isSafeCrossOriginHeader(name)
      )

/** Builds the request of the next hop. A header that is dropped here stays dropped in later hops. */
const nextRequest = (
  request: HttpClientRequest.HttpClientRequest,
  hop: Redirect.Follow
): HttpClientRequest.HttpClientRequest => {
  // `Redirect.decide` returns the method of this request, GET or HEAD.
  const method = hop.method as HttpMethod
  // `Location` is the complete URL: query parameters and fragment of the last hop are not carried over.
  return HttpClientRequest.make(method)(hop.url).pipe(
    HttpClientRequest.setBody(hop.keepBody ? request.body : HttpBody.empty),
    // After the body, which sets its own content type: the caller may have set a more specific one.
    HttpClientRequest.setHeaders(headersOf(request.headers, hop))
  )
}

const locationsOf = (response: HttpClientResponse): ReadonlyArray<string> =>
  fieldValuesOf(response, "location").flatMap(Redirect.references)

const rejected = (
  response: HttpClientResponse,
  request: HttpClientRequest.HttpClientRequest,
  reason: RedirectReason
): RedirectRejected => {
  const { method } = response.request
  const hide = makeResponseRedactor(response)
  const show = shownQueryOf(request)
  const location = [...new Set(locationsOf(response))].map((one) => Redact.url(one, { hide, show })).join(", ")
  const url = Redact.url(urlOf(request), { hide: redactorOf(request), show })
  const error = new RedirectRejected({ method, url, status: response.status, reason, location })
  return withResponse(error, response)
}

/**
 * Whether a response is a redirect that can be followed. Every other 3xx is final, such as a 304 or one without `Location`.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isRedirect = (response: HttpClientResponse): boolean => {
  const { request, status } = response
  const { method, url } = request
  // With `limit: 0` a redirect is rejected, so `Stop` means that the response is no redirect.
  return Redirect.decide({ method, url, status, location: locationsOf(response), hops: 0, limit: 0 })._tag !== "Stop"
}

/**
 * Redirect policy: follows redirects, and sends credentials only to the origins they belong to.
 *
 * Inner policies handle each hop anew: it has its own retries and timeouts, and is signed for its origin.
 *
 * A redirect with `Retry-After` is followed after that time. If the wait exceeds `maxRetryAfter` or the time that the call
 * has left, the request fails with `RateLimited` at once. A redirect that is not safe to follow fails with
 * `RedirectRejected`, and nothing is sent. The transport must not follow redirects itself.
 *
 * Specification: [RFC 9110 §15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4),
 * [§10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 *
 * const client = ApiClient.make({
 *   baseUrl: "https://api.example.com",
 *   auth: Auth.none,
 *   redirects: { limit: 3, crossOrigin: "reject" }
 * })
 *
 * @param options - limits, and what may be sent to another origin. See {@link Options}.
 * @since 0.1.0
 * @category policies
 */
export const follow = (options: Options = {}): Policy.Policy<RedirectRejected | InvalidRequest | RateLimited> => {
  const {
    crossOrigin = defaults.crossOrigin,
    crossOriginBody = defaults.crossOriginBody,
    limit = defaults.limit
  } = OptionNames.known("Redirects", options, redirectNames)
  const longestWait = Duration.toMillis(options.maxRetryAfter ?? defaults.maxRetryAfter)
  const rules: Rules = { crossOrigin, crossOriginBody, limit, longestWait }
  return makePolicy<RedirectRejected | InvalidRequest | RateLimited>((request, next, context) =>
    hop({ rules, next, context }, request, 0)
  )
}

/** Resolved options. */
interface Rules {
  readonly limit: number
  readonly crossOrigin: "follow" | "reject"
  readonly crossOriginBody: boolean
  /** Maximum wait before a hop, in milliseconds. */
  readonly longestWait: number
}

/** The rules, the rest of the pipeline and the context of one call. */
interface HopContext<E, R> {
  readonly rules: Rules
  readonly next: Send<E, R>
  readonly context: CallContext
}

type Hop<E, R> = Effect.Effect<HttpClientResponse, E | RedirectRejected | InvalidRequest | RateLimited, R>

const hop = <E, R>(call: HopContext<E, R>, request: HttpClientRequest.HttpClientRequest, hops: number): Hop<E, R> =>
  Effect.flatMap(call.next(request, call.context), (response): Hop<E, R> =>
    response.status < 300 || response.status >= 400
      ? Effect.succeed(response)
      : followOrReject(call, request, hops, response)
  )

const followOrReject = <E, R>(
  call: HopContext<E, R>,
  request: HttpClientRequest.HttpClientRequest,
  hops: number,
  response: HttpClientResponse
): Hop<E, R> => {
  const { method } = request
  const url = urlOf(request)
  const { status } = response
  const location = locationsOf(response)
  const hasBody = request.body._tag !== "Empty"
  const { crossOrigin, crossOriginBody, limit, longestWait } = call.rules
  const decision = Redirect.decide({
    method,
    url,
    status,
    location,
    hops,
    hasBody,
    crossOrigin,
    crossOriginBody,
    limit
  })
  if (decision._tag === "Stop") return Effect.succeed(response)
  if (decision._tag === "Reject") return Effect.fail(rejected(response, request, decision.reason))
  if (decision.keepBody && !RequestBody.isReplayable(request.body)) {
    return Effect.fail(rejected(response, request, "BodyNotReplayable"))
  }
  // The server may echo the credentials of this hop in the URL of the next one, so later messages redact them too.
  const onward = withHistory(nextRequest(request, decision), signingsOf(response), request)
  return Effect.flatMap(hopDelay(response, longestWait, call.context), (ms) =>
    Timeline.emit(() => ({ _tag: "Redirected", url: redactedUrl(onward), ms })).pipe(
      Effect.zipRight(drainAndWait(response, ms, call.context)),
      Effect.zipRight(Effect.suspend(() => hop(call, onward, hops + 1)))
    )
  )
}
