/** One call: builds the request from a URL and the options, sends it, and decodes the response. */
import type { HttpMethod } from "@effect/platform/HttpMethod"
import { hasBody } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as OptionNames from "@countersign/protocol/OptionNames"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Call from "../../Call.js"
import type { InvalidResponse } from "../../Errors.js"
import { InvalidRequest } from "../../Errors.js"
import type { JsonCodec } from "../../JsonCodec.js"
import * as Telemetry from "../../Telemetry.js"
import { decodeBody, decodeErrorBody } from "../response/decodeBody.js"
import type { AnyBodyOptions } from "./callBody.js"
import { callBody } from "./callBody.js"
import { wrongCallOption } from "./optionKinds.js"
import { bodilessNames, callNames, otherNames } from "./optionNames.js"
import { expandPath, missingParameter } from "./pathParameters.js"
import { makeRequestBuilder } from "./requestBuilder.js"

type AnySchema = Schema.Schema<unknown, unknown, unknown>

/** The options of any call. The types of the verbs declare which of them belong together. */
interface AnyOptions extends Call.Options<unknown>, AnyBodyOptions {
  readonly path?: Readonly<Record<string, unknown>> | undefined
  readonly schema?: AnySchema | undefined
  readonly errorSchema?: AnySchema | undefined
  readonly withResponse?: boolean | undefined
}

type Outcome<E> = Effect.Effect<unknown, E | InvalidRequest | InvalidResponse, unknown>

/** The options of a call without any. Such a call skips their checks. */
export const noOptions: Readonly<Record<never, never>> = {}

/** The error of options that cannot be read. */
export const unreadableOptions: InvalidRequest = new InvalidRequest({
  reason: "Options",
  detail: "an option of the call cannot be read, because its getter throws. Pass plain values."
})

const invalidOption = (
  options: AnyOptions,
  method: HttpMethod,
  names: OptionNames.Shape
): InvalidRequest | undefined => {
  const unknown = OptionNames.findUnknown(options, names, otherNames)
  if (unknown === undefined) return wrongCallOption(options) ?? wrongValue(options, method, names)
  const advised = "json" in names ? { advice: "If it is a member of the body, use `json`.", ...unknown } : unknown
  return new InvalidRequest({ reason: "Options", detail: OptionNames.explain(`a ${method} call`, advised) })
}

const wrongValue = (options: AnyOptions, method: HttpMethod, names: OptionNames.Shape): InvalidRequest | undefined => {
  const wrong = OptionNames.findWrongValue(options, names)
  return (
    wrong && new InvalidRequest({ reason: "Options", detail: OptionNames.explainWrongValue(`a ${method} call`, wrong) })
  )
}

/** The default header fields of a client, by names in lower case. */
export type DefaultHeaders = Readonly<Record<string, string>>

const makeSender = <E>(
  method: HttpMethod,
  send: Call.Send<E>,
  codec: JsonCodec | undefined,
  defaults: DefaultHeaders,
  names: OptionNames.Shape
) => {
  const build = makeRequestBuilder(method, "query")

  const withOptions = (
    url: string | URL,
    options: AnyOptions
  ): HttpClientRequest.HttpClientRequest | InvalidRequest => {
    const problem = invalidOption(options, method, names)
    if (problem !== undefined) return problem
    const target = options.path === undefined ? (missingParameter(url) ?? url) : expandPath(String(url), options.path)
    if (target instanceof InvalidRequest) return target
    const { headers, query } = options
    return build(target, {
      ...(headers !== undefined && { headers }),
      ...(query !== undefined && { urlParams: query })
    })
  }

  /** The request without its body. */
  const requestOf = (url: string | URL, options: AnyOptions): HttpClientRequest.HttpClientRequest | InvalidRequest => {
    if (options === noOptions) return missingParameter(url) ?? build(url, {})
    try {
      return withOptions(url, options)
    } catch {
      return unreadableOptions
    }
  }

  const sendWithBody = (request: HttpClientRequest.HttpClientRequest, options: AnyOptions) => {
    const body = callBody(options, request.headers["content-type"], codec, defaults["content-type"])
    return body === undefined
      ? send(request, options)
      : Effect.flatMap(body, (made) => send(HttpClientRequest.setBody(request, made), options))
  }

  return (url: string | URL, options: AnyOptions): Outcome<E> => {
    const request = requestOf(url, options)
    if (request instanceof InvalidRequest) return Effect.fail(request)
    if (options === noOptions) return send(request, options)
    const { errorSchema, path, schema } = options
    const hasAccept = request.headers["accept"] !== undefined || defaults["accept"] !== undefined
    const accepting = schema === undefined || hasAccept ? request : HttpClientRequest.acceptJson(request)
    const sent = sendWithBody(accepting, options)
    const named = path === undefined ? sent : Telemetry.withTemplate(templateOf(url))(sent)
    const answered: Outcome<E> =
      errorSchema === undefined ? named : Effect.catchAll(named, (error) => decodeErrorBody(error, errorSchema, codec))
    return schema === undefined ? answered : Effect.flatMap(answered, decodeWith(schema, options, codec))
  }
}

/** The path of a URL with parameters, for the name of its spans: a query may contain values. */
const templateOf = (url: string | URL): string => String(url).split(/[?#]/, 1)[0] ?? ""

const decodeWith =
  (schema: AnySchema, { withResponse }: AnyOptions, codec: JsonCodec | undefined) =>
  (answer: unknown) => {
    // Without a failure the result of `send` is a response.
    const response = answer as HttpClientResponse
    const decoded = decodeBody(response, schema, codec)
    return withResponse === true ? Effect.map(decoded, (body) => [body, response] as const) : decoded
  }

/** Makes the function of a verb. It returns an effect and never throws. */
export const makeCall = <E>(
  method: HttpMethod,
  send: Call.Send<E>,
  codec?: JsonCodec,
  defaults: DefaultHeaders = {},
  names: OptionNames.Shape = hasBody(method) ? callNames : bodilessNames
): ((url: string | URL, options?: AnyOptions | null) => Outcome<E>) => {
  const call = makeSender(method, send, codec, defaults, names)
  return (url, options = noOptions) => {
    try {
      return call(url, options ?? noOptions)
    } catch (defect) {
      // A policy threw, or the options are of a type that the signature forbids.
      return Effect.die(defect)
    }
  }
}

/** A token of RFC 9110 §5.6.2 in capitals. The platform compares methods in capitals only. */
const methodPattern = /^[A-Z0-9!#$%&'*+.^_`|~-]{1,40}$/

const unsendable: ReadonlySet<string> = new Set(["CONNECT", "TRACE"])

/** Makes the function of a verb for a method that is known when the call runs. */
export const makeAnyCall = <E>(
  method: string,
  send: Call.Send<E>,
  codec?: JsonCodec,
  defaults?: DefaultHeaders,
  names: OptionNames.Shape = callNames
): ((url: string | URL, options?: AnyOptions | null) => Outcome<E>) => {
  if (typeof method === "string" && methodPattern.test(method) && !unsendable.has(method)) {
    // The platform's type lists seven methods, and its requests carry any.
    return makeCall(method as HttpMethod, send, codec, defaults, names)
  }
  const detail = unsendable.has(method)
    ? `the method ${method} cannot be sent by a client.`
    : "the method is not an HTTP token in capitals. Pass one such as PROPFIND."
  return () => Effect.fail(new InvalidRequest({ reason: "Method", detail }))
}
