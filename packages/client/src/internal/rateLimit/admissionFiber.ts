/** The fiber that admits the waiting requests of a gate. */
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import { isPolling } from "../../WaitStrategy.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import { sleep } from "../time/sleep.js"
import type { Gate, GateWaiter } from "./admissionGate.js"

/** Admits waiting requests until the gate's queue is empty. */
const admitUntilEmpty = (gate: Gate): Effect.Effect<void> =>
  Effect.withFiberRuntime<void>((fiber) => {
    const next = gate.admitDue(unsafeMonotonicNow(fiber))
    gate.admissionFiber = gate.size === 0 ? undefined : fiber
    // At least one millisecond, so that the loop cannot spin.
    return gate.size === 0 ? Effect.void : Effect.zipRight(sleep(Math.max(1, next)), admitUntilEmpty(gate))
  })

/**
 * Runs in a fiber of its own, because a waiting fiber may be interrupted. It ends when no request waits. On a runtime
 * where fibers poll, the waiting fibers admit themselves.
 */
export const startAdmissionFiber = (gate: Gate): Effect.Effect<void> =>
  Effect.withFiberRuntime<void>((fiber) => {
    if (gate.admissionFiber !== undefined || isPolling(fiber)) return Effect.void
    gate.admissionFiber = "starting"
    return Effect.asVoid(Effect.forkDaemon(Effect.interruptible(admitUntilEmpty(gate))))
  })

const stopAdmissionFiber = (gate: Gate): void => {
  if (gate.admissionFiber === undefined || gate.admissionFiber === "starting") return
  gate.admissionFiber.unsafeInterruptAsFork(FiberId.none)
  gate.admissionFiber = undefined
}

/** Called after an event that changes when the next request is due. */
export const restartAdmissionFiber = (gate: Gate): Effect.Effect<void> => {
  stopAdmissionFiber(gate)
  return gate.size === 0 ? Effect.void : startAdmissionFiber(gate)
}

/** Removes a request that waits no more. The fiber ends with the last one. */
export const cancelWait = (gate: Gate, waiter: GateWaiter): void => {
  gate.cancel(waiter)
  if (gate.size === 0) stopAdmissionFiber(gate)
}
