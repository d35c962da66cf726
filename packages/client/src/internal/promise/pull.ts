/** Streams as async iterators. */
import * as Cause from "effect/Cause"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { PromiseRunner } from "./promiseRunner.js"
import type { StreamPull } from "../runtime/platform.js"
import { openPullIn } from "../runtime/platform.js"

/** The next elements. Undefined at the end of the stream. */
export const nextOf = <A, E, R>(pull: StreamPull<A, E, R>): Effect.Effect<Chunk.Chunk<A> | undefined, E, R> =>
  Effect.catchAll(pull, (end): Effect.Effect<undefined, E> =>
    Option.isSome(end) ? Effect.fail(end.value) : Effect.succeed(undefined)
  )

/** Throws the defect of a finalizer. */
const rethrowDefect = (exit: Exit.Exit<void>): void => {
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
}

/**
 * Runs a stream as its elements are asked for. The stream is closed at its end, when the loop over the iterator ends, after
 * an abort, and when the runner is closed.
 */
export async function* iterateStream<A, E, R>(
  { makeScope, run }: PromiseRunner<R>,
  stream: Stream.Stream<A, E, R>,
  signal: AbortSignal | undefined
): AsyncGenerator<A, void, undefined> {
  const scope = makeScope()
  const close = () => Effect.runPromiseExit(Scope.close(scope, Exit.void))
  let isIdle = false
  // Without a pull that the signal interrupts, the consumer is busy with an element.
  const abort = () => isIdle && void close()
  signal?.addEventListener("abort", abort)
  try {
    const pull = await run(openPullIn(stream, scope), signal)
    for (;;) {
      isIdle = false
      const chunk = await run(nextOf(pull), signal)
      isIdle = true
      if (chunk === undefined) return
      for (const element of chunk) {
        yield element
        signal?.throwIfAborted()
      }
    }
  } finally {
    signal?.removeEventListener("abort", abort)
    rethrowDefect(await close())
  }
}
