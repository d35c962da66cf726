/** What a description says about one endpoint, and the requests that do not fit it. */
import type * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpMethod from "@effect/platform/HttpMethod"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { InvalidRequest } from "../../Errors.js"
import * as SchemaIssue from "../../SchemaIssue.js"
import { expandPath } from "../request/pathParameters.js"

type Statuses = ReadonlyMap<number, { readonly ast: Option.Option<SchemaAST.AST> }>

/** An endpoint of a description. */
export interface Endpoint {
  readonly description: HttpApiEndpoint.HttpApiEndpoint.AnyWithProps
  /** The path with `{name}` for each parameter. */
  readonly template: string
  /** The declared statuses of good responses, for a message. */
  readonly statuses: string
  /** Whether the body of a status is JSON. */
  readonly isJson: (status: number) => boolean
}

/** Makes an endpoint of a description and its declared responses. */
export const makeEndpoint = (
  description: HttpApiEndpoint.HttpApiEndpoint.AnyWithProps,
  successes: Statuses,
  errors: Statuses
): Endpoint => ({
  description,
  template: description.path.replaceAll(/:(\w+)\??/g, "{$1}"),
  statuses: [...successes.keys()].join(", "),
  isJson: (status) => {
    const ast = (successes.get(status) ?? errors.get(status))?.ast
    return ast?._tag === "Some" && HttpApiSchema.getEncoding(ast.value).kind === "Json"
  }
})

const invalid = (reason: InvalidRequest["reason"], part: string, error: ParseResult.ParseError): InvalidRequest =>
  new InvalidRequest({
    reason,
    detail: `\`${part}\` does not match the HttpApi: ${SchemaIssue.format(SchemaIssue.fromParseError(error))}.`
  })

const isFrom = (error: ParseResult.ParseError, schema: Option.Option<Schema.Schema.All>): boolean =>
  Option.isSome(schema) && "ast" in error.issue && error.issue.ast === schema.value.ast

/** The error of a request that does not fit its description. An error that is not about a schema is about the body. */
export const invalidRequest = ({ description }: Endpoint, error: unknown): InvalidRequest => {
  if (!ParseResult.isParseError(error))
    return new InvalidRequest({ reason: "Body", detail: "`payload` cannot be encoded." })
  if (isFrom(error, description.urlParamsSchema)) return invalid("Url", "urlParams", error)
  if (isFrom(error, description.headersSchema)) return invalid("Header", "headers", error)
  // Without a body the platform sends the payload in the query.
  return invalid(HttpMethod.hasBody(description.method) ? "Body" : "Url", "payload", error)
}

/**
 * The path of a call. The platform does not encode path parameters, so that a value with a slash would reach another path.
 * Undefined if the endpoint has no parameters.
 */
export const pathOf = (
  { description, template }: Endpoint,
  values: unknown
): Effect.Effect<string | undefined, InvalidRequest, unknown> => {
  const { pathSchema } = description
  if (Option.isNone(pathSchema)) return Effect.succeed(undefined)
  // `AnyWithProps` has a schema of any type. The platform declares that it encodes to strings.
  const schema = pathSchema.value as Schema.Schema<unknown, Readonly<Record<string, string>>, unknown>
  return Schema.encodeUnknown(schema)(values).pipe(
    Effect.mapError((error) => invalid("Url", "path", error)),
    Effect.flatMap((encoded) => {
      const path = expandPath(template, encoded)
      return path instanceof InvalidRequest ? Effect.fail(path) : Effect.succeed(path)
    })
  )
}
