import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import type * as Effect from "effect/Effect"

/** The time of a fiber's clock, without an effect of its own. */
export const nowOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): number =>
  Context.get(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeMillis()

/** The same for an effect. One module has the clock: each import that is left to a bundle weighs a little. */
export const currentTimeMillis: Effect.Effect<number> = Clock.currentTimeMillis
