/**
 * OAuth 1.0 (RFC 5849), also known as OAuth 1.0a: requests that are signed with the secrets of a client and of a token.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { InvalidRequest } from "@countersign/client/Errors"
import * as Message from "@countersign/protocol/OAuth1"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { problemOf } from "./internal/oauth1/optionProblem.js"
import type { SignatureMethod } from "./internal/oauth1/signing.js"
import { signedParameters } from "./internal/oauth1/signing.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { ServerClocks } from "./internal/schemes/serverClocks.js"
import * as SignedTime from "./internal/schemes/signedTime.js"
import { located, urlOf } from "./internal/schemes/signedUrl.js"
import type { OrConfig } from "./OAuth2.js"

export type { SignatureMethod } from "./internal/oauth1/signing.js"

/**
 * The credentials of the client and of the token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The id of the client, sent as `oauth_consumer_key`. */
  readonly clientId: string
  /** The secret of the client. */
  readonly clientSecret: Redacted.Redacted<string>
  /** The token (`oauth_token`). Without it, the client signs for itself. */
  readonly token?: Redacted.Redacted<string> | undefined
  /** The secret of the token. */
  readonly tokenSecret?: Redacted.Redacted<string> | undefined
  /** The signature method (`HMAC-SHA1`, the only one that most servers know). */
  readonly signatureMethod?: SignatureMethod | undefined
  /** The realm of the server, sent if it is set. */
  readonly realm?: string | undefined
  /** Whether to send `oauth_body_hash` for a body that is not a form (false). Then streams cannot be sent. */
  readonly bodyHash?: boolean | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  clientId: true,
  clientSecret: "secret",
  token: "secret",
  tokenSecret: "secret",
  signatureMethod: true,
  realm: true,
  bodyHash: true
}

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { signatureMethod: "HMAC-SHA1", bodyHash: false } as const

/**
 * Authenticates requests with OAuth 1.0 signatures in the `authorization` field.
 *
 * - Each request on the wire has its own timestamp and nonce, retries included.
 * - After a 401 with a `Date` that differs from the clock by 5 seconds or more, the request is sent once more with the time of the
 *   server. Later requests to that origin are signed with its time too. Any other 401 is final.
 * - The signature protects the method, the URL with its query, and the parameters of a form. It protects another body only with
 *   `bodyHash`, which the server must know.
 * - A call fails with `InvalidRequest { reason: "Body" }` for a form that is a stream, and with `{ reason: "Url" }` for `PLAINTEXT`
 *   without https.
 *
 * Specification: [RFC 5849 §3](https://www.rfc-editor.org/rfc/rfc5849#section-3).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Auth.Service => {
  const {
    bodyHash = defaults.bodyHash,
    clientId,
    clientSecret,
    realm,
    signatureMethod = defaults.signatureMethod,
    token,
    tokenSecret
  } = OptionNames.known("`OAuth1`", options, names)
  const signer = { clientId, clientSecret, token, tokenSecret, signatureMethod, bodyHash }
  const clocks = new ServerClocks()
  return {
    sign: (request) =>
      Effect.gen(function* () {
        const clock = yield* Effect.clock
        const url = yield* urlOf(request)
        const { origin } = url
        const skewMs = clocks.skewOf(origin)
        const parameters = yield* signedParameters(request, url, signer, clock.unsafeCurrentTimeMillis() + skewMs)
        const authorization = Message.format(parameters, realm)
        return {
          request: HttpClientRequest.setHeader(located(request, url), "authorization", authorization),
          credential: SignedTime.write({ origin, skewMs }),
          onResponse: (response) => {
            if (response.status === 401) clocks.update(origin, response, clock.unsafeCurrentTimeMillis())
          }
        }
      }),
    onRejected: ({ credential, initialCredentialId: first = credential }) =>
      Effect.sync(() => credential === first && clocks.isCorrected(SignedTime.read(credential))),
    // Hashes and signatures are computed in this process.
    honorsDeadline: true
  }
}

const validated = (options: Options): Effect.Effect<Auth.Service, InvalidRequest> =>
  Effect.zipRight(
    OptionNames.check("`OAuth1`", options, names),
    Effect.suspend(() => problemOf(options) ?? Effect.sync(() => make(options)))
  )

/**
 * Layer that authenticates requests to the API's origins with OAuth 1.0 signatures, see {@link make}.
 *
 * Fails with `InvalidRequest` when it is built, if the id or the secret of the client is empty, if `tokenSecret` has no `token`, or if
 * `realm` has control characters.
 *
 * @example
 * import * as OAuth1 from "@countersign/auth/OAuth1"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = OAuth1.layer({
 *   clientId: "app",
 *   clientSecret: Redacted.make("client secret"),
 *   token: Redacted.make("token"),
 *   tokenSecret: Redacted.make("token secret")
 * })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Auth.Auth, InvalidRequest> => Auth.layerEffect(validated(options))

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
): Layer.Layer<Auth.Auth, ConfigError.ConfigError | InvalidRequest> =>
  Auth.layerEffect(Effect.flatMap(readOptions(options), validated))

const readOptions = (options: OrConfig<Options>): Config.Config<Options> => ConfigOptions.read<Options>(options)
