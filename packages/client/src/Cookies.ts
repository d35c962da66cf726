/**
 * A session's cookies: kept from every answer, sent to whom they belong.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import type * as CookieJar from "./CookieJar.js"
import * as CookieHeader from "./internal/cookies/cookieHeader.js"
import { setCookieLinesOf } from "./internal/response/setCookieHeaders.js"
import * as Policy from "./Policy.js"

/**
 * Sends the cookies that the jar holds for a request's URL, after those that the request brings itself, and keeps
 * those of its answer, whatever the status. A cookie that the request brings takes the place of those of its name in the
 * jar. It stands within redirects and authentication, so that it sees each hop and
 * each 401.
 *
 * Of two cookies of one name in one answer both are kept where the transport tells its `Set-Cookie` fields
 * (`Transport.rawSetCookie`; `NodeTransport` does). The platform's own keep the last, whatever their paths.
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
        const lines = setCookieLinesOf(response)
        return lines.length === 0 ? Effect.succeed(response) : Effect.as(jar.store(request.url, lines), response)
      })
    )
  )

const withCookies = (request: HttpClientRequest.HttpClientRequest, kept: string): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.setHeader(request, "cookie", CookieHeader.merge(request.headers["cookie"] ?? "", kept))
