/**
 * Ending tokens before their time: one, or all that somebody's sign-in has given.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest, TokenStoreError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import { patiently } from "./internal/oauth/retryUnavailable.js"
import * as Conversation from "./internal/oauth/serverClient.js"
import * as AuthorizationServer from "./internal/oauth/serverEndpoints.js"
import { apiOf } from "./internal/oauth/tokenAudience.js"
import * as SignedInStore from "./internal/store/replaceToken.js"
import * as Lineage from "./internal/store/tokenLineage.js"
import type * as OAuth2 from "./OAuth2.js"
import * as RefreshToken from "./RefreshToken.js"
import type { Token } from "./Token.js"
import type * as TokenStore from "./TokenStore.js"

/**
 * The client whose tokens are revoked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client extends OAuth2.Client {
  /** Where tokens are revoked, for servers whose metadata does not tell; without any give the token endpoint as well. */
  readonly revocationEndpoint?: string | undefined
}

/**
 * What a token is, for the server to look for it there first. It looks elsewhere, too.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenTypeHint = "access_token" | "refresh_token"

/**
 * Revokes tokens, see {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly revoke: (token: Redacted.Redacted<string>, hint?: TokenTypeHint) => Effect.Effect<void, TokenError>
}

const unsupported = (error: TokenError): TokenError =>
  error.error === "unsupported_token_type"
    ? new TokenError({
        reason: error.reason,
        error: error.error,
        detail: `${error.detail}: tokens of this kind cannot be revoked there, and are good until they expire`
      })
    : error

/**
 * Makes the conversation in which tokens are revoked. What comes with them goes, too, as the server has it: with a refresh
 * token mostly the access tokens that it has given. A token that the server does not know, or that has ended, is no error.
 * Where the server cannot be asked, the token has to be taken to be good.
 *
 * Fails with `InvalidRequest` as `OAuth2.make` does, and for an endpoint that is no https URL. Revoking fails with
 * `TokenError`: `Rejected` for an OAuth error, of which `unsupported_token_type` says that tokens of this kind cannot be
 * revoked there; `InvalidResponse` where the server names no https URL for it, and nothing was sent; `Unavailable` where it
 * did not answer, with `retryAt` where it says when it will. No error shows the token.
 *
 * Specification: [RFC 7009 §2](https://www.rfc-editor.org/rfc/rfc7009#section-2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (client: Client): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const conversation = yield* Conversation.make(client)
    const { insecure, send } = conversation
    yield* AuthorizationServer.checked(client, insecure)
    const find = AuthorizationServer.make(conversation, client)
    return {
      revoke: (token, hint) =>
        Effect.gen(function* () {
          const server = yield* find(["revocation_endpoint"])
          yield* AuthorizationServer.usable("revocation endpoint", server.revocation_endpoint, insecure)
          const more = hint === undefined ? {} : { additionalParameters: { token_type_hint: hint } }
          const { error } = yield* send(
            ({ authentication, client: by, options }) =>
              oauth.revocationRequest(server, by, authentication, Redacted.value(token), { ...options, ...more }),
            [token],
            "revocation"
          )
          // The body means nothing (RFC 7009 §2.2), except at servers that send each error with status 200.
          if (error !== undefined) yield* Effect.fail(error)
        }).pipe(patiently, Effect.mapError(unsupported))
    }
  })

/**
 * Whose sign-in ends: the options of `RefreshToken.layer`.
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

/** Goes on after a refusal, which may be of the one token only; a server that is away is not asked again. */
const revokeAll = ({ revoke }: Service, tokens: ReturnType<typeof tokensOf>): Effect.Effect<void, TokenError> =>
  Effect.gen(function* () {
    let failure: TokenError | undefined
    for (const { hint, token } of tokens) {
      if (token === undefined || failure?.reason === "Unavailable") continue
      const revoked = yield* Effect.either(revoke(token, hint))
      if (Either.isLeft(revoked) && !isLeftToExpire(revoked.left, hint)) failure ??= revoked.left
    }
    if (failure !== undefined) yield* Effect.fail(goneHere(failure))
  })

/** Many servers cannot revoke access tokens, which say by themselves until when they are good; that is soon. */
const isLeftToExpire = ({ error }: TokenError, hint: TokenTypeHint): boolean =>
  hint === "access_token" && error === "unsupported_token_type"

/** Without what the server said the caller would not know that there is nothing left to be done here. */
const goneHere = ({ detail, error, reason, retryAt, sent }: TokenError): TokenError =>
  new TokenError({
    reason,
    error,
    retryAt,
    sent,
    detail: `the tokens are gone here, and may still be good at the server: ${detail}`
  })

/**
 * Signs somebody out. First the record is taken out of the store, while nobody refreshes it; then the server is asked to
 * revoke the refresh token, that of the options where it is another one, and the access token. With nothing stored and no
 * token in the options there is nothing to do.
 *
 * The record goes first, so that somebody is signed out here whatever the server says, and even where it is away or this
 * process ends in between: then the tokens live on there until they expire, and nobody here has them any more. The other
 * way round, a program that goes on would refresh with what is being revoked. Interrupted, it may have done the first only.
 * Then comes the refresh token: it may live for months, and at most servers the access tokens end with it. That the server
 * cannot revoke access tokens (`unsupported_token_type`) is no failure: this one is left to expire.
 *
 * A `TokenSource` that runs with the same key sends the access token that it holds in memory until that expires or is
 * refused. It refreshes it no more and stores nothing: the next time it needs a token it fails with
 * `ReauthorizationRequired`, unless it was given a `refreshToken` by its options, and goes on when somebody has signed in
 * again.
 *
 * Fails with `InvalidRequest` as {@link make} does, and with `TokenStoreError` where the record cannot be read or
 * removed, or is somebody else's (`OwnerMismatch`): then nothing was sent. Fails with `TokenError` as revoking does, when the record is gone; of
 * several failures with the first.
 *
 * Specification: [RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009#section-2.1).
 *
 * @param options - those that `RefreshToken.layer` is given.
 * @since 0.1.0
 * @category storing
 */
export const signOut = (
  options: SignOutOptions
): Effect.Effect<void, InvalidRequest | TokenError | TokenStoreError, HttpClient.HttpClient | TokenStore.TokenStore> =>
  Effect.gen(function* () {
    const service = yield* make(options)
    const { account, clientId: client, issuer } = options
    const lineage = yield* Lineage.of(options)
    const issued = { issuer, client, account, audience: apiOf(options), lineage }
    const stored = yield* SignedInStore.take(RefreshToken.keyOf(options), issued)
    yield* revokeAll(service, tokensOf(options, stored))
  })
