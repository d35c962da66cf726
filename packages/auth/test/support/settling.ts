import * as Effect from "effect/Effect"

const afterTurns = (count: number, run: () => void): void =>
  count === 0 ? run() : void setImmediate(() => afterTurns(count - 1, run))

/**
 * Lets the promises of libraries and of WebCrypto settle, which no test clock moves. A busy machine can run the timer before
 * anything else of this process, so the event loop also gets some turns.
 */
export const settling = (millis: number): Effect.Effect<void> =>
  Effect.async((resume) => void setTimeout(() => afterTurns(20, () => resume(Effect.void)), millis))
