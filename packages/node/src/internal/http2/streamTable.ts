import { ConnectionError, StreamError, errorCode } from "./errorCode.js"
import { maxWindow } from "./settings.js"
import type { Http2Stream } from "./stream.js"

/** The open streams of a connection, by id: RFC 9113 §5.1.1. */
export class StreamTable {
  readonly #streams: Map<number, Http2Stream> = new Map()
  #nextId = 1

  get size(): number {
    return this.#streams.size
  }

  /** Whether all stream ids are used. */
  get isExhausted(): boolean {
    return this.#nextId > maxWindow
  }

  /** Assigns the next id to the stream. */
  add(stream: Http2Stream): void {
    stream.id = this.#nextId
    this.#nextId += 2
    this.#streams.set(stream.id, stream)
  }

  /** @returns whether the stream was open. */
  delete(stream: Http2Stream): boolean {
    return this.#streams.delete(stream.id)
  }

  /** The streams with an id above `id`, as a copy. */
  streamsAbove(id: number): ReadonlyArray<Http2Stream> {
    return [...this.#streams.values()].filter((stream) => stream.id > id)
  }

  /**
   * Passes a frame to its stream, which may be closed. A stream error ends that stream only. A frame for a stream that
   * was never opened ends the connection.
   */
  deliver(id: number, onStream: (stream: Http2Stream) => void): void {
    if (id % 2 === 0 || id >= this.#nextId) {
      throw new ConnectionError(errorCode.protocolError, "a frame on a stream that was not opened")
    }
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    try {
      onStream(stream)
    } catch (cause) {
      if (!(cause instanceof StreamError)) throw cause
      stream.fail(cause.errorCode, { reason: "InvalidHttpResponse", code: cause.code, detail: cause.message }, cause)
    }
  }
}
