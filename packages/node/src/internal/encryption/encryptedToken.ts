import * as Token from "@countersign/auth/Token"
import { TokenStoreError } from "@countersign/client/Errors"
import * as Mismatch from "@countersign/client/Mismatch"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import type { EncryptionKey } from "../../EncryptionKey.js"

const algorithm = "aes-256-gcm"
const nonceBytes = 12
const tagBytes = 16

/** What a sealed token says it is: the version of the format. */
const tokenType = "sealed/v1"

/** Most characters of a sealed token. Real ones have a few thousand. */
const maxTextLength = 256 * 1024

/** Where a record is filed. What was sealed for one place opens in no other. */
export interface RecordLocation {
  readonly store: string
  readonly key: string
}

const failure = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

const notModified = "it was left as it is"

/** With their lengths, and as UTF-16, so that no two places are ever written the same: not even by half a surrogate. */
const associatedData = (keyId: string, { key, store }: RecordLocation): Buffer =>
  Buffer.from([tokenType, keyId, store, key].map((part) => `${part.length}:${part}`).join(","), "utf16le")

const encodeToken = Schema.encode(Token.Token)
/** Unknown fields are refused: writing the record anew would lose them. */
const decodeToken = Schema.decodeUnknown(Token.Token, { onExcessProperty: "error" })

const encryptText = (key: EncryptionKey, location: RecordLocation, text: string): string => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key.cipherKey, nonce, { authTagLength: tagBytes })
  cipher.setAAD(associatedData(key.id, location))
  const body = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()])
  return `${key.id}.${body.toString("base64url")}`
}

/** The text, or `undefined` for what was not sealed like this, with this key and for this place. */
const decryptText = (key: EncryptionKey, location: RecordLocation, body: Buffer): string | undefined => {
  try {
    const decipher = createDecipheriv(algorithm, key.cipherKey, body.subarray(0, nonceBytes), {
      authTagLength: tagBytes
    })
    decipher.setAAD(associatedData(key.id, location))
    decipher.setAuthTag(body.subarray(-tagBytes))
    // Nothing of what `update` gives is used before `final` has verified all of it.
    const text = decipher.update(body.subarray(nonceBytes, -tagBytes))
    return Buffer.concat([text, decipher.final()]).toString("utf8")
  } catch {
    return undefined
  }
}

const tooLarge = () =>
  failure("WriteFailed", `the token is larger than ${maxTextLength} characters when sealed; nothing was written`)

/** No text of this many characters is even written down. */
const exceedsMaxSize = (value: object): boolean =>
  Object.values(value).some((part: unknown) =>
    typeof part === "string"
      ? part.length > maxTextLength
      : typeof part === "object" && part !== null && exceedsMaxSize(part)
  )

/**
 * A token that holds another one, sealed, and nothing else: no time, no scope, no issuer. Fails with `WriteFailed` for
 * what could not be opened again.
 */
export const encrypt = (
  key: EncryptionKey,
  location: RecordLocation,
  token: Token.Token
): Effect.Effect<Token.Token, TokenStoreError> =>
  Effect.gen(function* () {
    const encoded = yield* encodeToken(token)
    if (exceedsMaxSize(encoded)) return yield* tooLarge()
    const text = encryptText(key, location, JSON.stringify(encoded))
    if (text.length > maxTextLength) return yield* tooLarge()
    return { accessToken: Redacted.make(text), tokenType, obtainedAt: 0 }
  }).pipe(
    Effect.catchTag("ParseError", (error) =>
      failure("WriteFailed", `the token cannot be stored: ${Mismatch.format(Mismatch.fromParseError(error))}`)
    )
  )

const encryptedPattern = /^([0-9a-f]{16})\.([A-Za-z0-9_-]+)$/

const parseEncrypted = (text: string): { readonly keyId: string; readonly body: Buffer } | undefined => {
  const [, keyId, encoded] = encryptedPattern.exec(text) ?? []
  if (keyId === undefined || encoded === undefined) return undefined
  const body = Buffer.from(encoded, "base64url")
  return body.length > nonceBytes + tagBytes && body.toString("base64url") === encoded ? { keyId, body } : undefined
}

const isOfNewerRelease = (token: Token.Token): boolean => token.tokenType.startsWith("sealed/")

const parse = (text: string): Effect.Effect<unknown, TokenStoreError> =>
  Effect.try({ try: (): unknown => JSON.parse(text), catch: () => failure("Corrupt", "what was sealed is not JSON") })

/** Whether a record was never sealed at all. */
export const isUnencrypted = (token: Token.Token): boolean => token.tokenType !== tokenType && !isOfNewerRelease(token)

const notEncrypted = () =>
  failure(
    "Insecure",
    `a record is not encrypted; ${notModified}: set adoptUnencrypted once to adopt it, if it is yours, or remove it`
  )

const newerRelease = () =>
  failure("Foreign", `a record was sealed by a newer release; ${notModified}: use that release`)

const corruptRecord = (what: string) =>
  failure("Corrupt", `a sealed record ${what}; ${notModified}: remove it from the store below, and sign in again`)

const unknownKey = (keyId: string) =>
  failure(
    "Foreign",
    `a record was sealed with the key ${keyId}, which is not given; ${notModified}: give it as an older key`
  )

/**
 * The token in a sealed one. Fails with `Foreign` (a key that is not there, a newer release), `Insecure` (not sealed)
 * and `Corrupt` (changed, cut, or sealed for another place), naming what is wrong and never what is there.
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
    if (parsed === undefined) return yield* corruptRecord("is not one, or was cut")
    const key = keys.get(parsed.keyId)
    if (key === undefined) return yield* unknownKey(parsed.keyId)
    const decrypted = decryptText(key, location, parsed.body)
    if (decrypted === undefined)
      return yield* corruptRecord("was changed, or was sealed for another key or another store")
    return yield* decodeToken(yield* parse(decrypted))
  }).pipe(Effect.catchTag("ParseError", () => corruptRecord("holds no token of this release")))
