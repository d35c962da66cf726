/**
 * The client credentials grant: service to service, in nobody's name but the client's own.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest, TokenError } from "@countersign/client/Errors"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as StepUp from "./StepUp.js"
import { presenting } from "./internal/oauth/authLayer.js"
import * as Configured from "./internal/oauth/optionsFromConfig.js"
import { apiOf } from "./internal/oauth/tokenAudience.js"
import * as Quirk from "./internal/response/complianceFixes.js"
import * as OAuth2 from "./OAuth2.js"
import type { Token } from "./Token.js"
import * as TokenKey from "./TokenKey.js"
import type * as TokenSource from "./TokenSource.js"
import type * as TokenStore from "./TokenStore.js"

/**
 * The client, and what it asks for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends OAuth2.Client, TokenSource.RefreshOptions {
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The API the token is for, where the server issues tokens for several. */
  readonly resource?: string | undefined
  /** The API the token is for, by the name that the server knows it by: for servers that have this in the place of `resource`. */
  readonly audience?: string | undefined
  /**
   * Whether scopes that an API demands are asked for beside those above (no). What a client may do is then for the
   * authorization server to say, and no longer for this list.
   */
  readonly stepUp?: boolean | undefined
}

/**
 * How this grant gets a token: by the refresh token, if the server gave one and still takes it, else with the
 * client's own credentials, which are always at hand.
 *
 * @since 0.1.0
 * @category constructors
 */
export const acquireToken =
  (server: OAuth2.Service, { audience, complianceFixes, resource, scopes = [] }: Options) =>
  (previous: Option.Option<Token>, demand?: StepUp.StepUpChallenge): Effect.Effect<Token, TokenError> => {
    const demanded = demand?.scopes ?? []
    const all = StepUp.mergeScopes(scopes, demanded)
    const claims = demand && StepUp.toAuthorizationParameters(demand)
    const anew = server.clientCredentials({
      ...claims,
      ...(all.length > 0 && { scope: Quirk.scopeOf(all, complianceFixes) }),
      ...(audience !== undefined && { audience }),
      ...(resource !== undefined && { resource })
    })
    const old = Option.getOrUndefined(previous)
    const refreshToken = old?.refreshToken
    // A refresh widens nothing.
    return refreshToken === undefined || demanded.length > 0
      ? anew
      : Effect.catchIf(
          server.refresh(refreshToken, claims, old?.scope),
          ({ error, reason }) =>
            reason === "ReauthorizationRequired" ||
            error === "unauthorized_client" ||
            error === "unsupported_grant_type",
          () => anew
        )
  }

/**
 * What the client's credentials can meet: claims that the authorization server wants to see, and further scopes where the
 * options allow that. Nobody signs in by them.
 *
 * @since 0.1.0
 * @category predicates
 */
export const meets =
  ({ stepUp = false }: Pick<Options, "stepUp">) =>
  ({ acrValues, claims, maxAge, scopes }: StepUp.StepUpChallenge): boolean =>
    acrValues.length === 0 &&
    maxAge === undefined &&
    (claims !== undefined || scopes.length > 0) &&
    (stepUp || scopes.length === 0)

/**
 * Authenticates with tokens that the client gets for itself; a token is kept in the {@link TokenStore.TokenStore} and
 * replaced when it is about to expire or is refused. A damaged record does not stop it: the store moves it aside, and a new
 * token is requested.
 *
 * Building it fails with `InvalidRequest` where the issuer is no https URL, or the client's id or secret is empty. Signing fails with `TokenError` and
 * `TokenStoreError`.
 *
 * Specification: [RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4).
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<Auth.Auth | TokenSource.TokenSource, InvalidRequest, HttpClient.HttpClient | TokenStore.TokenStore> =>
  Layer.unwrapEffect(
    Effect.map(OAuth2.make(options), (server) => {
      const { clientId: client, issuer, scopes } = options
      const resource = apiOf(options)
      return presenting(options, server, {
        ...options,
        key: TokenKey.format({ issuer, client, scopes, resource }),
        tokenOwner: { issuer, client, audience: resource },
        acquireToken: acquireToken(server, options),
        canSatisfy: meets(options),
        onCorruptRecord: "replace"
      })
    })
  )

/**
 * {@link layer}, of which any option may come from the configuration.
 *
 * Building it fails with `ConfigError`, too, where the configuration lacks one.
 *
 * @example
 * import * as ClientCredentials from "@countersign/auth/ClientCredentials"
 * import * as Config from "effect/Config"
 *
 * const AuthLive = ClientCredentials.layerConfig({
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
