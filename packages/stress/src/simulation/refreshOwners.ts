/** The callers that started refreshes, the phases of these, and the interruptions of the callers. */
import * as FiberId from "effect/FiberId"
import type * as Fiber from "effect/Fiber"
import type { DeterministicScheduler } from "./deterministicScheduler.js"

/** Phases of a refresh. */
export const phases = [
  "before lock",
  "in lock",
  "before POST",
  "before response",
  "before save",
  "in save",
  "after"
] as const

/** One of {@link phases}. */
export type Phase = (typeof phases)[number]

/** Records the phase of the refresh that the running fiber belongs to. */
export interface TraceRefresh {
  (phase: Phase): void
  /** Records phases of the current refresh later, when no fiber runs. */
  readonly later: () => (phase: Phase) => void
}

/** A point in a run: `turns` turns after a refresh reached a phase for the (`nth` + 1)-th time. */
export interface InterruptPoint {
  readonly phase: Phase
  readonly nth: number
  readonly turns: number
}

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** The callers, and the phase of the refresh that each has started. */
export class RefreshOwners {
  readonly #scheduler: DeterministicScheduler
  readonly #callers = new Map<AnyFiber, Phase | undefined>()
  readonly #orders: Array<{
    readonly point: InterruptPoint
    before: number
    readonly carryOut: (owner: AnyFiber) => void
  }> = []
  /** Number of interrupted callers by the phase of their refresh. */
  readonly interrupted = new Map<Phase, number>()

  constructor(scheduler: DeterministicScheduler) {
    this.#scheduler = scheduler
  }

  /** Adds a caller. Its descendant fibers belong to it. */
  add(caller: AnyFiber): void {
    this.#callers.set(caller, undefined)
  }

  /** Calls `carryOut` with the caller that owns the refresh at that point. */
  at(point: InterruptPoint, carryOut: (owner: AnyFiber) => void): void {
    this.#orders.push({ point, before: point.nth, carryOut })
  }

  /**
   * Records that a caller has got its token. A refresh that it started may continue, except in the first and the last phase.
   */
  readonly isDone = (): void => {
    const caller = this.#owner()
    const phase = caller && this.#callers.get(caller)
    if (caller !== undefined && (phase === "before lock" || phase === "after")) this.#callers.set(caller, undefined)
  }

  /** Interrupts a caller in any phase. */
  interrupt(caller: AnyFiber): void {
    const phase = this.#callers.get(caller)
    if (caller.unsafePoll() !== null) return
    if (phase !== undefined) this.interrupted.set(phase, (this.interrupted.get(phase) ?? 0) + 1)
    this.#scheduler.record(`interrupt in ${phase}`)
    caller.unsafeInterruptAsFork(FiberId.none)
  }

  readonly trace: TraceRefresh = Object.assign((phase: Phase) => this.#enter(this.#owner(), phase), {
    later: () => {
      const owner = this.#owner()
      return (phase: Phase) => this.#enter(owner, phase)
    }
  })

  #owner(): AnyFiber | undefined {
    for (const fiber of this.#scheduler.lineage()) if (this.#callers.has(fiber)) return fiber
    return undefined
  }

  #enter(owner: AnyFiber | undefined, phase: Phase): void {
    this.#scheduler.record(phase)
    if (owner === undefined) return
    this.#callers.set(owner, phase)
    for (const order of this.#orders) {
      if (order.point.phase !== phase) continue
      order.before -= 1
      if (order.before === -1) this.#scheduler.afterTurns(order.point.turns, () => order.carryOut(owner))
    }
  }
}
