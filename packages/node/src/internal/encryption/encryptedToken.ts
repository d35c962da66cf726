import * as Token from "@countersign/auth/Token"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as TokenRecord from "@countersign/auth/TokenRecord"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import type { EncryptionKey } from "../../EncryptionKey.js"

const algorithm = "aes-256-gcm"
const nonceBytes = 12
const tagBytes = 16

/** The token type of an encrypted token: the version of the format. */
const tokenType = "sealed/v1"

/** Maximum length of an encrypted token, in characters. Real tokens have a few thousand. */
const maxTextLength = 256 * 1024

/** Where a record is stored. A record that was encrypted for one location cannot be decrypted at another. */
export interface RecordLocation {
  readonly store: string
  readonly key: string
}

const failure = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

const notModified = "The record was not changed."

/**
 * Authenticated data. Lengths keep two locations from the same encoding. UTF-16 also keeps lone surrogates distinct.
 */
const associatedData = (keyId: string, { key, store }: RecordLocation): Buffer =>
  Buffer.from([tokenType, keyId, store, key].map((part) => `${part.length}:${part}`).join(","), "utf16le")

const encryptText = (key: EncryptionKey, location: RecordLocation, text: string): string => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key.cipherKey, nonce, { authTagLength: tagBytes })
  cipher.setAAD(associatedData(key.id, location))
  const body = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()])
  return `${key.id}.${body.toString("base64url")}`
}

/** The text. Undefined if it was not encrypted with this key for this location. */
const decryptText = (key: EncryptionKey, location: RecordLocation, body: Buffer): string | undefined => {
  try {
    const decipher = createDecipheriv(algorithm, key.cipherKey, body.subarray(0, nonceBytes), {
      authTagLength: tagBytes
    })
    decipher.setAAD(associatedData(key.id, location))
    decipher.setAuthTag(body.subarray(-tagBytes))
    // The result of `update` is used only after `final` has verified it.
    const text = decipher.update(body.subarray(nonceBytes, -tagBytes))
    return Buffer.concat([text, decipher.final()]).toString("utf8")
  } catch {
    return undefined
  }
}

const tooLarge = () =>
  failure("WriteFailed", `the encrypted token is larger than ${maxTextLength} characters. Nothing was written.`)

/**
 * Encrypts a token into a token without times, scope or issuer. Fails with `WriteFailed` for a token that could not be
 * decrypted again.
 */
export const encrypt = (
  key: EncryptionKey,
  location: RecordLocation,
  token: Token.Token
): Effect.Effect<Token.Token, TokenStoreError> =>
  Effect.gen(function* () {
    const encoded = yield* TokenRecord.encode(Token.Token, token)
    if (TokenRecord.hasLongText(encoded, maxTextLength)) return yield* tooLarge()
    const text = encryptText(key, location, JSON.stringify(encoded))
    if (text.length > maxTextLength) return yield* tooLarge()
    return { accessToken: Redacted.make(text), tokenType, receivedAt: 0 }
  })

const encryptedPattern = /^([0-9a-f]{16})\.([A-Za-z0-9_-]+)$/

const parseEncrypted = (text: string): { readonly keyId: string; readonly body: Buffer } | undefined => {
  const [, keyId, encoded] = encryptedPattern.exec(text) ?? []
  if (keyId === undefined || encoded === undefined) return undefined
  const body = Buffer.from(encoded, "base64url")
  return body.length > nonceBytes + tagBytes && body.toString("base64url") === encoded ? { keyId, body } : undefined
}

const isOfNewerRelease = (token: Token.Token): boolean => token.tokenType.startsWith("sealed/")

/** Whether a record was never encrypted. */
export const isUnencrypted = (token: Token.Token): boolean => token.tokenType !== tokenType && !isOfNewerRelease(token)

const notEncrypted = () =>
  failure(
    "Insecure",
    `a record is not encrypted. ${notModified} If the record is yours, set adoptUnencrypted once. Otherwise remove it.`
  )

const newerRelease = () =>
  failure("UnsupportedFormat", `a record was encrypted by a newer release. ${notModified} Use that release.`)

const corruptRecord = (what: string) =>
  failure("Corrupt", `an encrypted record ${what}. ${notModified} Remove it from the inner store, and sign in again.`)

const unknownKey = (keyId: string) =>
  failure(
    "UnknownKey",
    `a record was encrypted with the key ${keyId}, which is not given. ${notModified} Add that key to previousKeys.`
  )

/**
 * Decrypts a token. The errors describe the problem and contain nothing of the record. Fails with `UnknownKey` (missing
 * key), `UnsupportedFormat` (newer release), `Insecure` (not encrypted) and `Corrupt` (modified, truncated, or encrypted for another
 * location).
 */
export const decrypt = (
  keys: ReadonlyMap<string, EncryptionKey>,
  location: RecordLocation,
  encrypted: Token.Token
): Effect.Effect<Token.Token, TokenStoreError> =>
  Effect.gen(function* () {
    if (isUnencrypted(encrypted)) return yield* notEncrypted()
    if (encrypted.tokenType !== tokenType) return yield* newerRelease()
    const text = Redacted.value(encrypted.accessToken)
    if (text.length > maxTextLength) return yield* corruptRecord(`is larger than ${maxTextLength} characters`)
    const parsed = parseEncrypted(text)
    if (parsed === undefined) return yield* corruptRecord("is malformed or truncated")
    const key = keys.get(parsed.keyId)
    if (key === undefined) return yield* unknownKey(parsed.keyId)
    const decrypted = decryptText(key, location, parsed.body)
    if (decrypted === undefined)
      return yield* corruptRecord("was modified, or was encrypted for another key or another store")
    const value = yield* TokenRecord.parse(decrypted, corruptRecord)
    return yield* TokenRecord.decode(Token.Token, value, () => corruptRecord("contains no token of this release"))
  })
