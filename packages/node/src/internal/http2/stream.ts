import type { FailureDetails } from "@countersign/client/Transport"
import * as Content from "@countersign/protocol/Content"
import type { Dispatcher } from "undici"
import { errors } from "undici/index.js"
import type { RawHeaders } from "../dispatcher/rawHeaders.js"
import * as Raw from "../dispatcher/rawHeaders.js"
import { RequestFailure } from "../errors/requestFailure.js"
import type { BodySource } from "./bodySource.js"
import { StreamError, describeServerError, errorCode } from "./errorCode.js"
import type { FieldList } from "./fieldDecoder.js"
import { ReceiveWindow } from "./receiveWindow.js"
import { checkTrailers, parseResponseHead } from "./responseHead.js"
import { continueTimeoutMs } from "../dispatcher/continueGate.js"
import { Upload } from "./upload.js"

/** The part of a request that its stream needs. Times are in milliseconds, 0 for no limit. */
export interface StreamRequest {
  readonly method: string
  readonly body: BodySource
  /** The value of the request's `content-length`. */
  readonly length: number | undefined
  /** Whether the body waits for a 100: RFC 9110 §10.1.1. */
  readonly expectsContinue: boolean
  readonly headersTimeout: number
  readonly bodyTimeout: number
}

/** The part of a connection that its streams need. */
export interface StreamOwner {
  /** Called when a part of the request body can be sent. */
  readonly onReady: (stream: Http2Stream) => void
  /** Called when the stream has ended. `code` is that of the RST_STREAM to send. Undefined if none is needed. */
  readonly onClosed: (stream: Http2Stream, code: number | undefined) => void
  /** Called when the server may send `increment` bytes more. */
  readonly onConsumed: (stream: Http2Stream, increment: number) => void
}

/** The receive window of a stream, in bytes. */
export const streamWindow: number = 256 * 1024

/** The `content-length` of a response. Equal values count once. */
const parseContentLength = (raw: RawHeaders): number | undefined => {
  const values = Raw.valuesOf(raw, "content-length").flatMap((value) => value.split(","))
  const [value, ...others] = new Set(values.map((value) => value.trim()))
  if (value === undefined) return undefined
  if (others.length === 0 && /^\d{1,15}$/.test(value)) return Number(value)
  throw new StreamError(errorCode.protocolError, "the content-length is invalid or contradicted")
}

/** One request and its response: RFC 9113 §5.1, §8.1. */
export class Http2Stream {
  readonly upload: Upload
  /** The id of the stream, 0 before it has one. */
  id = 0
  /** The send window in bytes. It can be negative: RFC 9113 §6.9.2. */
  sendWindow = 0
  readonly #owner: StreamOwner
  readonly #window: ReceiveWindow
  readonly #handler: Dispatcher.DispatchHandler
  readonly #request: StreamRequest
  #status = 0
  #contentLength: number | undefined
  #received = 0
  /** Bytes that arrived while the reader had no room. */
  #unread = 0
  #isPaused = false
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  #continueTimer: NodeJS.Timeout | undefined

