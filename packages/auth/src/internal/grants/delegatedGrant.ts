/** What the grants have in common that ask in somebody's name, by something that shows who it is. */
import type * as Auth from "@countersign/client/Auth"
import type { TokenStoreError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
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
import { presenting } from "../oauth/authLayer.js"

/**
 * What a token is asked for with comes from elsewhere, and elsewhere may have failed. That somebody has to sign in there is
 * never passed on as `ReauthorizationRequired`: a source remembers that for as long as its own record stays as it is, and
 * who signs in elsewhere does not touch that.
 */
export const within = <A, R>(
  what: string,
  effect: Effect.Effect<A, TokenError | TokenStoreError, R>
): Effect.Effect<A, TokenError, R> =>
  Effect.mapError(effect, (error) => {
    const detail = `${what} is not to be had: ${error.detail}`
    if (error._tag === "TokenStoreError") return new TokenError({ reason: "Unavailable", detail, sent: "no" })
    const { error: code, reason, retryAt } = error
    return new TokenError({
      reason: reason === "ReauthorizationRequired" ? "Rejected" : reason,
      error: code,
      detail,
      retryAt,
      sent: "no"
    })
  })

/** Whose token it is, and how it is got. */
export interface Grant<R> {
  readonly type: string
  /** Undefined where nobody says whose token it is. */
  readonly account: string | undefined
  readonly audience: string | undefined
  /** Whatever else tells two tokens apart: plain JSON, and no secret. */
  readonly asked: unknown
  /** With further parameters: what an API has demanded. */
  readonly acquireToken: (parameters: Readonly<Record<string, string>>) => Effect.Effect<Token, TokenError, R>
}

const encoder = new TextEncoder()

const digestOf = (value: unknown): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", encoder.encode(JSON.stringify(value)))),
    (digest) => Encoding.encodeBase64Url(new Uint8Array(digest))
  )

/**
 * A resource has no fragment (RFC 8707 §2): what is filed here is never taken for the token of another grant, such as the
 * very one that it is asked for with.
 */
const keyOf = (
  { clientId: client, issuer }: OAuth2.Client,
  scopes: ReadonlyArray<string> | undefined,
  { account, asked, type }: Pick<Grant<never>, "account" | "asked" | "type">
): Effect.Effect<string> =>
  Effect.map(digestOf(asked), (digest) =>
    TokenKey.format({ issuer, client, account, scopes, resource: `${type}#${digest}` })
  )

/**
 * The tokens of such a grant. Where nobody says whose they are, a store could not keep two people's apart: they stay in a
 * memory that nobody else has.
 */
export const layer = <R>(
  options: OAuth2.Client & TokenSource.RefreshOptions & { readonly scopes?: ReadonlyArray<string> | undefined },
  conversation: Pick<OAuth2.Service, "clockSkew">,
  grant: Grant<R>
): Layer.Layer<Auth.Auth | TokenSource.TokenSource, never, TokenStore.TokenStore | R> =>
  Layer.unwrapEffect(
    Effect.map(keyOf(options, options.scopes, grant), (key) => {
      const { clientId: client, issuer } = options
      const { account, audience, acquireToken } = grant
      const presented = presenting(options, conversation, {
        ...options,
        key,
        tokenOwner: { issuer, client, account, audience },
        // It is asked for anew each time: a refresh token would outlive what shows who it is.
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
