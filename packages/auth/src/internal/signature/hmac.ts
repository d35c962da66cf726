/** Signatures of a message with a shared secret. */
import { InvalidRequest } from "@countersign/client/Errors"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256, sha512 } from "@noble/hashes/sha2.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import { updateInSteps } from "../hash/steps.js"
import type * as OptionNames from "../options/optionNames.js"

/**
 * The shared secret, and how the signature is computed and encoded.
 *
 * @since 0.1.0
 * @category models
 */
export interface SecretOptions {
  /** The shared secret, the key of the HMAC. */
  readonly secret: Redacted.Redacted<string>
  /** Encoding of the secret (`utf8`). With `base64` and `hex`, the key has the decoded bytes. */
  readonly secretEncoding?: "utf8" | "base64" | "hex" | undefined
  /** The hash function of the HMAC (`SHA-256`). */
  readonly hash?: "SHA-256" | "SHA-512" | undefined
  /** Encoding of the signature (`hex`). */
  readonly encoding?: "hex" | "base64" | undefined
}

export const secretNames: OptionNames.ShapeOf<SecretOptions> = {
  secret: "secret",
  secretEncoding: true,
  hash: true,
  encoding: true
}

const encoder = new TextEncoder()

/** The bytes of a text. Bytes stay as they are. */
const toBytes = (text: string | Uint8Array): Uint8Array => (typeof text === "string" ? encoder.encode(text) : text)

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Credentials", detail })

const keyOf = ({ secret, secretEncoding = "utf8" }: SecretOptions): Either.Either<Uint8Array, InvalidRequest> => {
  const text = Redacted.value(secret)
  if (text === "") return Either.left(invalid("`secret` is empty. Set the secret of the signature."))
  if (secretEncoding === "utf8") return Either.right(encoder.encode(text))
  const decode = secretEncoding === "hex" ? Encoding.decodeHex : Encoding.decodeBase64
  return Either.mapLeft(decode(text), () => invalid(`\`secret\` is not ${secretEncoding}. Check \`secretEncoding\`.`))
}

/** Texts, in UTF-8, and bytes that are signed one after the other. */
export type Parts = ReadonlyArray<string | Uint8Array>

/** The encoded HMAC of some parts, which are not copied. Fails if the secret is empty, or cannot be decoded. */
export const signatureOf = (options: SecretOptions, parts: Parts): Effect.Effect<string, InvalidRequest> =>
  Effect.suspend(() => {
    const key = keyOf(options)
    if (Either.isLeft(key)) return Effect.fail(key.left)
    const encode = options.encoding === "base64" ? Encoding.encodeBase64 : Encoding.encodeHex
    const state = hmac.create(options.hash === "SHA-512" ? sha512 : sha256, key.right)
    return Effect.forEach(parts, (part) => updateInSteps(state, toBytes(part)), { discard: true }).pipe(
      Effect.map(() => encode(state.digest()))
    )
  })
