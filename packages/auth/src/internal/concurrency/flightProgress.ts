import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** What a run of a single flight reports. */
interface Steps {
  /** A step begins, which may take `ms` milliseconds. */
  readonly begin: (ms: number) => void
  /** Runs an effect after the callers have the outcome of the run. */
  readonly afterwards: (effect: Effect.Effect<void>) => Effect.Effect<void>
}

const unreported: Steps = { begin: () => undefined, afterwards: (effect) => effect }

/** The steps of the current run. Outside of a single flight nothing is reported. */
export class Progress
  extends /* @__PURE__ */ Context.Reference<Progress>()("@countersign/auth/internal/Progress", {
    defaultValue: () => unreported
  }) {}

/** Runs an effect without reporting its steps: it counts as one step, or it continues after the run. */
export const silently = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Progress, unreported)

/** Runs an effect as one step, which ends within `ms` milliseconds by itself. */
export const step = <A, E, R>(effect: Effect.Effect<A, E, R>, ms: number): Effect.Effect<A, E, R> =>
  Effect.flatMap(Progress, (steps) => {
    steps.begin(ms)
    return effect
  })

/** Runs an effect after the callers of the run have its outcome, or now if there is no run. */
export const afterwards = (effect: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(Progress, (steps) => steps.afterwards(effect))
