import * as Effect from "effect/Effect"
import * as Timeline from "../../Timeline.js"
import { monotonicOf } from "../time/clock.js"

/** The event of a request that has waited since then (milliseconds of the monotonic clock): how long it really was. */
export const admitted = (since: number): Effect.Effect<void> =>
  Effect.withFiberRuntime((fiber) =>
    Timeline.emit(() => ({ _tag: "Admitted", ms: Math.max(0, Math.ceil(monotonicOf(fiber) - since)) }))
  )
