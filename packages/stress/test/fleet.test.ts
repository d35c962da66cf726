// Stores and figures that fail the assertions of the cases `fleet` and `failover`. `.ci/run` runs their short forms.
import * as PostgresReplication from "@countersign/testing/PostgresReplication"
import * as RedisServer from "@countersign/testing/RedisServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Failover from "../src/fleet/failover.js"
import * as Fleet from "../src/fleet/fleet.js"
import * as Stress from "../src/Stress.js"
import { expectEachBroken } from "./support/assertions.js"
import { good as redis, one } from "./support/figures.js"

const isInstalled = (program: Effect.Effect<void, unknown>) => Either.isRight(Effect.runSync(Effect.either(program)))
const hasRedis = isInstalled(RedisServer.available)
const hasPostgres = isInstalled(PostgresReplication.available)

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

describe("fleet", () => {
  it("fails an assertion for each bad figure", () => {
    const good: Fleet.Fleet = { redis, replicated: one, pooled: one, postgres: redis }
    expectEachBroken(Fleet.assertions, good, [
      { ...good, replicated: { ...one, revocations: 1 } },
      { ...good, replicated: { ...one, isInSync: false } },
      { ...good, pooled: { ...one, revocations: 1 } },
      { ...good, postgres: { ...redis, stopped: { ...redis.stopped, revocations: 1 } } },
      { ...good, redis: { ...redis, ahead: { ...one, refreshes: 0 } } },
      { ...good, redis: { ...redis, graced: { ...redis.graced, kills: 0 } } },
      { ...good, redis: { ...redis, killed: { ...redis.killed, revocations: 1 } } },
      { ...good, redis: { ...redis, behind: { ...one, unavoidable: 1 } } },
      { ...good, redis: { ...redis, graced: { ...redis.graced, unavoidable: 1 } } },
      { ...good, redis: { ...redis, killed: { ...redis.killed, unavoidable: 101 } } },
      { ...good, redis: { ...redis, plain: { ...one, isInSync: false } } },
      { ...good, redis: { ...redis, ahead: { ...one, failed: 51 } } }
    ])
  })

  it.live.skipIf(!hasRedis)("catches a process that refreshes with the token that it read before it had the lock", () =>
    Effect.gen(function* () {
      const { refreshes, revocations } = yield* Fleet.measureOne("redis", "plain", "first")(short)
      expect(refreshes).toBeGreaterThan(0)
      expect(revocations).toBeGreaterThan(0)
    })
  )
})

describe("failover", () => {
  const waiting: Failover.SettingFigures = {
    failovers: 200,
    refreshes: 1_500,
    lost: 0,
    recoveryMedianMs: 300,
    recoveryMaxMs: 900,
    isInSync: true
  }
  const control: Failover.SettingFigures = { ...waiting, failovers: 25, lost: 20, isInSync: false }
  const good: Failover.Failover = {
    ...{ waiting5: waiting, waiting50: waiting, synchronous: waiting },
    ...{ control5: control, control50: control, asynchronous: control }
  }

  it("fails an assertion for each bad figure", () => {
    expectEachBroken(Failover.assertions, good, [
      { ...good, control5: { ...control, refreshes: 74 } },
      { ...good, waiting5: { ...waiting, failovers: 0 } },
      { ...good, control50: { ...control, lost: 0 } },
      { ...good, asynchronous: { ...control, lost: 0 } },
      { ...good, synchronous: { ...waiting, lost: 1 } },
      { ...good, synchronous: { ...waiting, isInSync: false } },
      { ...good, waiting5: { ...waiting, lost: 1 } },
      { ...good, waiting50: { ...waiting, lost: 1 } },
      { ...good, waiting50: { ...waiting, isInSync: false } }
    ])
  })

  it.live.skipIf(!hasRedis)("catches a store that waits for no replica", () =>
    Effect.gen(function* () {
      const { lost } = yield* Failover.measureOne(Failover.redis(50, 0), 4)
      expect(Stress.check(Failover.assertions, { ...good, waiting50: { ...waiting, lost } })).toEqual([
        "a store that waits for the replica loses no session"
      ])
    })
  )

  it.live.skipIf(!hasPostgres)("catches a database that does not wait for its standby", () =>
    Effect.gen(function* () {
      const { lost } = yield* Failover.measureOne(Failover.postgres(100, false), 3)
      expect(Stress.check(Failover.assertions, { ...good, synchronous: { ...waiting, lost } })).toEqual([
        "a store that waits for the replica loses no session"
      ])
    })
  )
})
