/** The service and the options of token sources. */
import type * as Auth from "@countersign/client/Auth"
import type { TokenError, TokenStoreError } from "@countersign/client/Errors"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as StepUp from "../../StepUp.js"
import type * as Token from "../../Token.js"

/**
 * A token in use. `generation` names it without telling it: it grows with every other token this source hands out.
 *
 * @since 0.1.0
 * @category models
 */
export interface CachedToken {
  readonly token: Token.Token
  readonly generation: number
}

/**
 * A source of one token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * The current token. At once while it is fresh; otherwise after somebody, not necessarily this caller, has got
   * another. While there is none to be had, one that has not expired yet is still given.
   */
  readonly get: Effect.Effect<CachedToken, TokenError | TokenStoreError>
  /** What {@link Service.get} gives at once at `now` (epoch milliseconds); undefined where it would have to wait. */
  readonly getCached?: ((now: number) => CachedToken | undefined) | undefined
  /**
   * Tells that a token was refused. True when another send may fare better: somebody has replaced it already, it is
   * replaced now, or it is so new that the API may not have known it, after a wait. False for a token that came in the
   * place of `first`, the one that the request was refused with at first, and for one that {@link Service.onReplayRejected} was
   * told of less than 30 seconds ago.
   *
   * Where the API has a `demand`, it is made part of what tokens are got with from then on, if the source can: once for
   * the same demand, and not for longer than it is granted. Where the source cannot, true only if somebody has stored
   * another token in the meantime, by signing in again.
   */
  readonly onRejected: (
    generation: string | number,
    first?: string | number,
    demand?: StepUp.StepUpChallenge
  ) => Effect.Effect<boolean, TokenError | TokenStoreError>
  /**
   * Tells that a token was refused although it had just replaced a refused one. A server that refuses whatever it is
   * given is not helped by more of them: this one is not replaced because of a refusal for 30 seconds.
   */
  readonly onReplayRejected: (generation: string | number) => Effect.Effect<void>
  /** Which responses of the API mean, beside a 401, that the token has expired. `Bearer` and `Dpop` look for them. */
  readonly expiredWhen?: Auth.ExpiredWhen | undefined
}

/**
 * When a source does what; see `defaults`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RefreshOptions {
  /** How long one try of `mint` may take (20 s). A refresh of which nothing was heard is tried once more. */
  readonly timeout?: Duration.DurationInput | undefined
  /** How long before its end a token is replaced in the background (5 min; a fifth of its life at most). */
  readonly refreshWindow?: Duration.DurationInput | undefined
  /** How long before its end who asks waits for another one (30 s; a tenth of its life at most). */
  readonly forcedRefreshWindow?: Duration.DurationInput | undefined
  /**
   * How long after it was got a token that is refused is tried again, after half a second and at the end, before it is
   * replaced: the API may not know it yet, where tokens take their time to get to it (0, never; 3 s for OAuth grants).
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
 * How to get a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends RefreshOptions {
  /** What the token is filed under in the store, see `TokenKey`. */
  readonly key: string
  /**
   * Gets a token, given the last one there was (its refresh token may still be good). Runs in a fiber of its own that
   * no caller can interrupt; the store's exclusion is held meanwhile. `demand` is what APIs have demanded that
   * {@link Options.canSatisfy} says can be met.
   */
  readonly acquireToken: (
    previous: Option.Option<Token.Token>,
    demand?: StepUp.StepUpChallenge
  ) => Effect.Effect<Token.Token, TokenError, R>
  /** Whether `mint` can get a token that meets a demand; none, when it is left out. */
  readonly canSatisfy?: ((demand: StepUp.StepUpChallenge) => boolean) | undefined
  /**
   * By whom, to whom, in whose name and for what the tokens are issued: written into each record. A record that was
   * issued otherwise is neither used nor overwritten, and reading it fails with `OwnerMismatch`.
   */
  readonly tokenOwner?: Token.TokenOwner | undefined
  /**
   * What to do if the record is damaged (`Corrupt`): `"fail"`, the default, or `"replace"`. Replace it only if `mint` needs
   * nothing of it: the store moves the damaged data aside, a warning names the place, and a new token is stored. A store that
   * cannot move it is left as it is, and the token serves from memory.
   */
  readonly onCorruptRecord?: "fail" | "replace" | undefined
}
