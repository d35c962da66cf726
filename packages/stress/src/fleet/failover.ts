/**
 * Processes that share one account in Redis. Its primary is killed again and again. The replica that takes its place did not
 * receive the last writes. A store that waits for the replica loses no session. One that does not wait is the control.
 */
import * as RedisReplication from "@countersign/testing/RedisReplication"
import * as Effect from "effect/Effect"
import { randomInt } from "node:crypto"
import type { InjectFaults } from "../processes/processFaults.js"
import type { ProcessGroup } from "../processes/processGroup.js"
import type { VariantResult } from "../processes/variant.js"
import { run } from "../processes/variant.js"
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
}

/** Longer than each outage. */
const leaseMs = 10_000

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until a condition holds. Returns the milliseconds that it took, at most `limitMs`. */
const until = async (holds: () => boolean, limitMs: number): Promise<number> => {
  const startedAt = performance.now()
  while (!holds() && performance.now() - startedAt < limitMs) await sleep(2)
  return performance.now() - startedAt
}

/** Fails over once, while the processes refresh. Returns the milliseconds until they refresh again. */
const failOver = async ({ server }: ProcessGroup, redis: RedisReplication.Service): Promise<number> => {
  const before = server.counts.refreshes
  await until(() => server.counts.refreshes >= before + 5, 10_000)
  await sleep(randomInt(0, 60))
  const failing = Effect.runPromise(redis.failOver())
  const atKill = server.counts.refreshes
  const recovery = await until(() => server.counts.refreshes >= atKill + 3, 30_000)
  await failing
  return recovery
}

const failingOver =
  (redis: RedisReplication.Service, times: number, recoveries: Array<number>): InjectFaults =>
  async (group) => {
    for (let count = 0; count < times; count++) recoveries.push(await failOver(group, redis))
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

/** Measures one setting. With 0 replicas, a write counts as stored when the primary has it. */
export const measureOne = (
  lagMs: number,
  replicas: 0 | 1,
  times: number
): Effect.Effect<SettingFigures, Stress.CannotRun> =>
  Effect.suspend(() => {
    const recoveries: Array<number> = []
    const setting = () =>
      Effect.map(RedisReplication.make({ lag: lagMs }), (redis) => ({
        place: { kind: "redis", url: redis.url, leaseMs, replicas } as const,
        disturb: failingOver(redis, times, recoveries)
      }))
    // The number of failovers ends the run, so `seconds` has no meaning.
    return Effect.map(run({ processes: 3, seconds: 0, grace: 0, ahead: 0, reader: "second" }, setting), (result) =>
      figuresOf(result, recoveries)
    )
  })

const measure = ({ reportProgress, short }: Stress.Run): Effect.Effect<Failover, Stress.CannotRun> => {
  const [times, ofControl] = short ? [4, 4] : [200, 25]
  const one = (lagMs: number, replicas: 0 | 1) =>
    Effect.zipRight(
      reportProgress(`${replicas === 1 ? times : ofControl} failovers, ${lagMs} ms behind, WAIT ${replicas}`),
      measureOne(lagMs, replicas, replicas === 1 ? times : ofControl)
    )
  return Effect.all({ waiting5: one(5, 1), waiting50: one(50, 1), control5: one(5, 0), control50: one(50, 0) })
}

const all = ({ control5, control50, waiting5, waiting50 }: Failover) => [waiting5, waiting50, control5, control50]

/** Assertions on the figures. The first two verify that there was something to lose. */
export const assertions: Stress.Assertions<Failover> = {
  "the processes refresh between failovers": (figures) =>
    all(figures).every(({ failovers, refreshes }) => failovers > 0 && refreshes >= 3 * failovers),
  "a store that waits for no replica loses sessions": ({ control50 }) => control50.lost > 0,
  "a store that waits for the replica loses no session": ({ waiting5, waiting50 }) =>
    waiting5.lost === 0 && waiting50.lost === 0,
  "the store has the current refresh token at the end": ({ waiting5, waiting50 }) =>
    waiting5.isInSync && waiting50.isInSync
}

/** The case. */
export const failover: Stress.Stress = Stress.make("failover", measure, assertions)
