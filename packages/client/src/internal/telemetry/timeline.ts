/** The listener of a fiber's calls, and the publication of events. See `Timeline`. */
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import { unsafeNow } from "../time/clock.js"

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
export type Timeless<E> = E extends { readonly at: number } ? Omit<E, "at"> : never

/** The listener of the calls of a fiber. */
export const observer: FiberRef.FiberRef<((event: Event) => void) | undefined> = globalValue(
  "@countersign/client/Timeline/observer",
  () => FiberRef.unsafeMake<((event: Event) => void) | undefined>(undefined)
)

/** The listener of a fiber's calls, if there is one. */
export const listenerOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): ((event: Event) => void) | undefined =>
  fiber.getFiberRef(observer)

/** Whether a listener is set for the calls of a fiber. */
export const isObserved = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean => listenerOf(fiber) !== undefined

/** Publishes an event of a fiber's call without an effect. `event` is called only if there is a listener. */
export const emitNow = (fiber: Fiber.RuntimeFiber<unknown, unknown>, event: () => Timeless<Event>): void => {
  listenerOf(fiber)?.({ ...event(), at: unsafeNow(fiber) })
}
