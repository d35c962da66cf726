/** Responses with a body that is read as a stream, bounded by its scope and by its silence. */
import type * as Headers from "@effect/platform/Headers"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Content from "@countersign/protocol/Content"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TransportError } from "../../Errors.js"
import type { JsonCodec } from "../../JsonCodec.js"
import { boundBy } from "../call/externalCode.js"
import { transportError } from "../exchange/typedError.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import type * as BodyReader from "./bodyReader.js"
import { forEachPiece, mapReaderError, readBytes, readerOf, streamOf } from "./bodyReader.js"
import { originalRequest } from "./clientResponse.js"
import { drain } from "./readBody.js"
import { openPull } from "../runtime/platform.js"

/** See `OpenResponse.defaults`. */
export const defaults = { idle: "60 seconds" } as const

/**
 * A response after its header has arrived. Its body is a stream that can be read once.
 *
 * Printing it shows method, URL and status only.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenResponse {
  /** Method of the request, such as `GET`. */
  readonly method: string
  /** URL of the response, after redirects. Safe to print. */
  readonly url: string
  /** Status of the response, such as 200. */
  readonly status: number
  /** Header fields, by names in lower case. */
  readonly headers: Headers.Headers
  /**
   * The body after decompression, as it arrives. It can be read once.
   *
   * Fails with `TransportError`: `Truncated` for a body that breaks off, `BodyTimeout` after a silence of `idle`, and
   * `InvalidContentEncoding` for bytes that cannot be decompressed. A reader that stops early, or is interrupted, closes
   * the connection. Over HTTP/2 it cancels the stream only.
   */
  readonly stream: Stream.Stream<Uint8Array, TransportError>
  /**
   * Reads the body instead of {@link OpenResponse.stream}: runs an effect for each piece of bytes, in their order.
   *
   * Errors and interruption are those of the stream. An error of the effect ends the reading. For bodies below 64 KiB it
   * takes about half the time of the stream, because a run of `Stream` costs more than such a transfer.
   *
   * @param onPiece - called with the bytes. The next ones are read when its effect has ended.
   */
  readonly forEach: <E, R>(
    onPiece: (bytes: Uint8Array) => Effect.Effect<unknown, E, R>
  ) => Effect.Effect<void, TransportError | E, R>
}

type Body = Stream.Stream<Uint8Array, TransportError>

type Reader = BodyReader.Reader<TransportError>

const noBytes = new Uint8Array(0)

/** The body with the errors of the client. */
const typedReader = (response: HttpClientResponse): Reader =>
  mapReaderError(readerOf(response), (error) =>
    error.reason === "EmptyBody" ? Option.none() : Option.some(transportError(originalRequest(response), error, true))
  )

/** How an open response is read. */
export interface OpenSettings {
  /** Longest time without a byte of the body. */
  readonly idle: Duration.Duration
  /** The JSON codec of the client. */
  readonly codec: JsonCodec | undefined
}

/** What an open response was made from. */
interface OpenSource {
  readonly response: HttpClientResponse
  readonly codec: JsonCodec | undefined
}

/** A response and how its body is read. Printers show method, URL and status only. */
class StreamedOpenResponse extends Inspectable.Class implements OpenResponse {
  readonly method: string
  readonly status: number
  readonly #response: HttpClientResponse
  readonly #idle: Duration.Duration
  readonly #codec: JsonCodec | undefined
  #state: "unread" | "read" | "closed" = "unread"
  #reader: Reader | undefined
  #url: string | undefined

  constructor(response: HttpClientResponse, { codec, idle }: OpenSettings) {
    super()
    this.method = originalRequest(response).method
    this.status = response.status
    this.#response = response
    this.#idle = idle
    this.#codec = codec
  }

  static source(opened: OpenResponse): OpenSource | undefined {
    return #response in opened ? { response: opened.#response, codec: opened.#codec } : undefined
  }

