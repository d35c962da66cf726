import { ConnectionError, errorCode } from "./errorCode.js"

/** Types of frames: RFC 9113 §6. */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9
} as const

/** Flags of frames. `ack`, a flag of SETTINGS and PING, has the same bit as `endStream`. */
export const flag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

/** One frame: RFC 9113 §4.1. */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

/** Maximum payload that every endpoint accepts, and that this client accepts (RFC 9113 §4.2). */
export const defaultMaxFrameSize = 16_384

const headLength = 9
const nothing = Buffer.alloc(0)

/** Encodes the frame header: the nine bytes before the payload. */
export const encodeFrameHead = (type: number, flags: number, streamId: number, length: number): Buffer => {
  const head = Buffer.allocUnsafe(headLength)
  head.writeUIntBE(length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(streamId, 5)
  return head
}

/** Encodes a complete frame. */
export const encodeFrame = (type: number, flags: number, streamId: number, payload: Buffer = nothing): Buffer =>
  Buffer.concat([encodeFrameHead(type, flags, streamId, payload.length), payload])

/** Encodes a frame with a payload of 32-bit integers: RST_STREAM, WINDOW_UPDATE, GOAWAY. */
export const encodeNumbers = (type: number, streamId: number, ...numbers: ReadonlyArray<number>): Buffer => {
  const payload = Buffer.allocUnsafe(4 * numbers.length)
  numbers.forEach((number, at) => payload.writeUInt32BE(number, 4 * at))
  return encodeFrame(type, 0, streamId, payload)
}

/** Splits the bytes of a connection into frames. */
export class FrameReader {
  #bytes: Buffer = nothing
  /** Bytes after `#bytes`. They are concatenated only when they complete a frame. */
  #following: Array<Buffer> = []
  #length = 0

  push(chunk: Buffer): void {
    this.#length += chunk.length
    if (this.#bytes.length === 0) this.#bytes = chunk
    else this.#following.push(chunk)
  }

  /** The next complete frame. Undefined if more bytes are needed. */
  next(): Frame | undefined {
    if (!this.#hasBytes(headLength)) return undefined
    const length = this.#bytes.readUIntBE(0, 3)
    if (length > defaultMaxFrameSize) {
      throw new ConnectionError(errorCode.frameSizeError, `a frame of ${length} bytes is larger than allowed`)
    }
    const end = headLength + length
    if (!this.#hasBytes(end)) return undefined
    const bytes = this.#bytes
    this.#bytes = bytes.subarray(end)
    this.#length -= end
    return {
      type: bytes.readUInt8(3),
      flags: bytes.readUInt8(4),
      // The first bit is reserved: RFC 9113 §4.1.
      streamId: bytes.readUInt32BE(5) & 0x7fffffff,
      payload: bytes.subarray(headLength, end)
    }
  }

  #hasBytes(length: number): boolean {
    if (this.#length < length) return false
    if (this.#bytes.length < length) {
      this.#bytes = Buffer.concat([this.#bytes, ...this.#following])
      this.#following = []
    }
    return true
  }
}

/** The payload of a DATA or HEADERS frame without padding and priority fields: RFC 9113 §6.1, §6.2. */
export const contentOf = ({ flags, payload, type }: Frame): Buffer => {
  const isPadded = (flags & flag.padded) !== 0
  const hasPriority = type === frameType.headers && (flags & flag.priority) !== 0
  const start = (isPadded ? 1 : 0) + (hasPriority ? 5 : 0)
  if (payload.length < start) throw new ConnectionError(errorCode.frameSizeError, "a frame is too short for its flags")
  const end = payload.length - (isPadded ? payload.readUInt8(0) : 0)
  if (end < start) throw new ConnectionError(errorCode.protocolError, "the padding is longer than its frame")
  return payload.subarray(start, end)
}
