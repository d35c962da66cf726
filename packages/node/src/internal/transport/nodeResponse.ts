import * as Cookies from "@effect/platform/Cookies"
import type * as Headers from "@effect/platform/Headers"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import type { BodyReader } from "@countersign/client/Transport"
import {
  bodyReader,
  bufferedBody,
  describeFailure,
  fieldValues,
  makeResponseError,
  rawSetCookie
} from "@countersign/client/Transport"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { RawHeaders } from "../dispatcher/rawHeaders.js"
import * as Raw from "../dispatcher/rawHeaders.js"
import { describe } from "../errors/describedFailure.js"
import type { BodyQueue } from "./bodyQueue.js"

type Failure = HttpClientError.ResponseError

const byteOrderMark = 0xfeff

/** Fields that describe the encoded body. */
const contentCodingFields: ReadonlySet<string> = new Set(["content-encoding", "content-length"])

/** Decodes UTF-8 without byte order mark, as "decode" of the Fetch Standard. */
const decode = (bytes: Uint8Array): string => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8")
  return text.charCodeAt(0) === byteOrderMark ? text.slice(1) : text
}

/** A response without its body. Header fields are parsed when they are first read. */
abstract class NodeResponse extends Inspectable.Class {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly request: HttpClientRequest
  readonly status: number
  readonly #raw: RawHeaders
  #headers: Headers.Headers | undefined
  #cookies: Cookies.Cookies | undefined

  constructor(request: HttpClientRequest, status: number, raw: RawHeaders) {
    super()
    this.request = request
    this.status = status
    this.#raw = raw
  }

  get headers(): Headers.Headers {
    return (this.#headers ??= Raw.parse(this.#raw))
  }

  get cookies(): Cookies.Cookies {
    return (this.#cookies ??= Cookies.fromSetCookie(this[rawSetCookie]))
  }

  /** The values of a field, which `headers` joins. */
  [fieldValues](name: string): ReadonlyArray<string> {
    return Raw.valuesOf(this.#raw, name)
  }

  /** All `Set-Cookie` fields. `cookies` keeps one cookie per name, whatever the paths. */
  get [rawSetCookie](): ReadonlyArray<string> {
    return Raw.valuesOf(this.#raw, "set-cookie")
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }

  get #self(): HttpClientResponse.HttpClientResponse {
    // Both subclasses are complete responses.
    return this as unknown as HttpClientResponse.HttpClientResponse
  }

  protected failure(error: unknown): Failure {
    const { request } = this
    const { cause, details } = describe(error, "written")
    return describeFailure(makeResponseError({ request, response: this.#self, reason: "Decode", cause }), details)
  }

  abstract get text(): Effect.Effect<string, Failure>
  abstract get arrayBuffer(): Effect.Effect<ArrayBuffer, Failure>

  get json(): Effect.Effect<unknown, Failure> {
    return Effect.flatMap(this.text, (text) => this.#tryDecode((): unknown => (text === "" ? null : JSON.parse(text))))
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, Failure> {
    return Effect.flatMap(this.text, (text) => this.#tryDecode(() => UrlParams.fromInput(new URLSearchParams(text))))
  }

  get formData(): Effect.Effect<FormData, Failure> {
    const type = this.headers["content-type"]
    return Effect.flatMap(this.arrayBuffer, (body) =>
      Effect.tryPromise({
        try: () => new Response(body, type === undefined ? {} : { headers: { "content-type": type } }).formData(),
        catch: (cause) => this.failure(cause)
      })
    )
  }

  #tryDecode<A>(decoded: () => A): Effect.Effect<A, Failure> {
    return Effect.try({ try: decoded, catch: (cause) => this.failure(cause) })
  }

  override toJSON(): unknown {
    return HttpIncomingMessage.inspect(this.#self, {
      _id: "@effect/platform/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }
}

/** A response with a complete body. Its connection was free again when the response was returned. */
export class BufferedNodeResponse extends NodeResponse implements HttpClientResponse.HttpClientResponse {
  readonly #bytes: Uint8Array
  readonly #bodyError: unknown

  /** @param bodyError - why the body is incomplete. Undefined for a complete body. */
  constructor(request: HttpClientRequest, status: number, raw: RawHeaders, bytes: Uint8Array, bodyError: unknown) {
    super(request, status, raw)
    this.#bytes = bytes
    this.#bodyError = bodyError
  }

  #read<A>(f: (bytes: Uint8Array) => A): Effect.Effect<A, Failure> {
    return this.#bodyError === undefined
      ? Effect.sync(() => f(this.#bytes))
      : Effect.suspend(() => Effect.fail(this.failure(this.#bodyError)))
  }

  /** The complete body, which the pipeline reads without an effect. */
  get [bufferedBody](): Uint8Array | undefined {
    return this.#bodyError === undefined ? this.#bytes : undefined
  }

  get text(): Effect.Effect<string, Failure> {
    return this.#read(decode)
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, Failure> {
    // A copy, because the buffer may contain other bytes.
    return this.#read((bytes) => new Uint8Array(bytes).buffer)
  }

  get stream(): Stream.Stream<Uint8Array, Failure> {
    const bytes = this.#bytes.length === 0 ? Stream.empty : Stream.make(this.#bytes)
    return this.#bodyError === undefined
      ? bytes
      : Stream.concat(
          bytes,
          Stream.suspend(() => Stream.fail(this.failure(this.#bodyError)))
        )
  }
}

/**
 * A response with a body that is still being received. A body that is read as a whole is kept, and a stream can be read
 * once.
 */
export class StreamedNodeResponse extends NodeResponse implements HttpClientResponse.HttpClientResponse {
  readonly #queue: BodyQueue

  /** @param isDecoded - whether the body is decoded, so that its coding fields no longer apply. */
  constructor(request: HttpClientRequest, status: number, raw: RawHeaders, queue: BodyQueue, isDecoded: boolean) {
    super(request, status, isDecoded ? Raw.omit(raw, contentCodingFields) : raw)
    this.#queue = queue
  }

  [bodyReader](): BodyReader {
    const { close, next } = this.#queue.read()
    return { next: Effect.mapError(next, (end) => Option.map(end, (cause) => this.failure(cause))), close }
  }

  get stream(): Stream.Stream<Uint8Array, Failure> {
    return Stream.suspend(() => {
      const { close, next } = this[bodyReader]()
      return Stream.ensuring(Stream.repeatEffectChunkOption(next), close)
    })
  }

  /** Concurrent readers get the same bytes, as with every transport of `@effect/platform`. */
  get #bytes(): Effect.Effect<Uint8Array, Failure> {
    return Effect.mapError(this.#queue.readAll, (cause) => this.failure(cause))
  }

  get text(): Effect.Effect<string, Failure> {
    return Effect.map(this.#bytes, decode)
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, Failure> {
    return Effect.map(this.#bytes, (bytes) => new Uint8Array(bytes).buffer)
  }
}