  /** Reads a body of this client without a stream. Undefined for an open response that something else made. */
  static pull(opened: OpenResponse): Reader["next"] | undefined {
    if (!(#response in opened)) return undefined
    let next: Reader["next"] | undefined
    return Effect.suspend(() => (next ??= opened.#next()))
  }

  get url(): string {
    return (this.#url ??= redactedUrl(originalRequest(this.#response)))
  }

  get headers(): Headers.Headers {
    return this.#response.headers
  }

  get stream(): Body {
    return Stream.suspend(() => {
      const reader = this.#read()
      return reader instanceof TransportError ? Stream.fail(reader) : streamOf(reader)
    })
  }

  readonly forEach: OpenResponse["forEach"] = (onPiece) =>
    Effect.suspend(() => {
      const reader = this.#read()
      return reader instanceof TransportError ? Effect.fail(reader) : forEachPiece(reader, onPiece)
    })

  /** Called when the scope closes. The transport releases an unread body only if a reader of it stops. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#state = this.#state === "unread" ? "closed" : this.#state
    return this.#reader?.close ?? (this.#state === "closed" ? drain(this.#response, 0) : Effect.void)
  })

  /** The reader of the body, which is closed at the end of reading, and with the scope of the response. */
  #read(): Reader | TransportError {
    if (this.#state === "read") return this.#failure("Unknown", "the body was already read. Open it again")
    if (this.#state === "closed")
      return this.#failure("Unknown", "the scope of the response is closed. Read the body within it")
    this.#state = "read"
    if (!Content.isPossible(this.method, this.status)) return readBytes(noBytes)
    const reader = typedReader(this.#response)
    return (this.#reader = { ...reader, next: this.#boundSilence(reader.next) })
  }

  #next(): Reader["next"] {
    const reader = this.#read()
    return reader instanceof TransportError ? Effect.fail(Option.some(reader)) : reader.next
  }

  #boundSilence(pull: Reader["next"]): Reader["next"] {
    if (!Duration.isFinite(this.#idle)) return pull
    const idleMs = Duration.toMillis(this.#idle)
    const onSilence = Effect.suspend(() =>
      Effect.fail(Option.some(this.#failure("BodyTimeout", `no byte arrived for ${Duration.format(this.#idle)}`)))
    )
    return Effect.withFiberRuntime((fiber) => boundBy(pull, unsafeMonotonicNow(fiber) + idleMs, onSilence))
  }

  #failure(reason: "BodyTimeout" | "Unknown", detail: string): TransportError {
    return new TransportError({ method: this.method, url: this.url, reason, sent: "maybe", detail })
  }

  override toJSON(): unknown {
    const { method, status, url } = this
    return { _id: "@countersign/client/OpenResponse", method, url, status }
  }
}

/**
 * Runs a request up to the header of its response. The body is released when the scope closes.
 */
export const openResponse = <E, R>(
  send: Effect.Effect<HttpClientResponse, E, R>,
  settings: OpenSettings
): Effect.Effect<OpenResponse, E, R | Scope.Scope> =>
  Effect.flatMap(Effect.scope, (scope) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(send), (response) => {
        const opened = new StreamedOpenResponse(response, settings)
        return Effect.as(Scope.addFinalizer(scope, opened.close), opened)
      })
    )
  )

/** The response and the codec of an open response. Undefined for one that the client did not make. */
export const sourceOf = (opened: OpenResponse): OpenSource | undefined => StreamedOpenResponse.source(opened)

/**
 * Pulls the body of an open response, without a stream where that is possible. Reading begins with the first pull, and the scope of
 * the response closes it.
 */
export const pullOf = (opened: OpenResponse): Effect.Effect<Reader["next"], never, Scope.Scope> =>
  Effect.suspend(() => {
    const pull = StreamedOpenResponse.pull(opened)
    return pull === undefined ? openPull(opened.stream) : Effect.succeed(pull)
  })
