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

/** Reads the next elements. Fails with none at the end. */
export type Pull<A, E, R = never> = Effect.Effect<Chunk.Chunk<A>, Option.Option<E>, R>

/**
 * Calls `onChunk` with each chunk of a source, and returns the elements of the step. Elements before a failure are returned.
 *
 * @param onEnd - the last step, after the end of the source.
 */
export const transducePull = <A, E, B, E2, R>(
  source: Pull<A, E>,
  onChunk: (chunk: Chunk.Chunk<A>) => Effect.Effect<Step<B, E2>, never, R>,
  onEnd: Effect.Effect<Step<B, E2>, never, R>
): Pull<B, E | E2, R> => {
  let end: Option.Option<E | E2> | undefined
  const next: Pull<B, E | E2, R> = Effect.suspend(() =>
    end === undefined
      ? Effect.matchEffect(source, {
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
  return next
}

/** {@link transducePull} for a stream. */
export const transduce = <A, E, B, E2, R>(
  source: Stream.Stream<A, E>,
  onChunk: (chunk: Chunk.Chunk<A>) => Effect.Effect<Step<B, E2>, never, R>,
  onEnd: Effect.Effect<Step<B, E2>, never, R>
): Stream.Stream<B, E | E2, R> =>
  Stream.unwrapScoped(
    Effect.map(Stream.toPull(source), (pull) => Stream.repeatEffectChunkOption(transducePull(pull, onChunk, onEnd)))
  )

const add = <A, E>(elements: Array<A>, step: Step<A, E>): void => {
  for (const element of step.elements) elements.push(element)
}

/**
 * Reads items in their order, until one of them ends the stream. Items that need no effect are read at once.
 *
 * @param read - the elements of an item, and what follows it.
 */
export const readAll = <I, A, E, R>(
  items: ReadonlyArray<I>,
  read: (item: I) => Step<A, E> | Effect.Effect<Step<A, E>, never, R>,
  elements: Array<A> = []
): Effect.Effect<Step<A, E>, never, R> => {
  for (const [at, item] of items.entries()) {
    const step = read(item)
    if (Effect.isEffect(step)) {
      return Effect.flatMap(step, (following) => {
        add(elements, following)
        return following.end === undefined
          ? readAll(items.slice(at + 1), read, elements)
          : Effect.succeed({ elements, end: following.end })
      })
    }
    add(elements, step)
    if (step.end !== undefined) return Effect.succeed({ elements, end: step.end })
  }
  return Effect.succeed({ elements })
}
