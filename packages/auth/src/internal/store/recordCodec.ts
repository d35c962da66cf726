import { TokenStoreError } from "../../Errors.js"
import * as SchemaIssue from "@countersign/client/SchemaIssue"
import * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Token from "../../Token.js"

const format = "countersign/token"
const formatVersion = 1

/** Maximum number of characters of a record. Typical records have a few thousand. */
const maxTextLength = 512 * 1024

const Envelope = Schema.Struct({
  format: Schema.Literal(format),
  formatVersion: Schema.Literal(formatVersion),
  version: Schema.Int.pipe(Schema.positive()),
  token: Schema.optional(Token.Token)
})

/** One record. A removed record keeps its version without a token, so that no version is used twice. */
export interface Record {
  readonly version: number
  readonly token?: Token.Token | undefined
}

/** Unknown fields are rejected, because writing the record would lose them. */
const decodeEnvelope = Schema.decodeUnknown(Envelope, { onExcessProperty: "error" })
const encodeEnvelope = Schema.encode(Envelope)

const failure = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

const corrupt = (where: string, what: string) =>
  failure("Corrupt", `a record in ${where} ${what}; it was left as it is: remove it there, and sign in again`)

const unsupportedFormat = (where: string, what: string, advice: string) =>
  failure("UnsupportedFormat", `a record in ${where} ${what}; it was left as it is: ${advice}`)

/** The names of unknown fields are not shown, since they may be any text, even a secret. */
const describeParseError = (error: ParseResult.ParseError): string => {
  const mismatches = SchemaIssue.fromParseError(error)
  return mismatches.some(({ expected }) => expected === "nothing") ? "an unknown field" : SchemaIssue.format(mismatches)
}

const parse = (where: string, text: string): Effect.Effect<unknown, TokenStoreError> =>
  Effect.try({ try: (): unknown => JSON.parse(text), catch: () => corrupt(where, "is not JSON, or is truncated") })

/** Rejects a record of another application, and a record of a later release. */
const rejectOtherFormat = (where: string, value: unknown): TokenStoreError | undefined => {
  if (typeof value !== "object" || value === null || !("format" in value) || typeof value.format !== "string") return
  if (value.format !== format)
    return unsupportedFormat(where, "is in another format", "use another store, or another prefix")
  return "formatVersion" in value &&
    Number.isSafeInteger(value.formatVersion) &&
    Number(value.formatVersion) > formatVersion
    ? unsupportedFormat(where, "was written by a newer release", "use that release")
    : undefined
}

/** Decodes a record. Fails with `Corrupt` or `UnsupportedFormat`. The error does not show the content. */
export const decode = (where: string, text: unknown): Effect.Effect<Record, TokenStoreError> =>
  Effect.gen(function* () {
    if (typeof text !== "string") return yield* corrupt(where, "is not text")
    if (text.length > maxTextLength) return yield* corrupt(where, `is larger than ${maxTextLength} characters`)
    const value = yield* parse(where, text)
    const stranger = rejectOtherFormat(where, value)
    if (stranger !== undefined) return yield* stranger
    const { token, version } = yield* decodeEnvelope(value)
    return { version, token }
  }).pipe(Effect.catchTag("ParseError", (error) => corrupt(where, `is invalid: ${describeParseError(error)}`)))

/** Checked before `JSON.stringify`, so that no text of this size is built. */
const exceedsMaxSize = (value: object): boolean =>
  Object.values(value).some((part: unknown) =>
    typeof part === "string"
      ? part.length > maxTextLength
      : typeof part === "object" && part !== null && exceedsMaxSize(part)
  )

/** Encodes a record. Fails with `WriteFailed` for a record that {@link decode} would reject. */
export const encode = (where: string, { token, version }: Record): Effect.Effect<string, TokenStoreError> =>
  Effect.gen(function* () {
    const encoded = yield* encodeEnvelope({ format, formatVersion, version, ...(token !== undefined && { token }) })
    const text = exceedsMaxSize(encoded) ? undefined : JSON.stringify(encoded)
    if (text !== undefined && text.length <= maxTextLength) return text
    return yield* failure("WriteFailed", `a record in ${where} would be larger than ${maxTextLength} characters`)
  }).pipe(
    Effect.catchTag("ParseError", (error) =>
      failure("WriteFailed", `the token cannot be stored: ${describeParseError(error)}`)
    )
  )
