/** The record of a token in Redis. */
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Token from "@countersign/auth/Token"
import * as TokenRecord from "@countersign/auth/TokenRecord"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
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

/**
 * The name of a record: a key is any text. The hash is that of the text as UTF-16, because UTF-8 encodes all unpaired
 * surrogates as the same replacement character.
 */
export const nameOf = (key: string): Effect.Effect<string, TokenStoreError> =>
  key.length > maxKeyLength
    ? failure("WriteFailed", `the key is longer than ${maxKeyLength} characters. Set a shorter key`)
    : Effect.sync(() => createHash("sha256").update(key, "utf16le").digest("hex"))

/** Encodes a token. Fails with `WriteFailed` for a token that {@link decode} would reject. */
export const encode = (token: Token.Token): Effect.Effect<string, TokenStoreError> =>
  Effect.flatMap(TokenRecord.encode(Token.Token, token), (encoded) => {
    const text = TokenRecord.hasLongText(encoded, maxTextLength) ? undefined : JSON.stringify(encoded)
    return text !== undefined && Buffer.byteLength(text) <= maxTextLength
      ? Effect.succeed(text)
      : failure("WriteFailed", `a record in Redis would be larger than ${maxTextLength} bytes`)
  })

const newer = () =>
  failure(
    "UnsupportedFormat",
    "a record in Redis was written by a newer release; it was left as it is. Use that release"
  )

const isNewer = (found: string): boolean => {
  const [, version] = /^countersign\/token\/(\d{1,6})$/.exec(found) ?? []
  return version !== undefined && Number(version) > Number(format.split("/")[2])
}

const decodeToken = (text: string, version: number): Effect.Effect<VersionedToken, TokenStoreError> =>
  TokenRecord.parse(text, corrupt).pipe(
    Effect.flatMap((value) => TokenRecord.decode(Token.Token, value, (what) => corrupt(`is invalid: ${what}`))),
    Effect.map((token) => ({ token, version }))
  )

/** The generation in the response of the script that reads. Empty without one. */
export const generationOf = (reply: unknown): string => {
  const generation: unknown = Array.isArray(reply) ? reply[5] : undefined
  return typeof generation === "string" ? generation : ""
}

/** Decodes the response of the script that reads. It may be anything, if something else than Redis answers. */
export const decode = (reply: unknown): Effect.Effect<Option.Option<VersionedToken>, TokenStoreError> => {
  if (!Array.isArray(reply)) return corrupt("has no fields")
  const fields: ReadonlyArray<unknown> = reply
  const [exists, found, version, length, text] = fields
  if (found === undefined) return exists === 0 ? Effect.succeedNone : unsupported()
  if (found !== format) return typeof found === "string" && isNewer(found) ? newer() : unsupported()
  if (typeof version !== "string" || !/^\d{1,15}$/.test(version)) return corrupt("has a version that is not a number")
  if (length === 0 && (text === null || text === undefined)) return Effect.succeedNone
  if (typeof text !== "string") return corrupt(`is larger than ${maxTextLength} bytes`)
  return Effect.asSome(decodeToken(text, Number(version)))
}
