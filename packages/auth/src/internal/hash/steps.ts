/** Hashes of large bodies, computed in steps where they are, without a copy. */
import * as Effect from "effect/Effect"

/** A hash or an HMAC that is not complete yet. */
interface Unfinished {
  readonly update: (bytes: Uint8Array) => unknown
}

/** Hashed in one step, which takes about a millisecond. Other fibers run between two steps. */
export const stepBytes = 64 * 1024

/** Adds bytes to a hash. */
export const updateInSteps = (state: Unfinished, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let at = 0; at < bytes.length; at += stepBytes) {
      if (at > 0) yield* Effect.yieldNow()
      state.update(bytes.subarray(at, at + stepBytes))
    }
  })
