/**
 * The refresh token grant: in the name of somebody who has signed in before, for as long as the server allows it.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as StepUp from "./StepUp.js"
import { presenting } from "./internal/oauth/authLayer.js"
import * as Configured from "./internal/oauth/optionsFromConfig.js"
import { apiOf } from "./internal/oauth/tokenAudience.js"
import * as Lineage from "./internal/store/tokenLineage.js"
import * as OAuth2 from "./OAuth2.js"
import type { Token } from "./Token.js"
import * as TokenKey from "./TokenKey.js"
import type * as TokenSource from "./TokenSource.js"
import type * as TokenStore from "./TokenStore.js"

/**
 * The client, and whose token it refreshes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends OAuth2.Client, TokenSource.RefreshOptions {
  /** The user's account, by any name, where a store holds the tokens of several. */
  readonly account?: string | undefined
  /** The scopes that the user has granted. Each refresh sends them, see `OAuth2.Service`. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The API the token is for, where the server issues tokens for several. Each refresh sends it. */
  readonly resource?: string | undefined
  /**
   * The API the token is for, by the name that the server knows it by: for servers that have this in the place of `resource`.
   * A refresh does not ask for it, since the refresh token is for that API.
   */
  readonly audience?: string | undefined
  /**
   * A refresh token to begin with, where the store holds no token yet. One that the store holds goes first. Without `account`, a
   * record that began with another `refreshToken` is rejected (`OwnerMismatch`), because it may be another user's.
   */
  readonly refreshToken?: Redacted.Redacted<string> | undefined
}

/**
 * What the token is filed under: who signs somebody in stores it there.
 *
 * @since 0.1.0
 * @category keys
 */
export const keyOf = (options: Options): string => {
  const { account, clientId: client, issuer, scopes } = options
  return TokenKey.format({ issuer, client, account, scopes, resource: apiOf(options) })
}

const nobody = new TokenError({
  reason: "ReauthorizationRequired",
  detail: "there is no refresh token: sign in"
})

/**
 * How this grant gets a token: with the refresh token of the last one, and in no other way. `resource` and scopes of the
 * server's options are sent with it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const acquireToken =
  (server: OAuth2.Service, first?: Redacted.Redacted<string>) =>
  (previous: Option.Option<Token>, demand?: StepUp.StepUpChallenge): Effect.Effect<Token, TokenError> => {
    const old = Option.getOrUndefined(previous)
    const refreshToken = old?.refreshToken ?? first
    if (refreshToken === undefined) return Effect.fail(nobody)
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
 * What a refresh can meet: claims that the authorization server wants to see. It widens no scope, and nobody signs in anew
 * by it ([RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)).
 *
 * @since 0.1.0
 * @category predicates
 */
export const canSatisfy = ({ acrValues, claims, maxAge, scopes }: StepUp.StepUpChallenge): boolean =>
  claims !== undefined && scopes.length === 0 && acrValues.length === 0 && maxAge === undefined

/**
 * Authenticates with tokens that are refreshed for as long as the server allows it. However many fibers and processes
 * share an account, each refresh token is sent once: they take turns by the {@link TokenStore.TokenStore}, and take
 * over what another one has stored. Claims that an API wants to see are asked for with a refresh; for scopes and for a
 * stronger sign-in that it demands somebody has to sign in, see {@link Demand}: the call fails with `Forbidden` or
 * `Unauthorized`, and the next one finds the token that was stored.
 *
 * Building it fails with `InvalidRequest` where the issuer is no https URL, or the client's id or secret is empty.
 * Signing fails with `TokenError`, of reason `ReauthorizationRequired` where only signing in again helps, and with
 * `TokenStoreError`: `OwnerMismatch` for a record of another client or account, or of another `refreshToken` without an account.
 *
 * Specification: [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6),
 * [RFC 9700 §4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14).
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<Auth.Auth | TokenSource.TokenSource, InvalidRequest, HttpClient.HttpClient | TokenStore.TokenStore> =>
  Layer.unwrapEffect(
    Effect.map(Effect.zip(OAuth2.make(options), Lineage.of(options)), ([server, lineage]) => {
      const { account, clientId: client, issuer } = options
      return presenting(options, server, {
        ...options,
        key: keyOf(options),
        tokenOwner: { issuer, client, account, audience: apiOf(options), ...(lineage !== undefined && { lineage }) },
        acquireToken: acquireToken(server, options.refreshToken),
        canSatisfy
      })
    })
  )

/**
 * {@link layer}, of which any option may come from the configuration.
 *
 * Building it fails with `ConfigError`, too, where the configuration lacks one.
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
  Auth.Auth | TokenSource.TokenSource,
  ConfigError | InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore
> => Layer.unwrapEffect(Effect.map(Configured.read<Options>(options), layer))
