/** Access to fibers without an effect, for Effect 4. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

const states: Map<string, unknown> = ((): Map<string, unknown> => {
  const key = Symbol.for("@countersign/client/globalState")
  // Only this module sets the property, and always to a map.
  const all = globalThis as { [key]?: Map<string, unknown> }
  return (all[key] ??= new Map())
})()

/** A value that two copies of this package share. */
export const globalState = <A>(id: string, make: () => A): A => {
  if (!states.has(id)) states.set(id, make())
  // Each id belongs to one call of this function, so the value has its type.
  return states.get(id) as A
}

/** A fiber that runs. */
export type Running = Fiber.Fiber<unknown, unknown>

/** A value that a fiber and its children have. */
export type FiberLocal<A> = Context.Reference<A>

/** Makes a value of fibers, which two copies of this package share. Effect 4 joins no values. */
export const makeLocal = <A>(id: string, initial: A, _options?: object): FiberLocal<A> =>
  globalState(id, () => Context.Reference<A>(id, { defaultValue: () => initial }))

/** Sets the value of the current fiber, which nothing restores. */
export const writeLocal = <A>(local: FiberLocal<A>, value: A): Effect.Effect<void> => changeService(local, () => value)

/** Adds a service to the current fiber, which nothing restores. `change` gets the services that the fiber has. */
export const changeService = <I, S>(
  tag: Context.Key<I, S>,
  change: (services: Context.Context<never>) => S
): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const services: Context.Context<never> = Context.add(fiber.context, tag, change(fiber.context))
    fiber.setContext(services)
    return Effect.void
  })

/** The clock of the system. */
export const liveClock: Clock.Clock = Context.get(Context.empty(), Clock.Clock)

/** The clock of a fiber. */
export const clockOf = (fiber: Running): Clock.Clock => fiber.getRef(Clock.Clock)
