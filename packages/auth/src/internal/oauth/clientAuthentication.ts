/** The implementation of a `ClientAuthentication`, stored outside of the value so that printing it shows no secret. */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as oauth from "oauth4webapi"
import type { TokenError } from "../../Errors.js"

/**
 * A client authentication method with its credentials. Each request is authenticated anew. Printing it shows no secret.
 *
 * Specification: [the registry of methods](https://www.iana.org/assignments/oauth-parameters/oauth-parameters.xhtml#token-endpoint-auth-method).
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientAuthentication {
  /** The name of the method in client metadata: `token_endpoint_auth_method`. */
  readonly method: string
}

/**
 * Claims and headers of a client assertion that a server requires to differ from the defaults.
 *
 * @since 0.1.0
 * @category models
 */
export interface AssertionOptions {
  /** The claim `aud` (default: the issuer). Some servers require the URL of their token endpoint. */
  readonly audience?: string | undefined
  /** Additional header members, such as `x5t#S256` for a server that identifies keys by certificate. */
  readonly header?: Readonly<Record<string, string>> | undefined
}

export interface Method {
  readonly secrets: ReadonlyArray<Redacted.Redacted>
  /** The library's client authentication. `now` is in epoch seconds of the server's clock. */
  readonly apply: (now: number) => oauth.ClientAuth
  /** Reads credentials that another process rotates, before each request. They are used instead of `apply`. */
  readonly read?: Effect.Effect<oauth.ClientAuth, TokenError> | undefined
}

/** The `apply` of the method for one request that is authenticated. */
export const applied = ({ apply, read }: Method): Effect.Effect<Method["apply"], TokenError> =>
  read === undefined ? Effect.succeed(apply) : Effect.map(read, (authentication) => () => authentication)

const methods = new WeakMap<ClientAuthentication, Method>()

export const make = (name: string, method: Method): ClientAuthentication => {
  const authentication: ClientAuthentication = { method: name }
  methods.set(authentication, method)
  return authentication
}

/** Undefined for a value that {@link make} did not create. */
export const of = (authentication: ClientAuthentication): Method | undefined => methods.get(authentication)

/** Lifetime of an assertion. Long enough for one request, and a leaked assertion expires soon. */
const lifeSeconds = 60

/** Dates an assertion by `now`, and sets the audience and header members of the options. */
export const withServerTime =
  (now: number, { audience, header: more }: AssertionOptions): oauth.ModifyAssertionFunction =>
  (header, payload) => {
    // The header of the library wins: the key determines the algorithm.
    Object.assign(header, { ...more, ...header })
    Object.assign(payload, { iat: now, nbf: now, exp: now + lifeSeconds }, audience !== undefined && { aud: audience })
  }
