/**
 * What happened during a call, in order: sends, answers, waits, renewals. For people who look before they read, and
 * for tests. Nothing is recorded, and next to nothing is paid, unless somebody asks.
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
 * Something that happened, at `at` (epoch milliseconds). URLs are safe to print, tokens never appear.
 *
 * `ms` is a duration in milliseconds:
 * - `RetryScheduled`: before the next attempt.
 * - `Throttled`: how long the request is going to be throttled. While others are admitted gradually, it is an estimate.
 * - `Admitted`: how long the request really waited, for a throttle, for a limit or for a permit.
 * - `Redirected`: the wait before the next hop that the server asked for; 0 without one.
 * - `CircuitOpened`: until the first probe.
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

/** An event, before somebody looks at the clock. */
type Timeless<E> = E extends { readonly at: number } ? Omit<E, "at"> : never

const observer: FiberRef.FiberRef<((event: Event) => void) | undefined> = globalValue(
  "@countersign/client/Timeline/observer",
  () => FiberRef.unsafeMake<((event: Event) => void) | undefined>(undefined)
)

/**
 * Tells whoever records this fiber's calls that something happened. Policies and schemes of one's own call this to
 * appear in the timeline.
 *
 * @param event - made only when somebody listens.
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
 * Whether somebody records the calls of a fiber: for a policy that has a shorter way where nobody does.
 *
 * @since 0.1.0
 * @category events
 */
export const isObserved = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean =>
  fiber.getFiberRef(observer) !== undefined

/**
 * Runs `observed` where somebody records this fiber's calls, and `otherwise` where nobody does: what is on the path of
 * every request need not look twice.
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
 * Hands every event of the calls in an effect to a listener, as it happens. Who observes further out hears it too.
 *
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
 * Runs an effect and gives its outcome together with the events of its calls.
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
