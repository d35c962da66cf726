/**
 * What did not fit a Schema, told without the value that was found there: it may be a secret.
 *
 * @since 0.1.0
 */
import * as Redact from "@countersign/protocol/Redact"
import type * as ParseResult from "effect/ParseResult"
import type * as SchemaAST from "effect/SchemaAST"

/**
 * One thing that does not fit: the `path` into the value (`$` is the value itself) and what was `expected` there.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mismatch {
  readonly path: string
  readonly expected: string
}

/** A value of a thousand wrong fields is as wrong as one of ten, and an error is there to be read. */
const mostMismatches = 10

const expectedOf = (ast: SchemaAST.AST): string => {
  const text = String(ast)
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

type Hide = (text: string, limit: number) => string

/** The longest name of a field, and the longest path, that are shown. */
const longestKey = 60
const longestPath = 500

const render = (path: ReadonlyArray<PropertyKey>, hide: Hide): string => {
  let text = "$"
  for (const key of path) {
    // The names of a Record's fields are the server's text.
    text += typeof key === "number" ? `[${key}]` : `.${Redact.text(hide(String(key), longestKey), longestKey)}`
    if (text.length > longestPath) return `${text.slice(0, longestPath)}…`
  }
  return text
}

interface Found {
  readonly hide: Hide
  readonly mismatches: Array<Mismatch>
}

const collect = (issue: ParseResult.ParseIssue, path: ReadonlyArray<PropertyKey>, found: Found): void => {
  const { hide, mismatches } = found
  if (mismatches.length >= mostMismatches) return
  switch (issue._tag) {
    case "Pointer": {
      const step = issue.path
      // A path is one key or several; `isArray` does not tell the compiler of the read-only kind.
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
      return void mismatches.push({ path: render(path, hide), expected: "a value" })
    case "Unexpected":
      return void mismatches.push({ path: render(path, hide), expected: "nothing" })
    default:
      return void mismatches.push({ path: render(path, hide), expected: expectedOf(issue.ast) })
  }
}

/**
 * The first ten things that did not fit.
 *
 * @param error - what a Schema's decoder failed with.
 * @param hide - replaces secrets in the name of a field, as `Redact.withoutSecrets` does: a server may quote one there.
 *   Nothing is replaced by default.
 * @since 0.1.0
 * @category decoding
 */
export const fromParseError = (
  error: ParseResult.ParseError,
  hide: (name: string, limit: number) => string = (name) => name
): ReadonlyArray<Mismatch> => {
  const mismatches: Array<Mismatch> = []
  collect(error.issue, [], { hide, mismatches })
  return mismatches
}

/**
 * One line for a message: `at $.expires_in, expected number`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const format = (mismatches: ReadonlyArray<Mismatch>): string =>
  mismatches.map(({ expected, path }) => `at ${path}, expected ${expected}`).join("; ")
