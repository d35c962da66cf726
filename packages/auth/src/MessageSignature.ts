/**
 * HTTP Message Signatures (RFC 9421) with WebCrypto: signs each request, and verifies signed responses.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ResponseNotAuthentic } from "./Errors.js"
import { requireWebCrypto } from "./internal/hash/webCrypto.js"
import * as Credential from "./internal/messageSignature/credential.js"
import { Demands } from "./internal/messageSignature/demands.js"
import type { Algorithm, Key } from "./internal/messageSignature/keys.js"
import * as Keys from "./internal/messageSignature/keys.js"
import * as Text from "./internal/messageSignature/keyText.js"
import type { Options, TextOptions } from "./internal/messageSignature/options.js"
import { defaults, names, textNames } from "./internal/messageSignature/options.js"
import * as Requests from "./internal/messageSignature/requests.js"
import * as Responses from "./internal/messageSignature/responses.js"
import type { VerificationOptions } from "./internal/messageSignature/verificationOptions.js"
import { requirementsOf } from "./internal/messageSignature/verificationOptions.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { ServerClocks } from "./internal/schemes/serverClocks.js"
import { urlOf } from "./internal/schemes/signedUrl.js"

export type { Algorithm, Key } from "./internal/messageSignature/keys.js"
export type { KeyText } from "./internal/messageSignature/keyText.js"
export type { Options, TextOptions } from "./internal/messageSignature/options.js"
export { defaults } from "./internal/messageSignature/options.js"
export type { VerificationOptions } from "./internal/messageSignature/verificationOptions.js"
export { verificationDefaults } from "./internal/messageSignature/verificationOptions.js"

/**
 * Options of an imported key.
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyOptions {
  /** The key id (`keyid`). By default the `kid` of a JWK. */
  readonly keyId?: string | undefined
  /** The algorithm of an RSA key in a JWK without `alg`. Other keys have one algorithm. */
  readonly algorithm?: Algorithm | undefined
}

const keyNames: OptionNames.ShapeOf<KeyOptions> = { keyId: true, algorithm: true }

/**
 * Imports a private key, a public key or a shared secret from a JWK in JSON. It cannot be exported again.
 *
 * Fails with `InvalidRequest { reason: "Credentials" }` for another text, for an RSA key of less than 2048 bits, and where
 * `crypto.subtle` is missing.
 *
 * Specification: [RFC 7517 §4](https://www.rfc-editor.org/rfc/rfc7517#section-4).
 *
 * @since 0.1.0
 * @category keys
 */
export const fromJwk = (jwk: Redacted.Redacted<string>, options: KeyOptions = {}): Effect.Effect<Key, InvalidRequest> =>
  Effect.zipRight(
    OptionNames.check("`MessageSignature.fromJwk`", options, keyNames),
    Effect.suspend(() => Keys.importJwk(Redacted.value(jwk), options.algorithm, options.keyId))
  )

/**
 * Imports a private key (PKCS #8) or a public key (SPKI) from PEM. It cannot be exported again.
 *
 * Fails as {@link fromJwk} does.
 *
 * Specification: [RFC 7468 §10](https://www.rfc-editor.org/rfc/rfc7468#section-10).
 *
 * @since 0.1.0
 * @category keys
 */
export const fromPem = (
  pem: Redacted.Redacted<string>,
  options: KeyOptions & { readonly algorithm: Algorithm }
): Effect.Effect<Key, InvalidRequest> =>
  Effect.zipRight(
    OptionNames.check("`MessageSignature.fromPem`", options, keyNames),
    Effect.suspend(() => Keys.importPem(Redacted.value(pem), options.algorithm, options.keyId))
  )

/**
 * Makes a key for `hmac-sha256` of a shared secret: bytes, or a text in UTF-8.
 *
 * Fails with `InvalidRequest { reason: "Credentials" }` for an empty secret, and where `crypto.subtle` is missing.
 *
 * @since 0.1.0
 * @category keys
 */
export const fromSecret = (
  secret: Redacted.Redacted<string | Uint8Array>,
  options: Pick<KeyOptions, "keyId"> = {}
): Effect.Effect<Key, InvalidRequest> =>
  Effect.zipRight(
    OptionNames.check("`MessageSignature.fromSecret`", options, { keyId: true }),
    Effect.suspend(() => {
      const value = Redacted.value(secret)
      return Keys.importSecret(typeof value === "string" ? new TextEncoder().encode(value) : value, options.keyId)
    })
  )

