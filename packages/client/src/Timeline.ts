/**
 * Events of a call in their order: requests, responses, waits and token refreshes. For debugging and tests. Events are made
 * only while a listener is set.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import { currentTimeMillis } from "./internal/time/clock.js"

/**
 * One event of a call. `at` is its time in epoch milliseconds. URLs are safe to print, and no event contains a token.
 *
 * - `RequestSent`, `ResponseReceived`, `RequestFailed`: an HTTP request, and its status or the reason of its failure.
 * - `RetryScheduled`: a retry after `ms`. `reason` is the status or the tag of the error.
 * - `Throttled`: the request waits for about `ms`, because the server sent a rate limit.
 * - `Queued`: the request waits for a permit, with `ahead` others before it.
 * - `Admitted`: the request waited `ms` for a throttle, a limit or a permit.
 * - `CircuitOpened`: the circuit of `origin` opened, and the first probe is due after `ms`.
 * - `CircuitHalfOpened`, `CircuitClosed`: the circuit of `origin` sends a probe, or closed.
 * - `Redirected`: the next hop goes to `url`. `ms` is the wait that the server asked for, or 0.
 * - `TokenRequested`, `TokenObtained`: a token request, and its success.
 * - `CredentialsRefreshed`: after a 401. `renewed` says whether the scheme has new credentials for a replay.
 *
 * `ms` is a duration in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type Event =
  | { readonly _tag: "RequestSent"; readonly at: number; readonly method: string; readonly url: string }
  | { readonly _tag: "ResponseReceived"; readonly at: number; readonly status: number }
  | { readonly _tag: "RequestFailed"; readonly at: number; readonly reason: string }
  | { readonly _tag: "RetryScheduled"; readonly at: number; readonly ms: number; readonly reason: string }
  | { readonly _tag: "Throttled"; readonly at: number; readonly ms: number }
  | { readonly _tag: "Admitted"; readonly at: number; readonly ms: number }
  | { readonly _tag: "Queued"; readonly at: number; readonly ahead: number }
  | {
      readonly _tag: "CircuitOpened"
      readonly at: number
      readonly origin: string
      readonly ms: number
      readonly reason: string
    }
  | { readonly _tag: "CircuitHalfOpened"; readonly at: number; readonly origin: string }
  | { readonly _tag: "CircuitClosed"; readonly at: number; readonly origin: string }
  | { readonly _tag: "Redirected"; readonly at: number; readonly url: string; readonly ms: number }
  | { readonly _tag: "TokenRequested"; readonly at: number }
  | { readonly _tag: "TokenObtained"; readonly at: number }
  | { readonly _tag: "CredentialsRefreshed"; readonly at: number; readonly renewed: boolean }

/** An event without its time. */
type Timeless<E> = E extends { readonly at: number } ? Omit<E, "at"> : never

const observer: FiberRef.FiberRef<((event: Event) => void) | undefined> = globalValue(
  "@countersign/client/Timeline/observer",
  () => FiberRef.unsafeMake<((event: Event) => void) | undefined>(undefined)
)

/**
 * Publishes an event to the listeners of the current fiber's calls. Custom policies and schemes use it to appear in the
 * timeline.
 *
 * @param event - makes the event. It is called only if there is a listener.
 * @since 0.1.0
 * @category events
 */
export const emit = (event: () => Timeless<Event>): Effect.Effect<void> =>
  Effect.flatMap(FiberRef.get(observer), (listener) =>
    listener === undefined
      ? Effect.void
      : Effect.map(currentTimeMillis, (at) => {
          listener({ ...event(), at })
        })
  )

/**
 * Whether a listener is set for the calls of a fiber.
 *
 * @since 0.1.0
 * @category events
 */
export const isObserved = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean =>
  fiber.getFiberRef(observer) !== undefined

/**
 * Runs `observed` if a listener is set for the current fiber's calls, and `otherwise` if not.
 *
 * @since 0.1.0
 * @category events
 */
export const ifObserved = <A, E, R, A2, E2, R2>(
  observed: () => Effect.Effect<A, E, R>,
  otherwise: () => Effect.Effect<A2, E2, R2>
): Effect.Effect<A | A2, E | E2, R | R2> =>
  Effect.withFiberRuntime<A | A2, E | E2, R | R2>((fiber) => (isObserved(fiber) ? observed() : otherwise()))

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
    Effect.locallyWith(effect, observer, (outer) => {
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
