/**
 * A deterministic runtime: a seed decides which fiber runs and how far, and time passes only when no fiber has work. It uses
 * no timers and no promises. A run is one synchronous call, and the same seed gives the same run.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as LogLevel from "effect/LogLevel"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import type * as Scheduler from "effect/Scheduler"
import { PCGRandom } from "effect/Utils"

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

interface Task {
  readonly run: () => void
  readonly fiber: AnyFiber | undefined
}

interface Alarm {
  readonly at: number
  readonly run: () => void
}

/** Maximum steps of a fiber before another fiber runs. */
const maxSteps = 40

/** A run with more turns is considered endless. */
const maxTurns = 200_000

/** Scheduler, clock and random numbers of one run. */
export class DeterministicScheduler implements Scheduler.Scheduler, Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  readonly #chance: PCGRandom
  readonly #tasks: Array<Task> = []
  /** Ordered by time, then by the order in which they were set. */
  readonly #alarms: Array<Alarm> = []
  readonly #numbers = new Map<AnyFiber, number>()
  readonly #parents = new Map<AnyFiber, AnyFiber>()
  readonly #dead = new Set<AnyFiber>()
  readonly #orders: Array<{ readonly turn: number; readonly carryOut: () => void }> = []
  #now = 1_000_000
  #turn = 0
  #steps = 1
  #running: AnyFiber | undefined
  /** Every turn, every reading of the clock, and all recorded events. Two runs with the same seed have the same trace. */
  readonly trace: Array<string> = []

  constructor(seed: number) {
    this.#chance = new PCGRandom(seed)
  }

  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    this.trace.push(`clock ${this.#now}`)
    return this.#now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(this.unsafeCurrentTimeMillis()) * 1_000_000n
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const alarm = this.after(Math.ceil(Duration.toMillis(duration)), () => resume(Effect.void))
      return Effect.sync(() => this.#unset(alarm))
    })
  }

  /** Runs something after `ms` milliseconds, even if the fiber that waits for it has ended. */
  after(ms: number, run: () => void): Alarm {
    const alarm = { at: this.#now + ms, run }
    const later = this.#alarms.findIndex(({ at }) => at > alarm.at)
    this.#alarms.splice(later === -1 ? this.#alarms.length : later, 0, alarm)
    return alarm
  }

  #unset(alarm: Alarm): void {
    const index = this.#alarms.indexOf(alarm)
    if (index !== -1) this.#alarms.splice(index, 1)
  }

  /** Random integer from 0 to `below` - 1. */
  integer(below: number): number {
    return this.#chance.integer(below)
  }

  isLucky(probability: number): boolean {
    return this.#chance.number() < probability
  }

  shouldYield(): number | false {
    this.#steps -= 1
    if (this.#steps > 0) return false
    this.#steps = 1 + this.integer(maxSteps)
    return 0
  }

  scheduleTask(run: () => void, _priority: number, fiber?: AnyFiber): void {
    if (fiber !== undefined && !this.#numbers.has(fiber)) {
      this.#numbers.set(fiber, this.#numbers.size)
      if (this.#running !== undefined) this.#parents.set(fiber, this.#running)
    }
    this.#tasks.push({ run, fiber })
  }

  /** The running fiber and its ancestors, beginning with itself. */
  *lineage(of: AnyFiber | undefined = this.#running): Generator<AnyFiber> {
    for (let fiber = of; fiber !== undefined; fiber = this.#parents.get(fiber)) yield fiber
  }

  /** Stops a fiber and all its descendants, as at the end of a process. */
  kill(fiber: AnyFiber): void {
    this.record("exit")
    this.#dead.add(fiber)
  }

  #isDead(fiber: AnyFiber | undefined): boolean {
    if (this.#dead.size === 0) return false
    for (const one of this.lineage(fiber ?? undefined)) if (this.#dead.has(one)) return true
    return false
  }

  /** Runs something between two turns, after `turns` turns. */
  afterTurns(turns: number, carryOut: () => void): void {
    this.#orders.push({ turn: this.#turn + turns, carryOut })
  }

  record(what: string): void {
    this.trace.push(what)
  }

  #carryOut(): void {
    for (let index = 0; index < this.#orders.length;) {
      const order = this.#orders[index]
      if (order === undefined || order.turn > this.#turn) {
        index += 1
        continue
      }
      this.#orders.splice(index, 1)
      order.carryOut()
    }
  }

  /** Runs a task, or lets time pass. Returns false if nothing is left to do. */
  #next(): boolean {
    this.#turn += 1
    this.#carryOut()
    if (this.#tasks.length > 0) {
      const [task] = this.#tasks.splice(this.integer(this.#tasks.length), 1)
      if (task === undefined || (task.fiber !== undefined && this.#isDead(task.fiber))) return true
      this.trace.push(`turn ${task.fiber === undefined ? "without fiber" : this.#numbers.get(task.fiber)}`)
      this.#running = task.fiber
      task.run()
      this.#running = undefined
      return true
    }
    const alarm = this.#alarms.shift()
    if (alarm === undefined) return this.#orders.length > 0
    this.#now = alarm.at
    this.trace.push(`time ${this.#now}`)
    alarm.run()
    return true
  }

  /** Runs an effect to its end. Returns undefined if it does not end. */
  run<A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> | undefined {
    const within = effect.pipe(
      Effect.withClock(this),
      // Effect's `Random` uses the same seed.
      Effect.withRandom(Random.make(this.integer(2 ** 31))),
      Logger.withMinimumLogLevel(LogLevel.None)
    )
    const root = Effect.runFork(within, { scheduler: this, immediate: false })
    while (root.unsafePoll() === null) if (this.#turn > maxTurns || !this.#next()) return undefined
    return root.unsafePoll() ?? undefined
  }
}
