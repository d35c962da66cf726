/** Authorization requests and authorization codes. */
import type * as Client from "../clients/client.js"
import type { RefreshToken } from "../tokens/tokenFamily.js"

/**
 * Approval of an authorization request by the user.
 *
 * @since 0.1.0
 * @category models
 */
export interface Approval {
  /** The user (`subject` of the server's options). */
  readonly subject?: string | undefined
  /** The granted scope (the requested scope). */
  readonly scope?: string | undefined
}

/** Client and redirect URI of an authorization request. */
export interface Destination {
  readonly client: Client.Client
  readonly redirectUri: string
  readonly state: string | undefined
}

/** A valid authorization request. */
export interface Authorization extends Destination {
  readonly scope: string | undefined
  readonly nonce: string | undefined
  /** The preferred authentication context class (RFC 9470 §4). Every user here satisfies it. */
  readonly acr: string | undefined
  readonly challenge: string | undefined
  readonly audience: ReadonlyArray<string> | undefined
  /** Thumbprint of the key that the code is bound to (RFC 9449 §10). */
  readonly jkt: string | undefined
  /** Whether the code yields a refresh token. */
  readonly isOffline: boolean
}

/** An authorization code and its tokens. */
export interface Code {
  readonly authorization: Authorization
  readonly user: string
  readonly scope: string | undefined
  readonly expiresAt: number
  used: boolean
  gave: { readonly accessToken: string; readonly refreshToken: RefreshToken | undefined } | undefined
}

/** A pushed authorization request (RFC 9126). */
export interface Pushed {
  readonly authorization: Authorization
  readonly expiresAt: number
}
