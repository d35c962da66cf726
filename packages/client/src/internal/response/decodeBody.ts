/** Decodes the JSON body of a response with the schema of a call. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { InvalidResponse } from "../../Errors.js"
import type { JsonCodec } from "../../JsonCodec.js"
import * as SchemaIssue from "../../SchemaIssue.js"
import { bodyOfError, responseOfError, withResponse } from "../errors/errorResponse.js"
import { makeResponseRedactor } from "./redactEchoedCredentials.js"
import { exchangeInfoOf } from "./statusError.js"

type AnySchema = Schema.Schema<unknown, unknown, unknown>

const tooDeep: SchemaIssue.SchemaIssue = { path: "$", expected: "a value that is less deeply nested" }

const jsonOf = (response: HttpClientResponse, codec: JsonCodec | undefined): Effect.Effect<unknown, unknown> =>
  codec === undefined
    ? response.json
    : Effect.flatMap(response.text, (text) => Effect.try(() => (text === "" ? null : codec.parse(text))))

const mediaType = /^[\w.+-]{1,40}\/[\w.+-]{1,60}/

/** Names another content type. With a wrong base URL, a proxy or a web site responds with a page, and not with JSON. */
const notJson = ({ headers }: HttpClientResponse): string | undefined => {
  const type = mediaType.exec(headers["content-type"] ?? "")?.[0].toLowerCase()
  return type === undefined || type.includes("json")
    ? undefined
    : `the body is not JSON but ${type}. Check the base URL and the path.`
}

/** An empty body is decoded as null, which no reader of the message would recognize. */
const problemOf = (response: HttpClientResponse, json: unknown): Effect.Effect<string | undefined> =>
  json === null
    ? Effect.match(response.text, {
        onFailure: () => undefined,
        onSuccess: (text) => (text === "" ? "the body is empty, and the schema does not accept null" : undefined)
      })
    : Effect.succeed(undefined)

const invalidResponse = (
  response: HttpClientResponse,
  reason: "Json" | "Schema",
  mismatches: ReadonlyArray<SchemaIssue.SchemaIssue>,
  problem: string | undefined
): InvalidResponse =>
  withResponse(new InvalidResponse({ ...exchangeInfoOf(response), reason, mismatches }, problem), response)

/** Decodes the parsed body of a good response. */
export const decodeJson = (
  response: HttpClientResponse,
  json: unknown,
  schema: AnySchema
): Effect.Effect<unknown, InvalidResponse, unknown> =>
  Effect.suspend(() => Schema.decodeUnknown(schema)(json)).pipe(
    Effect.catchAll((error) =>
      Effect.flatMap(problemOf(response, json), (problem) => {
        const mismatches = SchemaIssue.fromParseError(error, makeResponseRedactor(response))
        return Effect.fail(invalidResponse(response, "Schema", mismatches, problem))
      })
    ),
    // A recursive schema follows the nesting of the response until the stack overflows.
    Effect.catchSomeDefect((defect) =>
      defect instanceof RangeError
        ? Option.some(Effect.fail(invalidResponse(response, "Schema", [tooDeep], undefined)))
        : Option.none()
    )
  )

/** Decodes the body of a good response. */
export const decodeBody = (
  response: HttpClientResponse,
  schema: AnySchema,
  codec?: JsonCodec
): Effect.Effect<unknown, InvalidResponse, unknown> =>
  Effect.flatMap(
    Effect.mapError(jsonOf(response, codec), () => invalidResponse(response, "Json", [], notJson(response))),
    (json) => decodeJson(response, json, schema)
  )

/** Decodes the body of an error response, for the `body` of the error. It fails with the same error in any case. */
export const decodeErrorBody = <E>(
  error: E,
  schema: AnySchema,
  codec?: JsonCodec
): Effect.Effect<never, E, unknown> => {
  if (typeof error !== "object" || error === null) return Effect.fail(error)
  const response = responseOfError.get(error)
  if (response === undefined) return Effect.fail(error)
  const failWith = (body: unknown) => {
    bodyOfError.set(error, body)
    return Effect.fail(error)
  }
  return Effect.matchCauseEffect(
    Effect.suspend(() => Effect.flatMap(jsonOf(response, codec), Schema.decodeUnknown(schema))),
    {
      // The body of a proxy's page, for example. A defect of the schema must not hide the error of the call either.
      onFailure: (cause) => (Cause.isInterrupted(cause) ? Effect.interrupt : failWith(undefined)),
      onSuccess: failWith
    }
  )
}
