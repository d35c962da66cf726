import * as Token from "@countersign/auth/Token"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/client/Errors"
import * as Mismatch from "@countersign/client/Mismatch"
import * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { maxBytes } from "../filesystem/secureFile.js"
import { quote } from "../filesystem/systemError.js"

const format = "countersign/tokens"
const version = 1

/** A record without a token is what remains of a removed one, in files that were written before `lastVersion`. */
const RecordEntry = Schema.Struct({ version: Schema.Int.pipe(Schema.positive()), token: Schema.optional(Token.Token) })

/** What a file holds. */
export interface Records {
  /** By key. A Map, since a key may be called `__proto__`. */
  readonly stored: ReadonlyMap<string, VersionedToken>
  /**
   * The highest version of a record that was removed, of any key. A new record gets a higher one, so that no version of a
   * key comes twice. One number for all of them does not grow with each account that signs out.
   */
  readonly lastVersion: number
}

/** No file. */
export const empty: Records = { stored: new Map(), lastVersion: 0 }

const Envelope = Schema.Struct({
  format: Schema.Literal(format),
  version: Schema.Literal(version),
  /** Of the records as they are written; none where somebody wrote the file by hand. */
  sha256: Schema.optional(Schema.String),
  lastVersion: Schema.optional(Schema.NonNegativeInt),
  records: Schema.Object
})

/** Unknown fields are refused: writing the file anew would lose them. */
const strict = { onExcessProperty: "error" } as const

const decodeEnvelope = Schema.decodeUnknown(Envelope, strict)
const decodeRecordEntry = Schema.decodeUnknown(RecordEntry, strict)
const encodeToken = Schema.encode(Token.Token)

/** A damaged disk may turn a token into another one that looks as good: only a checksum tells. */
const checksumOf = (records: object, lastVersion = 0): string =>
  createHash("sha256")
    .update(JSON.stringify(lastVersion === 0 ? records : { lastVersion, records }))
    .digest("hex")

const corrupt = (path: string, what: string) =>
  new TokenStoreError({
    reason: "Corrupt",
    detail: `${quote(path)} ${what}; it was left as it is: move it away, and sign in again`
  })

const foreign = (path: string, what: string, advice: string) =>
  new TokenStoreError({ reason: "Foreign", detail: `${quote(path)} ${what}; it was left as it is: ${advice}` })

/** Names of unknown fields come from the file, where anything may have got into their place. */
const describeParseError = (error: ParseResult.ParseError): string => {
  const mismatches = Mismatch.fromParseError(error)
  return mismatches.some(({ expected }) => expected === "nothing") ? "an unknown field" : Mismatch.format(mismatches)
}

const parseJson = (path: string, bytes: Uint8Array): Effect.Effect<unknown, TokenStoreError> => {
  if (bytes.length === 0) return corrupt(path, "is empty")
  return Effect.try({
    // A byte order mark is kept in the text and then is not JSON: nothing of ours writes one.
    try: (): unknown => JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)),
    catch: () => corrupt(path, "is not JSON, or was cut")
  })
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Somebody else's file, or one that a later release wrote. */
const rejectOtherFormat = (path: string, value: unknown): TokenStoreError | undefined => {
  if (!isObject(value) || !("format" in value) || typeof value.format !== "string") return undefined
  if (value.format !== format) return foreign(path, "is in another format", "choose another path")
  return "version" in value && Number.isSafeInteger(value.version) && Number(value.version) > version
    ? foreign(path, "was written by a newer release", "use that release, or choose another path")
    : undefined
}

/** The records in the bytes of a file. Fails with `Corrupt` or `Foreign`, naming what is wrong and never what is there. */
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
      corrupt(path, `is not a token store of ours: ${describeParseError(error)}`)
    )
  )

/**
 * Whether bytes that cannot be read are what is left of a file of this store. JSON of another shape is another program's: the
 * path may be wrong.
 */
export const isDamaged = (bytes: Uint8Array): boolean => {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return isObject(value) && "format" in value && value.format === format
  } catch {
    return true
  }
}

/** What is asked for cannot be stored, since the file would be larger than any that is read. */
export const tooLarge = (path: string): TokenStoreError =>
  new TokenStoreError({
    reason: "WriteFailed",
    detail: `${quote(path)} would grow over ${maxBytes} bytes; remove tokens, or use several stores`
  })

/** No text of this length is even written down: escaped, it may be longer than any string can be. */
export const exceedsMaxSize = (value: unknown): boolean => {
  if (typeof value === "string") return value.length > maxBytes
  return typeof value === "object" && value !== null && Object.values(value).some(exceedsMaxSize)
}

/** The bytes of a file. Fails with `WriteFailed` for what could not be read again. */
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
