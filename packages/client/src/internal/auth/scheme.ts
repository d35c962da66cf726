/** The port of authentication schemes. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { Challenge } from "@countersign/protocol/Challenge"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type { AuthError, Unauthorized } from "../../Errors.js"

/**
 * A request with credentials on it, and a name for the ones that were used: a number or a text that is no secret, by
 * which the scheme knows them again if they are refused.
 *
 * @since 0.1.0
 * @category models
 */
export interface Signed {
  readonly request: HttpClientRequest
  readonly credential: string | number
  /** Told of the answer, whatever it is, when it comes: servers hand out with one what the next request needs. Never throws. */
  readonly onResponse?: ((response: HttpClientResponse) => void) | undefined
}

/**
 * A 401: which credentials were refused, and what the server asks for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rejection {
  readonly credential: string | number
  readonly challenges: ReadonlyArray<Challenge>
  readonly at: number
  /** The credentials that the request was refused with at first: the same ones, unless this is a replay. */
  readonly initialCredentialId?: string | number | undefined
}

/**
 * Which responses mean that the credentials have expired, beside a 401.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExpiredWhen {
  /** The status, such as 403 or 400; or several. One below 300 needs {@link ExpiredWhen.body}. */
  readonly status: number | ReadonlyArray<number>
  /**
   * Whether the body says so; without it each response with the status does. It gets the body as text: of an error the first
   * 64 KiB, of a success only JSON of at most 64 KiB. False if it throws.
   */
  readonly body?: ((text: string) => boolean) | undefined
}

/**
 * An authentication scheme.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Puts the credentials on one send. Called for every send anew: tokens change, and signatures carry the time. */
  readonly sign: (request: HttpClientRequest) => Effect.Effect<Signed, AuthError>
  /**
   * Signs at once, where nothing has to be waited for: a token that is there and fresh at `now` (epoch milliseconds)
   * needs no effect. Where it gives `undefined`, and for replays, {@link sign} is asked.
   */
  readonly signSync?: ((request: HttpClientRequest, now: number) => Signed | undefined) | undefined
  /**
   * Answers a refusal: true when another send may fare better, since there are other credentials than the refused
   * ones now (a token was refreshed, the next key is in use, the challenge can be answered). It gets others only if
   * the refused ones are still the current ones.
   */
  readonly onRejected: (rejection: Rejection) => Effect.Effect<boolean, AuthError>
  /**
   * Answers a 403: true when another send may fare better, since there are credentials now that allow more. Where it is
   * left out, or gives nothing or false, the answer is the 403. One for each request.
   */
  readonly onInsufficientScope?:
    | ((rejection: Pick<Rejection, "credential" | "challenges">) => Effect.Effect<boolean, AuthError> | undefined)
    | undefined
  /** Hears of a refusal that nothing more is done about, a replay's for one: to renew at once again would not help. */
  readonly onReplayRejected?: ((rejection: Rejection) => Effect.Effect<void>) | undefined
  /**
   * Which other responses than a 401 are answered as one: {@link Service.onRejected}, and a replay. If nothing more is done about
   * such a response, the call gets the response itself, such as `Forbidden` for a 403. A rate limit is none of them.
   */
  readonly expiredWhen?: ExpiredWhen | undefined
  /** How often a request is worth sending again, where `replayOnce` does not fit: once for each further key. */
  readonly replay?: Schedule.Schedule<unknown, Unauthorized> | undefined
}
