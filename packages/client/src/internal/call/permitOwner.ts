import { isPolling } from "../../WaitStrategy.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import type { Running, Shared } from "./context.js"
import { callOf, isInside } from "./context.js"

/** Time for a fiber to end after its deadline, in milliseconds. */
const slack = 1000

/** The lease of a fiber without a deadline, in milliseconds, on a runtime that may drop fibers without a trace. */
const longestLease = 300_000

/** A fiber that has something that others wait for: a permit, or the place of a probe. */
export interface Holder {
  readonly fiber: Running
  /** What it has it for; undefined outside of calls. */
  readonly shared: Shared | undefined
  /** Until when it has it at most, in milliseconds of the monotonic clock. After that the fiber is lost. */
  readonly until: number
}

/**
 * After its call's deadline a fiber holds nothing. One that still does is lost: its request is over, and its runtime ran no
 * finalizers.
 */
const leaseOf = (fiber: Running, deadline: number): number => {
  if (deadline !== Number.POSITIVE_INFINITY) return deadline + slack
  return isPolling(fiber) ? unsafeMonotonicNow(fiber) + longestLease : deadline
}

/** This fiber, as it is now. */
export const holderOf = (fiber: Running): Holder => {
  const call = callOf(fiber)
  return { fiber, shared: isInside(call) ? call.shared : undefined, until: leaseOf(fiber, call.deadline) }
}

/**
 * Whether what a fiber does now is a part of what a holder does: to let it wait for the holder would be to let the holder
 * wait for itself. A scheme that asks for a token in the middle of a call is such a part, in whichever fiber. Another
 * send of the same call is none: it waits like any other.
 */
export const isWithin = (fiber: Running, holder: Holder): boolean => {
  if (fiber === holder.fiber) return true
  if (holder.shared === undefined) return false
  for (let at = callOf(fiber).shared.within; at !== undefined; at = at.shared.within) {
    if (at.shared === holder.shared) return true
  }
  return false
}
