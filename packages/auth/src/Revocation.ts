/**
 * Token revocation (RFC 7009): revokes one token, or all tokens of a user's sign-in.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenStoreError } from "./Errors.js"
import { TokenError } from "./Errors.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import { retryUnavailable } from "./internal/oauth/retryUnavailable.js"
import * as ServerEndpoints from "./internal/oauth/serverEndpoints.js"
import * as SharedServer from "./internal/oauth/sharedServer.js"
import { audienceOf } from "./internal/oauth/tokenAudience.js"
import * as ReplaceToken from "./internal/store/replaceToken.js"
import * as TokenLineage from "./internal/store/tokenLineage.js"
import type * as OAuth2 from "./OAuth2.js"
import * as RefreshToken from "./RefreshToken.js"
import type { Token } from "./Token.js"
import type * as TokenStore from "./TokenStore.js"

/**
 * Options of {@link make}: the client that the tokens were issued to, and the revocation endpoint.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client extends OAuth2.Client {
  /**
   * URL of the revocation endpoint, if the metadata has none. If the server publishes no metadata, also set `tokenEndpoint`.
   */
  readonly revocationEndpoint?: string | undefined
}

/**
 * Value of `token_type_hint`: the type of token that the server searches first. It searches the other types as well.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenTypeHint = "access_token" | "refresh_token"

/**
 * Service that revokes tokens, made by {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Revokes an access token or a refresh token. */
  readonly revoke: (token: Redacted.Redacted<string>, hint?: TokenTypeHint) => Effect.Effect<void, TokenError>
}

const unsupported = (error: TokenError): TokenError =>
  error.error === "unsupported_token_type"
    ? new TokenError({
        reason: error.reason,
        error: error.error,
        detail: `${error.detail}: the server cannot revoke tokens of this type. They stay valid until they expire`
      })
    : error

/**
 * Makes a service that revokes tokens. The server may revoke related tokens, too: with a refresh token usually its access
 * tokens. An unknown or expired token is not an error. If the request fails, assume that the token is still valid.
 *
 * Fails with `InvalidRequest` as `OAuth2.make` does, and for an endpoint that is not an https URL. `revoke` fails with
 * `TokenError`:
 *
 * - `Rejected` for an OAuth error. Its `error` is `unsupported_token_type` if the server cannot revoke tokens of this type
 * - `InvalidResponse` if the metadata has no https URL of a revocation endpoint. No request was sent then
 * - `Unavailable` if the server did not respond, with `retryAt` if the server sent it
 *
 * No error shows the token.
 *
 * Specification: [RFC 7009 §2](https://www.rfc-editor.org/rfc/rfc7009#section-2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (client: Client): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const conversation = yield* SharedServer.connect(client)
    const { insecure, send } = conversation
    yield* ServerEndpoints.validateOverrides(client, insecure)
    const find = ServerEndpoints.make(conversation, client)
    return {
      revoke: (token, hint) =>
        Effect.gen(function* () {
          const server = yield* find(["revocation_endpoint"])
          yield* ServerEndpoints.requireEndpoint("revocation endpoint", server.revocation_endpoint, insecure)
          const more = hint === undefined ? {} : { additionalParameters: { token_type_hint: hint } }
          const { error } = yield* send(
            ({ authentication, client: by, options }) =>
              oauth.revocationRequest(server, by, authentication, Redacted.value(token), { ...options, ...more }),
            [token],
            "revocation"
          )
          // RFC 7009 §2.2: the body is ignored. Some servers send errors with status 200, so these are read.
          if (error !== undefined) yield* Effect.fail(error)
        }).pipe(retryUnavailable, Effect.mapError(unsupported))
    }
  })

/**
 * Options of {@link signOut}: the options of `RefreshToken.layer`, and the revocation endpoint.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignOutOptions extends RefreshToken.Options, Pick<Client, "revocationEndpoint"> {}

const tokensOf = (options: RefreshToken.Options, stored: Option.Option<Token>) => {
  const { accessToken, refreshToken } = Option.getOrElse(stored, (): Partial<Token> => ({}))
  const isOther = options.refreshToken !== undefined && Redacted.value(options.refreshToken) !== valueOf(refreshToken)
  return [
    { token: refreshToken, hint: "refresh_token" },
    { token: isOther ? options.refreshToken : undefined, hint: "refresh_token" },
    { token: accessToken, hint: "access_token" }
  ] as const
}

const valueOf = (token: Redacted.Redacted<string> | undefined): string | undefined => token && Redacted.value(token)

/** Continues after a rejected token, because the server may accept the next one. Stops if the server is unavailable. */
const revokeAll = ({ revoke }: Service, tokens: ReturnType<typeof tokensOf>): Effect.Effect<void, TokenError> =>
  Effect.gen(function* () {
    let failure: TokenError | undefined
    for (const { hint, token } of tokens) {
      if (token === undefined || failure?.reason === "Unavailable") continue
      const revoked = yield* Effect.either(revoke(token, hint))
      if (Either.isLeft(revoked) && !isUnsupportedAccessToken(revoked.left, hint)) failure ??= revoked.left
    }
    if (failure !== undefined) yield* Effect.fail(afterLocalSignOut(failure))
  })

