/** What a refresh request sends beside the refresh token (RFC 6749 §6, RFC 8707 §2.2). */
import type { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { Token } from "../../Token.js"
import type { Options, Service } from "../oauth/client.js"
import * as Fixes from "../response/complianceFixes.js"

type Parameters = Readonly<Record<string, string>>

/** Sends one refresh request with these parameters. */
type Send = (
  refreshToken: Redacted.Redacted<string>,
  parameters: Record<string, string>
) => Effect.Effect<Token, TokenError>

/** Scopes of OpenID Connect, which servers leave out of the scope that they state. */
const ofOpenId: ReadonlySet<string> = new Set(["openid", "profile", "email", "address", "phone", "offline_access"])

/**
 * The scopes to send: those of the options; or with them all that the replaced token has, if that covers them. A server that
 * spells scopes otherwise than the options does not get its own spelling back: Entra rejects `.default` beside others.
 */
const scopesOf = (scopes: ReadonlyArray<string>, granted: string | undefined): ReadonlyArray<string> => {
  const stated = (granted ?? "").split(" ").filter((scope) => scope !== "")
  const covered = scopes.filter((scope) => !ofOpenId.has(scope))
  if (covered.length === 0 || !covered.every((scope) => stated.includes(scope))) return scopes
  return [...new Set([...scopes, ...stated])]
}

/** A server that rejects the scopes answers with one of these. The refresh token is still valid then. */
const isOfScope = ({ error, reason }: TokenError): boolean =>
  reason === "Rejected" && (error === "invalid_scope" || error === "invalid_request")

/** The refresh of a client, see `OAuth2.Service`. */
export const make = (options: Options, send: Send): Service["refresh"] => {
  const { complianceFixes, resource, scopes = [], tokenParameters } = options
  const fixed: Parameters = { ...(resource !== undefined && { resource }), ...tokenParameters?.["refresh_token"] }
  let withoutScope = complianceFixes?.refreshScope === false || scopes.length === 0
  return (refreshToken, parameters, granted) =>
    Effect.suspend(() => {
      const plain = { ...fixed, ...parameters }
      if (withoutScope || plain["scope"] !== undefined) return send(refreshToken, plain)
      const scope = Fixes.scopeOf(scopesOf(scopes, granted), complianceFixes)
      return Effect.catchIf(send(refreshToken, { ...plain, scope }), isOfScope, (rejected) =>
        send(refreshToken, plain).pipe(
          Effect.tap(() => Effect.sync(() => (withoutScope = true))),
          // If the scopes were not the reason, the first error says more.
          Effect.mapError((error) => (error.reason === "Rejected" ? rejected : error))
        )
      )
    })
}
