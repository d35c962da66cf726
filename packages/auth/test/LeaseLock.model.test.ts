/** Processes, a network with faults, and the model: the engine says which process has the lock. */
import * as LeaseLock from "@countersign/auth/LeaseLock"
import * as TokenStore from "@countersign/auth/TokenStore"
import { describe, expect, it } from "@effect/vitest"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { PCGRandom } from "effect/Utils"
import type { Fate } from "./support/leaseEngine.js"
import { LeaseEngine } from "./support/leaseEngine.js"
import { SimulatedTime } from "./support/simulatedTime.js"
import { StoppableClock } from "./support/stoppableClock.js"

const name = "account"
const leaseMs = 1_000
const stepMs = 20
/** 20 seconds. */
const steps = 1_000

/** A process that takes the lock again and again, and holds it for a random time. */
class Process {
  readonly clock: StoppableClock
  /** The owner of its last acquisition. */
  owner: string | undefined
  /** Whether it may act: undefined while it is outside of the lock. */
  isHeld: Effect.Effect<boolean> | undefined
  acquisitions = 0
  readonly #engine: LeaseEngine
  readonly #random: PCGRandom

  /** If the machine is suspended and its wall clock is set back at the same time, no clock of it knows the time. */
  readonly suffers: "suspensions" | "wall clock"

  constructor(engine: LeaseEngine, base: Clock.Clock, random: PCGRandom, suffers: Process["suffers"]) {
    this.#engine = engine
    this.suffers = suffers
    this.clock = new StoppableClock(base)
    this.#random = random
  }

  /** The engine as this process reaches it. A response waits for a process that has stopped. */
  get #backing(): LeaseLock.Backing {
    const { acquire, release, renew } = this.#engine.backing
    const answered = <A, E>(request: Effect.Effect<A, E>) => Effect.ensuring(request, this.clock.running)
    return {
      acquire: (lock, owner, lease) =>
        Effect.tap(answered(acquire(lock, owner, lease)), (isAcquired) =>
          Effect.sync(() => {
            if (isAcquired) this.owner = owner
          })
        ),
      renew: (lock, owner, lease) => answered(renew(lock, owner, lease)),
      release: (lock, owner) => answered(release(lock, owner))
    }
  }

  get program(): Effect.Effect<void> {
    const withLock = LeaseLock.make(this.#backing, { lease: leaseMs, lockTimeout: 400 })
    const body = Effect.flatMap(TokenStore.Lease, ({ isHeld }) =>
      Effect.suspend(() => {
        this.isHeld = isHeld
        this.acquisitions += 1
        return Effect.ensuring(
          Effect.sleep(this.#random.integer(2 * leaseMs)),
          Effect.sync(() => (this.isHeld = undefined))
        )
      })
    )
    const round = Effect.zipRight(
      Effect.ignore(withLock(name)(body)),
      Effect.suspend(() => Effect.sleep(this.#random.integer(300)))
    )
    return Effect.withClock(Effect.forever(round), this.clock)
  }
}

const fates: ReadonlyArray<Fate> = ["lost", "unanswered", "hanging"]

/** A fault of one process: a stop, a suspension of its machine, or another time of its wall clock. */
const disturb = ({ clock, suffers }: Process, random: PCGRandom): void => {
  const ms = random.integer(2 * leaseMs)
  const kind = random.integer(40)
  if (kind === 0) clock.stop(ms, suffers === "suspensions")
  if (kind === 1 && suffers === "wall clock") clock.wallOffset += random.integer(7_200_000) - 3_600_000
}

/** The processes that may act, although the engine has given their lock to another one. */
const violations = (engine: LeaseEngine, processes: ReadonlyArray<Process>) =>
  processes.filter(
    ({ clock, isHeld, owner }) =>
      isHeld !== undefined && clock.isRunning && Effect.runSync(isHeld) && engine.ownerOf(name) !== owner
  )

const run = (seed: number) => {
  const random = new PCGRandom(seed)
  const time = new SimulatedTime()
  const engine = new LeaseEngine(time)
  engine.latency = () => [random.integer(60), random.integer(60)]
  engine.fate = () => (random.integer(5) === 0 ? (fates[random.integer(fates.length)] ?? "lost") : "executed")
  const processes = (["suspensions", "wall clock", "suspensions"] as const).map(
    (suffers) => new Process(engine, time, random, suffers)
  )
  for (const { program } of processes) time.start(program)
  let wrong = 0
  for (let step = 0; step < steps; step++) {
    for (const process of processes) disturb(process, random)
    time.advance(stepMs)
    wrong += violations(engine, processes).length
  }
  return { wrong, acquisitions: processes.map(({ acquisitions }) => acquisitions) }
}

describe("LeaseLock.make under random faults", () => {
  it("never lets a process act after the engine has given its lock to another process", () => {
    const totals = [0, 0, 0]
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
        const { acquisitions, wrong } = run(seed)
        for (const [n, count] of acquisitions.entries()) totals[n] = (totals[n] ?? 0) + count
        expect(wrong).toBe(0)
      }),
      { numRuns: 100 }
    )
    // Each process gets the lock in most runs.
    for (const total of totals) expect(total).toBeGreaterThan(100)
  })
})
