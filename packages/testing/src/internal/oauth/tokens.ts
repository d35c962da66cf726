import * as Secret from "../secret.js"
import type { Settings } from "./settings.js"

/** Whom a token is for. */
export interface Subject {
  readonly clientId: string
  readonly scope: string | undefined
}

/** All tokens that came, by rotation, from one refresh token. Its death is that of all of them. */
interface Family {
  revoked: boolean
}

interface AccessToken {
  readonly subject: Subject
  readonly family: Family | undefined
  readonly expiresAt: number
}

interface RefreshToken {
  readonly subject: Subject
  readonly family: Family
  /** When it was exchanged for its successor, in epoch milliseconds. */
  usedAt: number | undefined
}

/** Every token that one server has issued. */
export interface Tokens {
  readonly access: Map<string, AccessToken>
  readonly refresh: Map<string, RefreshToken>
  readonly families: Set<Family>
}

export const make = (): Tokens => ({ access: new Map(), refresh: new Map(), families: new Set() })

/** A successful answer of RFC 6749 §5.1. */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: "Bearer"
  readonly expires_in?: number
  readonly refresh_token?: string
  readonly scope?: string
}

const issueAccess = (
  tokens: Tokens,
  settings: Settings,
  subject: Subject,
  family: Family | undefined,
  now: number
): TokenResponse => {
  const token = Secret.random()
  tokens.access.set(token, { subject, family, expiresAt: now + settings.accessTokenLifetime })
  const expiresIn = Math.floor(settings.accessTokenLifetime / 1000)
  return {
    access_token: token,
    token_type: "Bearer",
    ...(settings.expiresIn ? { expires_in: expiresIn } : {}),
    ...(subject.scope === undefined ? {} : { scope: subject.scope })
  }
}

const issueRefresh = (tokens: Tokens, subject: Subject, family: Family): string => {
  const token = Secret.random()
  tokens.refresh.set(token, { subject, family, usedAt: undefined })
  return token
}

/** Tokens for a new grant; `refreshable` starts a family. */
export const issue = (
  tokens: Tokens,
  settings: Settings,
  subject: Subject,
  options: { readonly refreshable: boolean; readonly now: number }
): TokenResponse => {
  if (!options.refreshable) return issueAccess(tokens, settings, subject, undefined, options.now)
  const family: Family = { revoked: false }
  tokens.families.add(family)
  const access = issueAccess(tokens, settings, subject, family, options.now)
  return { ...access, refresh_token: issueRefresh(tokens, subject, family) }
}

/** Whether a used token is presented again after the grace that the settings give to answers that were lost. */
const isReused = (token: RefreshToken, settings: Settings, now: number): boolean =>
  token.usedAt !== undefined && now - token.usedAt >= settings.reuseGrace

/** The words of a scope (RFC 6749 §3.3). */
const words = (scope: string): ReadonlyArray<string> => scope.split(" ").filter((word) => word !== "")

export const isWithin = (scope: string, allowed: ReadonlyArray<string>): boolean =>
  words(scope).every((word) => allowed.includes(word))

/**
 * Exchanges a refresh token, or tells why not. One that is used already kills its family (RFC 9700 §4.14.2). Asking for
 * more scope than was granted uses no token up.
 */
export const refresh = (
  tokens: Tokens,
  settings: Settings,
  presented: { readonly token: string; readonly clientId: string; readonly scope: string | undefined },
  now: number
): TokenResponse | "invalid_grant" | "invalid_scope" => {
  const { clientId, scope } = presented
  const token = tokens.refresh.get(presented.token)
  if (token === undefined || token.subject.clientId !== clientId || token.family.revoked) return "invalid_grant"
  if (isReused(token, settings, now)) {
    token.family.revoked = true
    return "invalid_grant"
  }
  if (scope !== undefined && !isWithin(scope, words(token.subject.scope ?? ""))) return "invalid_scope"
  const subject = { clientId, scope: scope ?? token.subject.scope }
  const access = issueAccess(tokens, settings, subject, token.family, now)
  if (!settings.rotation) return access
  token.usedAt ??= now
  return { ...access, refresh_token: issueRefresh(tokens, token.subject, token.family) }
}

/** Whom an access token is for, while it is good. */
export const subjectOf = (tokens: Tokens, token: string, now: number): Subject | undefined => {
  const found = tokens.access.get(token)
  return found === undefined || found.expiresAt <= now || found.family?.revoked === true ? undefined : found.subject
}
