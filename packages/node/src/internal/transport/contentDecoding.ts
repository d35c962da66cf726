import type { Transform } from "node:stream"
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib"
import type { BodyEnd } from "./bodyQueue.js"

/** The `accept-encoding` of this transport: the content codings that it can decode. */
export const acceptEncoding = "gzip, deflate, br"

/** Maximum number of content codings. Two are rare, and more may be a decompression bomb. */
const maxCodings = 2

// Flushed at once: the reader of a long-running response waits for its first lines. A truncated body is still an error,
// because zlib's own flush at the end is kept.
const flushOptions = { flush: constants.Z_SYNC_FLUSH }
const brotliFlushOptions = { flush: constants.BROTLI_OPERATION_FLUSH }

/** Makes the decoder of one coding. The first bytes distinguish the two forms of deflate. */
export type MakeDecoder = (first: Uint8Array) => Transform

/** RFC 9110 §8.4.1.2 requires the zlib format for deflate: its first byte ends in 8. Some servers send raw deflate. */
const makeDeflateDecoder: MakeDecoder = (first) =>
  ((first[0] ?? 0) & 15) === 8 ? createInflate(flushOptions) : createInflateRaw(flushOptions)

const decoderFor = (coding: string): MakeDecoder | undefined => {
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return () => createGunzip(flushOptions)
    case "deflate":
      return makeDeflateDecoder
    case "br":
      return () => createBrotliDecompress(brotliFlushOptions)
    default:
      return undefined
  }
}

/**
 * The decoders for a body's `content-encoding` fields, in the order of decoding. Undefined if there is no coding, an
 * unknown one, or too many: the body is then not decoded.
 *
 * Specification: RFC 9110 §8.4.
 */
export const decodersFor = (fields: ReadonlyArray<string>): ReadonlyArray<MakeDecoder> | undefined => {
  if (fields.length === 0) return undefined
  const codings = fields
    .flatMap((field) => field.split(","))
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity")
  const factories = codings.map(decoderFor).filter((make) => make !== undefined)
  if (codings.length === 0 || codings.length > maxCodings || factories.length < codings.length) return undefined
  // The last coding was applied last.
  return factories.reverse()
}

/** Receives the chunks of a body. */
export interface BodySink {
  /** @returns whether there is room for more chunks. If not, `resume` is called later. */
  readonly push: (chunk: Uint8Array) => boolean
  readonly end: (end: BodyEnd) => void
}

/**
 * Decodes one content coding, no faster than `next` reads. A small body that decodes to a huge one costs only what is
 * read of it.
 */
export class ContentDecoder implements BodySink {
  readonly #make: MakeDecoder
  readonly #next: BodySink
  readonly #resume: () => void
  #transform: Transform | undefined
  #paused = false
  /** Whether the encoded body has ended. */
  #inputEnded = false

  /** @param resume - called when there is room again, after `push` returned false. */
  constructor(make: MakeDecoder, next: BodySink, resume: () => void) {
    this.#make = make
    this.#next = next
    this.#resume = resume
  }

  push(chunk: Uint8Array): boolean {
    const transform = (this.#transform ??= this.#start(chunk))
    // Bytes after the end of the coding are not part of the body.
    if (transform.destroyed || transform.readableEnded) return true
    this.#paused = !transform.write(chunk)
    return !this.#paused
  }

  #start(first: Uint8Array): Transform {
    const transform = this.#make(first)
    transform.on("data", (chunk: Uint8Array) => {
      if (!this.#next.push(chunk)) transform.pause()
    })
    transform.on("drain", () => this.#resumeIfPaused())
    transform.on("end", () => {
      // Until then the connection is in use, and the reader must be able to close it.
      if (this.#inputEnded) this.#next.end({ isComplete: true })
      this.#resumeIfPaused()
    })
    transform.on("error", (cause) => {
      this.#next.end({ isComplete: false, cause })
      this.#resumeIfPaused()
    })
    return transform
  }

  #resumeIfPaused(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#resume()
  }

  /** Called when `next` has room again. */
  resume(): void {
    this.#transform?.resume()
  }

  end(end: BodyEnd): void {
    const transform = this.#transform
    if (transform === undefined) return this.#next.end(end)
    this.#inputEnded = true
    if (end.isComplete && !transform.readableEnded) return void transform.end()
    this.cancel()
    this.#next.end(end)
  }

  /** Releases the memory of the decoder. */
  cancel(): void {
    this.#transform?.destroy()
  }
}
