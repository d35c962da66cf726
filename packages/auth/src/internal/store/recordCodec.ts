import { TokenStoreError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Token from "../../Token.js"
import * as TokenRecord from "../../TokenRecord.js"

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

const failure = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

/** Decodes a record. Fails with `Corrupt` or `UnsupportedFormat`. The error does not show the content. */
export const decode = (where: string, text: unknown): Effect.Effect<Record, TokenStoreError> => {
  const failed = (reason: TokenStoreError["reason"], what: string, advice: string) =>
    failure(reason, `a record in ${where} ${what}; it was left as it is: ${advice}`)
  const corrupt = (what: string) => failed("Corrupt", what, "remove it there, and sign in again")
  return Effect.gen(function* () {
    if (typeof text !== "string") return yield* corrupt("is not text")
    if (text.length > maxTextLength) return yield* corrupt(`is larger than ${maxTextLength} characters`)
    const value = yield* TokenRecord.parse(text, corrupt)
    const foreign = TokenRecord.foreignFormat(value, { format, versionField: "formatVersion", version: formatVersion })
    if (foreign === "other")
      return yield* failed("UnsupportedFormat", "is in another format", "use another store, or another prefix")
    if (foreign === "newer")
      return yield* failed("UnsupportedFormat", "was written by a newer release", "use that release")
    const { token, version } = yield* TokenRecord.decode(Envelope, value, (what) => corrupt(`is invalid: ${what}`))
    return { version, token }
  })
}

/** Encodes a record. Fails with `WriteFailed` for a record that {@link decode} would reject. */
export const encode = (where: string, { token, version }: Record): Effect.Effect<string, TokenStoreError> =>
  Effect.gen(function* () {
    const record = { format, formatVersion, version, ...(token !== undefined && { token }) } as const
    const encoded = yield* TokenRecord.encode(Envelope, record)
    const text = TokenRecord.hasLongText(encoded, maxTextLength) ? undefined : JSON.stringify(encoded)
    if (text !== undefined && text.length <= maxTextLength) return text
    return yield* failure("WriteFailed", `a record in ${where} would be larger than ${maxTextLength} characters`)
  })
