/** Bodies of streams, and how a stream ends. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The values of a stream, and its error. */
export const outcome = <A, E, R>(
  stream: Stream.Stream<A, E, R>
): Effect.Effect<{ readonly values: ReadonlyArray<A>; readonly error: E | undefined }, never, R> =>
  Effect.suspend(() => {
    const values: Array<A> = []
    const read = Stream.runForEach(stream, (value) => Effect.sync(() => void values.push(value)))
    return Effect.match(read, {
      onFailure: (error) => ({ values, error }),
      onSuccess: () => ({ values, error: undefined })
    })
  })
