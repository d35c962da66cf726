/** Subject and authorization of a token. */

/** Subject and authorization of a token, and the thumbprint of the key that it is bound to. */
export interface Subject {
  readonly clientId: string
  readonly scope: string | undefined
  /** The user; undefined for the client itself. */
  readonly user?: string | undefined
  /** Resources that accept the token; any if undefined. */
  readonly audience?: ReadonlyArray<string> | undefined
  /** The party that acts for the user (RFC 8693 §4.1). */
  readonly actor?: string | undefined
  readonly jkt?: string | undefined
  /** Context class and time of the sign-in. A refresh does not change them. */
  readonly signIn?: { readonly acr: string | undefined; readonly at: number } | undefined
  /** The `claims` parameter of the request (OpenID Connect Core §5.5). */
  readonly claims?: string | undefined
}
