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
import type { InvalidRequest, SchemeDowngraded, Unauthorized } from "./Errors.js"
import type { ChallengeScheme } from "./internal/auth/challenged.js"
import { makeService } from "./internal/auth/challenged.js"
import { negotiate as negotiateSchemes } from "./internal/auth/negotiate.js"
import type { ReplayContext, SignedExchange } from "./internal/auth/replay.js"
import { initialState, sendSigned, signAndSend } from "./internal/auth/replay.js"
import type { ExpiredWhen, Replay, Service, Signed } from "./internal/auth/scheme.js"
import type { Send } from "./internal/call/pipeline.js"
import type { CallContext } from "./internal/call/context.js"
import { makePolicy } from "./internal/call/pipeline.js"
import { makeOriginMatcher } from "./internal/origins/originMatcher.js"
import { withoutEchoedCredentials } from "./internal/redaction/requestHistory.js"
import { unsafeNow } from "./internal/time/clock.js"
import type * as Policy from "./Policy.js"

export type { Answered, ChallengeScheme, RejectedRequest, Decision } from "./internal/auth/challenged.js"
export type { ExpiredWhen, Offer, Rejection, Replay, Service, Signed } from "./internal/auth/scheme.js"

/**
 * Identifies the authentication scheme of one API's client: a scheme that fails with `E` at most, beside `InvalidRequest`.
 * So a scheme with fewer errors provides it too.
 *
 * @since 0.1.0
 * @category models
 */
export interface Auth<in E = never> {
  /** The key of the service. */
  readonly "@countersign/client/Auth": (error: E) => void
}

/**
 * The tag of a scheme that fails with `E`. All have one key, so an application has one scheme in each place.
 *
 * @since 0.1.0
 * @category tags
 */
export const tag = <E = never>(): Context.Tag<Auth<E>, Service<E>> =>
  Context.GenericTag<Auth<E>, Service<E>>("@countersign/client/Auth")

/**
 * The tag of a scheme without errors of its own, such as an API key. See {@link tag} for the others.
 *
 * @since 0.1.0
 * @category tags
 */
export const Auth: Context.Tag<Auth, Service> = /* @__PURE__ */ tag()

/**
 * Layer with a scheme.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E>(auth: Service<E>): Layer.Layer<Auth<E>> => Layer.succeed(tag<E>(), auth)

/**
 * Layer with a scheme that an effect makes.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerEffect = <E, E1, R>(auth: Effect.Effect<Service<E>, E1, R>): Layer.Layer<Auth<E>, E1, R> =>
  Layer.effect(tag<E>(), auth)

/**
 * Makes a scheme with fixed credentials that an effect adds to each request. A 401 is final.
 *
 * @param put - adds the credentials to a request.
 * @since 0.1.0
 * @category constructors
 */
