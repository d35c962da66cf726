/** Signatures of a message with a shared secret. */
import { InvalidRequest } from "@countersign/client/Errors"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256, sha512 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
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

/** Joins texts and bytes. */
export const concat = (...parts: ReadonlyArray<string | Uint8Array>): Uint8Array => {
  const pieces = parts.map(toBytes)
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Credentials", detail })

const keyOf = ({ secret, secretEncoding = "utf8" }: SecretOptions): Either.Either<Uint8Array, InvalidRequest> => {
  const text = Redacted.value(secret)
  if (text === "") return Either.left(invalid("`secret` is empty. Set the secret of the signature."))
  if (secretEncoding === "utf8") return Either.right(encoder.encode(text))
  const decode = secretEncoding === "hex" ? Encoding.decodeHex : Encoding.decodeBase64
  return Either.mapLeft(decode(text), () => invalid(`\`secret\` is not ${secretEncoding}. Check \`secretEncoding\`.`))
}

/** The encoded HMAC of a text. Fails if the secret is empty, or cannot be decoded. */
export const signatureOf = (
  options: SecretOptions,
  text: string | Uint8Array
): Either.Either<string, InvalidRequest> => {
  const encode = options.encoding === "base64" ? Encoding.encodeBase64 : Encoding.encodeHex
  const hash = options.hash === "SHA-512" ? sha512 : sha256
  return Either.map(keyOf(options), (key) => encode(hmac(hash, key, toBytes(text))))
}
