import * as Cause from "effect/Cause"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { bodyFailure } from "../errors/describedFailure.js"

/** Runs an effect for each chunk. `Stream.runForEachChunk` forks two fibers, which takes longer than sending a small body. */
const forEachChunk = <E>(
  stream: Stream.Stream<Uint8Array, E>,
  write: (chunk: Chunk.Chunk<Uint8Array>) => Effect.Effect<void>
): Effect.Effect<void, E> =>
  Effect.scoped(
    Effect.flatMap(Stream.toPull(stream), (pull) => {
      const loop: Effect.Effect<void, Option.Option<E>> = Effect.flatMap(pull, (chunk) =>
        Effect.zipRight(write(chunk), loop)
      )
      return Effect.catchAll(loop, (end) => (Option.isNone(end) ? Effect.void : Effect.fail(end.value)))
    })
  )

/**
 * A Node stream that runs an Effect stream. It starts at the first read, and pauses while its buffer is full. When it is
 * destroyed, it interrupts the Effect stream and waits for its finalizers.
 */
export class ReadableBody extends Readable {
  readonly #start: () => Fiber.RuntimeFiber<void, unknown>
  #fiber: Fiber.RuntimeFiber<void, unknown> | undefined
  #resume: (() => void) | undefined

  /** @param runtime - the context, such as the tracer, that the stream runs with. */
  constructor(stream: Stream.Stream<Uint8Array, unknown>, runtime: Runtime.Runtime<never>) {
    super()
    this.#start = () =>
      Runtime.runFork(
        runtime,
        forEachChunk(stream, (chunk) => this.#write(chunk))
      )
  }

  override _read(): void {
    const resume = this.#resume
    this.#resume = undefined
    if (resume !== undefined) return resume()
    if (this.#fiber !== undefined) return
    this.#fiber = this.#start()
    this.#fiber.addObserver((exit) => this.#finish(exit))
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#fiber === undefined) return callback(error)
    Effect.runFork(Fiber.interrupt(this.#fiber)).addObserver(() => callback(error))
  }

  /** Writes and waits in one step. Otherwise a read in between would not resume the stream. */
  #write(chunk: Chunk.Chunk<Uint8Array>): Effect.Effect<void> {
    return Effect.async((resume) => {
      let hasRoom = true
      for (const bytes of chunk) hasRoom = this.push(bytes)
      if (hasRoom) resume(Effect.void)
      else this.#resume = () => resume(Effect.void)
    })
  }

  /** A failure of the caller's stream fails the request as a body failure, and not as a connection failure. */
  #finish(exit: Exit.Exit<void, unknown>): void {
    if (Exit.isSuccess(exit)) this.push(null)
    else this.destroy(bodyFailure(Cause.squash(exit.cause)))
  }
}
