/** Turns the chunks of a stream into elements, with a state between them. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** The elements of a chunk, and what follows them: nothing, the end of the stream (none), or its failure. */
export interface Step<out A, out E> {
  readonly elements: ReadonlyArray<A>
  readonly end?: Option.Option<E> | undefined
}

/**
 * Calls `onChunk` with each chunk of a stream, and emits the elements of the step. Elements before a failure are emitted.
 *
 * @param onEnd - the last step, after the end of the source.
 */
export const transduce = <A, E, B, E2, R>(
  source: Stream.Stream<A, E>,
  onChunk: (chunk: Chunk.Chunk<A>) => Effect.Effect<Step<B, E2>, never, R>,
  onEnd: Effect.Effect<Step<B, E2>, never, R>
): Stream.Stream<B, E | E2, R> =>
  Stream.unwrapScoped(
    Effect.map(Stream.toPull(source), (pull) => {
      let end: Option.Option<E | E2> | undefined
      const next: Effect.Effect<Chunk.Chunk<B>, Option.Option<E | E2>, R> = Effect.suspend(() =>
        end === undefined
          ? Effect.matchEffect(pull, {
              onFailure: (stop) =>
                Option.isSome(stop)
                  ? Effect.fail(stop)
                  : Effect.flatMap(onEnd, (step) => emit({ ...step, end: step.end ?? Option.none() })),
              onSuccess: (chunk) => Effect.flatMap(onChunk(chunk), emit)
            })
          : Effect.fail(end)
      )
      const emit = (step: Step<B, E2>) => {
        end = step.end
        return step.elements.length === 0 ? next : Effect.succeed(Chunk.unsafeFromArray(step.elements))
      }
      return Stream.repeatEffectChunkOption(next)
    })
  )
