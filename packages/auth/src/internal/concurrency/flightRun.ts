import * as Signal from "@countersign/client/Signal"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { Stopwatch } from "./stopwatch.js"

/**
 * Additional time for an overdue step, in milliseconds of the monotonic clock. If only the wall clock was changed, the run
 * ends within this time, and no request is sent twice.
 */
const graceMs = 2_000

/** Longest time between two checks of a run, in milliseconds. The machine may have been suspended. */
const lookMs = 1_000

/** Shortest time between two checks, in milliseconds. An overdue run is checked until it ends or is given up. */
const shortestLookMs = 100

/** One run of a single flight. */
export class Run<A, E> {
  readonly #outcome: Signal.Signal<Exit.Exit<A, E> | undefined> = Signal.make()
  /** Waits until the run ends. `undefined` if it was given up. All waiting fibers share this effect. */
  readonly exit: Effect.Effect<Exit.Exit<A, E> | undefined>
  /** The fiber that does the work, and the fiber that checks whether it is lost. */
  worker: Fiber.RuntimeFiber<void> | undefined
  watcher: Fiber.RuntimeFiber<void> | undefined
  readonly #step: Stopwatch
  readonly #overdue: Stopwatch
  readonly #afterwards: Array<Effect.Effect<void>> = []
  #isCleanedUp = false
  #limit: number
  #isOverdue = false

  /**
   * @param limit - how long the first step may take, in milliseconds.
   * @param onPoll - called when a waiting fiber polls. It may give the run up.
   */
  constructor(clock: Clock.Clock, limit: number, onPoll: (run: Run<A, E>) => void) {
    this.exit = this.#outcome.wait(() => onPoll(this))
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

  /** Runs an effect in {@link cleanUp}, or now if that has begun: a run that was given up may still do some work. */
  readonly afterwards = (effect: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (this.#isCleanedUp) return effect
      this.#afterwards.push(effect)
      return Effect.void
    })

  /** Whether effects wait for {@link cleanUp}. */
  get hasCleanUp(): boolean {
    return this.#afterwards.length > 0
  }

  /** Runs the effects that could wait until the callers have the outcome, such as the release of a lock. */
  readonly cleanUp: Effect.Effect<void> = Effect.suspend(() => {
    this.#isCleanedUp = true
    return Effect.all(this.#afterwards, { discard: true })
  })

  /** How long the current step may take, in milliseconds. */
  get limit(): number {
    return this.#limit
  }

  /** Whether the fiber was lost or is frozen: the step is overdue by more than the additional time. */
  isLost(): boolean {
    if (this.#step.elapsed <= this.#limit) return false
    if (!this.#isOverdue) this.#overdue.restart()
    this.#isOverdue = true
    return this.#overdue.elapsedMonotonic >= graceMs
  }

  /** Time until the next check, in milliseconds. */
  get nextLook(): number {
    return Math.min(lookMs, Math.max(shortestLookMs, this.#limit - this.#step.elapsed))
  }

  /** Completes the run with its own exit. */
  end(exit: Exit.Exit<A, E>): void {
    this.watcher?.unsafeInterruptAsFork(FiberId.none)
    this.#outcome.complete(Exit.succeed(exit))
  }

  /** Ends the wait of the callers, and interrupts the fibers if they still exist. */
  giveUp(): void {
    this.#outcome.complete(Exit.succeed(undefined))
    this.worker?.unsafeInterruptAsFork(FiberId.none)
    this.watcher?.unsafeInterruptAsFork(FiberId.none)
  }
}
