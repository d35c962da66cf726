import type { FailureDetails } from "@countersign/client/Transport"
import type { Socket } from "node:net"
import type { Dispatcher } from "undici"
import { errors } from "undici/index.js"
import { ConnectionError, describeServerError, errorCode } from "./errorCode.js"
import type { FieldList } from "./fieldDecoder.js"
import { FieldEncoder } from "./fieldEncoder.js"
import { encodeFrame, encodeNumbers, flag, frameType } from "./frame.js"
import type { FrameEvents } from "./frameReceiver.js"
import { FrameReceiver } from "./frameReceiver.js"
import { FrameWriter } from "./frameWriter.js"
import { ReceiveWindow } from "./receiveWindow.js"
import type { Http2Request } from "./request.js"
import { SendQueue } from "./sendQueue.js"
import type { Settings } from "./settings.js"
import { applySettings, encodeSettings, initialSettings } from "./settings.js"
import type { StreamOwner } from "./stream.js"
import { Http2Stream, streamWindow } from "./stream.js"
import { StreamTable } from "./streamTable.js"

/** Limits of a connection. Times are in milliseconds, 0 for no limit. */
export interface SessionLimits {
  readonly maxHeaderSize: number
  /** Maximum number of concurrent requests. */
  readonly maxStreams: number
  /** How long an idle connection is kept. */
  readonly keepAliveTimeout: number
  /** Timeout for the server's first frame. */
  readonly settingsTimeout: number
}

interface SessionEvents {
  /** Called when a request can be sent again. */
  readonly onRoom: () => void
  /**
   * Called when no further request can be sent. Requests in progress may continue.
   *
   * @param cause - why the connection failed before the first frame of the server.
   */
  readonly onRetired: (cause?: Error) => void
}

/** RFC 9113 §3.4. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

/** The receive window of the connection, in bytes. */
const connectionWindow = 1024 * 1024

/** Time without a byte from the server after which a failed request makes the connection suspect. */
const silenceMs = 2000

/** Time for the server to close the connection after this client did. */
const closeTimeoutMs = 1000

/** Time for outstanding responses after a GOAWAY with an error, which ends the connection (RFC 9113 §5.4.1). */
const errorTimeoutMs = 500

