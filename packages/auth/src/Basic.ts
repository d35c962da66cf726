/**
 * The Basic scheme: a user name and a password with every request.
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
 * A user name, which cannot hold a colon, and a password.
 *
 * @since 0.1.0
 * @category models
 */
export interface Credentials {
  readonly username: string
  readonly password: Redacted.Redacted<string>
}

const why: Record<Protocol.Reason, string> = {
  ColonInUser: "the user name holds a colon, which Basic cannot carry",
  ControlCharacter: "the user name or the password holds a control character (a line break at its end?)",
  LoneSurrogate: "the user name or the password is not well-formed text"
}

/**
 * Sends a user name and a password, in UTF-8.
 *
 * Signing fails with `InvalidRequest { reason: "Credentials" }` where they hold what Basic cannot carry.
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
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (credentials: Credentials): Layer.Layer<Auth.Auth> =>
  Layer.sync(Auth.Auth, () => make(credentials))

/**
 * {@link layer} with the credentials from the configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  credentials: Config.Config.Wrap<Credentials>
): Layer.Layer<Auth.Auth, ConfigError.ConfigError> =>
  Layer.effect(Auth.Auth, Effect.map(Config.unwrap(credentials), make))
