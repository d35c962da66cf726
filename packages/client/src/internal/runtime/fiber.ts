/**
 * Access to fibers without an effect. Effect 4 has other names and types for these, so only this module and
 * `telemetry/fiberTelemetry.ts` use them. The edition for Effect 4 replaces both.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"

/** A value that two copies of this package share. */
export { globalValue as globalState }

/** A fiber that runs. */
export type Running = Fiber.RuntimeFiber<unknown, unknown>

/** A value that a fiber and its children have. */
export type FiberLocal<A> = FiberRef.FiberRef<A>

/** Keeps the value of a parent that joins a child. For a value that is written without being restored. */
interface LocalOptions<A> {
  readonly join: (parent: A) => A
}

/** Makes a value of fibers, which two copies of this package share. A child does not change the value of its parent. */
export const makeLocal = <A>(id: string, initial: A, options?: LocalOptions<A>): FiberLocal<A> =>
  globalValue(id, () => FiberRef.unsafeMake(initial, options))

/** Sets the value of the current fiber, which nothing restores. */
export const writeLocal: <A>(local: FiberLocal<A>, value: A) => Effect.Effect<void> = FiberRef.set

/** Adds a service to the current fiber, which nothing restores. `change` gets the service that the fiber has. */
export const changeService = <I, S>(
  tag: Context.Tag<I, S>,
  change: (services: Context.Context<never>) => S
): Effect.Effect<void> =>
  Effect.flatMap(FiberRef.get(FiberRef.currentContext), (context) =>
    FiberRef.set(FiberRef.currentContext, Context.add(context, tag, change(context)))
  )

/** The clock of the system. */
export const liveClock: Clock.Clock = /* @__PURE__ */ Context.get(DefaultServices.liveServices, Clock.Clock)

/** The clock of a fiber. */
export const clockOf = (fiber: Running): Clock.Clock => Context.get(fiber.currentDefaultServices, Clock.Clock)
