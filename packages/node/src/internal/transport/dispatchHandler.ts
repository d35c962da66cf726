import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { SendPhase } from "@countersign/client/Transport"
import { describeFailure } from "@countersign/client/Transport"
import * as Content from "@countersign/protocol/Content"
import * as Effect from "effect/Effect"
import { errors } from "undici"
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

/** What comes of an exchange: an `Exit`. */
export type ResponseEffect = Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError>

/** A body of known length up to this is given out with its header if it is complete soon. Any other is streamed. */
const maxBufferedBody = 64 * 1024

const nothing = Buffer.alloc(0)
const none: ReadonlyArray<string> = []
const noFields: RawHeaders = []

/** The length that the framing of a response gives, undefined where it gives none. */
const parseContentLength = (raw: RawHeaders): number | undefined => {
  const [length] = Raw.valuesOf(raw, "content-length")
  const parsed = length === undefined ? Number.NaN : Number(length)
  return Number.isSafeInteger(parsed) ? parsed : undefined
}

/** Where nobody is to be told any more. */
const noop = (): void => undefined

/**
 * An unread body whose response nobody holds any more keeps its connection from everybody else: the collector of
 * garbage is the last who can tell.
 */
const leakedBodies = new FinalizationRegistry<BodyQueue>((queue) => queue.cancel())

/** What the exchanges of one transport have in common. */
export interface SharedState {
  readonly connectionReuse: ConnectionReuse
  /** How long answers that announce an answer (103 and the like) may go on, in milliseconds; 0 for ever. */
  readonly headersTimeout: number
}

/**
 * One request on its way through the dispatcher, and what comes back. The dispatcher calls the `on…` methods; it
 * knows the older names of them, which hand over header fields as bytes, so that nobody parses what nobody reads.
 */
export class DispatchHandler implements RequestHandler {
  readonly #common: SharedState
  readonly #request: HttpClientRequest
  readonly #inflates: boolean
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
  /** The first piece of a body that is awaited: most have no second. */
  #first: Buffer | undefined
  #rest: Array<Buffer> | undefined
  #body: StreamedBody | undefined
  #interim: NodeJS.Timeout | undefined

  /**
   * @param resume - called once, with the answer or the failure.
   * @param decodesContent - whether a coding of the body is to be undone here, since the caller has asked for none.
   */
  constructor(
    shared: SharedState,
    request: HttpClientRequest,
    resume: (response: ResponseEffect) => void,
    decodesContent: boolean
  ) {
    this.#common = shared
    this.#request = request
    this.#resume = resume
    this.#inflates = decodesContent
  }

  /** Ends it, wherever it is: a request that waits for a connection is not sent, a connection that is in use is cut. */
  cancel(): void {
    this.#cancelled = true
    this.#resume = noop
    this.#abort?.()
  }

  get isCancelled(): boolean {
    return this.#cancelled
  }

  /** Called before the request waits for its connection, which has this state. */
  onDispatch(socket: SocketState): void {
    this.#socket = socket
  }

  /** Until it is connected, cancelling calls `end`. */
  onWaiting(end: () => void): void {
    this.#abort = end
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#connected = true
    if (this.#cancelled) return abort()
    this.#abort = abort
  }

  /** Called after the first bytes of the body, and of the header before it, were written. */
  onBodySent(): void {
    this.#written = true
  }

  /** Called after a request without a body was written, and at the end of a body. */
  onRequestSent(): void {
    this.#written = true
  }

  get #phase(): SendPhase {
    if (!this.#connected) return "connecting"
    return this.#written || this.#socket === undefined ? "written" : "connected"
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (status < 200) return this.#announced()
    clearTimeout(this.#interim)
    this.#status = status
    this.#raw = raw
    this.#hasContent = Content.isPossible(this.#request.method, status)
    // A part of coded bytes cannot be decoded by itself (RFC 9110 §14.1.2).
    const codings = this.#inflates && this.#hasContent && status !== 206 ? Raw.valuesOf(raw, "content-encoding") : none
    const length = this.#hasContent ? parseContentLength(raw) : 0
    if (length === undefined || length > maxBufferedBody || (codings.length > 0 && length !== 0)) {
      this.#stream(resume, codings)
    } else {
      this.#resumeReading = resume
      this.#common.connectionReuse.watch(this)
    }
    return true
  }

  /** To undici, each of these begins its wait for the header anew: a server could go on with them for ever. */
  #announced(): boolean {
    const { headersTimeout } = this.#common
    if (headersTimeout > 0) {
      this.#interim ??= setTimeout(() => this.#abort?.(new errors.HeadersTimeoutError()), headersTimeout)
    }
    return true
  }

  /** Gives the answer out now, with a body that follows. */
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
    this.#answer(Effect.succeed(response))
  }