/** Many servers cannot revoke self-contained access tokens. These expire soon. */
const isUnsupportedAccessToken = ({ error }: TokenError, hint: TokenTypeHint): boolean =>
  hint === "access_token" && error === "unsupported_token_type"

/** Adds to the detail of the server that the local record is removed already. */
const afterLocalSignOut = ({ detail, error, reason, retryAt, sent }: TokenError): TokenError =>
  new TokenError({
    reason,
    error,
    retryAt,
    sent,
    detail: `the tokens were removed from the store, but may still be valid at the server: ${detail}`
  })

/**
 * Signs a user out: removes the tokens from the store, and revokes them at the server.
 *
 * 1. Removes the record under the lock of the store, so that no refresh runs meanwhile.
 * 2. Revokes the refresh token, then `refreshToken` of the options if it differs, then the access token.
 *
 * Without a record and without `refreshToken`, it does nothing.
 *
 * The record is removed first, so that the user is signed out locally even if the server is unavailable or this process
 * ends. The tokens then stay valid at the server until they expire. With the reverse order, another process could refresh
 * with the revoked token. An interrupted `signOut` may have removed the record only.
 *
 * The refresh token is revoked before the access token, because it may be valid for months, and most servers revoke its
 * access tokens with it. `unsupported_token_type` for the access token is not an error: that token stays valid until it
 * expires.
 *
 * A running `TokenSource` with the same key sends its access token from memory until the token expires or is rejected. It
 * does not refresh or store that token any more. The next request for a token fails with `ReauthorizationRequired`, unless
 * the source has the option `refreshToken`. After a new sign-in, the source uses the new token.
 *
 * Fails with `InvalidRequest` as {@link make} does. Fails with `TokenStoreError` if the record cannot be read or removed, or
 * belongs to another owner (`OwnerMismatch`); then no request was sent. Fails with `TokenError` if a revocation fails, after
 * the record was removed. Of several failures, the first is returned.
 *
 * Specification: [RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009#section-2.1).
 *
 * @example
 * import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
 * import type * as RefreshToken from "@countersign/auth/RefreshToken"
 * import * as Revocation from "@countersign/auth/Revocation"
 * import * as SignIn from "@countersign/node/SignIn"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 *
 * const client: RefreshToken.Options = {
 *   issuer: "https://auth.example.com",
 *   clientId: "terminal",
 *   clientAuthentication: ClientAuthentication.none,
 *   scopes: ["openid", "read"]
 * }
 *
 * const login = SignIn.withBrowser(client)
 *
 * // The options of the sign-in. The user is signed out here, even if the server did not revoke the tokens.
 * const logout = Effect.gen(function* () {
 *   yield* Revocation.signOut(client)
 *   yield* Console.log("Signed out.")
 * }).pipe(Effect.catchTag("TokenError", (error) => Console.warn(`Signed out on this device only. ${error.message}`)))
 *
 * @param options - the options of `RefreshToken.layer`.
 * @since 0.1.0
 * @category storing
 */
export const signOut = (
  options: SignOutOptions
): Effect.Effect<void, InvalidRequest | TokenError | TokenStoreError, HttpClient.HttpClient | TokenStore.TokenStore> =>
  Effect.gen(function* () {
    const service = yield* make(options)
    const { account, clientId: client, issuer } = options
    const lineage = yield* TokenLineage.of(options)
    const issued = { issuer, client, account, audience: audienceOf(options), lineage }
    const stored = yield* ReplaceToken.take(RefreshToken.keyOf(options), issued)
    yield* revokeAll(service, tokensOf(options, stored))
  })
