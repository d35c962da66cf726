/**
 * The client credentials grant (RFC 6749 §4.4): the client gets tokens for itself, without a user.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Auth from "@countersign/client/Auth"
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError, TokenSourceError } from "./Errors.js"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as StepUp from "./StepUp.js"
import { authLayer } from "./internal/oauth/authLayer.js"
import * as OptionNames from "./internal/oauth/optionNames.js"
import { audienceOf } from "./internal/oauth/tokenAudience.js"
import * as Fixes from "./internal/response/complianceFixes.js"
import * as OAuth2 from "./OAuth2.js"
import type { Token } from "./Token.js"
import * as TokenKey from "./TokenKey.js"
import type * as TokenSource from "./TokenSource.js"
import type * as TokenStore from "./TokenStore.js"

/**
 * The client, and the scopes and the API that it requests tokens for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends OAuth2.Client, TokenSource.RefreshOptions {
  /** The scopes to request. Without them, the server decides. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The URI of the API that the token is for (RFC 8707), if the server issues tokens for several APIs. */
  readonly resource?: string | undefined
  /** The identifier of the API that the token is for, for servers that use `audience` instead of `resource`. */
  readonly audience?: string | undefined
  /**
   * Whether the client requests further scopes when an API demands them (`false`). With `true`, the authorization server
   * alone limits the scopes of the client.
   */
  readonly stepUp?: boolean | undefined
}

/**
 * Gets a token: with the refresh token if there is one and the server accepts it, else with the client's credentials.
 *
 * @since 0.1.0
 * @category constructors
 */
export const acquireToken = (
  server: OAuth2.Service,
  options: Options
): ((previous: Option.Option<Token>, demand?: StepUp.StepUpChallenge) => Effect.Effect<Token, TokenError>) =>
  acquireWith(server, OptionNames.known(options))

const acquireWith =
  (server: OAuth2.Service, { audience, complianceFixes, resource, scopes = [] }: Options) =>
  (previous: Option.Option<Token>, demand?: StepUp.StepUpChallenge): Effect.Effect<Token, TokenError> => {
    const demanded = demand?.scopes ?? []
    const all = StepUp.mergeScopes(scopes, demanded)
    const claims = demand && StepUp.toAuthorizationParameters(demand)
    const anew = server.clientCredentials({
      ...claims,
      ...(all.length > 0 && { scope: Fixes.scopeOf(all, complianceFixes) }),
      ...(audience !== undefined && { audience }),
      ...(resource !== undefined && { resource })
    })
    const old = Option.getOrUndefined(previous)
    const refreshToken = old?.refreshToken
    // A refresh cannot add scopes (RFC 6749 §6).
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
 * Whether the client's credentials can satisfy a step-up challenge.
 *
 * They can satisfy `claims`, and with `stepUp: true` also further scopes. They cannot satisfy `acr_values` and `max_age`,
 * because no user signs in.
 *
 * @since 0.1.0
 * @category predicates
 */
export const canSatisfy = (options: Pick<Options, "stepUp">): ((challenge: StepUp.StepUpChallenge) => boolean) =>
  satisfies(OptionNames.known(options))

const satisfies =
  ({ stepUp = false }: Pick<Options, "stepUp">) =>
  ({ acrValues, claims, maxAge, scopes }: StepUp.StepUpChallenge): boolean =>
    acrValues.length === 0 &&
    maxAge === undefined &&
    (claims !== undefined || scopes.length > 0) &&
    (stepUp || scopes.length === 0)

/**
 * Layer that authenticates with tokens that the client gets for itself.
 *
 * A token is stored in the {@link TokenStore.TokenStore}, and replaced when it is about to expire or is rejected. If the
 * record is damaged, the store moves it aside, and the client requests a new token.
 *
 * Building the layer fails with `InvalidRequest` if the issuer is not an https URL, or the client's id or secret is empty.
 * Signing fails with `TokenError` and `TokenStoreError`.
 *
 * Specification: [RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4).
 *
 * @example
 * import * as ClientCredentials from "@countersign/auth/ClientCredentials"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = ClientCredentials.layer({
 *   issuer: "https://auth.example.com",
 *   clientId: "client",
 *   clientSecret: Redacted.make("secret"),
 *   scopes: ["read"]
 * })
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
    Effect.map(OAuth2.make(options), (server) => {
      const { clientId: client, issuer, scopes } = options
      const resource = audienceOf(options)
      return authLayer(options, server, {
        ...options,
        key: TokenKey.format({ issuer, client, scopes, resource }),
        tokenOwner: { issuer, client, audience: resource },
        acquireToken: acquireToken(server, options),
        canSatisfy: canSatisfy(options),
        onCorruptRecord: "replace"
      })
    })
  )

/**
 * Layer like {@link layer}, with any option from the configuration.
 *
 * Building the layer fails with `ConfigError` if the configuration lacks one of them.
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
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  ConfigError | InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore
> => Layer.unwrapEffect(Effect.map(ConfigOptions.read<Options>(options), layer))
