/** The interface of authentication schemes. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { Challenge } from "@countersign/protocol/Challenge"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type { InvalidRequest, Unauthorized } from "../../Errors.js"

/**
 * A signed request, and an id of the credentials it was signed with. The id is a number or a string that is not secret.
 * The scheme uses it to identify the credentials if they are rejected.
 *
 * @since 0.1.0
 * @category models
 */
export interface Signed<out E = never> {
  /** The request with credentials. */
  readonly request: HttpClientRequest
  /** Id of the credentials. It must not be secret. */
  readonly credential: string | number
  /**
   * Called with every response. Some servers send a value that the next request needs, such as a nonce. It must not
   * throw.
   */
  readonly onResponse?: ((response: HttpClientResponse) => void) | undefined
  /** Called if the request ends without a response, because it fails or is interrupted. It must not throw. */
  readonly onNoResponse?: (() => void) | undefined
  /**
   * Verifies a response, for a server that authenticates its responses. Called with every response except a 401. A failure is the
   * failure of the call. Returns `undefined` if there is nothing to verify.
   */
  readonly verify?: ((response: HttpClientResponse) => Effect.Effect<void, E | InvalidRequest> | undefined) | undefined
  /** The rule of {@link Service.expiredWhen} for the response to this request, if the service has none. */
  readonly expiredWhen?: ExpiredWhen | undefined
}

/**
 * A rejected request: the id of the rejected credentials, the server's challenges, and the time (epoch milliseconds).
 *
 * @since 0.1.0
 * @category models
 */
export interface Rejection {
  /** Id of the rejected credentials, from {@link Signed.credential}. */
  readonly credential: string | number
  /** The parsed `WWW-Authenticate` of the response. */
  readonly challenges: ReadonlyArray<Challenge>
  /** Time of the response, in epoch milliseconds. */
  readonly at: number
  /** Id of the credentials that were rejected first. It differs from `credential` only for a replay. */
  readonly initialCredentialId?: string | number | undefined
}

/**
 * An answer to a challenge that a scheme offers to `Auth.negotiate`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Offer {
  /** Name of the scheme, with its algorithm if it has several, such as `Digest SHA-256`. */
  readonly name: string
  /** The offer with the greatest strength is used. See `Auth.strengths`. */
  readonly strength: number
}

/**
 * Responses other than a 401 that mean that the credentials have expired.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExpiredWhen {
  /** The status, or several, such as 403 or 400. A status below 300 requires {@link ExpiredWhen.body}. */
  readonly status: number | ReadonlyArray<number>
  /**
   * Whether the body of such a response means that the credentials have expired. Without it, every response with the
   * status does. It receives the body as text: the first 64 KiB of an error; of a success only JSON of at most 64 KiB.
   * If it throws, the result is false.
   */
  readonly body?: ((text: string) => boolean) | undefined
}

/**
 * An authentication scheme. `E` is what it fails with, beside `InvalidRequest`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service<out E = never> {
  /**
   * Adds the credentials to a request. Called for every HTTP request, because tokens change and signatures contain the
   * time.
   *
   * @param rejected - the id of the credentials that the server has just rejected. Undefined for a request that is no replay.
   */
  readonly sign: (
    request: HttpClientRequest,
    rejected?: string | number
  ) => Effect.Effect<Signed<E>, E | InvalidRequest>
  /**
   * Signs without an effect, if nothing has to be awaited: for example with a cached token that is valid at `now`
   * (epoch milliseconds). {@link sign} is used if it returns `undefined`, and for replays.
   */
  readonly signSync?: ((request: HttpClientRequest, now: number) => Signed<E> | undefined) | undefined
  /**
   * Handles a 401. Succeeds with true if the request can be sent again with other credentials: after a token refresh,
   * with the next key, or in answer to a challenge. It gets new credentials only if the rejected ones are still the
   * current ones.
   */
  readonly onRejected: (rejection: Rejection) => Effect.Effect<boolean, E | InvalidRequest>
  /**
   * Handles a 403. Succeeds with true if the request can be sent again with credentials that allow more. If it is
   * missing, or returns `undefined` or false, the response is the 403. Called once per request.
   */
  readonly onInsufficientScope?:
    | ((
        rejection: Pick<Rejection, "credential" | "challenges">
      ) => Effect.Effect<boolean, E | InvalidRequest> | undefined)
    | undefined
  /**
   * Called for a rejection that is not replayed, such as that of a replay. Renewing again immediately would not help.
   */
  readonly onReplayRejected?: ((rejection: Rejection) => Effect.Effect<void>) | undefined
  /**
   * Which responses other than a 401 are handled as a 401: {@link Service.onRejected} and a replay. If that does not
   * help, the call gets the response itself, such as `Forbidden` for a 403. Rate limits are excluded.
   */
  readonly expiredWhen?: ExpiredWhen | undefined
  /**
   * Reads a rate limit response (a 429, or a 403 or 413 that is one), for a scheme with several credentials that the server
   * limits separately. Gets the id of the credentials, and returns the milliseconds until some of them can be used. With 0 the
   * response is handled as one that {@link Service.expiredWhen} names, and no throttle starts. A greater number replaces the wait
   * that the response requests. It must not throw.
   */
  readonly onRateLimited?:
    ((credential: string | number, response: HttpClientResponse) => number | undefined) | undefined
  /**
   * How well the scheme can answer challenges, for `Auth.negotiate`. Returns `undefined` if it cannot answer any of them.
   */
  readonly offer?: ((challenges: ReadonlyArray<Challenge>, url: URL) => Offer | undefined) | undefined
  /** Gets the challenges of a request that another scheme sent, before it signs the next one. For `Auth.negotiate`. */
  readonly onChallenges?: ((challenges: ReadonlyArray<Challenge>, url: URL) => void) | undefined
  /** How often to replay a request (once): for example once per further key. See {@link Replay}. */
  readonly replay?: Replay | undefined
  /**
   * Whether the effects of this scheme end at the deadline of the call by themselves (false). They do if they wait for
   * nothing, or only with `Timeout.withDeadline`, `Timeout.remaining` or `Signal.wait`. Otherwise the client runs each of
   * them in a separate fiber, which it interrupts at the deadline.
   */
  readonly honorsDeadline?: boolean | undefined
}

/**
 * How often a request is sent again after a 401: a number, or a schedule that gets the error. A number costs less.
 *
 * @since 0.1.0
 * @category models
 */
export type Replay = number | Schedule.Schedule<unknown, Unauthorized>