/**
 * Signs each request with its own `created`, retries, redirects and replays included.
 *
 * `created` is the time by the server's clock, if the `Date` of an earlier response differs from the own clock by 5 seconds or
 * more. After a 401 that corrects the time, the request is sent once more.
 *
 * A 401 with `Accept-Signature` demands another signature. The request is sent once more with that signature, which covers the
 * components of the options too. Later requests to the origin are signed in the same way. A demand that the key, the options or
 * the request do not fulfil is ignored. Any other 401 is final.
 *
 * The signed URL is the URL that is sent. `Content-Digest` is the hash of the bytes that are sent, which are not copied. An
 * existing `Content-Digest`, `Signature` or `Signature-Input` is replaced.
 *
 * A call fails with `InvalidRequest`, and sends nothing:
 *
 * - `{ reason: "Header" }`: a component cannot be signed, such as a field that the request does not have.
 * - `{ reason: "Body" }`: a streamed body or a form with `contentDigest`.
 * - `{ reason: "Credentials" }`: the key cannot sign.
 *
 * Specification: [RFC 9421 §3.1](https://www.rfc-editor.org/rfc/rfc9421#section-3.1),
 * [RFC 9421 §5.2](https://www.rfc-editor.org/rfc/rfc9421#section-5.2),
 * [RFC 9530 §2](https://www.rfc-editor.org/rfc/rfc9530#section-2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Auth.Service => {
  const { expiresIn, key, keyId, tag } = OptionNames.known("`MessageSignature`", options, names)
  const settings: Requests.Settings = {
    key,
    keyId,
    tag,
    components: options.components ?? defaults.components,
    label: options.label ?? defaults.label,
    expiresInSeconds: expiresIn === undefined ? undefined : Math.ceil(Duration.toSeconds(expiresIn)),
    sendNonce: options.nonce === true,
    sendAlgorithm: options.alg === true,
    contentDigest: options.contentDigest ?? defaults.contentDigest,
    fieldTypes: options.fieldTypes ?? {}
  }
  const clocks = new ServerClocks()
  const demands = new Demands()
  return {
    sign: (request) => Requests.signFor(request, settings, clocks, demands),
    onRejected: ({ credential, initialCredentialId: first = credential }) =>
      Effect.sync(() => {
        const rejected = Credential.read(credential)
        return credential === first && (clocks.isCorrected(rejected) || demands.isNew(rejected))
      }),
    // Hashes and signatures are computed in this process.
    honorsDeadline: true
  }
}

/**
 * Layer that signs each request to the API's origins, see {@link make}.
 *
 * @example
 * import * as MessageSignature from "@countersign/auth/MessageSignature"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const jwk = Redacted.make('{"kty":"OKP","crv":"Ed25519","kid":"key-1","x":"…","d":"…"}')
 *
 * const AuthLive = Layer.unwrapEffect(
 *   Effect.map(MessageSignature.fromJwk(jwk), (key) => MessageSignature.layer({ key, expiresIn: "1 minute" }))
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Auth.Auth> => Layer.sync(Auth.Auth, () => make(options))

/**
 * Layer like {@link layer}, with options that may be read from the configuration (`Config`). The key is a text: `jwk`, `pem` or
 * `secret`.
 *
 * Building it fails with `ConfigError` if a value is missing, and with `InvalidRequest` if the key cannot be imported (see
 * {@link fromJwk}) or an option is unknown.
 *
 * @example
 * import * as MessageSignature from "@countersign/auth/MessageSignature"
 * import * as Config from "effect/Config"
 *
 * const AuthLive = MessageSignature.layerConfig({
 *   pem: Config.redacted("SIGNING_KEY"),
 *   algorithm: "ed25519",
 *   keyId: Config.string("SIGNING_KEY_ID")
 * })
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: ConfigOptions.OrConfig<TextOptions>
): Layer.Layer<Auth.Auth, ConfigError | InvalidRequest> =>
  Auth.layerEffect(
    Effect.gen(function* () {
      yield* OptionNames.check("`MessageSignature`", options, textNames)
      const { algorithm, jwk, pem, secret, ...rest } = yield* ConfigOptions.read<TextOptions>(options)
      return make({ ...rest, key: yield* Text.read({ algorithm, jwk, pem, secret }, rest.keyId) })
    })
  )

/**
 * Adds the verification of signed responses to a scheme, which may be any scheme.
 *
 * Each response except a 401 needs a signature of a known key with `created`, which covers the required components. If it
 * covers `content-digest`, the digest is compared with the body. Requests are sent with `accept-encoding: identity`, unless
 * they have another value, because the digest is of the encoded body.
 *
 * A signature of a response can be replayed for another request, unless it covers components of its request. List these in
 * `components`, such as `component("@target-uri", { req: true })`.
 *
 * A call fails with `ResponseNotAuthentic` if its response is not verified. The server may have executed the request. `open`
 * fails for a signature that covers `content-digest`, because it does not read the body first.
 *
 * Specification: [RFC 9421 §3.2](https://www.rfc-editor.org/rfc/rfc9421#section-3.2).
 *
 * @since 0.1.0
 * @category combinators
 */
export const verifyResponses = <E>(
  auth: Auth.Service<E>,
  options: VerificationOptions
): Auth.Service<E | ResponseNotAuthentic> => {
  const requirements = requirementsOf(options)
  return {
    ...auth,
    signSync: undefined,
    sign: (request) => Effect.map(auth.sign(identity(request)), (signed) => verifying(signed, requirements))
  }
}

const identity = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
  request.headers["accept-encoding"] === undefined
    ? HttpClientRequest.setHeader(request, "accept-encoding", "identity")
    : request

const verifying = <E>(
  signed: Auth.Signed<E>,
  requirements: Responses.Requirements
): Auth.Signed<E | ResponseNotAuthentic> => ({
  ...signed,
  verify: (response) => {
    const url = Either.getOrUndefined(urlOf(signed.request))
    const origin = url?.origin ?? "the server"
    const target = url === undefined ? "" : url.origin + url.pathname + url.search
    const found = Responses.problemOf(response, signed.request, target, requirements)
    const verified = Effect.flatMap(requireWebCrypto, () => found).pipe(
      Effect.flatMap((detail) =>
        detail === undefined ? Effect.void : Effect.fail(new ResponseNotAuthentic({ origin, detail }))
      )
    )
    const own = signed.verify?.(response)
    return own === undefined ? verified : Effect.zipRight(own, verified)
  }
})
