/** The service and the options of token sources. */
import type * as Auth from "@countersign/client/Auth"
import type { TokenError, TokenStoreError } from "../../Errors.js"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as StepUp from "../../StepUp.js"
import type * as Token from "../../Token.js"

/**
 * The current token of a source, with its generation.
 *
 * @since 0.1.0
 * @category models
 */
export interface CachedToken {
  /** The token to send. */
  readonly token: Token.Token
  /** Identifies the token without its secret. It increases with each new token of the source. */
  readonly generation: number
}

/**
 * Returns the current access token. Refreshes it before it expires or after a 401.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * The current token. Returns it immediately outside of `forcedRefreshWindow`; inside, waits for the refresh, which all
   * callers share. If the refresh fails or takes too long, returns the old token until it expires.
   */
  readonly get: Effect.Effect<CachedToken, TokenError | TokenStoreError>
  /**
   * The token that {@link Service.get} returns without a wait at `now` (epoch milliseconds), or undefined if it would wait.
   */
  readonly getCached?: ((now: number) => CachedToken | undefined) | undefined
  /**
   * Reports that the API rejected a token (401), and returns whether a replay may succeed.
   *
   * - True if the token was already replaced, is replaced now, or is so new that the API may not accept it yet. In the last
   *   case it waits first, see `propagationDelay`.
   * - False for a token that replaced `first`, the token of the first request of the call. Also false for 30 seconds after
   *   {@link Service.onReplayRejected} reported this token.
   *
   * A step-up challenge (`challenge`) is passed to `acquireToken`, if `canSatisfy` accepts it: once for the same challenge,
   * until the authorization server declines it. Otherwise it returns true only if a new sign-in has stored another token.
   */
  readonly onRejected: (
    generation: string | number,
    first?: string | number,
    challenge?: StepUp.StepUpChallenge
  ) => Effect.Effect<boolean, TokenError | TokenStoreError>
  /**
   * Reports that the API also rejected the replacement of a rejected token. For 30 seconds a 401 does not replace this
   * token, because an API that rejects each token would cause endless refreshes.
   */
  readonly onReplayRejected: (generation: string | number) => Effect.Effect<void>
  /** Which responses mean, beside a 401, that the token has expired. `Bearer` and `Dpop` check each response for them. */
  readonly expiredWhen?: Auth.ExpiredWhen | undefined
  /** Whether all waits of this source end at the deadline of the call (false). See `Auth.Service.honorsDeadline`. */
  readonly honorsDeadline?: boolean | undefined
}

/**
 * Times of a token source. `TokenSource.defaults` has the default values.
 *
 * @since 0.1.0
 * @category models
 */
export interface RefreshOptions {
  /** Maximum duration of one run of `acquireToken` (20 s). A refresh without a response is repeated once. */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * Within this time before expiry, the token is refreshed in the background (5 min; at most a fifth of its lifetime). Up to
   * 20 % random jitter is subtracted, so that processes do not refresh together.
   */
  readonly refreshWindow?: Duration.DurationInput | undefined
  /** Within this time before expiry, callers wait for the new token (30 s; at most a tenth of its lifetime). */
  readonly forcedRefreshWindow?: Duration.DurationInput | undefined
  /**
   * For this time after receipt, a token that gets a 401 is sent again before it is replaced: once after 0.5 s, and once at
   * the end. The API may not accept a new token immediately (default 0, which means never; 3 s for the OAuth grants).
   */
  readonly propagationDelay?: Duration.DurationInput | undefined
  /**
   * Which responses of the API mean, beside a 401, that the token has expired:
   * `{ status: 403, body: (text) => text.includes("token expired") }`. The token is refreshed, and the request is sent once
   * more.
   */
  readonly expiredWhen?: Auth.ExpiredWhen | undefined
}

/**
 * Options of `TokenSource.make`: the key of the record, and the function that acquires a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends RefreshOptions {
  /** The key of the token in the store. `TokenKey.format` makes one. */
  readonly key: string
  /**
   * Requests a token from the authorization server. `previous` is the last token, and its refresh token may still be valid.
   * `challenge` merges the step-up challenges that {@link Options.canSatisfy} has accepted. The function runs under the lock
   * of the store, in a separate fiber that callers cannot interrupt.
   */
  readonly acquireToken: (
    previous: Option.Option<Token.Token>,
    challenge?: StepUp.StepUpChallenge
  ) => Effect.Effect<Token.Token, TokenError, R>
  /** Whether `acquireToken` can satisfy a step-up challenge. By default it can satisfy none. */
  readonly canSatisfy?: ((challenge: StepUp.StepUpChallenge) => boolean) | undefined
  /**
   * The issuer, client, account and audience of the tokens. They are stored in each record. A record with another owner is
   * neither used nor overwritten, and reading it fails with `OwnerMismatch`.
   */
  readonly tokenOwner?: Token.TokenOwner | undefined
  /**
   * What to do if the record is damaged (`Corrupt`): `"fail"` (default) or `"replace"`. Use `"replace"` only if
   * `acquireToken` needs no data of the record. The store then moves the damaged data aside, a warning names the new
   * location, and a new token is stored. If the store cannot move the data, it stays unchanged and the token is kept in
   * memory only.
   */
  readonly onCorruptRecord?: "fail" | "replace" | undefined
}
