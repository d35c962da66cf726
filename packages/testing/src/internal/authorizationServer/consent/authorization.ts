/** Authorization requests, and the codes that are given for them. */
import type * as Client from "../clients/client.js"
import type { RefreshToken } from "../tokens/tokenFamily.js"

/**
 * What a user approves: as whom (the server's `subject`), and how much of the scope (all that was asked for).
 *
 * @since 0.1.0
 * @category models
 */
export interface Approval {
  readonly subject?: string | undefined
  readonly scope?: string | undefined
}

/** Where the answer to an authorization request goes. */
export interface Destination {
  readonly client: Client.Client
  readonly redirectUri: string
  readonly state: string | undefined
}

/** An authorization request that is in order. */
export interface Authorization extends Destination {
  readonly scope: string | undefined
  readonly nonce: string | undefined
  /** The class of sign-in that is preferred (RFC 9470 §4); every user here can do it. */
  readonly acr: string | undefined
  readonly challenge: string | undefined
  readonly audience: ReadonlyArray<string> | undefined
  /** The thumbprint of the key that the code is bound to (RFC 9449 §10). */
  readonly jkt: string | undefined
  /** Whether it leads to a refresh token. */
  readonly isOffline: boolean
}

/** An authorization code, and what it has given; `used` from its first use on. */
export interface Code {
  readonly authorization: Authorization
  readonly user: string
  readonly scope: string | undefined
  readonly expiresAt: number
  used: boolean
  gave: { readonly accessToken: string; readonly refreshToken: RefreshToken | undefined } | undefined
}

/** A request that was pushed beforehand (RFC 9126). */
export interface Pushed {
  readonly authorization: Authorization
  readonly expiresAt: number
}
