import { ConnectionError, StreamError, errorCode } from "./errorCode.js"
import type { FrameWriter } from "./frameWriter.js"
import type { Settings } from "./settings.js"
import { initialSettings, maxWindow } from "./settings.js"
import type { Http2Stream } from "./stream.js"

const noIncrement = "WINDOW_UPDATE of 0 bytes"
const tooLarge = "the window is larger than allowed"

/** Bytes of bodies after which the frames of a server are no longer counted as frames without progress. */
const acknowledgedBytes = 16 * 1024

/** The streams with body data to send. They alternate, within the windows of RFC 9113 §5.2. */
export class SendQueue {
  readonly #writer: FrameWriter
  readonly #ready: Set<Http2Stream> = new Set()
  /** The send window of the connection, in bytes. */
  #window: number = initialSettings.initialWindowSize
  #settings: Settings = initialSettings
  /** Bytes of bodies that were sent since {@link takeProgress} returned true. */
  #sent = 0

  constructor(writer: FrameWriter) {
    this.#writer = writer
  }

  /** Called when the settings of the server change. The windows of its open streams change with them. */
  onSettings(settings: Settings, streams: ReadonlyArray<Http2Stream>): void {
    const change = settings.initialWindowSize - this.#settings.initialWindowSize
    this.#settings = settings
    for (const stream of streams) {
      stream.sendWindow += change
      if (stream.sendWindow > maxWindow) throw new ConnectionError(errorCode.flowControlError, tooLarge)
      if (stream.upload.isReady) this.#ready.add(stream)
    }
    this.flush()
  }

  /** Called when the server increases the window of the connection. */
  increaseWindow(increment: number): void {
    if (increment === 0) throw new ConnectionError(errorCode.protocolError, noIncrement)
    this.#window += increment
    if (this.#window > maxWindow) throw new ConnectionError(errorCode.flowControlError, tooLarge)
    this.flush()
  }

  /** Called when the server increases the window of one stream. */
  increaseStreamWindow(stream: Http2Stream, increment: number): void {
    if (increment === 0) throw new StreamError(errorCode.protocolError, noIncrement)
    stream.sendWindow += increment
    if (stream.sendWindow > maxWindow) throw new StreamError(errorCode.flowControlError, tooLarge)
    if (stream.upload.isReady) this.add(stream)
  }

  /** Whether bodies made progress since it returned true: a server that receives one sends WINDOW_UPDATE, and no response yet. */
  takeProgress(): boolean {
    if (this.#sent < acknowledgedBytes) return false
    this.#sent = 0
    return true
  }

  add(stream: Http2Stream): void {
    this.#ready.add(stream)
    this.flush()
  }

  remove(stream: Http2Stream): void {
    this.#ready.delete(stream)
  }

  /** Sends what the windows and the socket have room for. Also called when the socket has room again. */
  flush(): void {
    // A stream that is added again during the iteration comes last.
    for (const stream of this.#ready) {
      if (!this.#writer.hasRoom) return
      this.#send(stream)
    }
  }

  #send(stream: Http2Stream): void {
    const { upload } = stream
    const max = Math.min(this.#window, stream.sendWindow, this.#settings.maxFrameSize)
    // An empty last frame needs no window.
    if (upload.isReady && max <= 0 && !upload.isAtEnd) {
      // A stream that waits for its own window is added again when the window increases.
      if (stream.sendWindow <= 0) this.#ready.delete(stream)
      return
    }
    this.#ready.delete(stream)
    if (!upload.isReady) return
    const { bytes, isLast } = upload.take(Math.max(0, max))
    if (stream.isClosed) return
    this.#window -= bytes.length
    stream.sendWindow -= bytes.length
    this.#sent += bytes.length
    this.#writer.writeData(stream.id, bytes, isLast)
    stream.onPieceSent()
    if (upload.isReady) this.#ready.add(stream)
  }
}