export const makeStaticEffect = <E = never>(
  put: (request: HttpClientRequest) => Effect.Effect<HttpClientRequest, E>
): Service<Exclude<E, InvalidRequest>> => ({
  sign: (request) =>
    // A scheme may fail with `InvalidRequest` in any case. The compiler cannot show it for a generic `E`.
    Effect.map(put(request), (signed) => ({ request: signed, credential: 0 })) as Effect.Effect<
      Signed,
      Exclude<E, InvalidRequest> | InvalidRequest
    >,
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
  return {
    sign: (request) => Effect.sync(() => signSync(request)),
    signSync,
    onRejected: () => Effect.succeed(false),
    honorsDeadline: true
  }
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
export const withExpired = <E>(auth: Service<E>, expiredWhen: ExpiredWhen): Service<E> => ({ ...auth, expiredWhen })

/**
 * Strengths of offers, for {@link negotiate}: a password that is sent is the weakest credential, and a proof of possession the
 * strongest.
 *
 * @since 0.1.0
 * @category negotiation
 */
export const strengths = { basic: 10, digest: 20, bearer: 30, proof: 40 } as const

/**
 * Makes a scheme that answers challenges, such as Digest.
 *
 * The first request to an origin is sent without credentials, and others wait until it has a response. After that, each request
 * is signed at once.
 *
 * @param scheme - signs requests with a known challenge, and reads the challenges of a 401.
 * @since 0.1.0
 * @category constructors
 */
export const makeChallenged = <K, E = never>(scheme: ChallengeScheme<K, E>): Service<E> => makeService(scheme).service

/**
 * Answers the challenges of a server with the strongest of several schemes that can answer them.
 *
 * - The first request to an origin is sent without credentials. Others wait for its challenge.
 * - The choice is remembered for the realm, and for paths at or below the folder of the challenged one. Requests there are signed
 *   at once.
 * - A scheme that the server has accepted is pinned: if the server later offers weaker ones only, the call fails with
 *   `SchemeDowngraded`, and nothing is sent.
 * - A 401 and a 403 go to the scheme that signed the request, such as for a token refresh. So do a rate limit response, and a
 *   response that `expiredWhen` of this scheme names. A rule of {@link withExpired} on the result is used for all schemes instead.
 * - If no scheme can answer, the call fails with `Unauthorized`, which lists the challenges.
 *
 * Specification: [RFC 9110 §11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1),
 * [§11.5](https://www.rfc-editor.org/rfc/rfc9110#section-11.5).
 *
 * @example
 * import * as Basic from "@countersign/auth/Basic"
 * import * as Digest from "@countersign/auth/Digest"
 * import * as Auth from "@countersign/client/Auth"
 * import * as Redacted from "effect/Redacted"
 *
 * const account = { username: "user", password: Redacted.make("pass") }
 * const auth = Auth.negotiate([Digest.make(account), Basic.make(account)])
 *
 * @param schemes - schemes with an `offer`, such as `Basic`, `Digest`, `Bearer` and OAuth's. The order does not matter.
 * @since 0.1.0
 * @category negotiation
 */
export const negotiate = <const Schemes extends readonly [Service<unknown>, ...ReadonlyArray<Service<unknown>>]>(
  schemes: Schemes
): Service<FailureOf<Schemes[number]> | SchemeDowngraded> =>
  // Each scheme fails with a part of the union at most. The compiler cannot show it for a generic list.
  negotiateSchemes(schemes as ReadonlyArray<Service<FailureOf<Schemes[number]>>>)

/** What a scheme fails with. */
type FailureOf<S> = S extends Service<infer E> ? E : never

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
export interface Options<E = never> {
  /** The authentication scheme. */
  readonly auth: Service<E>
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
 * - A redirect to another origin is followed without credentials. If its `Location` repeats query parameters that the scheme added,
 *   they are removed, also in a URL that is the value of a parameter.
 * - After a 401 the request is sent once more, if the scheme has new credentials. A replay is not a retry attempt.
 * - A 403 causes one replay, and only if the scheme can satisfy a step-up challenge (`onInsufficientScope`).
 * - Responses that the scheme's `expiredWhen` names are handled like a 401.
 * - A rate limit response causes a replay only if the scheme has other credentials for it (`onRateLimited`).
 * - Every other status is returned unchanged.
 *
 * Fails with `Unauthorized` when the scheme has no new credentials, when the replay is rejected too, or when the body cannot
 * be sent again. In the last case the credentials are refreshed all the same. Fails as the scheme fails: with its own
 * errors, or with `InvalidRequest`.
 *
 * Specification: [RFC 9110 §11](https://www.rfc-editor.org/rfc/rfc9110#section-11),
 * [§15.5.2](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2).
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = <E>(options: Options<E>): Policy.Policy<E | Unauthorized | InvalidRequest> => {
  const { auth } = options
  const replay = options.replay ?? auth.replay ?? replayOnce
  const destinationOf = makeOriginMatcher(options.origins)
  const send = <E1, R1>(
    request: HttpClientRequest,
    next: Send<E1, R1>,
    call: CallContext
  ): SignedExchange<E | E1, R1> => {
    if (!destinationOf(request.url).own) return next(withoutEchoedCredentials(request), call)
    const context: ReplayContext<E | E1, R1> = { auth, replay, request, next, call }
    const signed = auth.signSync?.(request, unsafeNow(call.fiber))
    // Suspended: the frames of the outer policies keep this effect, and with it the exchange, as long as a refresh takes.
    return Effect.suspend(() =>
      signed === undefined
        ? signAndSend(context, initialState(replay), undefined)
        : sendSigned(context, signed, initialState(replay), undefined)
    )
  }
  return makePolicy<E | Unauthorized | InvalidRequest>(send)
}
