/** The record of a token in Redis. */
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Token from "@countersign/auth/Token"
import * as TokenRecord from "@countersign/auth/TokenRecord"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import { BoundedMap } from "@countersign/client/BoundedMap"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { format, maxTextLength } from "./scripts.js"

const failure = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

/** The error for data that this store did not write. */
export const unsupported = (): TokenStoreError =>
  failure("UnsupportedFormat", "a record in Redis has another format; it was left as it is. Set another `prefix`")

/** The error for a record that cannot be parsed. */
export const corrupt = (what: string): TokenStoreError =>
  failure("Corrupt", `a record in Redis ${what}; it was left as it is: remove it there, and sign in again`)

/** Maximum key length. Hashing a longer key would block other callers. */
const maxKeyLength = 512 * 1024

/** Maximum number of keys with a known name, and maximum length of such a key. */
const maxNames = { count: 1000, length: 1000 } as const

const hashes = /* @__PURE__ */ new BoundedMap<string>(maxNames.count)

const hashOf = (key: string): string => {
  const known = hashes.get(key)
  if (known !== undefined) return known
  const hash = createHash("sha256").update(key, "utf16le").digest("hex")
  if (key.length <= maxNames.length) hashes.set(key, hash)
  return hash
}

/**
 * The name of a record: a key is any text. The hash is that of the text as UTF-16, because UTF-8 encodes all unpaired
 * surrogates as the same replacement character.
 */
export const nameOf = (key: string): Effect.Effect<string, TokenStoreError> =>
  key.length > maxKeyLength
    ? failure("WriteFailed", `the key is longer than ${maxKeyLength} characters. Set a shorter key`)
    : Effect.succeed(hashOf(key))

const encodeSync = /* @__PURE__ */ Schema.encodeOption(Token.Token)
const decodeSync = /* @__PURE__ */ Schema.decodeUnknownOption(Token.Token, { onExcessProperty: "error" })

const textOf = (encoded: Token.TokenEncoded): string | undefined => {
  const text = TokenRecord.hasLongText(encoded, maxTextLength) ? undefined : JSON.stringify(encoded)
  return text !== undefined && Buffer.byteLength(text) <= maxTextLength ? text : undefined
}

/** Encodes a token. Fails with `WriteFailed` for a token that {@link decode} would reject. */
export const encode = (token: Token.Token): Effect.Effect<string, TokenStoreError> => {
  const encoded = encodeSync(token)
  // Encoded again for its error.
  if (Option.isNone(encoded)) return Effect.zipRight(TokenRecord.encode(Token.Token, token), tooLarge())
  const text = textOf(encoded.value)
  return text === undefined ? tooLarge() : Effect.succeed(text)
}

const tooLarge = () => failure("WriteFailed", `a record in Redis would be larger than ${maxTextLength} bytes`)

const newer = () =>
  failure(
    "UnsupportedFormat",
    "a record in Redis was written by a newer release; it was left as it is. Use that release"
  )

const isNewer = (found: string): boolean => {
  const [, version] = /^countersign\/token\/(\d{1,6})$/.exec(found) ?? []
  return version !== undefined && Number(version) > Number(format.split("/")[2])
}

const parsed = (text: string): Option.Option<Token.Token> => {
  try {
    return decodeSync(JSON.parse(text))
  } catch {
    return Option.none()
  }
}

/** The error of a token that is no JSON, or does not match the Schema. */
const decodeAgain = (text: string): Effect.Effect<Token.Token, TokenStoreError> =>
  Effect.flatMap(TokenRecord.parse(text, corrupt), (value) =>
    TokenRecord.decode(Token.Token, value, (what) => corrupt(`is invalid: ${what}`))
  )

/** The record in a response that {@link Decode} accepts. Undefined without a token. */
export const wholeOf = (
  reply: unknown
): { readonly version: number; readonly generation: string; readonly text: string } | undefined => {
  const fields: ReadonlyArray<unknown> = Array.isArray(reply) ? reply : []
  const [text, generation] = fields.slice(4)
  if (typeof text !== "string") return undefined
  return { version: Number(fields[2]), generation: typeof generation === "string" ? generation : "", text }
}

/** The version and the length of a record as they are stored, damaged or not. */
export interface Head {
  readonly version: string
  readonly length: number
}

/** The head in the response of the script that reads. */
export const headOf = (reply: unknown): Head => {
  const fields: ReadonlyArray<unknown> = Array.isArray(reply) ? reply : []
  return { version: typeof fields[2] === "string" ? fields[2] : "", length: Number(fields[3]) }
}

/** Decodes responses of the script that reads. */
export type Decode = (name: string, reply: unknown) => Effect.Effect<Option.Option<VersionedToken>, TokenStoreError>

/** Maximum number of tokens that are not decoded again. */
const maxKnown = 100

/**
 * Makes {@link Decode}. A response may be anything, if something else than Redis answers. A text that is that of the last read
 * is not decoded again: processes mostly read a record that has not changed.
 */
export const makeDecode = (): Decode => {
  const known = new BoundedMap<{ readonly text: string; readonly token: Token.Token }>(maxKnown)
  const decodeToken = (name: string, text: string): Effect.Effect<Token.Token, TokenStoreError> => {
    const last = known.get(name)
    if (last?.text === text) return Effect.succeed(last.token)
    const token = parsed(text)
    if (Option.isNone(token)) return decodeAgain(text)
    known.set(name, { text, token: token.value })
    return Effect.succeed(token.value)
  }
  return (name, reply) => {
    if (!Array.isArray(reply)) return corrupt("has no fields")
    const fields: ReadonlyArray<unknown> = reply
    const [exists, found, version, length, text] = fields
    if (found === undefined) return exists === 0 ? Effect.succeedNone : unsupported()
    if (found !== format) return typeof found === "string" && isNewer(found) ? newer() : unsupported()
    if (typeof version !== "string" || !/^\d{1,15}$/.test(version)) {
      return corrupt("has a version that is not a number")
    }
    if (length === 0 && (text === null || text === undefined)) return Effect.succeedNone
    if (typeof text !== "string") return corrupt(`is larger than ${maxTextLength} bytes`)
    return Effect.map(decodeToken(name, text), (token) => Option.some({ token, version: Number(version) }))
  }
}
