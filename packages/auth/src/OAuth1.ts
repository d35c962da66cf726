/**
 * OAuth 1.0 (RFC 5849), also known as OAuth 1.0a: requests that are signed with the secrets of a client and of a token.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as Message from "@countersign/protocol/OAuth1"
import { hmac } from "@noble/hashes/hmac.js"
import { sha1 } from "@noble/hashes/legacy.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as OptionsFromConfig from "./internal/oauth/optionsFromConfig.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { bytesOf } from "./internal/schemes/bodyBytes.js"
import { located, urlOf } from "./internal/schemes/signedUrl.js"
import type { OrConfig } from "./OAuth2.js"

/**
 * How requests are signed. `PLAINTEXT` sends the secrets themselves, so it needs https.
 *
 * @since 0.1.0
 * @category models
 */
export type SignatureMethod = "HMAC-SHA1" | "HMAC-SHA256" | "PLAINTEXT"

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

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const hashes = { "HMAC-SHA1": sha1, "HMAC-SHA256": sha256, PLAINTEXT: sha1 } as const

/** The signature of a base string. */
const signatureOf = (text: string, key: string, method: SignatureMethod): string =>
  method === "PLAINTEXT" ? key : Encoding.encodeBase64(hmac(hashes[method], encoder.encode(key), encoder.encode(text)))

const unsignable = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Body", detail })

const isForm = ({ body, headers }: HttpClientRequest.HttpClientRequest): boolean => {
  const type = headers["content-type"] ?? ("contentType" in body ? body.contentType : undefined) ?? ""
  return /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)
}

/** The parts of the body that the signature protects. */
interface SignedBody {
  readonly form: ReadonlyArray<Message.Parameter>
  readonly oauth: ReadonlyArray<Message.Parameter>
}

/** A form is signed as parameters. Of another body, only the hash can be signed. */
const signedBodyOf = (
  request: HttpClientRequest.HttpClientRequest,
  { bodyHash = defaults.bodyHash, signatureMethod = defaults.signatureMethod }: Options
): Either.Either<SignedBody, InvalidRequest> => {
  const bytes = bytesOf(request.body)
  if (isForm(request)) {
    return bytes === undefined
      ? Either.left(
          unsignable("a form that is a stream cannot be signed: its parameters are not known yet. Send text.")
        )
      : Either.right({ form: Message.parseForm(decoder.decode(bytes)), oauth: [] })
  }
  if (!bodyHash) return Either.right({ form: [], oauth: [] })
  return bytes === undefined
    ? Either.left(unsignable("a streamed body has no hash yet. Send bytes or text, or remove `bodyHash`."))
    : Either.right({ form: [], oauth: [["oauth_body_hash", Encoding.encodeBase64(hashes[signatureMethod](bytes))]] })
}

const secretOf = (secret: Redacted.Redacted<string> | undefined): string =>
  secret === undefined ? "" : Redacted.value(secret)

const insecure = new InvalidRequest({
  reason: "Url",
  detail: "`PLAINTEXT` sends the secrets, and the URL is not https. Use https, or another `signatureMethod`."
})

/** The signed parameters of one request. */
const signedParameters = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  options: Options
): Effect.Effect<ReadonlyArray<Message.Parameter>, InvalidRequest> =>
  Effect.gen(function* () {
    const { clientId, clientSecret, signatureMethod = defaults.signatureMethod, token, tokenSecret } = options
    if (signatureMethod === "PLAINTEXT" && url.protocol !== "https:") return yield* Effect.fail(insecure)
    const body = yield* signedBodyOf(request, options)
    const now = yield* Clock.currentTimeMillis
    const oauth: ReadonlyArray<Message.Parameter> = [
      ["oauth_consumer_key", clientId],
      ...(token === undefined ? [] : [["oauth_token", Redacted.value(token)] as const]),
      ["oauth_signature_method", signatureMethod],
      ["oauth_timestamp", String(Math.floor(now / 1000))],
      ["oauth_nonce", yield* IdempotencyKey.uuid],
      ["oauth_version", "1.0"],
      ...body.oauth
    ]
    const key = Message.signingKey(secretOf(clientSecret), secretOf(tokenSecret))
    const text = Message.baseString({ method: request.method, url, oauth, form: body.form })
    return [...oauth, ["oauth_signature", signatureOf(text, key, signatureMethod)]]
  })

/**
 * Authenticates requests with OAuth 1.0 signatures in the `authorization` field.
 *
 * - Each request on the wire has its own timestamp and nonce, retries included. A 401 is final.
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
  OptionNames.known("`OAuth1`", options, names)
  const put = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.gen(function* () {
      const url = yield* urlOf(request)
      const parameters = yield* signedParameters(request, url, options)
      return HttpClientRequest.setHeader(
        located(request, url),
        "authorization",
        Message.format(parameters, options.realm)
      )
    })
  // Hashes and signatures are computed in this process.
  return { ...Auth.makeStaticEffect(put), honorsDeadline: true }
}

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Options", detail })

const problemOf = ({ clientId, clientSecret, realm, token, tokenSecret }: Options): InvalidRequest | undefined => {
  if (clientId.trim() === "") return invalid("`clientId` is empty. Set the id of the client.")
  if (Redacted.value(clientSecret) === "") return invalid("`clientSecret` is empty. Set the secret of the client.")
  if (token === undefined && tokenSecret !== undefined)
    return invalid("`tokenSecret` is set without `token`. Set both.")
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for.
  return realm !== undefined && /[\u0000-\u001f\u007f]/.test(realm)
    ? invalid("`realm` contains a control character. Check for a line break at the end.")
    : undefined
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

const readOptions = (options: OrConfig<Options>): Config.Config<Options> => OptionsFromConfig.read<Options>(options)
