/**
 * The port of every authentication scheme, and the policy that uses it: sign last, only for the origins that the
 * credentials belong to, and answer a 401 once.
 *
 * @since 0.1.0
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Origin from "@countersign/protocol/Origin"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type { AuthError, Unauthorized } from "./Errors.js"
import { send, sign } from "./internal/auth/replay.js"
import type { ExpiredWhen, Service, Signed } from "./internal/auth/scheme.js"
import { nowOf } from "./internal/time/clock.js"
import * as Policy from "./Policy.js"

export type { ExpiredWhen, Rejection, Service, Signed } from "./internal/auth/scheme.js"

/**
 * The scheme of one API's client.
 *
 * @since 0.1.0
 * @category tags
 */
export class Auth extends /* @__PURE__ */ Context.Tag("@countersign/client/Auth")<Auth, Service>() {}

/**
 * A scheme whose credentials never change by themselves: nothing helps against a refusal.
 *
 * @param put - puts the credentials on a request.
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
 * {@link makeStaticEffect}, of credentials that are put on a request without an effect.
 *
 * @param put - puts the credentials on a request, and never throws.
 * @since 0.1.0
 * @category constructors
 */
export const makeStatic = (put: (request: HttpClientRequest) => HttpClientRequest): Service => {
  const signSync = (request: HttpClientRequest): Signed => ({ request: put(request), credential: 0 })
  return { sign: (request) => Effect.sync(() => signSync(request)), signSync, onRejected: () => Effect.succeed(false) }
}

/**
 * No credentials: for an API, or one call, that asks for none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: Service = /* @__PURE__ */ makeStaticEffect(Effect.succeed)

/**
 * A scheme for an API that reports expired credentials by other responses than a 401:
 * `Auth.withExpired(auth, { status: 403, body: (text) => text.includes("expired") })`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withExpired = (auth: Service, expiredWhen: ExpiredWhen): Service => ({ ...auth, expiredWhen })

/**
 * {@link none} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNone: Layer.Layer<Auth> = /* @__PURE__ */ Layer.succeed(Auth, none)

/**
 * How often a request is sent again after a 401 for which there were other credentials: once, at once. What is refused
 * twice is not a matter of freshness.
 *
 * @since 0.1.0
 * @category schedules
 */
export const replayOnce: Schedule.Schedule<number, Unauthorized> = Schedule.recurs(1)

/**
 * Where credentials go, and how often a refusal is answered.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly auth: Service
  /** The origins that the credentials belong to: scheme, host and port. A request to any other is sent bare. */
  readonly origins: ReadonlyArray<string>
  /** How often to replay, instead of what the scheme says ({@link replayOnce}). */
  readonly replay?: Schedule.Schedule<unknown, Unauthorized> | undefined
}

/** Most URLs begin with the origin as it is written; only the others are worth parsing. */
const belongsTo = (origins: ReadonlyArray<string>) => {
  const own = origins.map(Origin.of)
  return (url: string): boolean => {
    for (const origin of own) {
      if (url.startsWith(origin) && (url.length === origin.length || "/?#".includes(url.charAt(origin.length)))) {
        return true
      }
    }
    return own.some((origin) => Origin.same(origin, url))
  }
}

/**
 * Signs each send to one of the origins, and answers a 401: if the scheme has other credentials than the refused ones
 * by then, the request is sent once more with those. A replay is no attempt of a retry. A 403 renews nothing, unless the
 * scheme can step up to what the API demands, which is tried once. `expiredWhen` of the scheme names further responses that
 * are answered as a 401.
 *
 * Fails with `Unauthorized` when the scheme has nothing else, when the replay is refused too, and when the body cannot
 * be sent again (the credentials are renewed all the same); with what signing fails with. An exchange that is
 * answered with another status passes.
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
  const isOwn = belongsTo(options.origins)
  return Policy.make<Unauthorized | AuthError>((request, next) => {
    if (!isOwn(request.url)) return next(request)
    const loop = { auth, replay, request, next }
    return Effect.withFiberRuntime((fiber) => {
      const signed = auth.signSync?.(request, nowOf(fiber))
      return signed === undefined
        ? sign(loop, replay.initial, undefined)
        : send(loop, signed, replay.initial, undefined)
    })
  })
}
