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
const maxText = 256 * 1024

/** Where a record is filed. What was sealed for one place opens in no other. */
export interface Place {
  readonly store: string
  readonly key: string
}

const failure = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

const leftAlone = "it was left as it is"

/** With their lengths, and as UTF-16, so that no two places are ever written the same: not even by half a surrogate. */
const bound = (keyId: string, { key, store }: Place): Buffer =>
  Buffer.from([tokenType, keyId, store, key].map((part) => `${part.length}:${part}`).join(","), "utf16le")

const encodeToken = Schema.encode(Token.Token)
/** Unknown fields are refused: writing the record anew would lose them. */
const decodeToken = Schema.decodeUnknown(Token.Token, { onExcessProperty: "error" })

const encrypt = (key: EncryptionKey, place: Place, text: string): string => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key.cipherKey, nonce, { authTagLength: tagBytes })
  cipher.setAAD(bound(key.id, place))
  const body = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()])
  return `${key.id}.${body.toString("base64url")}`
}

/** The text, or `undefined` for what was not sealed like this, with this key and for this place. */
const decrypt = (key: EncryptionKey, place: Place, body: Buffer): string | undefined => {
  try {
    const decipher = createDecipheriv(algorithm, key.cipherKey, body.subarray(0, nonceBytes), {
      authTagLength: tagBytes
    })
    decipher.setAAD(bound(key.id, place))
    decipher.setAuthTag(body.subarray(-tagBytes))
    // Nothing of what `update` gives is used before `final` has verified all of it.
    const text = decipher.update(body.subarray(nonceBytes, -tagBytes))
    return Buffer.concat([text, decipher.final()]).toString("utf8")
  } catch {
    return undefined
  }
}

const tooLarge = () =>
  failure("WriteFailed", `the token is larger than ${maxText} characters when sealed; nothing was written`)

/** No text of this many characters is even written down. */
const isHuge = (value: object): boolean =>
  Object.values(value).some((part: unknown) =>
    typeof part === "string" ? part.length > maxText : typeof part === "object" && part !== null && isHuge(part)
  )

/**
 * A token that holds another one, sealed, and nothing else: no time, no scope, no issuer. Fails with `WriteFailed` for
 * what could not be opened again.
 */
export const seal = (
  key: EncryptionKey,
  place: Place,
  token: Token.Token
): Effect.Effect<Token.Token, TokenStoreError> =>
  Effect.gen(function* () {
    const encoded = yield* encodeToken(token)
    if (isHuge(encoded)) return yield* tooLarge()
    const text = encrypt(key, place, JSON.stringify(encoded))
    if (text.length > maxText) return yield* tooLarge()
    return { accessToken: Redacted.make(text), tokenType, obtainedAt: 0 }
  }).pipe(
    Effect.catchTag("ParseError", (error) =>
      failure("WriteFailed", `the token cannot be stored: ${Mismatch.format(Mismatch.fromParseError(error))}`)
    )
  )

const parts = /^([0-9a-f]{16})\.([A-Za-z0-9_-]+)$/

const bodyOf = (text: string): { readonly keyId: string; readonly body: Buffer } | undefined => {
  const [, keyId, encoded] = parts.exec(text) ?? []
  if (keyId === undefined || encoded === undefined) return undefined
  const body = Buffer.from(encoded, "base64url")
  return body.length > nonceBytes + tagBytes && body.toString("base64url") === encoded ? { keyId, body } : undefined
}

const isOfNewerRelease = (token: Token.Token): boolean => token.tokenType.startsWith("sealed/")

const parse = (text: string): Effect.Effect<unknown, TokenStoreError> =>
  Effect.try({ try: (): unknown => JSON.parse(text), catch: () => failure("Corrupt", "what was sealed is not JSON") })

/** Whether a record was never sealed at all. */
export const isPlain = (token: Token.Token): boolean => token.tokenType !== tokenType && !isOfNewerRelease(token)

const plain = () =>
  failure(
    "Insecure",
    `a record is not encrypted; ${leftAlone}: set adoptUnencrypted once to adopt it, if it is yours, or remove it`
  )

const newer = () => failure("Foreign", `a record was sealed by a newer release; ${leftAlone}: use that release`)

const corrupt = (what: string) =>
  failure("Corrupt", `a sealed record ${what}; ${leftAlone}: remove it from the store below, and sign in again`)

const unknownKey = (keyId: string) =>
  failure(
    "Foreign",
    `a record was sealed with the key ${keyId}, which is not given; ${leftAlone}: give it as an older key`
  )

/**
 * The token in a sealed one. Fails with `Foreign` (a key that is not there, a newer release), `Insecure` (not sealed)
 * and `Corrupt` (changed, cut, or sealed for another place), naming what is wrong and never what is there.
 */
export const open = (
  keys: ReadonlyMap<string, EncryptionKey>,
  place: Place,
  sealed: Token.Token
): Effect.Effect<Token.Token, TokenStoreError> =>
  Effect.gen(function* () {
    if (isPlain(sealed)) return yield* plain()
    if (sealed.tokenType !== tokenType) return yield* newer()
    const text = Redacted.value(sealed.accessToken)
    if (text.length > maxText) return yield* corrupt(`is larger than ${maxText} characters`)
    const found = bodyOf(text)
    if (found === undefined) return yield* corrupt("is not one, or was cut")
    const key = keys.get(found.keyId)
    if (key === undefined) return yield* unknownKey(found.keyId)
    const opened = decrypt(key, place, found.body)
    if (opened === undefined) return yield* corrupt("was changed, or was sealed for another key or another store")
    return yield* decodeToken(yield* parse(opened))
  }).pipe(Effect.catchTag("ParseError", () => corrupt("holds no token of this release")))
