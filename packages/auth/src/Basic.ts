/**
 * Basic authentication (RFC 7617): a user name and a password with every request.
 *
 * @since 0.1.0
 */
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as Protocol from "@countersign/protocol/Basic"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as OptionNames from "./internal/options/optionNames.js"
import { makeOffer } from "./internal/schemes/offer.js"
import { blankOption, isBlank } from "./internal/schemes/invalidCredential.js"

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

const names: OptionNames.ShapeOf<Credentials> = { username: true, password: "secret" }

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
export const make = (credentials: Credentials): Auth.Service => {
  const field = fieldOf(OptionNames.known("`Basic`", credentials, names))
  return typeof field === "string"
    ? { ...Auth.makeStatic((request) => HttpClientRequest.setHeader(request, "authorization", field)), offer }
    : Auth.makeStaticEffect(() => Effect.fail(new InvalidRequest({ reason: "Credentials", detail: field.detail })))
}

const offer = /* @__PURE__ */ makeOffer("Basic", Auth.strengths.basic)

/** The value of `authorization`, or what is wrong with the credentials. */
const fieldOf = ({ password, username }: Credentials): string | InvalidRequest => {
  const encoded = Protocol.encode(username, Redacted.value(password))
  return encoded._tag === "Ok"
    ? `Basic ${encoded.value}`
    : new InvalidRequest({ reason: "Options", detail: why[encoded.reason] })
}

const validated = (credentials: Credentials): Effect.Effect<Auth.Service, InvalidRequest> => {
  if (credentials.username.trim() === "" && isBlank(credentials.password)) return Effect.fail(blankOption("username"))
  const field = fieldOf(credentials)
  return typeof field === "string" ? Effect.succeed(make(credentials)) : Effect.fail(field)
}

const emptyPassword = new InvalidRequest({
  reason: "Options",
  detail:
    "`password` is empty. Set the environment variable that it comes from. For an API without passwords, use `Basic.layer`."
})

/** A variable that is set to nothing is a mistake. An API without passwords needs no variable for it. */
const validatedConfig = (credentials: Credentials): Effect.Effect<Auth.Service, InvalidRequest> =>
  isBlank(credentials.password) ? Effect.fail(emptyPassword) : validated(credentials)

/**
 * Layer that sends `authorization: Basic <credentials>` with every request to the API's origins.
 *
 * Fails with `InvalidRequest` when it is built, if user name and password are both empty, or cannot be sent. One of them may
 * be empty, as some APIs require.
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
export const layer = (credentials: Credentials): Layer.Layer<Auth.Auth, InvalidRequest> =>
  Layer.effect(
    Auth.Auth,
    Effect.zipRight(
      OptionNames.check("`Basic`", credentials, names),
      Effect.suspend(() => validated(credentials))
    )
  )

/**
 * Layer that reads the user name and the password from the configuration and sends them with every request.
 *
 * Fails with `ConfigError` when it is built, if one of them is missing, with `InvalidRequest` if the password is empty, and as
 * {@link layer} does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  credentials: ConfigOptions.OrConfig<Credentials>
): Layer.Layer<Auth.Auth, ConfigError.ConfigError | InvalidRequest> =>
  Layer.effect(
    Auth.Auth,
    OptionNames.check("`Basic`", credentials, names).pipe(
      Effect.zipRight(Effect.suspend(() => ConfigOptions.read<Credentials>(credentials))),
      Effect.flatMap(validatedConfig)
    )
  )
