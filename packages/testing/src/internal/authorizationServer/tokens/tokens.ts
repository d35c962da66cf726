import * as Secret from "../../randomSecret.js"
import type { Settings } from "../settings.js"
import type { Subject } from "./subject.js"
import type { Family, RefreshToken } from "./tokenFamily.js"

export type { Subject } from "./subject.js"

export interface AccessToken {
  readonly subject: Subject
  readonly family: Family | undefined
  readonly mintedAt: number
  readonly expiresAt: number
}

/** All tokens that a server has issued. */
export interface Tokens {
  readonly access: Map<string, AccessToken>
  readonly refresh: Map<string, RefreshToken>
  readonly families: Array<Family>
}

export const make = (): Tokens => ({ access: new Map(), refresh: new Map(), families: [] })

/** A successful response of the token endpoint (RFC 6749 §5.1). */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: "Bearer" | "DPoP"
  readonly expires_in?: number
  readonly refresh_token?: string
  readonly scope?: string
  readonly id_token?: string
  readonly issued_token_type?: string
}

/** RFC 6749 §A.14 allows digits only. A lifetime below one second can be expressed only as a fraction. */
const expiresIn = ({ accessTokenLifetime, expiresIn }: Settings): { readonly expires_in?: number } => {
  if (expiresIn === false) return {}
  const seconds = accessTokenLifetime / 1000
  return { expires_in: expiresIn === "exact" ? seconds : Math.floor(seconds) }
}

export const issueAccess = (
  tokens: Tokens,
  settings: Settings,
  subject: Subject,
  family: Family | undefined,
  now: number
): TokenResponse => {
  const token = Secret.random()
  tokens.access.set(token, { subject, family, mintedAt: now, expiresAt: now + settings.accessTokenLifetime })
  return {
    access_token: token,
    token_type: subject.jkt === undefined ? "Bearer" : "DPoP",
    ...expiresIn(settings),
    ...(subject.scope === undefined ? {} : { scope: subject.scope })
  }
}

export const issueRefresh = (tokens: Tokens, family: Family, scope: string | undefined): RefreshToken => {
  const id = { family: family.id, number: family.refreshTokens.length }
  const token: RefreshToken = { id, secret: Secret.random(), family, scope, used: undefined, replayed: [] }
  family.refreshTokens.push(token)
  tokens.refresh.set(token.secret, token)
  return token
}

interface Issuing {
  /** Whether to start a token family. */
  readonly refreshable: boolean
  readonly now: number
  /** Thumbprint of the key that refresh tokens are bound to. */
  readonly boundTo?: string | undefined
  /** Resources of the first access token, if they are fewer than granted. */
  readonly audience?: ReadonlyArray<string> | undefined
}

/** Issues the tokens of a new grant. */
export const issue = (
  tokens: Tokens,
  settings: Settings,
  granted: Subject,
  { audience = granted.audience, boundTo, now, refreshable }: Issuing
): { readonly response: TokenResponse; readonly given?: RefreshToken } => {
  const subject = { ...granted, audience }
  if (!refreshable) return { response: issueAccess(tokens, settings, subject, undefined, now) }
  const { clientId, scope } = granted
  const family: Family = { id: tokens.families.length, clientId, granted, boundTo, refreshTokens: [], ended: undefined }
  tokens.families.push(family)
  const access = issueAccess(tokens, settings, subject, family, now)
  const given = issueRefresh(tokens, family, scope)
  return { response: { ...access, refresh_token: given.secret }, given }
}

const isAlive = ({ expiresAt, family }: AccessToken, now: number): boolean =>
  now < expiresAt && family?.ended?.accessTokens !== "dead"

/** Finds a valid access token. */
export const access = (tokens: Tokens, token: string, now: number): AccessToken | undefined => {
  const found = tokens.access.get(token)
  return found !== undefined && isAlive(found, now) ? found : undefined
}

/** The subject of a valid access token. A token younger than the replication delay is not found. */
export const subjectOf = (tokens: Tokens, settings: Settings, token: string, now: number): Subject | undefined => {
  const found = access(tokens, token, now)
  return found === undefined || now - found.mintedAt < settings.replicationDelay ? undefined : found.subject
}

/** Number of valid access tokens of a family. */
export const aliveOf = (tokens: Tokens, family: Family, now: number): number =>
  [...tokens.access.values()].filter((token) => token.family === family && isAlive(token, now)).length

/** The family of an access token or a refresh token. */
export const familyOf = (tokens: Tokens, token: string): Family | undefined =>
  tokens.refresh.get(token)?.family ?? tokens.access.get(token)?.family
