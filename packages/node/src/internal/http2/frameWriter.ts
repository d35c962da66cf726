import type { Socket } from "node:net"
import { encodeFrame, encodeFrameHead, flag, frameType } from "./frame.js"

/** Number of buffered bytes at which DATA frames wait. */
const maxBufferedData = 256 * 1024
/** Maximum number of buffered bytes for replies to the server. */
const maxBufferedReplies = 1024 * 1024

/** Writes frames to a socket. Frames of one turn of the event loop are written together. */
export class FrameWriter {
  readonly #socket: Socket
  #isCorked = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Whether DATA can be written. */
  get hasRoom(): boolean {
    return this.#socket.writableLength < maxBufferedData
  }

  /** Whether too many replies are buffered, because the server does not read them. */
  get isBacklogged(): boolean {
    return this.#socket.writableLength > maxBufferedReplies
  }

  write(...parts: ReadonlyArray<Buffer>): void {
    const socket = this.#socket
    if (!socket.writable) return
    if (!this.#isCorked) {
      this.#isCorked = true
      socket.cork()
      process.nextTick(() => {
        this.#isCorked = false
        socket.uncork()
      })
    }
    for (const part of parts) socket.write(part)
  }

  /** Writes a header block, split into frames. */
  writeHeaders(streamId: number, block: Buffer, isLast: boolean, maxFrameSize: number): void {
    let type: number = frameType.headers
    let flags = isLast ? flag.endStream : 0
    for (let start = 0; start === 0 || start < block.length; start += maxFrameSize) {
      const part = block.subarray(start, start + maxFrameSize)
      if (start + maxFrameSize >= block.length) flags |= flag.endHeaders
      this.write(encodeFrame(type, flags, streamId, part))
      type = frameType.continuation
      flags = 0
    }
  }

  writeData(streamId: number, bytes: Buffer, isLast: boolean): void {
    this.write(encodeFrameHead(frameType.data, isLast ? flag.endStream : 0, streamId, bytes.length), bytes)
  }
}
