import * as Token from "@countersign/auth/Token"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as TokenRecord from "@countersign/auth/TokenRecord"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { maxBytes } from "../filesystem/secureFile.js"
import { sha256Hex } from "../hash/sha256.js"
import { quote } from "../filesystem/systemError.js"

const format = "countersign/tokens"
const version = 1

/** A record. One without a token is a removed record, in files that were written before `lastVersion` existed. */
const RecordEntry = Schema.Struct({ version: Schema.Int.pipe(Schema.positive()), token: Schema.optional(Token.Token) })

/** The records of a file. */
export interface Records {
  /** The tokens by key. A Map, because a key may be `__proto__`. */
  readonly stored: ReadonlyMap<string, VersionedToken>
  /**
   * The highest version of any removed record. A new record gets a higher version, so that no version of a key occurs
   * twice. One number for all keys does not grow with each account that signs out.
   */
  readonly lastVersion: number
}

/** The records of a missing file. */
export const empty: Records = { stored: new Map(), lastVersion: 0 }

const Envelope = Schema.Struct({
  format: Schema.Literal(format),
  version: Schema.Literal(version),
  /** Checksum of the serialized records. Undefined in a file that was written by hand. */
  sha256: Schema.optional(Schema.String),
  lastVersion: Schema.optional(Schema.NonNegativeInt),
  records: Schema.Object
})

/** A damaged disk may change a token into a valid one. The checksum detects it. */
const checksumOf = (records: object, lastVersion = 0): string =>
  sha256Hex(JSON.stringify(lastVersion === 0 ? records : { lastVersion, records }))

const unchanged = (reason: TokenStoreError["reason"], path: string, what: string, advice: string) =>
  new TokenStoreError({ reason, detail: `${quote(path)} ${what}. It was not changed. ${advice}` })

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Decodes the records of a file. Fails with `Corrupt` or `UnsupportedFormat`. The errors contain nothing of the file. */
export const decode = (path: string, bytes: Uint8Array): Effect.Effect<Records, TokenStoreError> => {
  const corrupt = (what: string) => unchanged("Corrupt", path, what, "Move the file away, and sign in again.")
  const invalid = (what: string) => corrupt(`is not a token store of this package: ${what}`)
  const foreign = (what: string, advice: string) => unchanged("UnsupportedFormat", path, what, advice)
  return Effect.gen(function* () {
    if (bytes.length === 0) return yield* corrupt("is empty")
    const value = yield* TokenRecord.parse(bytes, corrupt)
    const other = TokenRecord.foreignFormat(value, { format, versionField: "version", version })
    if (other === "other") return yield* foreign("has another format", "Choose another path.")
    if (other === "newer")
      return yield* foreign("was written by a newer release", "Use that release, or choose another path.")
    const { lastVersion: last = 0, records, sha256 } = yield* TokenRecord.decode(Envelope, value, invalid)
    if (!isObject(records)) return yield* corrupt("has no records")
    if (sha256 !== undefined && sha256 !== checksumOf(records, last)) return yield* corrupt("is damaged")
    let lastVersion = last
    const stored = new Map<string, VersionedToken>()
    for (const [key, record] of Object.entries(records)) {
      const { token, version } = yield* TokenRecord.decode(RecordEntry, record, invalid)
      if (token === undefined) lastVersion = Math.max(lastVersion, version)
      else stored.set(key, { token, version })
    }
    return { stored, lastVersion }
  })
}

/**
 * Whether invalid bytes are a damaged file of this store. JSON of another shape belongs to another program: the path
 * may be wrong.
 */
export const isDamaged = (bytes: Uint8Array): boolean => {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return isObject(value) && "format" in value && value.format === format
  } catch {
    return true
  }
}

/** The record cannot be stored: the file would be larger than the limit for reading. */
export const tooLarge = (path: string): TokenStoreError =>
  new TokenStoreError({
    reason: "WriteFailed",
    detail: `${quote(path)} would be larger than ${maxBytes} bytes. Remove tokens, or use several stores.`
  })

/** Encodes the records. Fails with `WriteFailed` for records that could not be read again. */
export const encode = (path: string, { lastVersion, stored }: Records): Effect.Effect<Uint8Array, TokenStoreError> =>
  Effect.gen(function* () {
    const entries = yield* Effect.forEach(stored, ([key, { token, version }]) =>
      Effect.map(TokenRecord.encode(Token.Token, token), (encoded) => [key, { version, token: encoded }] as const)
    )
    if (TokenRecord.hasLongText(entries, maxBytes)) return yield* tooLarge(path)
    const records = Object.fromEntries(entries)
    const last = lastVersion === 0 ? {} : { lastVersion }
    const text = JSON.stringify({ format, version, sha256: checksumOf(records, lastVersion), ...last, records })
    const bytes = new TextEncoder().encode(text)
    return bytes.length <= maxBytes ? bytes : yield* tooLarge(path)
  })
