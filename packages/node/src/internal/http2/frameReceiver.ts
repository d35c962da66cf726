import { ConnectionError, errorCode } from "./errorCode.js"
import type { FieldList } from "./fieldDecoder.js"
import { FieldDecoder } from "./fieldDecoder.js"
import type { Frame } from "./frame.js"
import { FrameReader, contentOf, flag, frameType } from "./frame.js"

/** Receives the content of frames. `isLast` is the flag END_STREAM. `size` includes padding. */
export interface FrameEvents {
  readonly onData: (streamId: number, bytes: Buffer, size: number, isLast: boolean) => void
  readonly onFields: (streamId: number, fields: FieldList, isLast: boolean) => void
  readonly onReset: (streamId: number, code: number) => void
  readonly onSettings: (payload: Buffer) => void
  readonly onPing: (payload: Buffer) => void
  readonly onGoaway: (lastStreamId: number, code: number) => void
  /** `streamId` is 0 for the window of the connection. */
  readonly onWindowUpdate: (streamId: number, increment: number) => void
}

/** An incomplete header block. */
interface HeaderBlock {
  readonly streamId: number
  readonly isLast: boolean
  readonly parts: Array<Buffer>
  size: number
}

/** Maximum number of frames of one header block. */
const maxBlockFrames = 128
/**
 * A header block may exceed `maxHeaderSize` by this factor. Its list is then rejected, and the connection continues.
 */
const blockFactor = 4
const minBlockLimit = 64 * 1024

/** Maximum number of frames without progress of a body or response within `idleFramePeriodMs`. */
const maxIdleFrames = 1000
const idleFramePeriodMs = 10_000

const protocolError = (detail: string): ConnectionError => new ConnectionError(errorCode.protocolError, detail)
const sizeError = (detail: string): ConnectionError => new ConnectionError(errorCode.frameSizeError, detail)
const floodError = (detail: string): ConnectionError => new ConnectionError(errorCode.enhanceYourCalm, detail)

/** The first bit of 32 is reserved: RFC 9113 §6.8, §6.9. */
const clearFirstBit = (bits: number): number => bits & 0x7fffffff

const requireStreamId = ({ streamId }: Frame, name: string): number => {
  if (streamId === 0) throw protocolError(`${name} on stream 0`)
  return streamId
}

const requireStreamZero = ({ streamId }: Frame, name: string): void => {
  if (streamId !== 0) throw protocolError(`${name} on a stream`)
}

const requireLength = ({ payload }: Frame, length: number, name: string): void => {
  if (payload.length !== length) throw sizeError(`${name} of ${payload.length} bytes`)
}

/**
 * Parses the frames of a server, and validates what does not depend on the state of a stream.
 *
 * Specification: RFC 9113 §4, §6. Its methods throw `ConnectionError`.
 */
export class FrameReceiver {
  readonly #reader = new FrameReader()
  readonly #decoder = new FieldDecoder()
  readonly #events: FrameEvents
  readonly #maxHeaderSize: number
  #block: HeaderBlock | undefined
  #hasSettings = false
  #isStopped = false
  #idleFrames = 0
  #idleFramesSince = performance.now()

  constructor(maxHeaderSize: number, events: FrameEvents) {
    this.#maxHeaderSize = maxHeaderSize
    this.#events = events
  }

  receive(chunk: Buffer): void {
    this.#reader.push(chunk)
    while (!this.#isStopped) {
      const frame = this.#reader.next()
      if (frame === undefined) return
      this.#check(frame)
      this.#dispatch(frame)
    }
  }

  /** Stops parsing, even of bytes that have arrived. */
  stop(): void {
    this.#isStopped = true
  }

  /** Called when a response or the body of a request made progress: restarts the count of frames without progress. */
  resetIdleFrames(): void {
    this.#idleFrames = 0
  }

