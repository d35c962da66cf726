/**
 * Processes that share one account in Redis or PostgreSQL. The primary is killed again and again. The replica that takes its
 * place did not receive the last writes. A store that waits for the replica loses no session. One that does not wait is the
 * control.
 */
import * as PostgresReplication from "@countersign/testing/PostgresReplication"
import * as RedisReplication from "@countersign/testing/RedisReplication"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomInt } from "node:crypto"
import type { InjectFaults } from "../processes/processFaults.js"
import type { ProcessGroup } from "../processes/processGroup.js"
import type { VariantResult } from "../processes/variant.js"
import { run } from "../processes/variant.js"
import * as SharedStore from "../processes/sharedStore.js"
import * as Stress from "../Stress.js"

/** Figures of one store. Times are in milliseconds. */
export interface SettingFigures extends Stress.Measurements {
  readonly failovers: number
  readonly refreshes: number
  /** Sessions that the server revoked because a refresh token was used twice. */
  readonly lost: number
  /** Time from the end of the primary until the third refresh after it. */
  readonly recoveryMedianMs: number
  readonly recoveryMaxMs: number
  readonly isInSync: boolean
}

/** Figures of all settings: the delay of the replica, with and without waiting for it. */
export interface Failover extends Stress.Measurements {
  readonly waiting5: SettingFigures
  readonly waiting50: SettingFigures
  readonly control5: SettingFigures
  readonly control50: SettingFigures
  /** PostgreSQL with a standby that is 20 ms behind. In the short form, the asynchronous one is 100 ms behind. */
  readonly synchronous: SettingFigures
  readonly asynchronous: SettingFigures
}

/** Longer than each outage of Redis. */
const leaseMs = 10_000

/** About as long as an outage of PostgreSQL: a failover of the control loses releases too, and then the lease delays it. */
const postgresLeaseMs = 5_000

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until a condition holds. Returns the milliseconds that it took, at most `limitMs`. */
const until = async (holds: () => boolean, limitMs: number): Promise<number> => {
  const startedAt = performance.now()
  while (!holds() && performance.now() - startedAt < limitMs) await sleep(2)
  return performance.now() - startedAt
}

/** A store on servers that can fail over. */
interface Replicated {
  readonly place: SharedStore.Place
  readonly failOver: Effect.Effect<void, unknown>
}

/** Starts the servers. */
export type MakeReplicated = Effect.Effect<Replicated, unknown, Scope.Scope>

/** Redis. With 0 replicas, a write counts as stored when the primary has it. */
export const redis = (lagMs: number, replicas: 0 | 1): MakeReplicated =>
  Effect.map(RedisReplication.make({ lag: lagMs }), ({ failOver, url }) => ({
    place: { kind: "redis", url, leaseMs, replicas },
    failOver: failOver()
  }))

/** PostgreSQL. With an asynchronous standby, a write counts as stored when the primary has it. */
export const postgres = (lagMs: number, synchronous: boolean): MakeReplicated =>
  Effect.gen(function* () {
    const { failOver, url } = yield* PostgresReplication.make({ lag: lagMs, synchronous })
    yield* SharedStore.migrate(url)
    return { place: { kind: "postgres", url, leaseMs: postgresLeaseMs }, failOver: failOver() }
  })

/** Fails over once, while the processes refresh. Returns the milliseconds until they refresh again. */
const failOverOnce = async ({ server }: ProcessGroup, failOver: Replicated["failOver"]): Promise<number> => {
  const before = server.counts.refreshes
  await until(() => server.counts.refreshes >= before + 5, 10_000)
  await sleep(randomInt(0, 60))
  const atKill = server.counts.refreshes
  // Awaited together: a server that does not start must end the case, not the process.
  const recovering = until(() => server.counts.refreshes >= atKill + 3, 30_000)
  const [recovery] = await Promise.all([recovering, Effect.runPromise(failOver)])
  return recovery
}

const failingOver =
  (failOver: Replicated["failOver"], times: number, recoveries: Array<number>): InjectFaults =>
  async (group) => {
    for (let count = 0; count < times; count++) recoveries.push(await failOverOnce(group, failOver))
    return { stops: 0, longestStopMs: 0, kills: 0 }
  }

const figuresOf = (result: VariantResult, recoveries: ReadonlyArray<number>): SettingFigures => {
  const sorted = recoveries.toSorted((one, other) => one - other)
  return {
    failovers: recoveries.length,
    refreshes: result.refreshes,
    lost: result.revocations,
    recoveryMedianMs: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
    recoveryMaxMs: Math.round(sorted.at(-1) ?? 0),
    isInSync: result.isInSync
  }
}

/** Measures one setting. */
export const measureOne = (
  replicated: MakeReplicated,
  times: number
): Effect.Effect<SettingFigures, Stress.CannotRun> =>
  Effect.suspend(() => {
    const recoveries: Array<number> = []
    const setting = () =>
      Effect.map(replicated, ({ failOver, place }) => ({ place, disturb: failingOver(failOver, times, recoveries) }))
    // The number of failovers ends the run, so `seconds` has no meaning.
    return Effect.map(run({ processes: 3, seconds: 0, grace: 0, ahead: 0, reader: "second" }, setting), (result) =>
      figuresOf(result, recoveries)
    )
  })

/** How often each setting fails over. */
const timesOf = (short: boolean) =>
  short
    ? { waiting: 4, control: 4, synchronous: 3, asynchronous: 3 }
    : { waiting: 200, control: 25, synchronous: 50, asynchronous: 20 }

const measure = ({ reportProgress, short }: Stress.Run): Effect.Effect<Failover, Stress.CannotRun> => {
  const times = timesOf(short)
  const one = (what: string, count: number, replicated: MakeReplicated) =>
    Effect.zipRight(reportProgress(`${count} failovers, ${what}`), measureOne(replicated, count))
  return Effect.all({
    waiting5: one("Redis, 5 ms behind, WAIT 1", times.waiting, redis(5, 1)),
    waiting50: one("Redis, 50 ms behind, WAIT 1", times.waiting, redis(50, 1)),
    control5: one("Redis, 5 ms behind, WAIT 0", times.control, redis(5, 0)),
    control50: one("Redis, 50 ms behind, WAIT 0", times.control, redis(50, 0)),
    synchronous: one("PostgreSQL, synchronous standby", times.synchronous, postgres(20, true)),
    asynchronous: one("PostgreSQL, asynchronous standby", times.asynchronous, postgres(short ? 100 : 20, false))
  })
}

const waitingOf = ({ synchronous, waiting5, waiting50 }: Failover) => [waiting5, waiting50, synchronous]

const all = (figures: Failover) => [...waitingOf(figures), figures.control5, figures.control50, figures.asynchronous]

/** Assertions on the figures. The first two verify that there was something to lose. */
export const assertions: Stress.Assertions<Failover> = {
  "the processes refresh between failovers": (figures) =>
    all(figures).every(({ failovers, refreshes }) => failovers > 0 && refreshes >= 3 * failovers),
  "a store that waits for no replica loses sessions": ({ asynchronous, control50 }) =>
    control50.lost > 0 && asynchronous.lost > 0,
  "a store that waits for the replica loses no session": (figures) =>
    waitingOf(figures).every(({ lost }) => lost === 0),
  "the store has the current refresh token at the end": (figures) =>
    waitingOf(figures).every(({ isInSync }) => isInSync)
}

/** The case. */
export const failover: Stress.Stress = Stress.make("failover", measure, assertions)
