import type { Transform } from "node:stream"
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib"
import type { BodyEnd } from "./bodyQueue.js"

/** What this transport asks for, and can undo. */
export const acceptEncoding = "gzip, deflate, br"

/** More codings than one are rare, more than two a trick to make much of little. */
const maxCodings = 2

// What has come is given out at once: an answer that goes on for hours has readers who wait for its first lines. What
// ends too early is an error all the same, since the end is flushed as zlib does it by itself.
const flushOptions = { flush: constants.Z_SYNC_FLUSH }
const brotliFlushOptions = { flush: constants.BROTLI_OPERATION_FLUSH }

/** Makes what undoes one coding; the first bytes tell deflate's two forms apart. */
export type MakeDecoder = (first: Uint8Array) => Transform

/** RFC 9110 §8.4.1.2 wants deflate within zlib's frame, whose first byte ends in 8; some servers send it without. */
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
 * What undoes the codings that a body's header fields name, the first to be undone first; undefined where there is
 * nothing to undo, or where a coding is not known, or is one too many: the body is then left as it is.
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

/** Where the pieces of a body go. */
export interface BodySink {
  /** @returns whether there is room for more; `resume` is called once there is again. */
  readonly push: (chunk: Uint8Array) => boolean
  readonly end: (end: BodyEnd) => void
}

/**
 * One coding of a body, undone on the way to `next`, no faster than that takes it: a small body that would become a
 * huge one costs what is read of it.
 */
export class ContentDecoder implements BodySink {
  readonly #make: MakeDecoder
  readonly #next: BodySink
  readonly #resume: () => void
  #engine: Transform | undefined
  #paused = false
  /** Whether all has come that will. */
  #framed = false

  /** @param resume - called when there is room again, after `push` said that there is none. */
  constructor(make: MakeDecoder, next: BodySink, resume: () => void) {
    this.#make = make
    this.#next = next
    this.#resume = resume
  }

  push(chunk: Uint8Array): boolean {
    const transform = (this.#engine ??= this.#start(chunk))
    // What follows the end of a coding is no part of the body.
    if (transform.destroyed || transform.readableEnded) return true
    this.#paused = !transform.write(chunk)
    return !this.#paused
  }

  #start(first: Uint8Array): Transform {
    const transform = this.#make(first)
    transform.on("data", (chunk: Uint8Array) => {
      if (!this.#next.push(chunk)) transform.pause()
    })
    transform.on("drain", () => this.#goOn())
    transform.on("end", () => {
      // Before that the connection is not free, and its reader must be able to cut it.
      if (this.#framed) this.#next.end({ isComplete: true })
      this.#goOn()
    })
    transform.on("error", (cause) => {
      this.#next.end({ isComplete: false, cause })
      this.#goOn()
    })
    return transform
  }

  #goOn(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#resume()
  }

  /** To be called when `next` has room again. */
  resume(): void {
    this.#engine?.resume()
  }

  end(end: BodyEnd): void {
    const transform = this.#engine
    if (transform === undefined) return this.#next.end(end)
    this.#framed = true
    if (end.isComplete && !transform.readableEnded) return void transform.end()
    this.cancel()
    this.#next.end(end)
  }

  /** Gives the memory of the engine back. */
  cancel(): void {
    this.#engine?.destroy()
  }
}
