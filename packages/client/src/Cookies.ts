/**
 * A session's cookies: kept from every answer, sent to whom they belong.
 *
 * @since 0.1.0
 */
import * as PlatformCookies from "@effect/platform/Cookies"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import type * as CookieJar from "./CookieJar.js"
import * as Policy from "./Policy.js"

/**
 * Sends the cookies that the jar holds for a request's URL, after those that the request brings itself, and keeps
 * those of its answer, whatever the status. It stands nearest to the wire, so that it sees each hop of a redirect and
 * each 401.
 *
 * Of two cookies of one name in one answer the platform keeps the last, whatever their paths; so does this.
 *
 * Specification: [RFC 6265 §5.4](https://www.rfc-editor.org/rfc/rfc6265#section-5.4).
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (jar: CookieJar.Service): Policy.Policy =>
  Policy.make((request, next) =>
    Effect.flatMap(jar.cookiesFor(request.url), (kept) =>
      Effect.flatMap(next(kept === "" ? request : withCookies(request, kept)), (response) => {
        const { cookies } = response
        return PlatformCookies.isEmpty(cookies)
          ? Effect.succeed(response)
          : Effect.as(jar.store(request.url, PlatformCookies.toSetCookieHeaders(cookies)), response)
      })
    )
  )

const withCookies = (
  request: HttpClientRequest.HttpClientRequest,
  kept: string
): HttpClientRequest.HttpClientRequest => {
  const own = request.headers["cookie"]
  return HttpClientRequest.setHeader(request, "cookie", own === undefined || own === "" ? kept : `${own}; ${kept}`)
}
