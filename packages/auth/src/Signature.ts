/**
 * HMAC request signatures (RFC 2104) with a shared secret, for APIs with a proprietary scheme. The canonical string and the
 * header names are configurable.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { bodyHash } from "./internal/hash/sha256.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { bytesOf } from "./internal/schemes/bodyBytes.js"
import { located, urlOf } from "./internal/schemes/signedUrl.js"

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
  /** SHA-256 of the body, in lower-case hexadecimal. */
  readonly bodySha256: string
  /** The time of this request, in the format of {@link Options.timestamp}. */
  readonly timestamp: string
  /** A random UUID, new for each request. */
  readonly nonce: string
}

/**
 * Options of a signature scheme: key, canonical string, headers and formats.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Identifies the secret. It is sent with every request. */
  readonly keyId: string
  /** The shared secret, the key of the HMAC. */
  readonly secret: Redacted.Redacted<string>
  /** Makes the text that is signed ({@link canonical}). */
  readonly canonical?: ((message: Message) => string) | undefined
  /** Names of the headers (`x-api-key`, `x-timestamp`, `x-nonce`, `x-signature`). */
  readonly headers?:
    | { readonly keyId?: string; readonly timestamp?: string; readonly nonce?: string; readonly signature?: string }
    | undefined
  /** Formats the time, from epoch milliseconds (default: whole seconds). */
  readonly timestamp?: ((epochMs: number) => string) | undefined
  /** Encoding of the signature (`hex`). */
  readonly encoding?: "hex" | "base64" | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  keyId: true,
  secret: "secret",
  canonical: true,
  headers: { keyId: true, timestamp: true, nonce: true, signature: true },
  timestamp: true,
  encoding: true
}

/**
 * The default canonical string: method, path with query, timestamp, nonce and SHA-256 of the body, one line each.
 *
 * @since 0.1.0
 * @category canonical strings
 */
export const canonical = ({ bodySha256, method, nonce, timestamp, url }: Message): string =>
  [method, url.pathname + url.search, timestamp, nonce, bodySha256].join("\n")

const encoder = new TextEncoder()

const unsignable = new InvalidRequest({
  reason: "Body",
  detail: "a streamed body or a form cannot be signed: its bytes are not known yet. Send bytes or text."
})

const noSecret = new InvalidRequest({
  reason: "Credentials",
  detail: "`secret` is empty. Set the secret of the signature."
})

const secondsOf = (epochMs: number): string => String(Math.floor(epochMs / 1000))

const digestOf = (bytes: Uint8Array): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => bodyHash(bytes)),
    Encoding.encodeHex
  )

/**
 * Authenticates requests with an HMAC-SHA256 signature. Each request is signed with its own time and nonce, retries and
 * replays included.
 *
 * The signed URL is the URL that is sent: parameters are appended to its query. The query stays unchanged, except for an
 * apostrophe, which a `URL` encodes as `%27`.
 *
 * A call fails with `InvalidRequest { reason: "Body" }` for a streamed body or a form, and with `{ reason: "Credentials" }`
 * if `secret` is empty.
 *
 * Specification: [RFC 2104](https://www.rfc-editor.org/rfc/rfc2104#section-2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Auth.Service => {
  OptionNames.known("`Signature`", options, names)
  const { keyId = "x-api-key", nonce: nonceHeader = "x-nonce", signature = "x-signature" } = options.headers ?? {}
  const timestampHeader = options.headers?.timestamp ?? "x-timestamp"
  const encode = options.encoding === "base64" ? Encoding.encodeBase64 : Encoding.encodeHex
  const stamp = options.timestamp ?? secondsOf
  const textOf = options.canonical ?? canonical

  const put = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.gen(function* () {
      if (Redacted.value(options.secret) === "") return yield* Effect.fail(noSecret)
      const bytes = bytesOf(request.body)
      if (bytes === undefined) return yield* Effect.fail(unsignable)
      const url = yield* urlOf(request)
      const timestamp = stamp(yield* Clock.currentTimeMillis)
      const nonce = yield* IdempotencyKey.uuid
      const bodySha256 = yield* digestOf(bytes)
      const { headers, method } = request
      const text = textOf({ method, url, headers, bodySha256, timestamp, nonce })
      const signed = hmac(sha256, encoder.encode(Redacted.value(options.secret)), encoder.encode(text))
      return HttpClientRequest.setHeaders(located(request, url), {
        [keyId]: options.keyId,
        [timestampHeader]: timestamp,
        [nonceHeader]: nonce,
        [signature]: encode(signed)
      })
    })

  // Hashes and signatures are computed in this process.
  return { ...Auth.makeStaticEffect(put), honorsDeadline: true }
}

/**
 * Layer that authenticates requests with an HMAC-SHA256 signature, see {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Auth.Auth> => Layer.sync(Auth.Auth, () => make(options))
