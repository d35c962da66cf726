import * as Family from "./family.js"
import type { Settings } from "./settings.js"
import { issueAccess, issueRefresh, type TokenResponse, type Tokens } from "./tokens.js"

/** What is sent to get the next token. */
export interface Presented {
  readonly token: string
  readonly clientId: string
  readonly scope: string | undefined
}

/**
 * What became of it: `refreshed`, or `replayed` for a used token within the grace, with the refresh token that is
 * `given`; `reused` for one that killed its family.
 */
export type Exchange =
  | {
      readonly outcome: "refreshed" | "replayed"
      readonly response: TokenResponse
      readonly given: Family.RefreshToken
    }
  | { readonly outcome: "reused" | "invalid_grant" | "invalid_scope" }

/** The words of a scope (RFC 6749 §3.3). */
const words = (scope: string): ReadonlyArray<string> => scope.split(" ").filter((word) => word !== "")

export const isWithin = (scope: string, allowed: ReadonlyArray<string>): boolean =>
  words(scope).every((word) => allowed.includes(word))

/** Whether a used token is presented again after the grace for answers that were lost, or after its successor was. */
const isReused = (token: Family.RefreshToken, settings: Settings, now: number): boolean =>
  token.used !== undefined && (now - token.used.at >= settings.reuseGrace || !Family.isNewest(token))

const next = (tokens: Tokens, settings: Settings, token: Family.RefreshToken, now: number): Family.RefreshToken => {
  if (!settings.rotation) return token
  if (token.used !== undefined && settings.reuseGives === "same") return token.used.for
  const given = issueRefresh(tokens, token.family, token.scope)
  if (token.used === undefined) token.used = { at: now, for: given }
  else token.replayed.push(given)
  return given
}

/**
 * Exchanges a refresh token, or tells why not. One that is used already kills its family (RFC 9700 §4.14.2). Asking for
 * more scope than was granted uses no token up. It runs in one go: of calls at the same time, one is the first.
 */
export const refresh = (tokens: Tokens, settings: Settings, presented: Presented, now: number): Exchange => {
  const { clientId, scope } = presented
  const token = tokens.refresh.get(presented.token)
  if (token === undefined || token.family.clientId !== clientId || token.family.ended !== undefined) {
    return { outcome: "invalid_grant" }
  }
  if (isReused(token, settings, now)) {
    Family.end(token.family, { by: "reuse", at: now, accessTokens: "dead" })
    return { outcome: "reused" }
  }
  if (scope !== undefined && !isWithin(scope, words(token.scope ?? ""))) return { outcome: "invalid_scope" }
  const outcome = token.used === undefined ? "refreshed" : "replayed"
  const access = issueAccess(tokens, settings, { clientId, scope: scope ?? token.scope }, token.family, now)
  const given = next(tokens, settings, token, now)
  const response = settings.rotation ? { ...access, refresh_token: given.secret } : access
  return { outcome, response, given }
}
