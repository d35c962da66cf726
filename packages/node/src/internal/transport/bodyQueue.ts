import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Number of buffered bytes at which the socket is paused. With more bytes than one read of the socket returns, buffers of a large
 * body live so long that V8 collects them by its slow, full collections.
 */
const highWaterMark = 64 * 1024

/** How a body ended: complete, or with an error of the socket. */
export type BodyEnd = { readonly isComplete: true } | { readonly isComplete: false; readonly cause: unknown }

const noBytes: Uint8Array = new Uint8Array(0)

/** How the body is read: not yet, as one stream, or as a whole. */
type Reading = "none" | "stream" | "all"

/** Reads a body piece by piece, with the errors of the socket. See `Transport.BodyReader`. */
export interface Reader {
  readonly next: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<unknown>>
  readonly close: Effect.Effect<void>
}

/** Reads bytes that were received as a whole. */
const readOnce = (whole: Effect.Effect<Uint8Array, unknown>): Reader => {
  let isRead = false
  const next = Effect.suspend(() => {
    if (isRead) return Effect.fail(Option.none())
    isRead = true
    return Effect.matchEffect(whole, {
      onFailure: (cause) => Effect.fail(Option.some(cause)),
      onSuccess: (bytes) => (bytes.length === 0 ? Effect.fail(Option.none()) : Effect.succeed(Chunk.of(bytes)))
    })
  })
  return { next, close: Effect.void }
}

const alreadyRead = Effect.fail(new Error("the body was already read as a stream, which can be read only once"))
const cancelled: BodyEnd = { isComplete: false, cause: new Error("the body was cancelled before its end") }

/**
 * A response body between the socket and its readers: either one stream, for which the socket pauses, or any number of
 * readers that each get the complete body. A reader that stops before the end closes the connection, because the rest
 * of the body would precede the next response.
 */
export class BodyQueue {
  #chunks: Array<Uint8Array> = []
  #bufferedBytes = 0
  #isPaused = false
  #end: BodyEnd | undefined
  #reading: Reading = "none"
  #bytes: Uint8Array | undefined
  readonly #readers: Set<() => void> = new Set()
  readonly #resume: () => void
  readonly #abort: () => void

  /**
   * @param resume - called when there is room again, after `push` returned false.
   * @param abort - called when the rest of the body will not be read.
   */
  constructor(resume: () => void, abort: () => void) {
    this.#resume = resume
    this.#abort = abort
  }

  /** @returns whether there is room for more chunks. */
  push(chunk: Uint8Array): boolean {
    // An empty chunk would make a writer report an error, because it writes nothing.
    if (this.#end !== undefined || chunk.length === 0) return true
    this.#chunks.push(chunk)
    this.#bufferedBytes += chunk.length
    if (this.#reading === "all") return true
    this.#wake()
    this.#isPaused = this.#bufferedBytes >= highWaterMark
    return !this.#isPaused
  }

  end(end: BodyEnd): void {
    this.#end ??= end
    this.#wake()
  }

  /** Cancels a body that will not be read to its end. */
  cancel(): void {
    if (this.#end !== undefined) return
    this.#chunks = []
    this.end(cancelled)
    this.#abort()
  }

  #wake(): void {
    const readers = [...this.#readers]
    this.#readers.clear()
    for (const resume of readers) resume()
  }

  /** Waits for the next chunk (stream), or for the end (complete body). */
  #next: Effect.Effect<void> = Effect.async((resume) => {
    const reader = () => resume(Effect.void)
    this.#readers.add(reader)
    return Effect.sync(() => {
      this.#readers.delete(reader)
      // The last reader of the complete body was interrupted. A stream is cancelled by its finalizer.
      if (this.#reading === "all" && this.#readers.size === 0) this.cancel()
    })
  })

  #take(): Array<Uint8Array> {
    const chunks = this.#chunks
    const isPaused = this.#isPaused
    this.#isPaused = false
    this.#chunks = []
    this.#bufferedBytes = 0
    if (isPaused) this.#resume()
    return chunks
  }

  #pull: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<unknown>> = Effect.suspend(() => {
    if (this.#chunks.length > 0) return Effect.succeed(Chunk.unsafeFromArray(this.#take()))
    const end = this.#end
    if (end !== undefined) return Effect.fail(end.isComplete ? Option.none() : Option.some(end.cause))
    return Effect.zipRight(this.#next, this.#pull)
  })

  /** The complete body. It can be read several times. Errors are those of the socket. */
  readonly readAll: Effect.Effect<Uint8Array, unknown> = Effect.suspend((): Effect.Effect<Uint8Array, unknown> => {
    if (this.#reading === "stream") return alreadyRead
    if (this.#reading === "none") {
      this.#reading = "all"
      const buffered = this.#take()
      // Resuming the socket may have added chunks.
      this.#chunks = buffered.concat(this.#chunks)
    }
    const end = this.#end
    if (end === undefined) return Effect.zipRight(this.#next, this.readAll)
    return end.isComplete ? Effect.succeed((this.#bytes ??= this.#joinChunks())) : Effect.fail(end.cause)
  })

  #joinChunks(): Uint8Array {
    const chunks = this.#chunks
    this.#chunks = []
    return chunks.length === 1 ? (chunks[0] ?? noBytes) : Buffer.concat(chunks)
  }

  readonly #close: Effect.Effect<void> = Effect.sync(() => this.cancel())

  /**
   * Begins to read the body, which is possible once. If the complete body was read before, the reader gets all of it.
   */
  read(): Reader {
    if (this.#reading === "stream") return { next: Effect.mapError(alreadyRead, Option.some), close: Effect.void }
    if (this.#reading === "all") return readOnce(this.readAll)
    this.#reading = "stream"
    return { next: this.#pull, close: this.#close }
  }
}
