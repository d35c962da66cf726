import type * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"

/**
 * Sets the context of a running fiber and returns the one before it. The caller sets that one again when its part ends,
 * also after a failure. `Effect.withParentSpan` and `Effect.provideService` do the same at four times the cost.
 */
export const enter = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  context: Context.Context<never>
): Context.Context<never> => {
  const outer = fiber.currentContext
  // The runtime's fibers set their own refs with this method, which the public type leaves out.
  const own = fiber as unknown as {
    readonly setFiberRef: (ref: typeof FiberRef.currentContext, value: Context.Context<never>) => void
  }
  own.setFiberRef(FiberRef.currentContext, context)
  return outer
}
