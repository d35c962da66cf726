/**
 * Refresh token grant (RFC 6749 §6): access tokens for a user after an earlier sign-in.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Auth from "@countersign/client/Auth"
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenSourceError } from "./Errors.js"
import { TokenError } from "./Errors.js"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as StepUp from "./StepUp.js"
import { authLayer } from "./internal/oauth/authLayer.js"
import * as OptionNames from "./internal/oauth/optionNames.js"
import { audienceOf } from "./internal/oauth/tokenAudience.js"
import * as TokenLineage from "./internal/store/tokenLineage.js"
import * as OAuth2 from "./OAuth2.js"
import type { Token } from "./Token.js"
import * as TokenKey from "./TokenKey.js"
import type * as TokenSource from "./TokenSource.js"
import type * as TokenStore from "./TokenStore.js"

/**
 * Options of the refresh token grant: the client, the account, and the API.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends OAuth2.Client, TokenSource.RefreshOptions {
  /** The account of the user. Any text. Required if a store holds the tokens of several users. */
  readonly account?: string | undefined
  /** The scopes that the user has granted. Each refresh sends them, see `OAuth2.Service`. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** URL of the API that the token is for, if the server issues tokens for several APIs. Each refresh sends it. */
  readonly resource?: string | undefined
  /**
   * Identifier of the API that the token is for, for servers that use `audience` instead of `resource`. A refresh does not
   * send it, because the refresh token is bound to that API.
   */
  readonly audience?: string | undefined
  /**
   * The initial refresh token, used while the store has no token. A stored refresh token takes precedence. Without
   * `account`, a record that began with another `refreshToken` is rejected (`OwnerMismatch`), because it may belong to
   * another user.
   */
  readonly refreshToken?: Redacted.Redacted<string> | undefined
}

/**
 * The key of the token in the store. A sign-in stores the token under the same key.
 *
 * @since 0.1.0
 * @category keys
 */
export const keyOf = (options: Options): string => {
  const { account, clientId: client, issuer, scopes } = OptionNames.known(options)
  return TokenKey.format({ issuer, client, account, scopes, resource: audienceOf(options) })
}

const noRefreshToken = new TokenError({
  reason: "ReauthorizationRequired",
  detail: "there is no refresh token. Sign in"
})

/**
 * The `acquireToken` function of this grant, for `TokenSource.make`. It sends the refresh token of the previous token, or
 * `first`. It sends `resource` and `scopes` of the options of the server with it. Fails with `ReauthorizationRequired`
 * without a refresh token.
 *
 * @param first - the initial refresh token, see {@link Options.refreshToken}.
 * @since 0.1.0
 * @category constructors
 */
export const acquireToken =
  (server: OAuth2.Service, first?: Redacted.Redacted<string>) =>
  (previous: Option.Option<Token>, demand?: StepUp.StepUpChallenge): Effect.Effect<Token, TokenError> => {
    const old = Option.getOrUndefined(previous)
    const refreshToken = old?.refreshToken ?? first
    if (refreshToken === undefined) return Effect.fail(noRefreshToken)
    const granted = old?.scope
    const refreshed = server.refresh(refreshToken, demand && StepUp.toAuthorizationParameters(demand), granted)
    const extras = old?.extra
    return Effect.map(refreshed, (token) => ({
      ...(extras !== undefined && { extra: extras }),
      ...token,
      // RFC 6749 §5.1: a scope that is left out is the one that was requested.
      scope: token.scope ?? granted
    }))
  }

/**
 * Whether a refresh can satisfy a step-up challenge. Only a challenge for claims alone can be satisfied. A refresh adds no
 * scopes and does not authenticate the user again ([RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)).
 *
 * @since 0.1.0
 * @category predicates
 */
export const canSatisfy = ({ acrValues, claims, maxAge, scopes }: StepUp.StepUpChallenge): boolean =>
  claims !== undefined && scopes.length === 0 && acrValues.length === 0 && maxAge === undefined

/**
 * Layer that authenticates requests with the access token of a user and refreshes it.
 *
 * Fibers and processes that share an account also share the refresh token. They use the lock of the `TokenStore` and load
 * the token that another process has stored, so that each refresh token is sent once.
 *
 * A step-up challenge for claims is satisfied by a refresh. Further scopes or a stronger authentication require a new
 * sign-in: the call fails with `Forbidden` or `Unauthorized`, see `StepUp`. After the sign-in, the next call loads the
 * stored token.
 *
 * Building the Layer fails with `InvalidRequest` if `issuer` is not an https URL, or if `clientId` or `clientSecret` is
 * empty. Calls fail with
 *
 * - `TokenError`: with reason `ReauthorizationRequired` if the user must sign in again
 * - `TokenStoreError`: with reason `OwnerMismatch` for a record of another client or account, or for one that began with
 *   another `refreshToken` without `account`
 *
 * Specification: [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6),
 * [RFC 9700 §4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14).
 *
 * @example
 * import * as RefreshToken from "@countersign/auth/RefreshToken"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const AuthLive = Layer.unwrapEffect(
 *   Effect.map(Config.redacted("CLIENT_SECRET"), (clientSecret) =>
 *     RefreshToken.layer({ issuer: "https://oauth.test", clientId: "client", clientSecret, account: "alice" })
 *   )
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore
> =>
  Layer.unwrapEffect(
    Effect.map(Effect.zip(OAuth2.make(options), TokenLineage.of(options)), ([server, lineage]) => {
      const { account, clientId: client, issuer } = options
      return authLayer(options, server, {
        ...options,
        key: keyOf(options),
        tokenOwner: {
          issuer,
          client,
          account,
          audience: audienceOf(options),
          ...(lineage !== undefined && { lineage })
        },
        acquireToken: acquireToken(server, options.refreshToken),
        canSatisfy
      })
    })
  )

/**
 * Layer like {@link layer}, with options that may be read from the configuration (`Config`).
 *
 * Building it also fails with `ConfigError` if a configuration value is missing or invalid.
 *
 * @example
 * import * as RefreshToken from "@countersign/auth/RefreshToken"
 * import * as Config from "effect/Config"
 *
 * const AuthLive = RefreshToken.layerConfig({
 *   issuer: Config.string("ISSUER"),
 *   clientId: Config.string("CLIENT_ID"),
 *   clientSecret: Config.redacted("CLIENT_SECRET"),
 *   scopes: ["read"]
 * })
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: OAuth2.OrConfig<Options>
): Layer.Layer<
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  ConfigError | InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore
> => Layer.unwrapEffect(Effect.map(ConfigOptions.read<Options>(options), layer))
