/** The signed parameters of one request (RFC 5849 §3). */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { InvalidRequest } from "@countersign/client/Errors"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as Message from "@countersign/protocol/OAuth1"
import { hmac } from "@noble/hashes/hmac.js"
import { sha1 } from "@noble/hashes/legacy.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import { bytesOf } from "../schemes/bodyBytes.js"

/**
 * How requests are signed. `PLAINTEXT` sends the secrets themselves, so it needs https.
 *
 * @since 0.1.0
 * @category models
 */
export type SignatureMethod = "HMAC-SHA1" | "HMAC-SHA256" | "PLAINTEXT"

/** What signs a request. */
export interface Signer {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted<string>
  readonly token: Redacted.Redacted<string> | undefined
  readonly tokenSecret: Redacted.Redacted<string> | undefined
  readonly signatureMethod: SignatureMethod
  readonly bodyHash: boolean
}

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
  { bodyHash, signatureMethod }: Signer
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

/** Signs a request at a time in epoch milliseconds. `further` are parameters of the protocol, such as `oauth_verifier`. */
export const signedParameters = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  signer: Signer,
  now: number,
  further: ReadonlyArray<Message.Parameter> = []
): Effect.Effect<ReadonlyArray<Message.Parameter>, InvalidRequest> =>
  Effect.gen(function* () {
    const { clientId, clientSecret, signatureMethod, token, tokenSecret } = signer
    if (signatureMethod === "PLAINTEXT" && url.protocol !== "https:") return yield* Effect.fail(insecure)
    const body = yield* signedBodyOf(request, signer)
    const oauth: ReadonlyArray<Message.Parameter> = [
      ["oauth_consumer_key", clientId],
      ...(token === undefined ? [] : [["oauth_token", Redacted.value(token)] as const]),
      ["oauth_signature_method", signatureMethod],
      ["oauth_timestamp", String(Math.floor(now / 1000))],
      ["oauth_nonce", yield* IdempotencyKey.uuid],
      ["oauth_version", "1.0"],
      ...further,
      ...body.oauth
    ]
    const key = Message.signingKey(secretOf(clientSecret), secretOf(tokenSecret))
    const text = Message.baseString({ method: request.method, url, oauth, form: body.form })
    return [...oauth, ["oauth_signature", signatureOf(text, key, signatureMethod)]]
  })
