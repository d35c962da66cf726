/**
 * Cookies ([RFC 6265](https://www.rfc-editor.org/rfc/rfc6265)): stores the cookies of responses, and sends them with later
 * requests.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import type * as CookieJar from "./CookieJar.js"
import { runnerOf } from "./internal/call/immediate.js"
import { makePolicy } from "./internal/call/pipeline.js"
import * as CookieHeader from "./internal/cookies/cookieHeader.js"
import { setCookieHeadersOf } from "./internal/response/fieldValues.js"
import type * as Policy from "./Policy.js"

/**
 * Cookie policy: sends the cookies that the jar holds for a request's URL, and stores those of the response, whatever its
 * status.
 *
 * A cookie that the request already has replaces the jar's cookies of the same name. The policy stands inside `Redirects`
 * and `Auth`, so that it sees every hop and every 401.
 *
 * When a response sets two cookies of one name, both are stored if the transport supports `Transport.rawSetCookie`, as
 * `NodeTransport` does. With the platform's transports only the last one is stored, whatever their paths.
 *
 * Specification: [RFC 6265 §5.4](https://www.rfc-editor.org/rfc/rfc6265#section-5.4).
 *
 * @example
 * import * as CookieJar from "@countersign/client/CookieJar"
 * import * as Cookies from "@countersign/client/Cookies"
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 *
 * const client = Effect.gen(function* () {
 *   const jar = yield* CookieJar.makeMemory
 *   return Cookies.policy(jar)(yield* HttpClient.HttpClient)
 * })
 *
 * @param jar - the cookie jar.
 * @since 0.1.0
 * @category policies
 */
export const policy = (jar: CookieJar.Service): Policy.Policy => {
  // A jar of the application may wait, for its store.
  const access = runnerOf(jar)
  return makePolicy((request, next, context) =>
    Effect.flatMap(access(jar.cookiesFor(request.url), context), (kept) =>
      Effect.flatMap(next(kept === "" ? request : withCookies(request, kept), context), (response) => {
        const lines = setCookieHeadersOf(response)
        if (lines.length === 0) return Effect.succeed(response)
        return Effect.as(access(jar.store(request.url, lines), context), response)
      })
    )
  )
}

const withCookies = (request: HttpClientRequest.HttpClientRequest, kept: string): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.setHeader(request, "cookie", CookieHeader.merge(request.headers["cookie"] ?? "", kept))
