import { isPolling } from "../../WaitStrategy.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import type { CallContext } from "./context.js"

/** Time for a fiber to end after its deadline, in milliseconds. */
const slackMs = 1000

/** The lease of a fiber without a deadline, in milliseconds, on a runtime that may drop fibers without a trace. */
const maxLeaseMs = 300_000

/**
 * Until when a request may hold a permit or be a probe, in milliseconds of the monotonic clock. A fiber that holds it for
 * longer is lost: its request is over, and its runtime ran no finalizers.
 */
export const leaseEnd = ({ deadline, fiber }: CallContext): number => {
  if (deadline !== undefined) return deadline.at + slackMs
  return isPolling(fiber) ? unsafeMonotonicNow(fiber) + maxLeaseMs : Number.POSITIVE_INFINITY
}
