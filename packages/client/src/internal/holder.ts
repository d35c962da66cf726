import type { Running, Shared } from "./call.js"
import { callOf, isInside } from "./call.js"

/** Who has something that others wait for: a permit, the place of a probe. */
export interface Holder {
  readonly fiber: Running
  /** What it has it for; undefined outside of calls. */
  readonly shared: Shared | undefined
}

/** This fiber, as it is now. */
export const holderOf = (fiber: Running): Holder => {
  const call = callOf(fiber)
  return { fiber, shared: isInside(call) ? call.shared : undefined }
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
