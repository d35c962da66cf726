/**
 * Requests signed with a shared secret, for the many APIs that have a scheme of their own: bring the canonical
 * string, and say what the headers are called.
 *
 * @since 0.1.0
 */
import type { HttpBody } from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as RequestTarget from "@countersign/protocol/RequestTarget"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/**
 * What a canonical string is made of: the request as it will be sent, and what was made for this send.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message {
  readonly method: string
  readonly url: URL
  /** Header fields by lower-case name, without those of the signature. */
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body, in lower-case hexadecimal. */
  readonly bodySha256: string
  readonly timestamp: string
  readonly nonce: string
}

/**
 * A scheme.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Names the secret for the server; sent with every request. */
  readonly keyId: string
  readonly secret: Redacted.Redacted<string>
  /** The text that is signed ({@link canonical}). */
  readonly canonical?: ((message: Message) => string) | undefined
  /** What the headers are called (`x-api-key`, `x-timestamp`, `x-nonce`, `x-signature`). */
  readonly headers?:
    | { readonly keyId?: string; readonly timestamp?: string; readonly nonce?: string; readonly signature?: string }
    | undefined
  /** How the instant is written, from epoch milliseconds (whole seconds). */
  readonly timestamp?: ((epochMs: number) => string) | undefined
  /** How the signature is written (`hex`). */
  readonly encoding?: "hex" | "base64" | undefined
}

/**
 * The canonical string where none is brought: method, path with query, timestamp, nonce and the body's SHA-256, a
 * line each.
 *
 * @since 0.1.0
 * @category canonical strings
 */
export const canonical = ({ bodySha256, method, nonce, timestamp, url }: Message): string =>
  [method, url.pathname + url.search, timestamp, nonce, bodySha256].join("\n")

const encoder = new TextEncoder()

/** A copy, since WebCrypto wants bytes of an ArrayBuffer of their own. */
const bytesOf = (body: HttpBody): Uint8Array<ArrayBuffer> | undefined => {
  if (body._tag === "Empty") return new Uint8Array(0)
  if (body._tag === "Uint8Array") return new Uint8Array(body.body)
  return body._tag === "Raw" && typeof body.body === "string" ? encoder.encode(body.body) : undefined
}

const unsignable = new InvalidRequest({
  reason: "Body",
  detail: "a streamed body or a form cannot be signed, since its bytes are not known yet: send bytes or text"
})

const noSecret = new InvalidRequest({
  reason: "Credentials",
  detail: "the secret to sign with is empty: configure one"
})

const notAUrl = new InvalidRequest({ reason: "Url", detail: "the URL to be signed is no absolute URL" })

/** Parameters are appended to the text of the query: what is signed of it is what is sent. */
const urlOf = ({ url, urlParams }: HttpClientRequest.HttpClientRequest): Either.Either<URL, InvalidRequest> =>
  Either.mapLeft(
    UrlParams.makeUrl(RequestTarget.append(url, UrlParams.toString(urlParams)), UrlParams.empty, Option.none()),
    () => notAUrl
  )

/**
 * The request with the very URL that was signed, as one text: a transport could write an apostrophe in another way, or the
 * parameters.
 */
const located = (request: HttpClientRequest.HttpClientRequest, url: URL): HttpClientRequest.HttpClientRequest => {
  const bare = new URL(url.origin + url.pathname)
  return HttpClientRequest.setUrl(HttpClientRequest.setUrl(request, bare), bare.href + url.search)
}

const secondsOf = (epochMs: number): string => String(Math.floor(epochMs / 1000))

const sha256 = (bytes: Uint8Array<ArrayBuffer>): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", bytes)),
    (digest) => Encoding.encodeHex(new Uint8Array(digest))
  )

const hmac = (key: CryptoKey, text: string): Effect.Effect<Uint8Array> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.sign("HMAC", key, encoder.encode(text))),
    (signature) => new Uint8Array(signature)
  )

const importKey = (secret: Redacted.Redacted<string>): Promise<CryptoKey> =>
  globalThis.crypto.subtle.importKey(
    "raw",
    encoder.encode(Redacted.value(secret)),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"]
  )

/**
 * Signs each send with HMAC-SHA256: with the time and the nonce of that send, so that a retry or a replay is signed
 * anew. The request is sent with the URL that was signed: parameters are appended to its query, which stays as it is, but for
 * an apostrophe, which a `URL` writes as `%27`.
 *
 * Signing fails with `InvalidRequest { reason: "Body" }` for a body whose bytes are not at hand, and with
 * `{ reason: "Credentials" }` where the secret is empty.
 *
 * Specification: [RFC 2104](https://www.rfc-editor.org/rfc/rfc2104#section-2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Auth.Service => {
  const { keyId = "x-api-key", nonce: nonceHeader = "x-nonce", signature = "x-signature" } = options.headers ?? {}
  const timestampHeader = options.headers?.timestamp ?? "x-timestamp"
  const encode = options.encoding === "base64" ? Encoding.encodeBase64 : Encoding.encodeHex
  const stamp = options.timestamp ?? secondsOf
  const textOf = options.canonical ?? canonical
  let key: Promise<CryptoKey> | undefined

  const put = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.gen(function* () {
      if (Redacted.value(options.secret) === "") return yield* Effect.fail(noSecret)
      const bytes = bytesOf(request.body)
      if (bytes === undefined) return yield* Effect.fail(unsignable)
      const url = yield* urlOf(request)
      const timestamp = stamp(yield* Clock.currentTimeMillis)
      const nonce = globalThis.crypto.randomUUID()
      const bodySha256 = yield* sha256(bytes)
      const { headers, method } = request
      const text = textOf({ method, url, headers, bodySha256, timestamp, nonce })
      const secret = yield* Effect.promise(() => (key ??= importKey(options.secret)))
      return HttpClientRequest.setHeaders(located(request, url), {
        [keyId]: options.keyId,
        [timestampHeader]: timestamp,
        [nonceHeader]: nonce,
        [signature]: encode(yield* hmac(secret, text))
      })
    })

  return Auth.makeStaticEffect(put)
}

/**
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Auth.Auth> => Layer.sync(Auth.Auth, () => make(options))
