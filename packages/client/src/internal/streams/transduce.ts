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

/** `Stream.runFold` calls itself for each element of a chunk, so that a chunk of 10 000 small events overflows the stack. */
const maxElements = Stream.DefaultChunkSize

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
  let elements: ReadonlyArray<B> = []
  const next: Pull<B, E | E2, R> = Effect.suspend(() => {
    if (elements.length > 0) return take()
    if (end !== undefined) return Effect.fail(end)
    return Effect.matchEffect(source, {
      onFailure: (stop) =>
        Option.isSome(stop)
          ? Effect.fail(stop)
          : Effect.flatMap(onEnd, (step) => emit({ ...step, end: step.end ?? Option.none() })),
      onSuccess: (chunk) => Effect.flatMap(onChunk(chunk), emit)
    })
  })
  const emit = (step: Step<B, E2>) => {
    end = step.end
    elements = step.elements
    return next
  }
  const take = () => {
    const taken = elements.length > maxElements ? elements.slice(0, maxElements) : elements
    elements = elements.slice(taken.length)
    return Effect.succeed(Chunk.unsafeFromArray(taken))
  }
  return next
}

/** The end of a stream (none), or its failure, after an item. Undefined if further items follow. */
export type End<E> = { readonly end: Option.Option<E> } | undefined

/** Adds the elements of an item. An item that needs no effect is read at once. */
export type Read<I, A, E, R> = (item: I, elements: Array<A>) => End<E> | Effect.Effect<End<E>, never, R>

/**
 * Reads items in their order, until one of them ends the stream.
 *
 * @param items - the iterator of an array. It continues after an item that needs an effect.
 */
const readRest = <I, A, E, R>(
  items: IterableIterator<I>,
  read: Read<I, A, E, R>,
  elements: Array<A>
): Effect.Effect<Step<A, E>, never, R> => {
  for (const item of items) {
    const ended = read(item, elements)
    if (ended === undefined) continue
    if (!Effect.isEffect(ended)) return Effect.succeed({ elements, end: ended.end })
    return Effect.flatMap(ended, (later) =>
      later === undefined ? readRest(items, read, elements) : Effect.succeed({ elements, end: later.end })
    )
  }
  return Effect.succeed({ elements })
}

/** Reads items in their order, until one of them ends the stream. */
export const readAll = <I, A, E, R>(
  items: ReadonlyArray<I>,
  read: Read<I, A, E, R>
): Effect.Effect<Step<A, E>, never, R> => readRest(items.values(), read, [])
