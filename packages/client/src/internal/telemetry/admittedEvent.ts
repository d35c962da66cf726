import * as Effect from "effect/Effect"
import * as Timeline from "../../Timeline.js"
import { unsafeMonotonicNow } from "../time/clock.js"

/** Emits `Admitted` with the actual wait. `since` is the start of the wait, in milliseconds of the monotonic clock. */
export const emitAdmitted = (since: number): Effect.Effect<void> =>
  Effect.withFiberRuntime((fiber) =>
    Timeline.emit(() => ({ _tag: "Admitted", ms: Math.max(0, Math.ceil(unsafeMonotonicNow(fiber) - since)) }))
  )
