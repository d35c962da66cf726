import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { SendPhase } from "@countersign/client/Transport"
import { describeFailure, makeRequestError } from "@countersign/client/Transport"
import * as Content from "@countersign/protocol/Content"
import * as Effect from "effect/Effect"
import { errors } from "undici/index.js"
import type { RawHeaders } from "../dispatcher/rawHeaders.js"
import * as Raw from "../dispatcher/rawHeaders.js"
import type { RequestHandler } from "../dispatcher/requestDispatcher.js"
import type { SocketState } from "../dispatcher/socketState.js"
import { describe } from "../errors/describedFailure.js"
import type { BodyQueue, BodyEnd } from "./bodyQueue.js"
import type { ConnectionReuse } from "./connectionReuse.js"
import * as ContentDecoding from "./contentDecoding.js"
import { StreamedNodeResponse, BufferedNodeResponse } from "./nodeResponse.js"
import { StreamedBody } from "./streamedBody.js"

/** The response or the error of a request. Always an `Exit`. */
export type ResponseEffect = Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError>

/** Maximum length of a body that may be returned as a whole if it is complete soon. Any other body is streamed. */
const maxBufferedBody = 64 * 1024

const nothing = Buffer.alloc(0)
const none: ReadonlyArray<string> = []
const noFields: RawHeaders = []

/** The length of the response body. Undefined if the header section contains none. */
const parseContentLength = (raw: RawHeaders): number | undefined => {
  const [length] = Raw.valuesOf(raw, "content-length")
  const parsed = length === undefined ? Number.NaN : Number(length)
  return Number.isSafeInteger(parsed) ? parsed : undefined
}

/** Replaces a callback that must not be called any more. */
const noop = (): void => undefined

/** Cancels the body of a response that was garbage-collected unread. Otherwise its connection would stay in use. */
const leakedBodies = new FinalizationRegistry<BodyQueue>((queue) => queue.cancel())

/** State that all requests of one transport share. */
export interface SharedState {
  readonly connectionReuse: ConnectionReuse
  /**
   * Timeout for the header section after the first interim response (103 and the like), in milliseconds; 0 for none.
   */
  readonly headersTimeout: number
}

/**
 * Handles one request and its response. The dispatcher calls the `on…` methods. They are undici's older handler
 * methods, which pass header fields as bytes, so that unread fields are not parsed.
 */
export class DispatchHandler implements RequestHandler {
  readonly #shared: SharedState
  readonly #request: HttpClientRequest
  readonly #decodesContent: boolean
  #resume: (response: ResponseEffect) => void
  #abort: ((error?: Error) => void) | undefined
  #resumeReading: () => void = noop
  #socket: SocketState | undefined
  #cancelled = false
  #connected = false
  #written = false
  #status = 0
  #hasContent = true
  #raw: RawHeaders = noFields
  /** The first chunk of a body that is returned as a whole. Most bodies have one chunk. */
  #firstPiece: Buffer | undefined
  #laterPieces: Array<Buffer> | undefined
  #body: StreamedBody | undefined
  #interimTimer: NodeJS.Timeout | undefined
  readonly #expectsContinue: boolean
  #isRequestSent = false

  /**
   * @param resume - called once, with the response or the error.
   * @param decodesContent - whether the body is decoded here, because the caller did not request a coding.
   * @param expectsContinue - whether the body is sent after the server has asked for it.
   */
  constructor(
    shared: SharedState,
    request: HttpClientRequest,
    resume: (response: ResponseEffect) => void,
    decodesContent: boolean,
    expectsContinue: boolean
  ) {
    this.#shared = shared
    this.#request = request
    this.#resume = resume
    this.#decodesContent = decodesContent
    this.#expectsContinue = expectsContinue
  }

  /** Cancels the request: one that waits for a connection is not sent, and one that was sent closes its connection. */
  cancel(): void {
    this.#cancelled = true
    this.#resume = noop
    this.#abort?.()
  }

  get isCancelled(): boolean {
    return this.#cancelled
  }

  /** Called with the state of the connection, before the request waits for it. */
  onDispatch(socket: SocketState): void {
    this.#socket = socket
  }

