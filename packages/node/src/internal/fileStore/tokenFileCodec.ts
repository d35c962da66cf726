import * as Token from "@countersign/auth/Token"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as SchemaIssue from "@countersign/client/SchemaIssue"
import * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { maxBytes } from "../filesystem/secureFile.js"
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

/** Unknown fields are rejected: the next write would lose them. */
const strict = { onExcessProperty: "error" } as const

const decodeEnvelope = Schema.decodeUnknown(Envelope, strict)
const decodeRecordEntry = Schema.decodeUnknown(RecordEntry, strict)
const encodeToken = Schema.encode(Token.Token)

/** A damaged disk may change a token into a valid one. The checksum detects it. */
const checksumOf = (records: object, lastVersion = 0): string =>
  createHash("sha256")
    .update(JSON.stringify(lastVersion === 0 ? records : { lastVersion, records }))
    .digest("hex")

const corrupt = (path: string, what: string) =>
  new TokenStoreError({
    reason: "Corrupt",
    detail: `${quote(path)} ${what}. It was not changed. Move the file away, and sign in again.`
  })

const foreign = (path: string, what: string, advice: string) =>
  new TokenStoreError({ reason: "UnsupportedFormat", detail: `${quote(path)} ${what}. It was not changed. ${advice}` })

/** The name of an unknown field is not shown: it is content of the file, and may be a secret. */
const describeParseError = (error: ParseResult.ParseError): string => {
  const mismatches = SchemaIssue.fromParseError(error)
  return mismatches.some(({ expected }) => expected === "nothing") ? "an unknown field" : SchemaIssue.format(mismatches)
}

const parseJson = (path: string, bytes: Uint8Array): Effect.Effect<unknown, TokenStoreError> => {
  if (bytes.length === 0) return corrupt(path, "is empty")
  return Effect.try({
    // A byte order mark is rejected as invalid JSON: this store never writes one.
    try: (): unknown => JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)),
    catch: () => corrupt(path, "is not JSON, or is truncated")
  })
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The error for a file of another program, or of a newer release. */
const rejectOtherFormat = (path: string, value: unknown): TokenStoreError | undefined => {
  if (!isObject(value) || !("format" in value) || typeof value.format !== "string") return undefined
  if (value.format !== format) return foreign(path, "has another format", "Choose another path.")
  return "version" in value && Number.isSafeInteger(value.version) && Number(value.version) > version
    ? foreign(path, "was written by a newer release", "Use that release, or choose another path.")
    : undefined
}

/** Decodes the records of a file. Fails with `Corrupt` or `UnsupportedFormat`. The errors contain nothing of the file. */
export const decode = (path: string, bytes: Uint8Array): Effect.Effect<Records, TokenStoreError> =>
  Effect.gen(function* () {
    const value = yield* parseJson(path, bytes)
    const otherFormat = rejectOtherFormat(path, value)
    if (otherFormat !== undefined) return yield* otherFormat
    const envelope = yield* decodeEnvelope(value)
    const { records, sha256 } = envelope
    let { lastVersion = 0 } = envelope
    if (!isObject(records)) return yield* corrupt(path, "has no records")
    if (sha256 !== undefined && sha256 !== checksumOf(records, lastVersion)) return yield* corrupt(path, "is damaged")
    const stored = new Map<string, VersionedToken>()
    for (const [key, record] of Object.entries(records)) {
      const { token, version } = yield* decodeRecordEntry(record)
      if (token === undefined) lastVersion = Math.max(lastVersion, version)
      else stored.set(key, { token, version })
    }
    return { stored, lastVersion }
  }).pipe(
    Effect.catchTag("ParseError", (error) =>
      corrupt(path, `is not a token store of this package: ${describeParseError(error)}`)
    )
  )

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

/**
 * Whether a value has a text beyond the limit. Such a text is not serialized: escaped, it may exceed the longest
 * string.
 */
export const exceedsMaxSize = (value: unknown): boolean => {
  if (typeof value === "string") return value.length > maxBytes
  return typeof value === "object" && value !== null && Object.values(value).some(exceedsMaxSize)
}

/** Encodes the records. Fails with `WriteFailed` for records that could not be read again. */
export const encode = (path: string, { lastVersion, stored }: Records): Effect.Effect<Uint8Array, TokenStoreError> =>
  Effect.gen(function* () {
    const entries = yield* Effect.forEach(stored, ([key, { token, version }]) =>
      Effect.map(encodeToken(token), (encoded) => [key, { version, token: encoded }] as const)
    )
    if (exceedsMaxSize(entries)) return yield* tooLarge(path)
    const records = Object.fromEntries(entries)
    const last = lastVersion === 0 ? {} : { lastVersion }
    const text = JSON.stringify({ format, version, sha256: checksumOf(records, lastVersion), ...last, records })
    const bytes = new TextEncoder().encode(text)
    return bytes.length <= maxBytes ? bytes : yield* tooLarge(path)
  }).pipe(
    Effect.catchTag(
      "ParseError",
      (error) =>
        new TokenStoreError({
          reason: "WriteFailed",
          detail: `the token cannot be stored: ${describeParseError(error)}`
        })
    )
  )
