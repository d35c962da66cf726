/**
 * Schema mismatches: where a value does not match a Schema, without the value itself, because it may be secret.
 *
 * @since 0.1.0
 */
import * as Redact from "@countersign/protocol/Redact"
import type * as ParseResult from "effect/ParseResult"
import type * as SchemaAST from "effect/SchemaAST"

/**
 * One mismatch between a value and its Schema.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchemaIssue {
  /** The path into the value, such as `$.items[0].id`. `$` is the value itself. */
  readonly path: string
  /** The type that the Schema expects there, such as `number`. */
  readonly expected: string
}

/** Maximum number of mismatches per error, so that the message stays readable. */
const mostMismatches = 10

const expectedOf = (ast: SchemaAST.AST): string => {
  const text = String(ast)
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

type Hide = (text: string, limit: number) => string

/** Maximum length of a field name, and of a path, in a message. */
const longestKey = 60
const longestPath = 500

const render = (path: ReadonlyArray<PropertyKey>, hide: Hide): string => {
  let text = "$"
  for (const key of path) {
    // The field names of a Record come from the server.
    text += typeof key === "number" ? `[${key}]` : `.${Redact.text(hide(String(key), longestKey), longestKey)}`
    if (text.length > longestPath) return `${text.slice(0, longestPath)}…`
  }
  return text
}

interface Found {
  readonly hide: Hide
  readonly mismatches: Array<SchemaIssue>
}

const collect = (issue: ParseResult.ParseIssue, path: ReadonlyArray<PropertyKey>, found: Found): void => {
  const { hide, mismatches } = found
  if (mismatches.length >= mostMismatches) return
  switch (issue._tag) {
    case "Pointer": {
      const step = issue.path
      // A path is one key or several. `isArray` does not narrow a read-only array.
      return collect(issue.issue, Array.isArray(step) ? [...path, ...step] : [...path, step as PropertyKey], found)
    }
    case "Composite": {
      const issues = "_tag" in issue.issues ? [issue.issues] : issue.issues
      return issues.forEach((inner) => collect(inner, path, found))
    }
    case "Refinement":
    case "Transformation":
      return collect(issue.issue, path, found)
    case "Missing":
      return void mismatches.push({ path: render(path, hide), expected: "a value, which is missing" })
    case "Unexpected":
      return void mismatches.push({ path: render(path, hide), expected: "nothing" })
    default:
      return void mismatches.push({ path: render(path, hide), expected: expectedOf(issue.ast) })
  }
}

/**
 * Lists the first ten mismatches of a decoding error.
 *
 * @example
 * import * as SchemaIssue from "@countersign/client/SchemaIssue"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Settings = Schema.Struct({ accounts: Schema.Array(Schema.Struct({ name: Schema.String, port: Schema.Number })) })
 *
 * // Prints "invalid settings: at $.accounts[0].port, expected number". The message of the error itself shows the value.
 * const program = Effect.gen(function* () {
 *   const text = '{ "accounts": [{ "name": "ada", "port": "a-password" }] }'
 *   return yield* Schema.decodeUnknown(Schema.parseJson(Settings))(text)
 * }).pipe(
 *   Effect.catchTag("ParseError", (error) =>
 *     Console.error(`invalid settings: ${SchemaIssue.format(SchemaIssue.fromParseError(error))}`)
 *   )
 * )
 *
 * @param error - the error of a Schema decoder.
 * @param hide - replaces secrets in a field name, as `Redact.withoutSecrets` does, since a server may echo one there. By
 *   default nothing is replaced.
 * @since 0.1.0
 * @category decoding
 */
export const fromParseError = (
  error: ParseResult.ParseError,
  hide: (name: string, limit: number) => string = (name) => name
): ReadonlyArray<SchemaIssue> => {
  const mismatches: Array<SchemaIssue> = []
  collect(error.issue, [], { hide, mismatches })
  return mismatches
}

/**
 * Formats mismatches for an error message: `at $.expires_in, expected number`. Several are joined with `; `.
 *
 * @since 0.1.0
 * @category encoding
 */
export const format = (mismatches: ReadonlyArray<SchemaIssue>): string =>
  mismatches.map(({ expected, path }) => `at ${path}, expected ${expected}`).join("; ")
