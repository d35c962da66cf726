/**
 * Following redirects without carrying anything to where it does not belong.
 *
 * | answer | next request |
 * |---|---|
 * | 303, and POST on 301 or 302 | GET (HEAD stays HEAD) without body |
 * | 301, 302 otherwise, 307, 308 | the same method and body |
 * | to the same origin | every header, credentials by signing anew |
 * | to another origin | harmless headers only, a body only where that was allowed by name |
 * | https to http, another scheme, userinfo, one hop too many | none: `RedirectRejected` |
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
import { withResponse } from "./internal/errors/errorResponse.js"
import { after, hideOf, shownUrl } from "./internal/redaction/requestHistory.js"
import { hopWait, releaseAndWait } from "./internal/redirects/hopDelay.js"
import { describesBody, travelsWithBody } from "./internal/request/headerValidation.js"
import { urlOf } from "./internal/request/requestUrl.js"
import { valuesOf } from "./internal/response/fieldValues.js"
import { hiding, signingsOf } from "./internal/response/redactEchoedCredentials.js"
import * as Policy from "./Policy.js"
import * as RequestBody from "./RequestBody.js"
import * as Timeline from "./Timeline.js"

/**
 * How to follow.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many redirects are followed before the next one is rejected (5). */
  readonly limit?: number | undefined
  /** Whether to go to another origin, without credentials (`"follow"`), or to reject the redirect. */
  readonly crossOrigin?: "follow" | "reject" | undefined
  /** Lets a 307 or 308 take the request's body to another origin (false). The body may hold secrets. */
  readonly crossOriginBody?: boolean | undefined
  /** The longest wait before a hop that a server may ask for with `Retry-After` (60 s, or that of the client's retry). */
  readonly maxRetryAfter?: Duration.DurationInput | undefined
}

/**
 * What {@link Options} are when they are left out.
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

/** To the same origin go all headers, to another one the harmless ones; what describes the body goes where that goes. */
const headersOf = (headers: Headers.Headers, hop: Redirect.Follow): Headers.Headers =>
  hop.sameOrigin && hop.keepBody
    ? headers
    : only(headers, (name) =>
        describesBody(name)
          ? hop.keepBody && (hop.sameOrigin || travelsWithBody(name))
          : hop.sameOrigin || Redirect.isSafeCrossOriginHeader(name)
      )

/** The request of the next hop. What the last one had and this one has no claim to is left behind for good. */
const nextRequest = (
  request: HttpClientRequest.HttpClientRequest,
  hop: Redirect.Follow
): HttpClientRequest.HttpClientRequest => {
  // The decision's method is this request's own, or GET, or HEAD.
  const method = hop.method as HttpMethod
  // The Location is the whole URL: parameters and fragment of the last hop do not carry over.
  return HttpClientRequest.make(method)(hop.url).pipe(
    HttpClientRequest.setBody(hop.keepBody ? request.body : HttpBody.empty),
    // After the body, which brings a type of its own: the caller may have named a narrower one.
    HttpClientRequest.setHeaders(headersOf(request.headers, hop))
  )
}

const locationsOf = (response: HttpClientResponse): ReadonlyArray<string> =>
  valuesOf(response, "location").flatMap(Redirect.references)

const rejected = (
  response: HttpClientResponse,
  request: HttpClientRequest.HttpClientRequest,
  reason: RedirectReason
): RedirectRejected => {
  const { method } = response.request
  const hide = hiding(response)
  const location = [...new Set(locationsOf(response))].map((one) => Redact.url(one, hide)).join(", ")
  const url = Redact.url(urlOf(request), hideOf(request))
  const error = new RedirectRejected({ method, url, status: response.status, reason, location })
  return withResponse(error, response)
}

/**
 * Whether an answer asks for another request. Every other 3xx is final: a 304, or one without a Location.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isRedirect = (response: HttpClientResponse): boolean => {
  const { request, status } = response
  const { method, url } = request
  // With no hop allowed, an answer is either rejected for that or not a redirect at all.
  return Redirect.decide({ method, url, status, location: locationsOf(response), hops: 0, limit: 0 })._tag !== "Stop"
}

/**
 * Follows redirects. Each hop is a request of its own: whatever stands within this policy (retries, credentials,
 * timeouts of an exchange) starts anew for it, and credentials are signed anew, for the hop's own origin.
 *
 * A redirect with `Retry-After` is followed no earlier than that. Where the wait is longer than `maxRetryAfter`, or than the
 * time that the call has left, it is not begun: the request fails with `RateLimited` at once.
 *
 * Fails with `RedirectRejected` for a redirect that is not safe to follow; nothing is sent then. The transport must
 * follow none itself.
 *
 * Specification: [RFC 9110 §15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4),
 * [§10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
 *
 * @since 0.1.0
 * @category policies
 */
export const follow = (options: Options = {}): Policy.Policy<RedirectRejected | InvalidRequest | RateLimited> => {
  const {
    crossOrigin = defaults.crossOrigin,
    crossOriginBody = defaults.crossOriginBody,
    limit = defaults.limit
  } = options
  const longestWait = Duration.toMillis(options.maxRetryAfter ?? defaults.maxRetryAfter)
  const rules: Rules = { crossOrigin, crossOriginBody, limit, longestWait }
  return Policy.make<RedirectRejected | InvalidRequest | RateLimited>((request, next) => hop(rules, request, next, 0))
}

/** The options, without those that are left out. */
interface Rules {
  readonly limit: number
  readonly crossOrigin: "follow" | "reject"
  readonly crossOriginBody: boolean
  /** The longest wait before a hop, in milliseconds. */
  readonly longestWait: number
}

type Hop<E, R> = Effect.Effect<HttpClientResponse, E | RedirectRejected | InvalidRequest | RateLimited, R>

const hop = <E, R>(
  rules: Rules,
  request: HttpClientRequest.HttpClientRequest,
  next: Policy.Next<E, R>,
  hops: number
): Hop<E, R> =>
  Effect.flatMap(next(request), (response): Hop<E, R> =>
    response.status < 300 || response.status >= 400
      ? Effect.succeed(response)
      : decided(rules, request, next, hops, response)
  )

const decided = <E, R>(
  rules: Rules,
  request: HttpClientRequest.HttpClientRequest,
  next: Policy.Next<E, R>,
  hops: number,
  response: HttpClientResponse
): Hop<E, R> => {
  const { method } = request
  const url = urlOf(request)
  const { status } = response
  const location = locationsOf(response)
  const hasBody = request.body._tag !== "Empty"
  const decision = Redirect.decide({ method, url, status, location, hops, hasBody, ...rules })
  if (decision._tag === "Stop") return Effect.succeed(response)
  if (decision._tag === "Reject") return Effect.fail(rejected(response, request, decision.reason))
  if (decision.keepBody && !RequestBody.isReplayable(request.body)) {
    return Effect.fail(rejected(response, request, "BodyNotReplayable"))
  }
  // The server may quote the credentials of this hop in the next one's URL.
  const onward = after(nextRequest(request, decision), signingsOf(response))
  return Effect.flatMap(hopWait(response, rules.longestWait), (ms) =>
    Timeline.emit(() => ({ _tag: "Redirected", url: shownUrl(onward), ms })).pipe(
      Effect.zipRight(releaseAndWait(response, ms)),
      Effect.zipRight(hop(rules, onward, next, hops + 1))
    )
  )
}
