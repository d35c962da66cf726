/**
 * Events of a call in their order: requests, responses, waits and token refreshes. For debugging, tests and log lines. Events
 * are made only while a listener is set.
 *
 * | listener of | with |
 * |---|---|
 * | the calls in an effect | {@link observe}, {@link record} |
 * | the calls of one client | the client's option `observe` |
 * | all clients of an application | {@link layer} |
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import { makePolicy } from "./internal/call/pipeline.js"
import { observeCall } from "./internal/telemetry/callEvents.js"
import type { Event, EventFields } from "./internal/telemetry/events.js"
import { listenerLayer } from "./internal/telemetry/listenerLayer.js"
import * as timeline from "./internal/telemetry/timeline.js"
import type * as Policy from "./Policy.js"

export type { Event, EventFields } from "./internal/telemetry/events.js"
export type { FormatOptions } from "./internal/telemetry/timelineText.js"
export { format, line } from "./internal/telemetry/timelineText.js"

/**
 * Publishes an event to the listeners of the current fiber's calls. Custom policies and schemes use it to appear in the
 * timeline.
 *
 * @param event - makes the event. It is called only if there is a listener.
 * @since 0.1.0
 * @category events
 */
export const emit = (event: () => EventFields): Effect.Effect<void> =>
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
 * An error that the listener throws does not reach the call. The first one is logged as a warning.
 *
 * @param listener - called synchronously with each event.
 * @since 0.1.0
 * @category recording
 */
export const observe = (
  listener: (event: Event) => void
): (<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) => {
  const internal = timeline.toListener(listener)
  return (effect) => Effect.locallyWith(effect, timeline.observation, (outer) => timeline.addListener(outer, internal))
}

/**
 * Layer that calls a listener with every event of all calls in the effects and layers that it is provided to, whatever their
 * client. Provide it once to the whole application.
 *
 * An error that the listener throws does not reach the call. The first one is logged as a warning.
 *
 * @example
 * import * as Timeline from "@countersign/client/Timeline"
 *
 * const counts = new Map<string, number>()
 * const Counting = Timeline.layer(({ _tag }) => counts.set(_tag, (counts.get(_tag) ?? 0) + 1))
 *
 * @param listener - called synchronously with each event.
 * @since 0.1.0
 * @category layers
 */
export const layer = (listener: (event: Event) => void): Layer.Layer<never> =>
  listenerLayer(timeline.toListener(listener))

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

/**
 * Options of the timeline policy: the API, and a listener.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Origin of the client's base URL. Each event has it as `api`. */
  readonly api: string
  /** Called synchronously with each event of the client's calls. An error that it throws does not reach the call. */
  readonly observe?: ((event: Event) => void) | undefined
}

/**
 * Timeline policy: numbers the calls of a client, and emits `CallStarted` and `CallEnded`. Without a listener it does
 * nothing.
 *
 * The call of a client that is the transport of another client is a call of its own, with its own `callId` and `api`. Requests
 * for tokens belong to the call that sends them.
 *
 * @param options - the API, and a listener.
 * @since 0.1.0
 * @category policies
 */
export const policy = ({ api, observe: listener }: Options): Policy.Policy => {
  const own = listener === undefined ? undefined : timeline.toListener(listener)
  return makePolicy((request, next, context) => observeCall(api, own, request, next, context))
}