  /** Until the request has a connection, cancelling calls `end`. */
  onWaiting(end: () => void): void {
    this.#abort = end
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#connected = true
    if (this.#cancelled) return abort()
    this.#abort = abort
    if (this.#expectsContinue) this.#socket?.expectContinue()
  }

  /** Called when the header section and the first bytes of the body were written. */
  onBodySent(): void {
    this.#written = true
  }

  /** Called when a request without a body, or the end of a body, was written. */
  onRequestSent(): void {
    this.#written = true
    this.#isRequestSent = true
  }

  get #phase(): SendPhase {
    if (!this.#connected) return "connecting"
    return this.#written || this.#socket === undefined ? "written" : "connected"
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (status < 200) return this.#onInterim()
    clearTimeout(this.#interimTimer)
    this.#socket?.onFinalResponse()
    this.#status = status
    this.#raw = raw
    this.#hasContent = Content.isPossible(this.#request.method, status)
    // A part of an encoded body cannot be decoded (RFC 9110 §14.1.2).
    const codings =
      this.#decodesContent && this.#hasContent && status !== 206 ? Raw.valuesOf(raw, "content-encoding") : none
    const length = this.#hasContent ? parseContentLength(raw) : 0
    if (length === undefined || length > maxBufferedBody || (codings.length > 0 && length !== 0)) {
      this.#stream(resume, codings)
    } else {
      this.#resumeReading = resume
      this.#shared.connectionReuse.watch(this)
    }
    return true
  }

  /**
   * Interim responses restart undici's timeout for the header section, so a server could delay the response without
   * end.
   */
  #onInterim(): boolean {
    const { headersTimeout } = this.#shared
    // The time for a response starts at the end of a body that the server has asked for.
    const isUploading = this.#expectsContinue && !this.#isRequestSent
    if (headersTimeout > 0 && !isUploading) {
      this.#interimTimer ??= setTimeout(() => this.#abort?.(new errors.HeadersTimeoutError()), headersTimeout)
    }
    return true
  }

  /** Returns the response now. Its body follows as a stream. */
  #stream(resume: () => void, codings: ReadonlyArray<string>): void {
    const decoders = ContentDecoding.decodersFor(codings)
    const body = new StreamedBody(resume, () => this.#abort?.(), decoders ?? [])
    this.#body = body
    const response = new StreamedNodeResponse(
      this.#request,
      this.#status,
      this.#raw,
      body.queue,
      decoders !== undefined
    )
    leakedBodies.register(response, body.queue, body)
    this.#resolve(Effect.succeed(response))
  }

  /** Whether the response was returned, or is no longer awaited. */
  get isResolved(): boolean {
    return this.#resume === noop
  }

  /** Returns a response before its body, which did not arrive with the header section. */
  stream(): void {
    if (!this.#hasContent) return this.#endWithoutContent()
    const pieces = this.#laterPieces ?? (this.#firstPiece === undefined ? [] : [this.#firstPiece])
    this.#firstPiece = this.#laterPieces = undefined
    this.#stream(this.#resumeReading, none)
    for (const piece of pieces) this.#body?.push(piece)
  }

  /** A 205 may be framed as if content followed (RFC 9110 §15.3.6), so its connection cannot be reused. */
  #endWithoutContent(): void {
    const abort = this.#abort
    this.#resolve(Effect.succeed(this.#bufferedResponse(undefined)))
    abort?.()
  }

  onData(chunk: Buffer): boolean {
    // undici reports empty chunks after each pause.
    if (chunk.length === 0 || !this.#hasContent) return true
    if (this.#body !== undefined) return this.#body.push(chunk)
    if (this.#firstPiece === undefined) this.#firstPiece = chunk
    else (this.#laterPieces ??= [this.#firstPiece]).push(chunk)
    return true
  }

  onComplete(): void {
    this.#shared.connectionReuse.markBusy()
    this.#socket?.onResponseEnd()
    const error = this.#socket?.error
    // A body that is delimited by the connection is complete only if the connection ends without error: RFC 9112 §8.
    if (error !== undefined) return this.onError(error)
    if (this.#body === undefined) this.#resolve(Effect.succeed(this.#bufferedResponse(undefined)))
    else this.#endBody(this.#body, { isComplete: true })
  }

  onError(cause: Error): void {
    clearTimeout(this.#interimTimer)
    if (this.#body !== undefined) return this.#endBody(this.#body, { isComplete: false, cause })
    // After the header section there is a response, although incomplete. Reading its body fails.
    if (this.#status !== 0)
      return this.#resolve(Effect.succeed(this.#bufferedResponse(this.#hasContent ? cause : undefined)))
    this.#resolve(Effect.fail(this.#failure(cause)))
  }

  #failure(error: unknown): HttpClientError.RequestError {
    const { cause, details } = describe(error, this.#phase)
    return describeFailure(makeRequestError({ request: this.#request, reason: "Transport", cause }), details)
  }

  #endBody(body: StreamedBody, end: BodyEnd): void {
    leakedBodies.unregister(body)
    body.end(end)
  }

  #bufferedResponse(bodyError: unknown): BufferedNodeResponse {
    const bytes = this.#laterPieces === undefined ? (this.#firstPiece ?? nothing) : Buffer.concat(this.#laterPieces)
    return new BufferedNodeResponse(this.#request, this.#status, this.#raw, bytes, bodyError)
  }

  /** Releases memory: the fiber keeps a reference to this handler until its next wait. */
  #clear(): void {
    this.#abort = undefined
    this.#raw = noFields
    this.#firstPiece = undefined
    this.#laterPieces = undefined
    this.#resumeReading = noop
  }

  /**
   * Releases the callback too: through it undici would keep a reference to the response, which could not be
   * garbage-collected.
   */
  #resolve(response: ResponseEffect): void {
    const resume = this.#resume
    this.#resume = noop
    if (this.#body === undefined) this.#clear()
    resume(response)
  }
}
