/** The file format of a recording. */
import * as SchemaIssue from "@countersign/client/SchemaIssue"
import * as Redact from "@countersign/protocol/Redact"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Schema from "effect/Schema"
import { isObject, isShallow, sorted } from "./json.js"

/** The value of the member `format`. */
const format = "countersign-recording/1"

const Body = Schema.Union(
  Schema.Struct({ json: Schema.Unknown.pipe(Schema.filter((value) => isShallow(value))) }),
  Schema.Struct({ text: Schema.String }),
  Schema.Struct({
    base64: Schema.String.pipe(Schema.filter((text) => Either.isRight(Encoding.decodeBase64(text))))
  })
)

const token = /^[!#$%&'*+\-.^_`|~\w]+$/

/** A value that `Headers` accepts: without line breaks, NUL, and characters beyond Latin-1. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

const FieldValue = Schema.String.pipe(Schema.pattern(fieldValue))

const Request = Schema.Struct({
  method: Schema.String.pipe(Schema.pattern(token)),
  url: Schema.String,
  body: Schema.optionalWith(Body, { exact: true })
})

const Response = Schema.Struct({
  status: Schema.Int.pipe(Schema.between(100, 999)),
  headers: Schema.Record({
    key: Schema.String.pipe(Schema.pattern(token)),
    value: Schema.Union(FieldValue, Schema.Array(FieldValue))
  }),
  body: Schema.optionalWith(Body, { exact: true })
})

const Exchange = Schema.Struct({ request: Request, response: Response })

const Recording = Schema.Struct({ format: Schema.Literal(format), exchanges: Schema.Array(Exchange) })

/** A stored body: JSON, other text, or bytes. */
export type Body = typeof Body.Type

/** A stored request, without secrets. */
export type Request = typeof Request.Type

/** A stored response, without secrets. */
export type Response = typeof Response.Type

/** A stored request and its response. */
export type Exchange = typeof Exchange.Type

/** Whether a field can be stored, and sent by `Headers`. */
export const isField = (name: string, value: string): boolean => token.test(name) && fieldValue.test(value)

const decode = Schema.decodeUnknownEither(Recording, { onExcessProperty: "error" })

const formatProblem = (value: unknown): string => {
  const found = isObject(value) ? value["format"] : undefined
  const shown = typeof found === "string" ? `its \`format\` is "${Redact.text(found, 60)}"` : "it has no `format`"
  return `${shown}, and this version reads "${format}"`
}

/** The exchanges of a file, or what is wrong with it. */
export const parse = (text: string): Either.Either<ReadonlyArray<Exchange>, string> => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return Either.left("it is not JSON")
  }
  if (!isObject(value) || value["format"] !== format) return Either.left(formatProblem(value))
  return Either.mapBoth(decode(value), {
    onLeft: (error) => {
      const first = SchemaIssue.fromParseError(error)[0]
      return first === undefined ? "it does not match the format" : `at ${first.path}, expected ${first.expected}`
    },
    onRight: ({ exchanges }) => exchanges
  })
}

/** The text of a file. Equal exchanges give an equal text. */
export const print = (exchanges: ReadonlyArray<Exchange>): string =>
  `${JSON.stringify(sorted({ format, exchanges }), undefined, 2)}\n`
