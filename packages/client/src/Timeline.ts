/**
 * Events of a call in their order: requests, responses, waits and token refreshes. For debugging and tests. Events are made
 * only while a listener is set.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Event, Timeless } from "./internal/telemetry/timeline.js"
import * as timeline from "./internal/telemetry/timeline.js"

export type { Event } from "./internal/telemetry/timeline.js"

/**
 * Publishes an event to the listeners of the current fiber's calls. Custom policies and schemes use it to appear in the
 * timeline.
 *
 * @param event - makes the event. It is called only if there is a listener.
 * @since 0.1.0
 * @category events
 */
export const emit = (event: () => Timeless<Event>): Effect.Effect<void> =>
  Effect.withFiberRuntime((fiber) => {
    timeline.emitNow(fiber, event)
    return Effect.void
  })

/**
 * Whether a listener is set for the calls of a fiber.
 *
 * @since 0.1.0
 * @category events
 */
export const isObserved: (fiber: Fiber.RuntimeFiber<unknown, unknown>) => boolean = timeline.isObserved

/**
 * Calls a listener with every event of the calls in an effect. Listeners of outer `observe` calls get the event too.
 *
 * @param listener - called synchronously with each event.
 * @since 0.1.0
 * @category recording
 */
export const observe =
  (listener: (event: Event) => void) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.locallyWith(effect, timeline.observer, (outer) => {
      if (outer === undefined) return listener
      return (event) => {
        outer(event)
        listener(event)
      }
    })

/**
 * Runs an effect and returns its exit with the events of its calls.
 *
 * @since 0.1.0
 * @category recording
 */
export const record = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly exit: Exit.Exit<A, E>; readonly events: ReadonlyArray<Event> }, never, R> =>
  Effect.suspend(() => {
    const events: Array<Event> = []
    return effect.pipe(
      observe((event) => events.push(event)),
      Effect.exit,
      Effect.map((exit) => ({ exit, events }))
    )
  })