/** A connection to a server over HTTP/2: RFC 9113. */
export class Http2Session implements StreamOwner, FrameEvents {
  readonly #socket: Socket
  readonly #limits: SessionLimits
  readonly #events: SessionEvents
  readonly #writer: FrameWriter
  readonly #receiver: FrameReceiver
  readonly #queue: SendQueue
  readonly #window: ReceiveWindow
  readonly #encoder = new FieldEncoder()
  readonly #streams = new StreamTable()
  /** The server's settings. Undefined until its first frame. */
  #settings: Settings | undefined
  #receivedAt = performance.now()
  #isAwaitingReply = false
  /** The name of the code in the server's GOAWAY. */
  #goaway: string | undefined
  #isClosed = false
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, limits: SessionLimits, events: SessionEvents) {
    this.#socket = socket
    this.#limits = limits
    this.#events = events
    this.#writer = new FrameWriter(socket)
    this.#queue = new SendQueue(this.#writer)
    this.#receiver = new FrameReceiver(limits.maxHeaderSize, this)
    this.#window = new ReceiveWindow(connectionWindow, (increment) => this.#sendWindowUpdate(0, increment))
    this.#listen(socket)
    this.#writer.write(preface, encodeSettings(streamWindow, limits.maxHeaderSize))
    this.#sendWindowUpdate(0, connectionWindow - initialSettings.initialWindowSize)
    this.#setTimer(limits.settingsTimeout, () => {
      this.#fail(undefined, { reason: "ConnectTimeout" }, new errors.ConnectTimeoutError("no SETTINGS in time"))
    })
  }

  #listen(socket: Socket): void {
    socket.on("data", (chunk: Buffer) => this.#receive(chunk))
    socket.on("drain", () => this.#queue.flush())
    socket.on("error", (cause) => this.#fail(undefined, {}, cause))
    socket.on("end", () => this.#onSocketClosed())
    socket.on("close", () => this.#onSocketClosed())
  }

  /** Called when the server closed the connection. */
  #onSocketClosed(): void {
    const detail = this.#goaway === undefined ? undefined : `closed after ${this.#goaway}`
    this.#fail(undefined, { detail }, new errors.SocketError("other side closed"))
  }

  #sendWindowUpdate(streamId: number, increment: number): void {
    this.#writer.write(encodeNumbers(frameType.windowUpdate, streamId, increment))
  }

  /** Restarts the one timer of the connection. */
  #setTimer(milliseconds: number, onTimeout: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = milliseconds === 0 ? undefined : setTimeout(onTimeout, milliseconds).unref()
  }

  /** Whether no request can be sent any more. */
  get isRetired(): boolean {
    return this.#isClosed || this.#goaway !== undefined || this.#streams.isExhausted
  }

  /**
   * The number of further requests, up to the server's limit if it is known. A server that allows none counts as one.
   */
  get capacity(): number {
    if (this.isRetired || this.#isAwaitingReply) return 0
    const { maxStreams } = this.#limits
    const limit = Math.min(maxStreams, this.#settings?.maxConcurrentStreams ?? maxStreams)
    return Math.max(1, limit) - this.#streams.size
  }

  /** Whether a request can be sent now. Before the limit of the server is known, only one request is sent. */
  get hasRoom(): boolean {
    if (this.capacity <= 0) return false
    return this.#settings === undefined ? this.#streams.size === 0 : this.#settings.maxConcurrentStreams !== 0
  }

  /** Sends a request. Only called when there is room. */
  send(request: Http2Request, handler: Dispatcher.DispatchHandler): void {
    const stream = new Http2Stream(this, handler, request)
    handler.onConnect?.(stream.abort)
    if (stream.isClosed) return
    const settings = this.#settings ?? initialSettings
    this.#streams.add(stream)
    stream.sendWindow = settings.initialWindowSize
    if (this.#settings !== undefined) this.#setTimer(0, () => undefined)
    this.#socket.ref()
    this.#writer.writeHeaders(
      stream.id,
      this.#encoder.encode(request.fields),
      stream.upload.isDone,
      settings.maxFrameSize
    )
    stream.start()
  }

  onReady(stream: Http2Stream): void {
    this.#queue.add(stream)
  }

  onConsumed({ id }: Http2Stream, increment: number): void {
    this.#sendWindowUpdate(id, increment)
  }

  onClosed(stream: Http2Stream, code: number | undefined): void {
    this.#queue.remove(stream)
    if (!this.#streams.delete(stream) || this.#isClosed) return
    if (code !== undefined) this.#resetStream(stream.id, code)
    if (this.#streams.size === 0) this.#onIdle()
    if (this.hasRoom) this.#events.onRoom()
  }

  #resetStream(id: number, code: number): void {
    this.#writer.write(encodeNumbers(frameType.rstStream, id, code))
    if (this.#isAwaitingReply || performance.now() - this.#receivedAt < silenceMs) return
    // The server may be unreachable. New requests use another connection until it responds to the PING.
    this.#isAwaitingReply = true
    this.#writer.write(encodeFrame(frameType.ping, 0, 0, Buffer.alloc(8)))
  }

  #onIdle(): void {
    if (this.isRetired) return this.close()
    this.#socket.unref()
    if (this.#settings !== undefined) this.#setTimer(this.#limits.keepAliveTimeout, () => this.close())
  }

  #receive(chunk: Buffer): void {
    if (this.#isClosed) return
    this.#receivedAt = performance.now()
    try {
      this.#receiver.receive(chunk)
    } catch (cause) {
      const error =
        cause instanceof ConnectionError ? cause : new ConnectionError(errorCode.internalError, String(cause))
      this.#fail(error.errorCode, { reason: "InvalidHttpResponse", code: error.code, detail: error.message }, error)
    }
    if (!this.#isAwaitingReply) return
    this.#isAwaitingReply = false
    if (this.hasRoom) this.#events.onRoom()
  }

  onData(id: number, bytes: Buffer, size: number, isLast: boolean): void {
    if (!this.#window.receive(size)) {
      throw new ConnectionError(errorCode.flowControlError, "more DATA than the window allows")
    }
    this.#window.release(size)
    if (bytes.length > 0 || isLast) this.#receiver.resetIdleFrames()
    this.#streams.deliver(id, (stream) => stream.receiveData(bytes, size, isLast))
  }

  onFields(id: number, fields: FieldList, isLast: boolean): void {
    this.#streams.deliver(id, (stream) => {
      if (stream.receiveFields(fields, isLast)) this.#receiver.resetIdleFrames()
    })
  }

  onReset(id: number, code: number): void {
    this.#streams.deliver(id, (stream) => stream.receiveReset(code))
  }

  onWindowUpdate(id: number, increment: number): void {
    if (id === 0) this.#queue.increaseWindow(increment)
    else this.#streams.deliver(id, (stream) => this.#queue.increaseStreamWindow(stream, increment))
    if (this.#queue.takeProgress()) this.#receiver.resetIdleFrames()
  }

  onSettings(payload: Buffer): void {
    const isFirst = this.#settings === undefined
    this.#settings = applySettings(this.#settings ?? initialSettings, payload)
    this.#queue.onSettings(this.#settings, this.#streams.streamsAbove(0))
    this.#reply(encodeFrame(frameType.settings, flag.ack, 0))
    if (isFirst) this.#setTimer(0, () => undefined)
    if (isFirst && this.#streams.size === 0) this.#onIdle()
    if (this.hasRoom) this.#events.onRoom()
  }

  onPing(payload: Buffer): void {
    this.#reply(encodeFrame(frameType.ping, flag.ack, 0, payload))
  }

  #reply(frame: Buffer): void {
    if (this.#writer.isBacklogged) throw new ConnectionError(errorCode.enhanceYourCalm, "replies are not read")
    this.#writer.write(frame)
  }

  /** Streams above the last id were not processed. The others continue: RFC 9113 §6.8. */
  onGoaway(lastStreamId: number, code: number): void {
    const goaway = describeServerError("GOAWAY", code)
    const isFirst = this.#goaway === undefined
    this.#goaway = goaway
    if (isFirst) this.#events.onRetired()
    const details = { phase: "unprocessed", reason: "ConnectionReset", detail: goaway } as const
    for (const stream of this.#streams.streamsAbove(lastStreamId)) {
      stream.fail(undefined, details, new errors.SocketError("the server goes away"))
    }
    if (this.#streams.size === 0) this.close()
    else if (code !== errorCode.noError) this.#setTimer(errorTimeoutMs, () => this.#onSocketClosed())
  }

  /** Ends the connection and its requests. `code` is that of the GOAWAY to send. */
  #fail(code: number | undefined, details: Partial<FailureDetails>, cause: Error): void {
    if (!this.#end(code, cause)) return
    for (const stream of this.#streams.streamsAbove(0)) stream.fail(undefined, details, cause)
  }

  /** @returns whether it was open. */
  #end(code: number | undefined, cause?: Error): boolean {
    if (this.#isClosed) return false
    const wasRetired = this.isRetired
    this.#isClosed = true
    this.#receiver.stop()
    if (code !== undefined) this.#writer.write(encodeNumbers(frameType.goaway, 0, 0, code))
    this.#socket.end()
    this.#socket.unref()
    this.#setTimer(closeTimeoutMs, () => this.#socket.destroy())
    if (!wasRetired) this.#events.onRetired(this.#settings === undefined ? cause : undefined)
    return true
  }

  /** Closes the connection, which has no request in progress. */
  close(): void {
    this.#end(errorCode.noError)
  }

  /** Destroys the connection and its requests. */
  destroy(cause: Error): Promise<void> {
    this.#fail(undefined, {}, cause)
    clearTimeout(this.#timer)
    const socket = this.#socket
    socket.destroy()
    return socket.closed ? Promise.resolve() : new Promise((resolve) => void socket.once("close", () => resolve()))
  }
}
