/** Whom a token is for, and what it allows. */

/** Whom a token is for, what it opens, and the thumbprint of the key that it is bound to. */
export interface Subject {
  readonly clientId: string
  readonly scope: string | undefined
  /** Whose it is, if it is not the client's own. */
  readonly user?: string | undefined
  /** The resources that it is for; any, when it is undefined. */
  readonly audience?: ReadonlyArray<string> | undefined
  /** Who acts for the user (RFC 8693 §4.1). */
  readonly actor?: string | undefined
  readonly jkt?: string | undefined
  /** How the user has signed in, and when; which no refresh changes. */
  readonly signIn?: { readonly acr: string | undefined; readonly at: number } | undefined
  /** The claims that the token was asked for with (OpenID Connect Core §5.5). */
  readonly claims?: string | undefined
}
