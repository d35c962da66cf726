/** The record of a token in a table. */
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Token from "@countersign/auth/Token"
import * as TokenRecord from "@countersign/auth/TokenRecord"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { format, formatVersion, maxTextLength, prefix } from "./recordFormat.js"

/** A row as the driver returns it, which may have any types: the table may be of another program. */
export interface Row {
  readonly standby?: unknown
  readonly version?: unknown
  readonly token?: unknown
  readonly bytes?: unknown
}

/** A row with a valid version. A removed record has no text. */
export interface Stored {
  readonly version: number
  readonly text: string | undefined
}

const failure = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

const corrupt = (what: string) =>
  failure("Corrupt", `a record in the table ${what}; it was left as it is: remove it there, and sign in again`)

const unsupported = (what: string, advice: string) =>
  failure("UnsupportedFormat", `a record in the table ${what}; it was left as it is. ${advice}`)

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
    const text = TokenRecord.hasLongText(encoded, maxTextLength)
      ? undefined
      : `${prefix}"token":${JSON.stringify(encoded)}}`
    return text !== undefined && Buffer.byteLength(text) <= maxTextLength
      ? Effect.succeed(text)
      : failure("WriteFailed", `a record in the table would be larger than ${maxTextLength} bytes`)
  })

/** Drivers return a bigint as a number, a text or a bigint. */
const integer = (value: unknown): number =>
  typeof value === "number" || typeof value === "bigint" || (typeof value === "string" && /^\d{1,16}$/.test(value))
    ? Number(value)
    : Number.NaN

/** Validates the columns of a row. `None` without a row, and for the empty row of a join. */
export const stored = (row: Row | undefined): Effect.Effect<Option.Option<Stored>, TokenStoreError> => {
  if (row === undefined || (row.version ?? null) === null) return Effect.succeedNone
  const version = integer(row.version)
  if (!Number.isSafeInteger(version) || version < 1) return corrupt("has an invalid version")
  if ((row.bytes ?? null) === null) return Effect.succeedSome({ version, text: undefined })
  if (integer(row.bytes) > maxTextLength) return corrupt(`is larger than ${maxTextLength} bytes`)
  return typeof row.token === "string"
    ? Effect.succeedSome({ version, text: row.token })
    : corrupt("has a token that is not text")
}

const Envelope = Schema.Struct({
  format: Schema.Literal(format),
  formatVersion: Schema.Literal(formatVersion),
  token: Token.Token
})

const decodeToken = (text: string): Effect.Effect<Token.Token, TokenStoreError> =>
  Effect.gen(function* () {
    const value = yield* TokenRecord.parse(text, corrupt)
    const foreign = TokenRecord.foreignFormat(value, { format, versionField: "formatVersion", version: formatVersion })
    if (foreign === "other") return yield* unsupported("has another format", "Set another `table`")
    if (foreign === "newer") return yield* unsupported("was written by a newer release", "Use that release")
    const { token } = yield* TokenRecord.decode(Envelope, value, (what) => corrupt(`is invalid: ${what}`))
    return token
  })

/** Decodes a record. A removed one is `None`. */
export const decode = (found: Option.Option<Stored>): Effect.Effect<Option.Option<VersionedToken>, TokenStoreError> =>
  Option.match(found, {
    onNone: () => Effect.succeedNone,
    onSome: ({ text, version }) =>
      text === undefined
        ? Effect.succeedNone
        : Effect.asSome(Effect.map(decodeToken(text), (token) => ({ token, version })))
  })