  /** Whether the response was given out, or is not waited for. */
  get isResolved(): boolean {
    return this.#resume === noop
  }

  /** Gives out a response whose body did not come with its header. */
  stream(): void {
    if (!this.#hasContent) return this.#endWithoutContent()
    const pieces = this.#rest ?? (this.#first === undefined ? [] : [this.#first])
    this.#first = this.#rest = undefined
    this.#stream(this.#resumeReading, none)
    for (const piece of pieces) this.#body?.push(piece)
  }

  /** A 205 may be framed as if content followed (RFC 9110 §15.3.6): its connection cannot be used again. */
  #endWithoutContent(): void {
    const abort = this.#abort
    this.#answer(Effect.succeed(this.#whole(undefined)))
    abort?.()
  }

  onData(chunk: Buffer): boolean {
    // undici reports pieces without bytes after each pause.
    if (chunk.length === 0 || !this.#hasContent) return true
    if (this.#body !== undefined) return this.#body.push(chunk)
    if (this.#first === undefined) this.#first = chunk
    else (this.#rest ??= [this.#first]).push(chunk)
    return true
  }

  onComplete(): void {
    this.#common.connectionReuse.markBusy()
    this.#socket?.onResponseEnd()
    const error = this.#socket?.error
    // A body that the connection delimits is complete only if that ended without an error: RFC 9112 §8.
    if (error !== undefined) return this.onError(error)
    if (this.#body === undefined) this.#answer(Effect.succeed(this.#whole(undefined)))
    else this.#finish(this.#body, { isComplete: true })
  }

  onError(cause: Error): void {
    clearTimeout(this.#interim)
    if (this.#body !== undefined) return this.#finish(this.#body, { isComplete: false, cause })
    // Once the header is there it is an answer, if a broken one: reading its body tells.
    if (this.#status !== 0) return this.#answer(Effect.succeed(this.#whole(this.#hasContent ? cause : undefined)))
    this.#answer(Effect.fail(this.#failure(cause)))
  }

  #failure(error: unknown): HttpClientError.RequestError {
    const { cause, details } = describe(error, this.#phase)
    return describeFailure(
      new HttpClientError.RequestError({ request: this.#request, reason: "Transport", cause }),
      details
    )
  }

  #finish(body: StreamedBody, end: BodyEnd): void {
    leakedBodies.unregister(body)
    body.end(end)
  }

  #whole(bodyError: unknown): BufferedNodeResponse {
    const bytes = this.#rest === undefined ? (this.#first ?? nothing) : Buffer.concat(this.#rest)
    return new BufferedNodeResponse(this.#request, this.#status, this.#raw, bytes, bodyError)
  }

  /** Whoever can cancel it holds it, for longer than it lasts: a fiber does until it waits again. */
  #forget(): void {
    this.#abort = undefined
    this.#raw = noFields
    this.#first = undefined
    this.#rest = undefined
    this.#resumeReading = noop
  }

  /** Lets go of who waited, too: through him undici would hold the response, and nobody could find it forgotten. */
  #answer(response: ResponseEffect): void {
    const resume = this.#resume
    this.#resume = noop
    if (this.#body === undefined) this.#forget()
    resume(response)
  }
}
