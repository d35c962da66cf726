/** Decodes the JSON values of a stream: lines, and the data of events. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { InvalidResponse } from "../../Errors.js"
import * as SchemaIssue from "../../SchemaIssue.js"
import type { OpenResponse } from "../response/openResponse.js"
import { sourceOf } from "../response/openResponse.js"
import { makeResponseRedactor } from "../response/redactEchoedCredentials.js"

/** A schema of which the types are declared by the caller. */
export type AnySchema = Schema.Schema<unknown, unknown, unknown>

const tooDeep: SchemaIssue.SchemaIssue = { path: "$", expected: "a value that is less deeply nested" }

/** What follows a value, and an invalid one. */
interface Decoded<A> {
  readonly onValue: (value: unknown) => A
  readonly onInvalid: (error: InvalidResponse) => A
}

/**
 * Decodes a text with a schema. The result is no effect if the schema needs none.
 *
 * @param what - names the text in the error, such as `line 7`.
 */
export type DecodeValue = <A>(
  text: string,
  schema: AnySchema,
  what: () => string,
  decoded: Decoded<A>
) => A | Effect.Effect<A, never, unknown>

/** Makes the decoder of the values of a response. */
export const makeValueDecoder = (opened: OpenResponse): DecodeValue => {
  const { method, status, url } = opened
  const source = sourceOf(opened)
  const parse = source?.codec?.parse ?? ((text: string): unknown => JSON.parse(text))
  const redact = source === undefined ? undefined : makeResponseRedactor(source.response)

  const invalid = (
    what: string,
    reason: "Json" | "Schema",
    mismatches: ReadonlyArray<SchemaIssue.SchemaIssue> = []
  ) => {
    const [first] = mismatches
    const problem =
      first === undefined
        ? `${what} is not JSON`
        : `${what} does not match the schema: at ${first.path}, expected ${first.expected}`
    return new InvalidResponse({ method, url, status, reason, mismatches }, problem)
  }

  return (text, schema, what, { onInvalid, onValue }) => {
    const onMismatch = (error: ParseResult.ParseError) =>
      onInvalid(invalid(what(), "Schema", SchemaIssue.fromParseError(error, redact)))
    const onTooDeep = () => onInvalid(invalid(what(), "Schema", [tooDeep]))
    let value: unknown
    try {
      value = parse(text)
    } catch {
      return onInvalid(invalid(what(), "Json"))
    }
    try {
      const decoded = Schema.decodeUnknown(schema)(value)
      // A schema without effects is decoded at once.
      if (Either.isEither(decoded)) {
        // The type of the effect says which errors the Either has.
        return Either.match(decoded as Either.Either<unknown, ParseResult.ParseError>, {
          onLeft: onMismatch,
          onRight: onValue
        })
      }
      return Effect.catchSomeDefect(Effect.match(decoded, { onFailure: onMismatch, onSuccess: onValue }), (defect) =>
        defect instanceof RangeError ? Option.some(Effect.sync(onTooDeep)) : Option.none()
      )
    } catch (defect) {
      // A recursive schema follows the nesting of the value until the stack overflows.
      return defect instanceof RangeError ? onTooDeep() : Effect.die(defect)
    }
  }
}
