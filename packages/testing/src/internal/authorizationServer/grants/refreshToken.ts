import type { Settings } from "../settings.js"
import * as Family from "../tokens/tokenFamily.js"
import { issueAccess, issueRefresh, type TokenResponse, type Tokens } from "../tokens/tokens.js"

/** The parameters of a refresh request. */
export interface Presented {
  readonly token: string
  readonly clientId: string
  readonly scope: string | undefined
  /** The requested resources, out of the granted ones. */
  readonly audience: ReadonlyArray<string> | undefined
  /** The `claims` parameter. */
  readonly claims: string | undefined
  /** Thumbprint of the key of the DPoP proof. */
  readonly jkt: string | undefined
}

/**
 * Result of a refresh: `refreshed`, or `replayed` for a used token within the grace, with the new refresh token `given`;
 * `reused` when the reuse revoked the family.
 */
export type Exchange =
  | {
      readonly outcome: "refreshed" | "replayed"
      readonly response: TokenResponse
      readonly given: Family.RefreshToken
    }
  | { readonly outcome: "reused" | "invalid_grant" | "invalid_scope" | "invalid_target" }

/** The scope tokens of a scope (RFC 6749 §3.3). */
const words = (scope: string): ReadonlyArray<string> => scope.split(" ").filter((word) => word !== "")

export const isWithin = (scope: string, allowed: ReadonlyArray<string>): boolean =>
  words(scope).every((word) => allowed.includes(word))

/** Whether a used token is presented after the grace, or after a token that replaced it was used. */
const isReused = (token: Family.RefreshToken, settings: Settings, now: number): boolean =>
  token.used !== undefined && (now - token.used.at >= settings.reuseGrace || !Family.isNewest(token))

const next = (tokens: Tokens, settings: Settings, token: Family.RefreshToken, now: number): Family.RefreshToken => {
  if (!settings.rotation) return token
  if (token.used !== undefined && settings.reuseResponse === "same") return token.used.for
  const given = issueRefresh(tokens, token.family, token.scope)
  if (token.used === undefined) token.used = { at: now, for: given }
  else token.replayed.push(given)
  return given
}

/** The presented token, if it belongs to this client, is not revoked, and is used with the key that it is bound to. */
const find = (tokens: Tokens, { clientId, jkt, token }: Presented): Family.RefreshToken | undefined => {
  const found = tokens.refresh.get(token)
  if (found === undefined || found.family.clientId !== clientId || found.family.ended !== undefined) return undefined
  return found.family.boundTo === undefined || found.family.boundTo === jkt ? found : undefined
}

/** The error for a scope or resource that was not granted. */
const excess = (
  { family, scope }: Family.RefreshToken,
  presented: Presented
): "invalid_scope" | "invalid_target" | undefined => {
  if (presented.scope !== undefined && !isWithin(presented.scope, words(scope ?? ""))) return "invalid_scope"
  const { audience } = family.granted
  if (audience === undefined || presented.audience === undefined) return undefined
  return presented.audience.every((resource) => audience.includes(resource)) ? undefined : "invalid_target"
}

/**
 * Exchanges a refresh token. A reused one revokes its family (RFC 9700 §4.14.2). A request for more than was granted does not
 * use up the token. It runs synchronously, so that of concurrent calls one is the first.
 */
export const refresh = (tokens: Tokens, settings: Settings, presented: Presented, now: number): Exchange => {
  const token = find(tokens, presented)
  if (token === undefined) return { outcome: "invalid_grant" }
  if (isReused(token, settings, now)) {
    Family.end(token.family, { by: "reuse", at: now, accessTokens: "dead" })
    return { outcome: "reused" }
  }
  const tooMuch = excess(token, presented)
  if (tooMuch !== undefined) return { outcome: tooMuch }
  const outcome = token.used === undefined ? "refreshed" : "replayed"
  const { granted } = token.family
  const { audience = granted.audience, claims, jkt, scope = token.scope } = presented
  const access = issueAccess(tokens, settings, { ...granted, scope, audience, jkt, claims }, token.family, now)
  const given = next(tokens, settings, token, now)
  const response = settings.rotation ? { ...access, refresh_token: given.secret } : access
  return { outcome, response, given }
}
