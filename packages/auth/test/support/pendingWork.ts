import * as Effect from "effect/Effect"

const afterTurns = (count: number, run: () => void): void =>
  count === 0 ? run() : void setImmediate(() => afterTurns(count - 1, run))

/**
 * Lets promises of libraries and of WebCrypto settle, which the test clock does not control. A busy machine can run the
 * timer before other work of this process, so this also waits for turns of the event loop.
 */
export const runPendingWork = (millis: number): Effect.Effect<void> =>
  Effect.async((resume) => void setTimeout(() => afterTurns(20, () => resume(Effect.void)), millis))
