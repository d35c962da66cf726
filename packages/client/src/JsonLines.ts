/**
 * Streams of JSON values, one on each line: [NDJSON](https://github.com/ndjson/ndjson-spec) and
 * [JSON Lines](https://jsonlines.org).
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ApiClient } from "./ApiClient.js"
import type * as Call from "./Call.js"
import type { InvalidRequest, InvalidResponse, TransportError } from "./Errors.js"
import { BodyTooLarge } from "./Errors.js"
import { pullOf } from "./internal/response/openResponse.js"
import type { AnySchema } from "./internal/streams/decodeValue.js"
import { makeValueDecoder } from "./internal/streams/decodeValue.js"
import type { Lines } from "./internal/streams/lineSplitter.js"
import { LineSplitter } from "./internal/streams/lineSplitter.js"
import type { AnyOpenOptions, Open } from "./internal/streams/options.js"
import { missingSchema, schemaKind, sizeKind, streamProblem, withHeaders } from "./internal/streams/options.js"
import type { End, Pull, Read, Step } from "./internal/streams/transduce.js"
import { readAll, transducePull } from "./internal/streams/transduce.js"
import type { OpenResponse } from "./OpenResponse.js"

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { maxLineSize: 1024 * 1024 } as const

/**
 * Options of {@link stream}, beside those of `api.open`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<S extends Schema.Schema.Any> {
  /** Schema that decodes the JSON of each line. */
  readonly schema: S
  /** Longest line, in bytes (1 MiB). A longer one fails with `BodyTooLarge`. */
  readonly maxLineSize?: number | undefined
}

interface AnyOptions extends AnyOpenOptions {
  readonly schema: AnySchema
  readonly maxLineSize?: number | undefined
}

type Failure = BodyTooLarge | InvalidResponse

type Values = Stream.Stream<unknown, TransportError | Failure, unknown>

/** The values of an open response. */
const valuesOf = (opened: OpenResponse, { maxLineSize = defaults.maxLineSize, schema }: AnyOptions): Values => {
  const splitter = new LineSplitter(maxLineSize)
  const decode = makeValueDecoder(opened)
  let number = 0

  const readLine: Read<string, unknown, Failure, unknown> = (line, elements) => {
    number += 1
    if (line.trim() === "") return undefined
    return decode<End<Failure>>(line, schema, () => `line ${number}`, {
      onInvalid: (error) => ({ end: Option.some(error) }),
      onValue: (value) => {
        elements.push(value)
        return undefined
      }
    })
  }
  const valuesIn = ({ isTooLong, lines }: Lines): Effect.Effect<Step<unknown, Failure>, never, unknown> =>
    Effect.map(readAll(lines, readLine), (step) => {
      const { method, url } = opened
      return step.end === undefined && isTooLong
        ? { ...step, end: Option.some(new BodyTooLarge({ method, url, limit: maxLineSize })) }
        : step
    })

  const ended = Effect.suspend(() => valuesIn(splitter.end()))
  const values = (body: Pull<Uint8Array, TransportError>) =>
    Stream.repeatEffectChunkOption(transducePull(body, (chunk) => valuesIn(splitter.push(chunk)), ended))
  return Stream.unwrapScoped(Effect.map(pullOf(opened), values))
}

const owner = "`JsonLines.stream`"

const accept = "application/x-ndjson, application/jsonl, application/json;q=0.5"

/**
 * Streams the values of a response with one JSON value on each line.
 *
 * The request is an open call: it passes through the whole pipeline, and is retried until the header of the response arrives. A
 * line may be cut over chunks, lines without content are skipped, and the last line needs no end. The connection closes when
 * the stream ends, also if its reader stops early.
 *
 * Fails as `api.open` does, and in the middle of the stream with:
 *
 * - `TransportError`, reason `Truncated`, when the body breaks off, and `BodyTimeout` after a silence of `idle`.
 * - `InvalidResponse` for a line that is not JSON, or does not match the schema. The message has the number of the line.
 * - `BodyTooLarge` for a line longer than `maxLineSize`.
 *
 * The values before the failure are emitted. The stream never reconnects: a program that can continue elsewhere, such as after
 * the last id, opens another one.
 *
 * @example
 * import type { ApiClient } from "@countersign/client/ApiClient"
 * import * as JsonLines from "@countersign/client/JsonLines"
 * import * as Schema from "effect/Schema"
 *
 * const Change = Schema.Struct({ seq: Schema.Number, id: Schema.String })
 *
 * const changes = (api: ApiClient) => JsonLines.stream(api, "/_changes", { schema: Change, query: { feed: "continuous" } })
 *
 * @param api - the client of the API.
 * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
 * @param options - see {@link Options}, `Call.OpenOptions`, `Call.PathOptions` and `Call.BodyOptions`.
 * @since 0.1.0
 * @category streams
 */
export const stream = <
  E,
  const Url extends string,
  S extends Schema.Schema.Any,
  ES extends Call.AnySchema = undefined,
  JS extends Call.AnySchema = undefined,
  E1 = never
>(
  api: ApiClient<E>,
  url: Url | URL,
  options: Options<S> & Call.OpenOptions<ES, E1> & Call.BodyOptions<JS> & Call.PathOptions<Url>
): Stream.Stream<
  Schema.Schema.Type<S>,
  Call.Failure<E | E1, S, ES> | InvalidRequest | TransportError | BodyTooLarge,
  Schema.Schema.Context<S> | Call.SchemaContext<ES> | Call.SchemaContext<JS>
> => {
  const problem = streamProblem(
    owner,
    options,
    { schema: true, maxLineSize: true },
    { schema: schemaKind, maxLineSize: sizeKind }
  )
  if (problem !== undefined) return Stream.fail(problem)
  // The signature declares which options belong together. JavaScript may leave out the schema.
  const { maxLineSize, schema, ...request } = options as unknown as Partial<AnyOptions>
  if (schema === undefined) return Stream.fail(missingSchema)
  // The signature declares what the schemas require.
  const open = api.open as Open
  const opened = open(url, { ...request, headers: withHeaders(request.headers, { accept }) })
  const values = Stream.unwrapScoped(Effect.map(opened, (response) => valuesOf(response, { schema, maxLineSize })))
  // As declared by the signature.
  return values as ReturnType<typeof stream<E, Url, S, ES, JS, E1>>
}