  constructor(owner: StreamOwner, handler: Dispatcher.DispatchHandler, request: StreamRequest) {
    this.#owner = owner
    this.#window = new ReceiveWindow(streamWindow, (increment) => owner.onConsumed(this, increment))
    this.#handler = handler
    this.#request = request
    this.upload = new Upload(request.body, request.length, {
      onReady: () => {
        this.#updateHeadersTimer()
        owner.onReady(this)
      },
      onFailed: (cause) => {
        this.#end(errorCode.cancel, new RequestFailure({ phase: "written", reason: "RequestBodyFailed" }, cause))
      }
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Cancels the request. */
  readonly abort = (cause: Error = new errors.RequestAbortedError()): void => {
    this.#end(errorCode.cancel, cause)
  }

  /** Called when the header section was sent. */
  start(): void {
    if (this.#request.expectsContinue && !this.upload.isDone) {
      this.upload.hold()
      this.#continueTimer = setTimeout(() => this.#sendBody(), continueTimeoutMs)
      return
    }
    this.#sendBody()
  }

  #sendBody(): void {
    this.#stopWaiting()
    this.upload.release()
    this.#updateHeadersTimer()
    this.upload.start()
    if (this.upload.isReady) this.#owner.onReady(this)
  }

  #stopWaiting(): void {
    clearTimeout(this.#continueTimer)
    this.#continueTimer = undefined
  }

  /** Called when a part of the body was sent. */
  onPieceSent(): void {
    this.#updateHeadersTimer()
  }

  /**
   * The timeout for the response starts at the end of the request, and also runs while the server accepts no more of
   * it.
   */
  #updateHeadersTimer(): void {
    if (this.#status !== 0 || this.#isClosed) return
    if (this.upload.isDone || this.upload.isReady) this.#startTimer(this.#request.headersTimeout)
    else this.#stopTimer()
  }

  #startTimer(milliseconds: number): void {
    if (milliseconds === 0) return
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#onTimeout(), milliseconds)
    else this.#timer.refresh()
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #onTimeout(): void {
    const cause = this.#status === 0 ? new errors.HeadersTimeoutError() : new errors.BodyTimeoutError()
    this.#end(errorCode.cancel, new RequestFailure({ phase: "written" }, cause))
  }

  /**
   * Called with a header or trailer section.
   *
   * @returns whether the response made progress. An interim response is no progress.
   */
  receiveFields({ fields, isTooLarge }: FieldList, isLast: boolean): boolean {
    if (isTooLarge) {
      this.#fail(errorCode.cancel, { reason: "HeaderTooLarge" }, new errors.HeadersOverflowError())
      return true
    }
    if (this.#status !== 0) {
      if (!isLast) throw new StreamError(errorCode.protocolError, "a second header section")
      checkTrailers(fields)
      this.#complete()
      return true
    }
    const { raw, status } = parseResponseHead(fields)
    if (status >= 200) this.#receiveHead(status, raw, isLast)
    else if (status === 100 && this.#continueTimer !== undefined && !isLast) this.#sendBody()
    else if (isLast || status === 101) throw new StreamError(errorCode.protocolError, `a final response of ${status}`)
    return status >= 200
  }

  #receiveHead(status: number, raw: Array<Buffer>, isLast: boolean): void {
    this.#contentLength = Content.isPossible(this.#request.method, status) ? parseContentLength(raw) : undefined
    this.#status = status
    // A body that still waits is not sent any more.
    this.#stopWaiting()
    this.#stopTimer()
    this.#startTimer(this.#request.bodyTimeout)
    this.#handler.onHeaders?.(status, raw, this.#resume, "")
    if (isLast) this.#complete()
  }

  readonly #resume = (): void => {
    if (!this.#isPaused || this.#isClosed) return
    const bytes = this.#unread
    this.#isPaused = false
    this.#unread = 0
    this.#startTimer(this.#request.bodyTimeout)
    this.#window.release(bytes)
  }

  /**
   * Called with the content of a DATA frame.
   *
   * @param size - its length with padding, which the windows count.
   */
  receiveData(bytes: Buffer, size: number, isLast: boolean): void {
    if (this.#status === 0) throw new StreamError(errorCode.protocolError, "DATA before the header section")
    if (!this.#window.receive(size))
      throw new StreamError(errorCode.flowControlError, "more DATA than the window allows")
    if (bytes.length > 0 && Content.isPossible(this.#request.method, this.#status)) this.#push(bytes)
    if (this.#isClosed) return
    if (isLast) this.#complete()
    else if (this.#isPaused) this.#unread += size
    else this.#window.release(size)
  }

  #push(bytes: Buffer): void {
    this.#received += bytes.length
    if (this.#contentLength !== undefined && this.#received > this.#contentLength) {
      throw new StreamError(errorCode.protocolError, "the body is longer than its content-length")
    }
    const hasRoom = this.#handler.onData?.(bytes) ?? true
    if (hasRoom) return this.#startTimer(this.#request.bodyTimeout)
    this.#isPaused = true
    this.#stopTimer()
  }

  /** The response is complete: RFC 9113 §8.1. The server needs no more of the request. */
  #complete(): void {
    const expected = this.#contentLength ?? this.#received
    if (this.#received < expected) {
      const detail = `${this.#received} of ${expected} bytes`
      return this.#fail(undefined, { reason: "Truncated", detail }, new errors.ResponseContentLengthMismatchError())
    }
    const code = this.upload.isDone ? undefined : errorCode.cancel
    if (this.#close(code)) this.#handler.onComplete?.([])
  }

  /** Called with the code of a RST_STREAM frame. */
  receiveReset(code: number): void {
    const cause = new StreamError(code, "the server reset the stream")
    // Only this code guarantees that the request was not processed: RFC 9113 §8.7.
    const phase = code === errorCode.refusedStream ? "unprocessed" : "written"
    this.#fail(undefined, { phase, reason: "ConnectionReset", detail: describeServerError("RST_STREAM", code) }, cause)
  }

  /** Called when the connection fails, or the server violates the protocol. */
  fail(code: number | undefined, details: Partial<FailureDetails>, cause: Error): void {
    this.#fail(code, details, cause)
  }

  #fail(code: number | undefined, details: Partial<FailureDetails>, cause: Error): void {
    const isCut = this.#status !== 0 && details.reason === "ConnectionReset"
    const reason = isCut ? "Truncated" : details.reason
    this.#end(code, new RequestFailure({ phase: "written", ...details, reason }, cause))
  }

  #end(code: number | undefined, cause: Error): void {
    if (this.#close(code)) this.#handler.onError?.(cause)
  }

  /** @returns whether the stream was open. */
  #close(code: number | undefined): boolean {
    if (this.#isClosed) return false
    this.#isClosed = true
    this.#stopWaiting()
    this.#stopTimer()
    this.upload.cancel()
    this.#owner.onClosed(this, code)
    return true
  }
}
