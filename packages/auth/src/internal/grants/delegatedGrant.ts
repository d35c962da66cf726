/** The common part of grants that request tokens on behalf of a user: JWT bearer and token exchange. */
import type * as Auth from "@countersign/client/Auth"
import type { TokenError, TokenSourceError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as StepUp from "../../StepUp.js"
import type * as OAuth2 from "../../OAuth2.js"
import * as RefreshToken from "../../RefreshToken.js"
import type { Token } from "../../Token.js"
import * as TokenKey from "../../TokenKey.js"
import type * as TokenSource from "../../TokenSource.js"
import * as TokenStore from "../../TokenStore.js"
import { sha256 } from "../hash/sha256.js"
import { authLayer } from "../oauth/authLayer.js"

/** A delegated grant: the user, the API, and the token request. */
export interface Grant<R> {
  readonly type: string
  /** Undefined if the options do not identify the user. */
  readonly account: string | undefined
  readonly audience: string | undefined
  /** Everything else that distinguishes two tokens: plain JSON without secrets. */
  readonly cacheKeyInputs: unknown
  /** Requests a token, with the additional parameters of a step-up challenge. */
  readonly acquireToken: (parameters: Readonly<Record<string, string>>) => Effect.Effect<Token, TokenError, R>
}

const digestOf = (value: unknown): string => Encoding.encodeBase64Url(sha256(JSON.stringify(value)))

/**
 * The store key. A resource has no fragment (RFC 8707 §2), so this key is never that of another grant, such as the grant
 * of the subject token.
 */
const keyOf = (
  { clientId: client, issuer }: OAuth2.Client,
  scopes: ReadonlyArray<string> | undefined,
  { account, cacheKeyInputs, type }: Pick<Grant<never>, "account" | "cacheKeyInputs" | "type">
): string => TokenKey.format({ issuer, client, account, scopes, resource: `${type}#${digestOf(cacheKeyInputs)}` })

/**
 * The tokens of a delegated grant. Without `account`, a store could not keep the tokens of two users apart, so they are
 * stored in memory that only this layer uses.
 */
export const layer = <R>(
  options: OAuth2.Client & TokenSource.RefreshOptions & { readonly scopes?: ReadonlyArray<string> | undefined },
  conversation: Pick<OAuth2.Service, "clockSkew">,
  grant: Grant<R>
): Layer.Layer<Auth.Auth<TokenSourceError> | TokenSource.TokenSource, never, TokenStore.TokenStore | R> =>
  Layer.unwrapEffect(
    Effect.sync(() => {
      const key = keyOf(options, options.scopes, grant)
      const { clientId: client, issuer } = options
      const { account, audience, acquireToken } = grant
      const presented = authLayer(options, conversation, {
        ...options,
        key,
        tokenOwner: { issuer, client, account, audience },
        // Each token is requested with the assertion or subject token. A refresh token would outlive it.
        acquireToken: (_, demand) =>
          Effect.map(acquireToken(demand === undefined ? {} : StepUp.toAuthorizationParameters(demand)), (token) => ({
            ...token,
            refreshToken: undefined
          })),
        canSatisfy: RefreshToken.canSatisfy,
        onCorruptRecord: "replace"
      })
      return account === undefined
        ? Layer.provide(presented, Layer.effect(TokenStore.TokenStore, TokenStore.makeMemory))
        : presented
    })
  )
