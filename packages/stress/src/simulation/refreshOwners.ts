/** Who has started a refresh, how far it has got, and who is interrupted meanwhile. */
import * as FiberId from "effect/FiberId"
import type * as Fiber from "effect/Fiber"
import type { DeterministicScheduler } from "./deterministicScheduler.js"

/** How far a refresh has got. */
export const phases = [
  "before lock",
  "in lock",
  "before POST",
  "before the answer",
  "before save",
  "in save",
  "after"
] as const

/** One of {@link phases}. */
export type Phase = (typeof phases)[number]

/** Tells how far the refresh has got that the running fiber belongs to. */
export interface TraceRefresh {
  (phase: Phase): void
  /** Tells the same, of the refresh that it is now, when no fiber is running. */
  readonly later: () => (phase: Phase) => void
}

/** So many turns after a refresh reached a phase, `nth` others having done so before. */
export interface InterruptPoint {
  readonly phase: Phase
  readonly nth: number
  readonly turns: number
}

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** The callers, and where the refresh is that each of them has started. */
export class RefreshOwners {
  readonly #world: DeterministicScheduler
  readonly #callers = new Map<AnyFiber, Phase | undefined>()
  readonly #orders: Array<{
    readonly moment: InterruptPoint
    before: number
    readonly carryOut: (leader: AnyFiber) => void
  }> = []
  /** How many leaders were interrupted in which phase of their refreshes. */
  readonly interrupted = new Map<Phase, number>()

  constructor(world: DeterministicScheduler) {
    this.#world = world
  }

  /** Takes note of a caller: what descends from it is its doing. */
  add(caller: AnyFiber): void {
    this.#callers.set(caller, undefined)
  }

  /** Does something at a moment, to whoever leads then. */
  at(moment: InterruptPoint, carryOut: (leader: AnyFiber) => void): void {
    this.#orders.push({ moment, before: moment.nth, carryOut })
  }

  /** Takes note that a caller has what it wanted. What it has begun may still go on, but not the first and last of it. */
  readonly isDone = (): void => {
    const caller = this.#leader()
    const phase = caller && this.#callers.get(caller)
    if (caller !== undefined && (phase === "before lock" || phase === "after")) this.#callers.set(caller, undefined)
  }

  /** Interrupts a caller, wherever it is. */
  interrupt(caller: AnyFiber): void {
    const phase = this.#callers.get(caller)
    if (caller.unsafePoll() !== null) return
    if (phase !== undefined) this.interrupted.set(phase, (this.interrupted.get(phase) ?? 0) + 1)
    this.#world.tell(`interrupt in ${phase}`)
    caller.unsafeInterruptAsFork(FiberId.none)
  }

  readonly follow: TraceRefresh = Object.assign((phase: Phase) => this.#enter(this.#leader(), phase), {
    later: () => {
      const leader = this.#leader()
      return (phase: Phase) => this.#enter(leader, phase)
    }
  })

  #leader(): AnyFiber | undefined {
    for (const fiber of this.#world.lineage()) if (this.#callers.has(fiber)) return fiber
    return undefined
  }

  #enter(leader: AnyFiber | undefined, phase: Phase): void {
    this.#world.tell(phase)
    if (leader === undefined) return
    this.#callers.set(leader, phase)
    for (const order of this.#orders) {
      if (order.moment.phase !== phase) continue
      order.before -= 1
      if (order.before === -1) this.#world.afterTurns(order.moment.turns, () => order.carryOut(leader))
    }
  }
}
