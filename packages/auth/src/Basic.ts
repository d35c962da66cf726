/**
 * Basic authentication (RFC 7617): a user name and a password with every request.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as Protocol from "@countersign/protocol/Basic"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

/**
 * The user name and the password for Basic authentication.
 *
 * @since 0.1.0
 * @category models
 */
export interface Credentials {
  /** The user name. It cannot contain a colon. */
  readonly username: string
  /** The password. Together with the user name, it is sent in UTF-8. */
  readonly password: Redacted.Redacted<string>
}

const why: Record<Protocol.Reason, string> = {
  ColonInUser: "`username` contains a colon. Basic authentication does not support that.",
  ControlCharacter: "`username` or `password` contains a control character. Check for a line break at the end.",
  LoneSurrogate: "`username` or `password` is not well-formed Unicode (lone surrogate)."
}

/**
 * Authenticates with a user name and a password, encoded as UTF-8.
 *
 * Signing fails with `InvalidRequest { reason: "Credentials" }` if Basic authentication cannot carry them.
 *
 * Specification: [RFC 7617 §2](https://www.rfc-editor.org/rfc/rfc7617#section-2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ password, username }: Credentials): Auth.Service => {
  const encoded = Protocol.encode(username, Redacted.value(password))
  if (encoded._tag === "Err") {
    return Auth.makeStaticEffect(() =>
      Effect.fail(new InvalidRequest({ reason: "Credentials", detail: why[encoded.reason] }))
    )
  }
  const field = `Basic ${encoded.value}`
  return Auth.makeStatic((request) => HttpClientRequest.setHeader(request, "authorization", field))
}

/**
 * Layer that sends `authorization: Basic <credentials>` with every request to the API's origins.
 *
 * @example
 * import * as Basic from "@countersign/auth/Basic"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = Basic.layer({ username: "user", password: Redacted.make("pass") })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (credentials: Credentials): Layer.Layer<Auth.Auth> =>
  Layer.sync(Auth.Auth, () => make(credentials))

/**
 * Layer that reads the user name and the password from the configuration and sends them with every request.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  credentials: Config.Config.Wrap<Credentials>
): Layer.Layer<Auth.Auth, ConfigError.ConfigError> =>
  Layer.effect(Auth.Auth, Effect.map(Config.unwrap(credentials), make))
