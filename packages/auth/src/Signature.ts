/**
 * HMAC request signatures (RFC 2104) with a shared secret, for APIs with a proprietary scheme. The canonical string and the
 * header fields are configurable, and presets have the forms that many APIs share.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { bodyHash } from "./internal/hash/sha256.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { bytesOf } from "./internal/schemes/bodyBytes.js"
import { located, urlOf } from "./internal/schemes/signedUrl.js"
import type { Parts, SecretOptions } from "./internal/signature/hmac.js"
import { secretNames, signatureOf } from "./internal/signature/hmac.js"

export type { SecretOptions } from "./internal/signature/hmac.js"

/**
 * Input of a canonical string: the request as it is sent, with its timestamp and nonce.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message {
  /** The HTTP method. */
  readonly method: string
  /** The absolute URL, with its query. */
  readonly url: URL
  /** Header fields by lower-case name, without those of the signature. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as it is sent. */
  readonly body: Uint8Array
  /** SHA-256 of the body, in lower-case hexadecimal. */
  readonly bodySha256: string
  /** The time of this request, in the format of {@link Options.timestamp}. */
  readonly timestamp: string
  /** A random UUID, new for each request. */
  readonly nonce: string
}

/**
 * A message with its signature, for {@link Options.fields}.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignedMessage extends Message {
  /** The key id of the options. */
  readonly keyId: string
  /** The encoded signature. */
  readonly signature: string
}

/**
 * Options of a signature scheme: key, canonical string, headers and formats.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends SecretOptions {
  /** Identifies the secret. It is sent with every request. */
  readonly keyId: string
  /** Makes what is signed ({@link canonical}): a text, bytes, or a list of both. A list avoids a copy of the body. */
  readonly canonical?: ((message: Message) => string | Uint8Array | ReadonlyArray<string | Uint8Array>) | undefined
  /** Makes the header fields of the signature, instead of those that `headers` names. */
  readonly fields?: ((message: SignedMessage) => Readonly<Record<string, string>>) | undefined
  /** Names of the headers (`x-api-key`, `x-timestamp`, `x-nonce`, `x-signature`). */
  readonly headers?:
    | { readonly keyId?: string; readonly timestamp?: string; readonly nonce?: string; readonly signature?: string }
    | undefined
  /** Formats the time, from epoch milliseconds (default: whole seconds). */
  readonly timestamp?: ((epochMs: number) => string) | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  ...secretNames,
  keyId: true,
  canonical: true,
  fields: true,
  headers: { keyId: true, timestamp: true, nonce: true, signature: true },
  timestamp: true
}

/**
 * The default canonical string: method, path with query, timestamp, nonce and SHA-256 of the body, one line each.
 *
 * @since 0.1.0
 * @category canonical strings
 */
export const canonical = ({ bodySha256, method, nonce, timestamp, url }: Message): string =>
  [method, url.pathname + url.search, timestamp, nonce, bodySha256].join("\n")

const unsignable = new InvalidRequest({
  reason: "Body",
  detail: "a streamed body or a form cannot be signed: its bytes are not known yet. Send bytes or text."
})

const secondsOf = (epochMs: number): string => String(Math.floor(epochMs / 1000))

const digestOf = (bytes: Uint8Array): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => bodyHash(bytes)),
    Encoding.encodeHex
  )

const partsOf = (signed: string | Uint8Array | Parts): Parts =>
  typeof signed === "string" || signed instanceof Uint8Array ? [signed] : signed

/** The header fields that `headers` names. */
const namedFields =
  ({ headers = {} }: Pick<Options, "headers">) =>
  ({ keyId, nonce, signature, timestamp }: SignedMessage): Readonly<Record<string, string>> => ({
    [headers.keyId ?? "x-api-key"]: keyId,
    [headers.timestamp ?? "x-timestamp"]: timestamp,
    [headers.nonce ?? "x-nonce"]: nonce,
    [headers.signature ?? "x-signature"]: signature
  })

