import type { Subject } from "./subject.js"

/** A token family: all tokens that originate, by rotation, from one refresh token. They are revoked together. */
export interface Family {
  /** Number of the family, starting at 0, in order of creation. */
  readonly id: number
  readonly clientId: string
  /** What the user granted. No refresh extends it. */
  readonly granted: Subject
  /** Thumbprint of the key that refresh tokens are bound to (RFC 9449 §5). */
  readonly boundTo: string | undefined
  readonly refreshTokens: Array<RefreshToken>
  ended: Ended | undefined
}

/** End of a family: its refresh tokens are revoked. */
export interface Ended {
  /** Cause: a refresh token or a code was reused, an administrator ended the session, or the client revoked a token. */
  readonly by: "reuse" | "administrator" | "client" | "code"
  /** Time in epoch milliseconds. */
  readonly at: number
  /** Whether the access tokens of the family are revoked too. */
  readonly accessTokens: "dead" | "alive"
}

/** Identity of a refresh token without its secret. */
export interface RefreshTokenId {
  /** Number of the family, starting at 0. */
  readonly family: number
  /** Number within the family, starting at 0. */
  readonly number: number
}

export interface RefreshToken {
  readonly id: RefreshTokenId
  readonly secret: string
  readonly family: Family
  readonly scope: string | undefined
  /** The refresh token that replaced this one at its first use, and the time in epoch milliseconds. */
  used: { readonly at: number; readonly for: RefreshToken } | undefined
  /** Further replacements, issued within the grace. */
  readonly replayed: Array<RefreshToken>
}

/** State of a family, without secrets. */
export interface FamilyState {
  /** Number of the family, starting at 0. */
  readonly id: number
  /** The client of the family. */
  readonly clientId: string
  /** When and why the family was revoked. */
  readonly ended: Ended | undefined
  /** Number of refresh tokens that were issued. */
  readonly refreshTokens: number
  /** Numbers of the unused refresh tokens. */
  readonly unused: ReadonlyArray<number>
  /** Number of valid access tokens. */
  readonly accessTokens: number
}

export const stateOf = (family: Family, accessTokens: number): FamilyState => ({
  id: family.id,
  clientId: family.clientId,
  ended: family.ended,
  refreshTokens: family.refreshTokens.length,
  unused: family.refreshTokens.filter(({ used }) => used === undefined).map(({ id }) => id.number),
  accessTokens
})

/** Revokes a family. For a revoked one, it can only revoke the access tokens in addition. */
export const end = (family: Family, ended: Ended): void => {
  if (family.ended === undefined) family.ended = ended
  else if (ended.accessTokens === "dead") family.ended = { ...family.ended, accessTokens: "dead" }
}

/** Whether no replacement of a used token was used, so that the client may have lost the response. */
export const isNewest = ({ replayed, used }: RefreshToken): boolean =>
  used?.for.used === undefined && replayed.every((token) => token.used === undefined)
