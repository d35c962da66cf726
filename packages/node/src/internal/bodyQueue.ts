import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** What may wait to be read; beyond it the socket is told to stop. */
const highWaterMark = 64 * 1024

/** How a body ended: whole, or by an error of the socket. */
export type End = { readonly whole: true } | { readonly whole: false; readonly cause: unknown }

/**
 * A body on its way from a socket to one reader. The socket pushes and is told when to pause; the reader pulls, and
 * whoever stops reading before the end cuts the connection, since what is left of the body could not be told from the
 * next answer.
 */
export class BodyQueue {
  #chunks: Array<Uint8Array> = []
  #waiting = 0
  #end: End | undefined
  #reader: (() => void) | undefined
  readonly #resume: () => void
  readonly #abort: () => void

  constructor(resume: () => void, abort: () => void) {
    this.#resume = resume
    this.#abort = abort
  }

  /** @returns whether there is room for more. */
  push(chunk: Uint8Array): boolean {
    this.#chunks.push(chunk)
    this.#waiting += chunk.length
    this.#wake()
    return this.#waiting < highWaterMark
  }

  end(end: End): void {
    this.#end ??= end
    this.#wake()
  }

  /** Lets go of a body that nobody reads to its end. */
  cancel(): void {
    if (this.#end !== undefined) return
    this.#chunks = []
    this.#end = { whole: true }
    this.#abort()
  }

  #wake(): void {
    const reader = this.#reader
    this.#reader = undefined
    reader?.()
  }

  #take(): Chunk.Chunk<Uint8Array> {
    const chunks = this.#chunks
    const paused = this.#waiting >= highWaterMark
    this.#chunks = []
    this.#waiting = 0
    if (paused) this.#resume()
    return Chunk.unsafeFromArray(chunks)
  }

  #pull: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<unknown>> = Effect.suspend(() => {
    if (this.#chunks.length > 0) return Effect.succeed(this.#take())
    const end = this.#end
    if (end !== undefined) return Effect.fail(end.whole ? Option.none() : Option.some(end.cause))
    return Effect.zipRight(this.#arrival, this.#pull)
  })

  #arrival: Effect.Effect<void> = Effect.async((resume) => {
    this.#reader = () => resume(Effect.void)
    return Effect.sync(() => (this.#reader = undefined))
  })

  /** The body, to be read once. Errors are the socket's. */
  get stream(): Stream.Stream<Uint8Array, unknown> {
    return Stream.ensuring(
      Stream.repeatEffectChunkOption(this.#pull),
      Effect.sync(() => this.cancel())
    )
  }
}
