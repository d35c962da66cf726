/**
 * HTTP authentication ([RFC 9110 §11](https://www.rfc-editor.org/rfc/rfc9110#section-11)): the interface of authentication
 * schemes, and the policy that uses a scheme.
 *
 * The policy signs requests to the client's own origins only, and replays a request after a 401.
 *
 * @since 0.1.0
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AuthError, Unauthorized } from "./Errors.js"
import { initialState, sendSigned, signAndSend } from "./internal/auth/replay.js"
import type { ExpiredWhen, Replay, Service, Signed } from "./internal/auth/scheme.js"
import { makePolicy } from "./internal/call/policy.js"
import { makeOriginMatcher } from "./internal/origins/originMatcher.js"
import { unsafeNow } from "./internal/time/clock.js"
import type * as Policy from "./Policy.js"

export type { ExpiredWhen, Rejection, Replay, Service, Signed } from "./internal/auth/scheme.js"

/**
 * The authentication scheme of one API's client.
 *
 * @since 0.1.0
 * @category tags
 */
export class Auth extends /* @__PURE__ */ Context.Tag("@countersign/client/Auth")<Auth, Service>() {}

/**
 * Makes a scheme with fixed credentials that an effect adds to each request. A 401 is final.
 *
 * @param put - adds the credentials to a request.
 * @since 0.1.0
 * @category constructors
 */
export const makeStaticEffect = (
  put: (request: HttpClientRequest) => Effect.Effect<HttpClientRequest, AuthError>
): Service => ({
  sign: (request) => Effect.map(put(request), (signed) => ({ request: signed, credential: 0 })),
  onRejected: () => Effect.succeed(false)
})

/**
 * Makes a scheme with fixed credentials that a pure function adds to each request. A 401 is final.
 *
 * @example
 * import * as Auth from "@countersign/client/Auth"
 * import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
 * import * as Redacted from "effect/Redacted"
 *
 * const apiKey = Redacted.make("secret")
 * const auth = Auth.makeStatic(HttpClientRequest.setHeader("x-api-key", Redacted.value(apiKey)))
 *
 * @param put - adds the credentials to a request. It must not throw.
 * @since 0.1.0
 * @category constructors
 */
export const makeStatic = (put: (request: HttpClientRequest) => HttpClientRequest): Service => {
  const signSync = (request: HttpClientRequest): Signed => ({ request: put(request), credential: 0 })
  return { sign: (request) => Effect.sync(() => signSync(request)), signSync, onRejected: () => Effect.succeed(false) }
}

/**
 * The scheme without credentials, for an API or a single call that needs none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: Service = /* @__PURE__ */ makeStaticEffect(Effect.succeed)

/**
 * Adds further responses that count as an expired credential, for an API that does not answer with a 401.
 *
 * The client handles such a response like a 401: it refreshes the credentials and replays the request.
 *
 * @example
 * import * as Auth from "@countersign/client/Auth"
 *
 * const auth = Auth.withExpired(Auth.none, { status: 403, body: (text) => text.includes("expired") })
 *
 * @param expiredWhen - the statuses, and optionally a predicate over the body.
 * @since 0.1.0
 * @category combinators
 */
export const withExpired = (auth: Service, expiredWhen: ExpiredWhen): Service => ({ ...auth, expiredWhen })

/**
 * Layer with the scheme without credentials.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNone: Layer.Layer<Auth> = /* @__PURE__ */ Layer.succeed(Auth, none)

/**
 * The default replay: one immediate replay after a 401, if the scheme has new credentials.
 *
 * @since 0.1.0
 * @category replays
 */
export const replayOnce: Replay = 1

/**
 * Options of the authentication policy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The authentication scheme. */
  readonly auth: Service
  /**
   * The origins that receive the credentials: scheme, host and port. Requests to other origins are sent without credentials.
   */
  readonly origins: ReadonlyArray<string>
  /** How often to replay a request after a 401. Overrides the scheme's own `replay`. The default is {@link replayOnce}. */
  readonly replay?: Replay | undefined
}

/**
 * Authentication policy: signs each request to one of the origins, and replays it after a 401.
 *
 * - After a 401 the request is sent once more, if the scheme has new credentials. A replay is not a retry attempt.
 * - A 403 causes one replay, and only if the scheme can satisfy a step-up challenge (`onInsufficientScope`).
 * - Responses that the scheme's `expiredWhen` names are handled like a 401.
 * - Every other status is returned unchanged.
 *
 * Fails with `Unauthorized` when the scheme has no new credentials, when the replay is rejected too, or when the body cannot
 * be sent again. In the last case the credentials are refreshed all the same. Fails with `AuthError` when signing fails.
 *
 * Specification: [RFC 9110 §11](https://www.rfc-editor.org/rfc/rfc9110#section-11),
 * [§15.5.2](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2).
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (options: Options): Policy.Policy<Unauthorized | AuthError> => {
  const { auth } = options
  const replay = options.replay ?? auth.replay ?? replayOnce
  const destinationOf = makeOriginMatcher(options.origins)
  return makePolicy<Unauthorized | AuthError>((request, next, call) => {
    if (!destinationOf(request.url).own) return next(request, call)
    const context = { auth, replay, request, next, call }
    const signed = auth.signSync?.(request, unsafeNow(call.fiber))
    return signed === undefined
      ? signAndSend(context, initialState(replay), undefined)
      : sendSigned(context, signed, initialState(replay), undefined)
  })
}