  #check({ flags, streamId, type }: Frame): void {
    if (!this.#hasSettings && (type !== frameType.settings || (flags & flag.ack) !== 0)) {
      throw protocolError("the first frame is not SETTINGS")
    }
    this.#hasSettings = true
    const block = this.#block
    if (block !== undefined && (type !== frameType.continuation || streamId !== block.streamId)) {
      throw protocolError("a header block is not continued")
    }
    this.#idleFrames += 1
    if (this.#idleFrames > maxIdleFrames) this.#checkIdleFrames()
  }

  #checkIdleFrames(): void {
    const now = performance.now()
    if (now - this.#idleFramesSince < idleFramePeriodMs) throw floodError("too many frames that bring no response")
    this.#idleFramesSince = now
    this.#idleFrames = 0
  }

  #dispatch(frame: Frame): void {
    switch (frame.type) {
      case frameType.data:
        return this.#receiveData(frame)
      case frameType.headers:
        return this.#receiveHeaders(frame)
      case frameType.continuation:
        return this.#receiveContinuation(frame)
      case frameType.rstStream:
        requireLength(frame, 4, "RST_STREAM")
        return this.#events.onReset(requireStreamId(frame, "RST_STREAM"), frame.payload.readUInt32BE(0))
      case frameType.settings:
        return this.#receiveSettings(frame)
      case frameType.ping:
        return this.#receivePing(frame)
      case frameType.goaway:
        return this.#receiveGoaway(frame)
      case frameType.windowUpdate:
        requireLength(frame, 4, "WINDOW_UPDATE")
        return this.#events.onWindowUpdate(frame.streamId, clearFirstBit(frame.payload.readUInt32BE(0)))
      case frameType.pushPromise:
        throw protocolError("PUSH_PROMISE, which this client does not allow")
      default:
        // PRIORITY, and types of extensions (RFC 9113 §5.5).
        return undefined
    }
  }

  #receiveData(frame: Frame): void {
    const isLast = (frame.flags & flag.endStream) !== 0
    this.#events.onData(requireStreamId(frame, "DATA"), contentOf(frame), frame.payload.length, isLast)
  }

  #receiveHeaders(frame: Frame): void {
    const isLast = (frame.flags & flag.endStream) !== 0
    this.#block = { streamId: requireStreamId(frame, "HEADERS"), isLast, parts: [], size: 0 }
    this.#appendToBlock(this.#block, contentOf(frame), frame.flags)
  }

  #receiveContinuation({ flags, payload }: Frame): void {
    if (this.#block === undefined) throw protocolError("CONTINUATION without HEADERS")
    this.#appendToBlock(this.#block, payload, flags)
  }

  #appendToBlock(block: HeaderBlock, part: Buffer, flags: number): void {
    block.parts.push(part)
    block.size += part.length
    const maxSize = blockFactor * Math.max(this.#maxHeaderSize, minBlockLimit)
    if (block.size > maxSize || block.parts.length > maxBlockFrames) {
      this.#events.onFields(block.streamId, { fields: [], isTooLarge: true }, false)
      throw floodError("a header block is too large")
    }
    if ((flags & flag.endHeaders) === 0) return
    this.#block = undefined
    const [first = part] = block.parts
    const bytes = block.parts.length === 1 ? first : Buffer.concat(block.parts)
    this.#events.onFields(block.streamId, this.#decoder.decode(bytes, this.#maxHeaderSize), block.isLast)
  }

  #receiveSettings(frame: Frame): void {
    requireStreamZero(frame, "SETTINGS")
    if ((frame.flags & flag.ack) === 0) this.#events.onSettings(frame.payload)
    else requireLength(frame, 0, "an acknowledgement of SETTINGS")
  }

  #receivePing(frame: Frame): void {
    requireStreamZero(frame, "PING")
    requireLength(frame, 8, "PING")
    if ((frame.flags & flag.ack) === 0) this.#events.onPing(frame.payload)
  }

  #receiveGoaway(frame: Frame): void {
    requireStreamZero(frame, "GOAWAY")
    if (frame.payload.length < 8) throw sizeError("GOAWAY is too short")
    this.#events.onGoaway(clearFirstBit(frame.payload.readUInt32BE(0)), frame.payload.readUInt32BE(4))
  }
}
