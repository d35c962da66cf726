import * as Signal from "@countersign/client/Signal"
import type * as Clock from "effect/Clock"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { Stopwatch } from "./stopwatch.js"

/**
 * How much longer a step may take that is overdue, in milliseconds of the monotonic clock. If only the wall clock was moved,
 * the run ends in this time, and no request is sent twice.
 */
const graceMs = 2_000

/** The longest time between two looks at a run, in milliseconds: a machine may have been suspended. */
const lookMs = 1_000

/** The shortest time between two looks, in milliseconds: an overdue run is looked at until it ends or is given up. */
const shortestLookMs = 100

/** One run of a single flight. */
export class Run<A, E> {
  /** How it ended. `undefined` if it was given up. */
  readonly outcome: Signal.Signal<Exit.Exit<A, E> | undefined> = Signal.make()
  /** The fiber that does the work, and the one that looks whether it is lost. */
  worker: Fiber.RuntimeFiber<void> | undefined
  watcher: Fiber.RuntimeFiber<void> | undefined
  readonly #step: Stopwatch
  readonly #overdue: Stopwatch
  #limit: number
  #isOverdue = false

  /** @param limit - how long the first step may take, in milliseconds. */
  constructor(clock: Clock.Clock, limit: number) {
    this.#step = new Stopwatch(clock)
    this.#overdue = new Stopwatch(clock)
    this.#limit = limit
  }

  /** A step begins that ends within `ms` milliseconds by itself. */
  readonly begin = (ms: number): void => {
    this.#step.restart()
    this.#limit = ms
    this.#isOverdue = false
  }

  /** How long its step may take, in milliseconds. */
  get limit(): number {
    return this.#limit
  }

  /** Whether its fiber was lost or is frozen: a step should have ended long ago. */
  isLost(): boolean {
    if (this.#step.elapsed <= this.#limit) return false
    if (!this.#isOverdue) this.#overdue.restart()
    this.#isOverdue = true
    return this.#overdue.elapsedMonotonic >= graceMs
  }

  /** When to look at it next: in how many milliseconds. */
  get nextLook(): number {
    return Math.min(lookMs, Math.max(shortestLookMs, this.#limit - this.#step.elapsed))
  }

  /** It has ended by itself. */
  end(exit: Exit.Exit<A, E>): void {
    this.watcher?.unsafeInterruptAsFork(FiberId.none)
    this.outcome.complete(Exit.succeed(exit))
  }

  /** Ends the wait for it, and interrupts its fibers if there is anything left of them. */
  giveUp(): void {
    this.outcome.complete(Exit.succeed(undefined))
    this.worker?.unsafeInterruptAsFork(FiberId.none)
    this.watcher?.unsafeInterruptAsFork(FiberId.none)
  }
}
