/** Services of this package that never wait, so that their effects need no bound. */
import type * as Effect from "effect/Effect"
import type { CallContext } from "./context.js"
import { runExternal } from "./externalCode.js"

const immediate = new WeakSet<object>()

/** Marks a service as one that never waits. */
export const markImmediate = <S extends object>(service: S): S => {
  immediate.add(service)
  return service
}

/** Whether the effects of a service never wait. */
export const isImmediate = (service: object): boolean => immediate.has(service)

type Run = <A, E, R>(effect: Effect.Effect<A, E, R>, context: CallContext) => Effect.Effect<A, E, R>

const runDirectly: Run = (effect) => effect

/** How to run the effects of a service: directly, or within the deadline of the call. */
export const runnerOf = (service: object): Run => (isImmediate(service) ? runDirectly : runExternal)
