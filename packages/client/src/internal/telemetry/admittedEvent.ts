import * as Effect from "effect/Effect"
import * as Timeline from "../../Timeline.js"
import { unsafeMonotonicNow } from "../time/clock.js"

/** The event of a request that has waited since then (milliseconds of the monotonic clock): how long it really was. */
export const emitAdmitted = (since: number): Effect.Effect<void> =>
  Effect.withFiberRuntime((fiber) =>
    Timeline.emit(() => ({ _tag: "Admitted", ms: Math.max(0, Math.ceil(unsafeMonotonicNow(fiber) - since)) }))
  )
