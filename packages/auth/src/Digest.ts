/**
 * Digest access authentication (RFC 7616): the password is never sent, only hashes of it with a nonce of the server.
 *
 * @since 0.1.0
 */
import * as Auth from "@countersign/client/Auth"
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { SchemeDowngraded } from "@countersign/client/Errors"
import { InvalidRequest } from "@countersign/client/Errors"
import type { Hash, Protection } from "@countersign/protocol/DigestChallenge"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { ChallengeUnsupported, ResponseNotAuthentic } from "./Errors.js"
import { DigestScheme } from "./internal/digest/digestScheme.js"
import type { Responder } from "./internal/digest/responder.js"
import { makeResponder as responderOf } from "./internal/digest/responder.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { blankOption } from "./internal/schemes/invalidCredential.js"
import type { OrConfig } from "./OAuth2.js"

/**
 * Errors of calls with Digest authentication, beside `ApiError`.
 *
 * - `ChallengeUnsupported`: the server offers only algorithms that are not allowed, or its challenge is invalid.
 * - `SchemeDowngraded`: the server offers a weaker algorithm than it has accepted before.
 * - `ResponseNotAuthentic`: the response has a wrong `rspauth`.
 *
 * @since 0.1.0
 * @category errors
 */
export type DigestError = ChallengeUnsupported | ResponseNotAuthentic | SchemeDowngraded

/**
 * The hash algorithms of Digest. Each includes its `-sess` variant.
 *
 * @since 0.1.0
 * @category models
 */
export type Algorithm = Hash

/**
 * Options of Digest authentication.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The user name. It cannot contain a colon. */
  readonly username: string
  /** The password. */
  readonly password: Redacted.Redacted<string>
  /**
   * The algorithms that the client answers (`SHA-512-256` and `SHA-256`). Of several challenges it answers the strongest. Add
   * `MD5` for a server that has no other: MD5 is weak, so use it over https only.
   */
  readonly algorithms?: ReadonlyArray<Algorithm> | undefined
  /**
   * What the digest must protect: method and target (`auth`), or the body too (`auth-int`). By default it is `auth`, unless the
   * server offers `auth-int` only. With `auth-int`, streamed bodies and forms cannot be sent.
   */
  readonly qop?: Protection | undefined
}

const names: OptionNames.ShapeOf<Options> = { username: true, password: "secret", algorithms: true, qop: true }

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: { readonly algorithms: ReadonlyArray<Algorithm> } = { algorithms: ["SHA-512-256", "SHA-256"] }

/**
 * Authenticates with a user name and a password, which is never sent.
 *
 * - The first request to an origin is sent without credentials. Others wait for its challenge, and then each request is signed
 *   at once, with the next nonce count.
 * - After a 401 with `stale=true` the request is sent again with the nonce of its own 401. Other requests use it too, after the
 *   server has accepted it. So calls succeed also on a server that accepts each nonce once, or a few times.
 * - A new nonce that the server rejects at its first use means a wrong password: the call fails with `Unauthorized`.
 * - A request is sent at most five times, also if the server calls every nonce stale.
 * - `nextnonce` is used, by one call each if several are known. At most 100 are kept for each realm.
 * - `rspauth` is verified. With `auth-int` it covers the body, so `open` fails with
 *   `ResponseNotAuthentic` then, because it does not read the body first.
 * - The algorithm of an accepted request is pinned for its origin: a later challenge with a weaker one fails with
 *   `SchemeDowngraded`.
 * - A server without `qop` (RFC 2069) is answered too.
 *
 * A body that can be read only once cannot be sent again after the first 401. Send a request without a body first, such as a
 * `GET`.
 *
 * Specification: [RFC 7616 §3](https://www.rfc-editor.org/rfc/rfc7616#section-3).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Auth.Service<DigestError> => {
  const { algorithms = defaults.algorithms, password, qop, username } = OptionNames.known("`Digest`", options, names)
  const scheme = new DigestScheme({ account: { username, password }, algorithms, protection: qop })
  return {
    ...Auth.makeChallenged(scheme),
    offer: (challenges, url) => scheme.offer(challenges, url),
    onChallenges: (challenges, url) => void scheme.onChallenges(url, challenges, undefined)
  }
}

export type { Responder, Signed } from "./internal/digest/responder.js"

/**
 * Makes a responder, which answers the challenges of one server outside of an `ApiClient`, such as those of a proxy. It signs the
 * method and the target of requests (`qop` is `auth`).
 *
 * Throws a `TypeError` for an unknown option.
 *
 * @param options - the credentials, and the algorithms that are answered.
 * @since 0.1.0
 * @category constructors
 */
export const makeResponder = (options: Omit<Options, "qop">): Responder => {
  const { algorithms = defaults.algorithms, password, username } = OptionNames.known("`Digest`", options, names)
  return responderOf({ account: { username, password }, algorithms, protection: "auth" })
}

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Options", detail })

const problemOf = ({ algorithms, password, username }: Options): InvalidRequest | undefined => {
  if (username.trim() === "" && Redacted.value(password) === "") return blankOption("username")
  if (username.includes(":"))
    return invalid("`username` contains a colon. Digest authentication does not support that.")
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for.
  if (/[\u0000-\u001f\u007f]/.test(username + Redacted.value(password))) {
    return invalid("`username` or `password` contains a control character. Check for a line break at the end.")
  }
  return algorithms?.length === 0
    ? invalid("`algorithms` is empty, so no challenge can be answered. Remove the option, or add an algorithm.")
    : undefined
}

const validated = (options: Options): Effect.Effect<Auth.Service<DigestError>, InvalidRequest> =>
  Effect.zipRight(
    OptionNames.check("`Digest`", options, names),
    Effect.suspend(() => problemOf(options) ?? Effect.sync(() => make(options)))
  )

/**
 * Layer that authenticates requests to the API's origins with Digest, see {@link make}.
 *
 * Fails with `InvalidRequest` when it is built, if the credentials cannot be used.
 *
 * @example
 * import * as Digest from "@countersign/auth/Digest"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = Digest.layer({ username: "user", password: Redacted.make("pass") })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Auth.Auth<DigestError>, InvalidRequest> =>
  Auth.layerEffect(validated(options))

/**
 * Layer that reads options from the configuration, see {@link layer}.
 *
 * Fails with `ConfigError` when it is built, if a value is missing, and as {@link layer} does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: OrConfig<Options>
): Layer.Layer<Auth.Auth<DigestError>, ConfigError.ConfigError | InvalidRequest> =>
  Auth.layerEffect(Effect.flatMap(readOptions(options), validated))

const readOptions = (options: OrConfig<Options>): Config.Config<Options> => ConfigOptions.read<Options>(options)
