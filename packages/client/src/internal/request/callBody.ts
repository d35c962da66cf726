/** Makes the body of a request from the options of a call: `json`, `form`, `multipart`, `text` or `body`. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { BodyOptions, MultipartFields } from "../../Call.js"
import { InvalidRequest } from "../../Errors.js"
import type { JsonCodec } from "../../JsonCodec.js"
import * as SchemaIssue from "../../SchemaIssue.js"
import { parseParams } from "./formParams.js"

/** The body options of any call. */
export interface AnyBodyOptions extends Omit<BodyOptions<undefined>, "jsonSchema"> {
  readonly jsonSchema?: Schema.Schema<unknown, unknown, unknown> | undefined
}

type Made = Effect.Effect<HttpBody.HttpBody, InvalidRequest, unknown>

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Body", detail })

const tooDeep: SchemaIssue.SchemaIssue = { path: "$", expected: "a value that is less deeply nested" }

const unencodable = (mismatches: ReadonlyArray<SchemaIssue.SchemaIssue>): InvalidRequest =>
  invalid(`\`json\` cannot be encoded${mismatches.length === 0 ? " as JSON" : `: ${SchemaIssue.format(mismatches)}`}`)

const encoded = ({ json, jsonSchema }: AnyBodyOptions): Effect.Effect<unknown, InvalidRequest, unknown> =>
  jsonSchema === undefined
    ? Effect.succeed(json)
    : Effect.suspend(() => Schema.encodeUnknown(jsonSchema)(json)).pipe(
        Effect.mapError((error) => unencodable(SchemaIssue.fromParseError(error))),
        // A recursive schema follows the nesting of the value, or its cycle, until the stack overflows.
        Effect.catchSomeDefect((defect) =>
          defect instanceof RangeError ? Option.some(Effect.fail(unencodable([tooDeep]))) : Option.none()
        )
      )

const stringify = (value: unknown, codec: JsonCodec | undefined): string | InvalidRequest => {
  try {
    const text: unknown = codec === undefined ? JSON.stringify(value) : codec.stringify(value)
    // `JSON.stringify` returns undefined for a function, and for a `toJSON` that returns undefined.
    return typeof text === "string" ? text : unencodable([])
  } catch {
    return unencodable([])
  }
}

const jsonBody = (options: AnyBodyOptions, type: string | undefined, codec: JsonCodec | undefined): Made =>
  Effect.flatMap(encoded(options), (value) => {
    const text = stringify(value, codec)
    return typeof text === "string"
      ? Effect.succeed(HttpBody.text(text, type ?? "application/json"))
      : Effect.fail(text)
  })

const isPart = (value: unknown): value is string | Blob => typeof value === "string" || value instanceof Blob

const multipartForm = (fields: FormData | MultipartFields): FormData | InvalidRequest => {
  if (fields instanceof FormData) return fields
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    const parts: ReadonlyArray<unknown> = Array.isArray(value) ? value : [value]
    for (const part of parts) {
      if (!isPart(part))
        return invalid(`the field \`${name}\` of \`multipart\` is neither text nor a Blob. Convert it.`)
      // The types of `append` have an overload for each kind, which do the same.
      form.append(name, part as string)
    }
  }
  return form
}

const bytesBody = (
  body: NonNullable<AnyBodyOptions["body"]>,
  type: string | undefined
): HttpBody.HttpBody | InvalidRequest => {
  if (HttpBody.isHttpBody(body)) return body
  if (body instanceof Uint8Array) return HttpBody.uint8Array(body, type)
  if (body instanceof Blob) {
    const contentType = type ?? (body.type === "" ? "application/octet-stream" : body.type)
    return HttpBody.raw(body, { contentType, contentLength: body.size })
  }
  return typeof body === "object" && Stream.StreamTypeId in body
    ? HttpBody.stream(body, type)
    : invalid(
        "`body` is not bytes, a Blob, a Stream or an HttpBody. Use `json`, `form`, `multipart` or `text` for other values."
      )
}

const names = ["json", "form", "multipart", "text", "body"] as const

/** The names of the body options that are given. A `json` of undefined alone is a mistake, which encoding reports. */
const given = (options: AnyBodyOptions): ReadonlyArray<(typeof names)[number]> => {
  const defined = names.filter((name) => options[name] !== undefined)
  return defined.length === 0 && "json" in options ? ["json"] : defined
}

const fromResult = (made: HttpBody.HttpBody | InvalidRequest): Made =>
  made instanceof InvalidRequest ? Effect.fail(made) : Effect.succeed(made)

const formBody = (form: NonNullable<AnyBodyOptions["form"]>, type: string | undefined): Made => {
  const params = parseParams(form, "form", "Body")
  if (params instanceof InvalidRequest) return Effect.fail(params)
  const text = new URLSearchParams(params.map(([name, value]) => [name, value])).toString()
  return Effect.succeed(HttpBody.text(text, type ?? "application/x-www-form-urlencoded"))
}

/**
 * The body of a call. Undefined if the options have none.
 *
 * @param type - the `content-type` that the caller set, which replaces that of the option.
 * @param defaultType - the `content-type` of the client's default fields, which replaces that of `json` if it is of JSON.
 */
export const callBody = (
  options: AnyBodyOptions,
  type: string | undefined,
  codec?: JsonCodec,
  defaultType?: string
): Made | undefined => {
  const [name, second] = given(options)
  if (options.jsonSchema !== undefined && name !== "json")
    return Effect.fail(invalid("`jsonSchema` has no `json` to encode. Give both, or neither."))
  if (name === undefined) return undefined
  if (second !== undefined) {
    return Effect.fail(invalid(`the options \`${name}\` and \`${second}\` both set the body. Give one of them.`))
  }
  const { body, form, multipart, text } = options
  if (form !== undefined) return formBody(form, type)
  if (multipart !== undefined) {
    const fields = multipartForm(multipart)
    return fromResult(fields instanceof InvalidRequest ? fields : HttpBody.formData(fields))
  }
  if (text !== undefined) return Effect.succeed(HttpBody.text(text, type ?? "text/plain"))
  if (body !== undefined) return fromResult(bytesBody(body, type))
  return jsonBody(options, type ?? (defaultType?.includes("json") === true ? defaultType : undefined), codec)
}