const messageOf = (
  { body, headers, method }: HttpClientRequest.HttpClientRequest,
  url: URL,
  stamp: (epochMs: number) => string
): Effect.Effect<Message, InvalidRequest> =>
  Effect.gen(function* () {
    const bytes = bytesOf(body)
    if (bytes === undefined) return yield* Effect.fail(unsignable)
    const timestamp = stamp(yield* Clock.currentTimeMillis)
    const nonce = yield* IdempotencyKey.uuid
    return { method, url, headers, body: bytes, bodySha256: yield* digestOf(bytes), timestamp, nonce }
  })

/**
 * Authenticates requests with an HMAC signature. Each request is signed with its own time and nonce, retries and replays
 * included.
 *
 * The signed URL is the URL that is sent: parameters are appended to its query. The query stays unchanged, except for an
 * apostrophe, which a `URL` encodes as `%27`.
 *
 * A call fails with `InvalidRequest { reason: "Body" }` for a streamed body or a form, and with `{ reason: "Credentials" }`
 * if `secret` is empty or cannot be decoded.
 *
 * Specification: [RFC 2104](https://www.rfc-editor.org/rfc/rfc2104#section-2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Auth.Service => {
  OptionNames.known("`Signature`", options, names)
  const { fields = namedFields(options), keyId, timestamp = secondsOf } = options
  const textOf = options.canonical ?? canonical

  const put = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.gen(function* () {
      const url = yield* urlOf(request)
      const message = yield* messageOf(request, url, timestamp)
      const signature = yield* signatureOf(options, partsOf(textOf(message)))
      return HttpClientRequest.setHeaders(located(request, url), fields({ ...message, keyId, signature }))
    })

  // Hashes and signatures are computed in this process.
  return { ...Auth.makeStaticEffect(put), honorsDeadline: true }
}

/**
 * Layer that authenticates requests with an HMAC signature, see {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Auth.Auth> => Layer.sync(Auth.Auth, () => make(options))

/**
 * Options for webhook receivers that expect `t=<seconds>,v1=<signature>` in one header, over `<seconds>.<body>`.
 *
 * @example
 * import * as Signature from "@countersign/auth/Signature"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = Signature.layer(
 *   Signature.timestampedBody({ header: "x-webhook-signature", secret: Redacted.make("secret") })
 * )
 *
 * @since 0.1.0
 * @category presets
 */
export const timestampedBody = (options: {
  /** Name of the header. */
  readonly header: string
  /** The shared secret. */
  readonly secret: Redacted.Redacted<string>
}): Options => {
  const known = { header: true, secret: "secret" } as const
  const { header, secret } = OptionNames.known("`Signature.timestampedBody`", options, known)
  return {
    keyId: "",
    secret,
    canonical: ({ body, timestamp }) => [timestamp, ".", body],
    fields: ({ signature, timestamp }) => ({ [header]: `t=${timestamp},v1=${signature}` })
  }
}

/**
 * Options for webhook receivers of Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`.
 *
 * A request without `webhook-id` gets a random one. Set the header if the receiver must recognize an event that is sent again.
 *
 * Specification:
 * [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#symmetric).
 *
 * @param secret - the secret, with or without the prefix `whsec_`.
 * @since 0.1.0
 * @category presets
 */
export const standardWebhooks = (secret: Redacted.Redacted<string>): Options => {
  const idOf = ({ headers, nonce }: Message) => headers["webhook-id"] ?? nonce
  return {
    keyId: "",
    secret: Redacted.make(Redacted.value(secret).replace(/^whsec_/, "")),
    secretEncoding: "base64",
    encoding: "base64",
    canonical: (message) => [`${idOf(message)}.${message.timestamp}.`, message.body],
    fields: (message) => ({
      "webhook-id": idOf(message),
      "webhook-timestamp": message.timestamp,
      "webhook-signature": `v1,${message.signature}`
    })
  }
}

/**
 * The canonical string of many exchanges: timestamp, method, path with query, and body, without separators.
 *
 * Use it with `secretEncoding: "base64"` and `encoding: "base64"` where the provider documents them.
 *
 * @since 0.1.0
 * @category canonical strings
 */
export const prehash = ({ body, method, timestamp, url }: Message): ReadonlyArray<string | Uint8Array> => [
  timestamp,
  method,
  url.pathname + url.search,
  body
]
