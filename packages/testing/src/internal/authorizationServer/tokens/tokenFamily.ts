import type { Subject } from "./subject.js"

/** All tokens that came, by rotation, from one refresh token. Its death is that of all of them. */
export interface Family {
  /** From 0, in the order in which families began. */
  readonly id: number
  readonly clientId: string
  /** What the user granted, which no refresh gives more of. */
  readonly granted: Subject
  /** The thumbprint of the key without which its refresh tokens are worth nothing (RFC 9449 §5). */
  readonly boundTo: string | undefined
  readonly refreshTokens: Array<RefreshToken>
  ended: Ended | undefined
}

/**
 * Why a family's refresh tokens are dead (one was reused, an administrator ended the session, the client revoked one, or
 * the code that they came by was used again), since when in epoch milliseconds, and whether its access tokens
 * are, too.
 */
export interface Ended {
  readonly by: "reuse" | "administrator" | "client" | "code"
  readonly at: number
  readonly accessTokens: "dead" | "alive"
}

/** A refresh token without its secret: the family, and its place in it from 0, in order of birth. */
export interface RefreshTokenId {
  readonly family: number
  readonly number: number
}

export interface RefreshToken {
  readonly id: RefreshTokenId
  readonly secret: string
  readonly family: Family
  readonly scope: string | undefined
  /** What it was exchanged for first, and when in epoch milliseconds. */
  used: { readonly at: number; readonly for: RefreshToken } | undefined
  /** The others that it was exchanged for after that, within the grace. */
  readonly replayed: Array<RefreshToken>
}

/** How a family is doing, without secrets. */
export interface FamilyState {
  readonly id: number
  readonly clientId: string
  readonly ended: Ended | undefined
  readonly refreshTokens: number
  readonly unused: ReadonlyArray<number>
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

/** Ends a family; one that has ended stays as it is, but for access tokens that were left alive. */
export const end = (family: Family, ended: Ended): void => {
  if (family.ended === undefined) family.ended = ended
  else if (ended.accessTokens === "dead") family.ended = { ...family.ended, accessTokens: "dead" }
}

/** Whether what a used token was exchanged for is still unused, all of it: nobody has the next token for sure. */
export const isNewest = ({ replayed, used }: RefreshToken): boolean =>
  used?.for.used === undefined && replayed.every((token) => token.used === undefined)
