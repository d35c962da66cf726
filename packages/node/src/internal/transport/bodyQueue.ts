import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** What may wait to be read; beyond it the socket is told to stop. */
const highWaterMark = 64 * 1024

/** How a body ended: whole, or by an error of the socket. */
export type BodyEnd = { readonly isComplete: true } | { readonly isComplete: false; readonly cause: unknown }

const noBytes: Uint8Array = new Uint8Array(0)

/** Who reads: nobody yet, one stream, or all those who want the whole of it. */
type Reading = "none" | "stream" | "all"

const alreadyRead = Effect.fail(new Error("the body has been read as a stream, and a stream is read once"))
const cancelled: BodyEnd = { isComplete: false, cause: new Error("the body was let go before its end") }

/**
 * A body on its way from a socket to its readers: either one who takes it piece by piece, while the socket pauses for
 * him, or any number who each get all of it. Whoever stops reading before the end cuts the connection, since what is
 * left of the body could not be told from the next answer.
 */
export class BodyQueue {
  #chunks: Array<Uint8Array> = []
  #waiting = 0
  #end: BodyEnd | undefined
  #reading: Reading = "none"
  #bytes: Uint8Array | undefined
  readonly #readers: Set<() => void> = new Set()
  readonly #resume: () => void
  readonly #abort: () => void

  /**
   * @param resume - called when there is room again, after `push` said that there is none.
   * @param abort - called when nobody will read on.
   */
  constructor(resume: () => void, abort: () => void) {
    this.#resume = resume
    this.#abort = abort
  }

  /** @returns whether there is room for more. */
  push(chunk: Uint8Array): boolean {
    // A writer reports an error for a piece without bytes, since it writes none of it.
    if (this.#end !== undefined || chunk.length === 0) return true
    this.#chunks.push(chunk)
    this.#waiting += chunk.length
    if (this.#reading === "all") return true
    this.#wake()
    return this.#waiting < highWaterMark
  }

  end(end: BodyEnd): void {
    this.#end ??= end
    this.#wake()
  }

  /** Lets go of a body that nobody reads to its end. */
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

  /** Waits for what comes next: a piece for the stream, the end for the others. */
  #next: Effect.Effect<void> = Effect.async((resume) => {
    const reader = () => resume(Effect.void)
    this.#readers.add(reader)
    return Effect.sync(() => {
      this.#readers.delete(reader)
      // The last who wanted all of it does so no longer; a stream's finalizer sees to itself.
      if (this.#reading === "all" && this.#readers.size === 0) this.cancel()
    })
  })

  #take(): Array<Uint8Array> {
    const chunks = this.#chunks
    const paused = this.#waiting >= highWaterMark
    this.#chunks = []
    this.#waiting = 0
    if (paused) this.#resume()
    return chunks
  }

  #pull: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<unknown>> = Effect.suspend(() => {
    if (this.#chunks.length > 0) return Effect.succeed(Chunk.unsafeFromArray(this.#take()))
    const end = this.#end
    if (end !== undefined) return Effect.fail(end.isComplete ? Option.none() : Option.some(end.cause))
    return Effect.zipRight(this.#next, this.#pull)
  })

  /** All of the body, as often as it is asked for. Errors are the socket's. */
  readonly readAll: Effect.Effect<Uint8Array, unknown> = Effect.suspend((): Effect.Effect<Uint8Array, unknown> => {
    if (this.#reading === "stream") return alreadyRead
    if (this.#reading === "none") {
      this.#reading = "all"
      const buffered = this.#take()
      // Letting the socket go on may have brought more.
      this.#chunks = buffered.concat(this.#chunks)
    }
    const end = this.#end
    if (end === undefined) return Effect.zipRight(this.#next, this.readAll)
    return end.isComplete ? Effect.succeed((this.#bytes ??= this.#joined())) : Effect.fail(end.cause)
  })

  #joined(): Uint8Array {
    const chunks = this.#chunks
    this.#chunks = []
    return chunks.length === 1 ? (chunks[0] ?? noBytes) : Buffer.concat(chunks)
  }

  /** The body as it comes, to be read once; all of it again where it was read whole before. */
  readonly stream: Stream.Stream<Uint8Array, unknown> = Stream.suspend((): Stream.Stream<Uint8Array, unknown> => {
    if (this.#reading === "stream") return Stream.fromEffect(alreadyRead)
    if (this.#reading === "all") {
      return Stream.flatMap(Stream.fromEffect(this.readAll), (bytes) =>
        bytes.length === 0 ? Stream.empty : Stream.succeed(bytes)
      )
    }
    this.#reading = "stream"
    return Stream.ensuring(
      Stream.repeatEffectChunkOption(this.#pull),
      Effect.sync(() => this.cancel())
    )
  })
}
