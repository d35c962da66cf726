/**
 * Codec of stored records, for token stores of your own: strict decoding, size limits, and errors without content.
 *
 * @example
 * import { TokenStoreError } from "@countersign/auth/Errors"
 * import * as Token from "@countersign/auth/Token"
 * import * as TokenRecord from "@countersign/auth/TokenRecord"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Stored = Schema.Struct({ version: Schema.Positive, token: Token.Token })
 *
 * const corrupt = (description: string) => new TokenStoreError({ reason: "Corrupt", detail: `the record ${description}` })
 *
 * // The text of a row, for `compareAndSet` of a token store over a database.
 * const textOf = (version: number, token: Token.Token) =>
 *   Effect.gen(function* () {
 *     return JSON.stringify(yield* TokenRecord.encode(Stored, { version, token }))
 *   })
 *
 * // The record of a row, for `get`. Errors name the fields that do not match, and contain no token.
 * const recordOf = (text: string) =>
 *   Effect.gen(function* () {
 *     const value = yield* TokenRecord.parse(text, corrupt)
 *     return yield* TokenRecord.decode(Stored, value, (mismatches) => corrupt(`is invalid: ${mismatches}`))
 *   })
 *
 * @since 0.1.0
 */
import * as SchemaIssue from "@countersign/client/SchemaIssue"
import * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { TokenStoreError } from "./Errors.js"

/** The names of unknown fields are not shown, since they may be any text, even a secret. */
const describe = (error: ParseResult.ParseError): string => {
  const mismatches = SchemaIssue.fromParseError(error)
  return mismatches.some(({ expected }) => expected === "nothing") ? "an unknown field" : SchemaIssue.format(mismatches)
}

/**
 * Parses the JSON text of a record. Bytes must be UTF-8 without a byte order mark.
 *
 * @param onInvalid - makes the error from a description: "is not JSON, or is truncated".
 * @since 0.1.0
 * @category decoding
 */
export const parse = <E>(text: string | Uint8Array, onInvalid: (description: string) => E): Effect.Effect<unknown, E> =>
  Effect.try({
    try: (): unknown =>
      JSON.parse(
        typeof text === "string" ? text : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text)
      ),
    catch: () => onInvalid("is not JSON, or is truncated")
  })

/**
 * Whether a parsed record belongs to another program, or to a newer release of the store. Undefined if it is neither, or
 * names no format.
 *
 * @param value - the parsed record, with the name of its format in `format`.
 * @param own - the format of the store. `versionField` is the field that holds the version of the format.
 * @since 0.1.0
 * @category decoding
 */
export const foreignFormat = (
  value: unknown,
  own: { readonly format: string; readonly versionField: string; readonly version: number }
): "other" | "newer" | undefined => {
  if (typeof value !== "object" || value === null || !("format" in value)) return undefined
  if (typeof value.format !== "string") return undefined
  if (value.format !== own.format) return "other"
  const version: unknown = Reflect.get(value, own.versionField)
  return Number.isSafeInteger(version) && Number(version) > own.version ? "newer" : undefined
}

/**
 * Decodes a value strictly. Unknown fields are rejected, because the next write of the record would lose them.
 *
 * @param onInvalid - makes the error from a description of the mismatches, which contains neither values nor the names of
 *   unknown fields.
 * @since 0.1.0
 * @category decoding
 */
export const decode = <A, I, E>(
  schema: Schema.Schema<A, I>,
  value: unknown,
  onInvalid: (description: string) => E
): Effect.Effect<A, E> =>
  Effect.mapError(Schema.decodeUnknown(schema, { onExcessProperty: "error" })(value), (error) =>
    onInvalid(describe(error))
  )

/**
 * Encodes a value. Fails with `WriteFailed` if it does not match the Schema.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = <A, I>(schema: Schema.Schema<A, I>, value: A): Effect.Effect<I, TokenStoreError> =>
  Effect.mapError(
    Schema.encode(schema)(value),
    (error) => new TokenStoreError({ reason: "WriteFailed", detail: `the token cannot be stored: ${describe(error)}` })
  )

/**
 * Whether a value contains a text longer than `maxLength` characters. Check it before `JSON.stringify`: escaped, such a text
 * may exceed the longest string.
 *
 * @since 0.1.0
 * @category encoding
 */
export const hasLongText = (value: unknown, maxLength: number): boolean =>
  typeof value === "string"
    ? value.length > maxLength
    : typeof value === "object" && value !== null && Object.values(value).some((part) => hasLongText(part, maxLength))
