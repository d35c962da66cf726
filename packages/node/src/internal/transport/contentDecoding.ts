import type { Transform } from "node:stream"
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib"
import type { End } from "./bodyQueue.js"

/** What this transport asks for, and can undo. */
export const acceptEncoding = "gzip, deflate, br"

/** More codings than one are rare, more than two a trick to make much of little. */
const mostCodings = 2

// What has come is given out at once: an answer that goes on for hours has readers who wait for its first lines. What
// ends too early is an error all the same, since the end is flushed as zlib does it by itself.
const prompt = { flush: constants.Z_SYNC_FLUSH }
const promptBrotli = { flush: constants.BROTLI_OPERATION_FLUSH }

/** Makes what undoes one coding; the first bytes tell deflate's two forms apart. */
export type Inflater = (first: Uint8Array) => Transform

/** RFC 9110 §8.4.1.2 wants deflate within zlib's frame, whose first byte ends in 8; some servers send it without. */
const deflate: Inflater = (first) => (((first[0] ?? 0) & 15) === 8 ? createInflate(prompt) : createInflateRaw(prompt))

const inflater = (coding: string): Inflater | undefined => {
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return () => createGunzip(prompt)
    case "deflate":
      return deflate
    case "br":
      return () => createBrotliDecompress(promptBrotli)
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
export const inflaters = (fields: ReadonlyArray<string>): ReadonlyArray<Inflater> | undefined => {
  if (fields.length === 0) return undefined
  const codings = fields
    .flatMap((field) => field.split(","))
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity")
  const known = codings.map(inflater).filter((make) => make !== undefined)
  if (codings.length === 0 || codings.length > mostCodings || known.length < codings.length) return undefined
  // The last coding was applied last.
  return known.reverse()
}

/** Where the pieces of a body go. */
export interface Sink {
  /** @returns whether there is room for more; `resume` is called once there is again. */
  readonly push: (chunk: Uint8Array) => boolean
  readonly end: (end: End) => void
}

/**
 * One coding of a body, undone on the way to `next`, no faster than that takes it: a small body that would become a
 * huge one costs what is read of it.
 */
export class Inflating implements Sink {
  readonly #make: Inflater
  readonly #next: Sink
  readonly #resume: () => void
  #engine: Transform | undefined
  #paused = false
  /** Whether all has come that will. */
  #framed = false

  /** @param resume - called when there is room again, after `push` said that there is none. */
  constructor(make: Inflater, next: Sink, resume: () => void) {
    this.#make = make
    this.#next = next
    this.#resume = resume
  }

  push(chunk: Uint8Array): boolean {
    const engine = (this.#engine ??= this.#start(chunk))
    // What follows the end of a coding is no part of the body.
    if (engine.destroyed || engine.readableEnded) return true
    this.#paused = !engine.write(chunk)
    return !this.#paused
  }

  #start(first: Uint8Array): Transform {
    const engine = this.#make(first)
    engine.on("data", (chunk: Uint8Array) => {
      if (!this.#next.push(chunk)) engine.pause()
    })
    engine.on("drain", () => this.#goOn())
    engine.on("end", () => {
      // Before that the connection is not free, and its reader must be able to cut it.
      if (this.#framed) this.#next.end({ whole: true })
      this.#goOn()
    })
    engine.on("error", (cause) => {
      this.#next.end({ whole: false, cause })
      this.#goOn()
    })
    return engine
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

  end(end: End): void {
    const engine = this.#engine
    if (engine === undefined) return this.#next.end(end)
    this.#framed = true
    if (end.whole && !engine.readableEnded) return void engine.end()
    this.cancel()
    this.#next.end(end)
  }

  /** Gives the memory of the engine back. */
  cancel(): void {
    this.#engine?.destroy()
  }
}
