/** What stands behind a `ClientAuthentication`, out of the sight of printers. */
import type * as Redacted from "effect/Redacted"
import type * as oauth from "oauth4webapi"

/**
 * A way to prove it, with what that takes. It is made anew for each request, and shows no secret.
 *
 * Specification: [the registry of methods](https://www.iana.org/assignments/oauth-parameters/oauth-parameters.xhtml#token-endpoint-auth-method).
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientAuthentication {
  /** Its name in a client's registration. */
  readonly method: string
}

/**
 * What an assertion says.
 *
 * @since 0.1.0
 * @category models
 */
export interface AssertionOptions {
  /** Whom it is meant for, where a server wants something else than its issuer: its token endpoint, mostly. */
  readonly audience?: string | undefined
  /** What its header says beside the algorithm and the key's id: `x5t#S256`, where a server knows keys by certificates. */
  readonly header?: Readonly<Record<string, string>> | undefined
}

export interface Method {
  readonly secrets: ReadonlyArray<Redacted.Redacted>
  /** The library's own, at `now` in epoch seconds of the server's clock. */
  readonly apply: (now: number) => oauth.ClientAuth
}

const methods = new WeakMap<ClientAuthentication, Method>()

export const make = (name: string, method: Method): ClientAuthentication => {
  const authentication: ClientAuthentication = { method: name }
  methods.set(authentication, method)
  return authentication
}

/** Undefined for one that nobody here has made. */
export const of = (authentication: ClientAuthentication): Method | undefined => methods.get(authentication)

/** An assertion lives for a minute: time enough for a request, and none for anybody else. */
const lifeSeconds = 60

/** Puts the times of an assertion on Effect's clock, and what a server wants otherwise where it is to be. */
export const dated =
  (now: number, { audience, header: more }: AssertionOptions): oauth.ModifyAssertionFunction =>
  (header, payload) => {
    // How it is signed is the key's to say.
    Object.assign(header, { ...more, ...header })
    Object.assign(payload, { iat: now, nbf: now, exp: now + lifeSeconds }, audience !== undefined && { aud: audience })
  }
