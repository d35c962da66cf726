/**
 * Processes that share one account through a server that many machines reach. No process loses the tokens, also while lock
 * holders are stopped for less than their lease, killed, or have another clock.
 */
import * as RedisReplication from "@countersign/testing/RedisReplication"
import * as RedisServer from "@countersign/testing/RedisServer"
import * as Effect from "effect/Effect"
import type { Name, SharedBy, StoreFigures } from "../processes/disturbances.js"
import * as Disturbances from "../processes/disturbances.js"
import type { Reader } from "../processes/storeVariants.js"
import type { VariantResult } from "../processes/variant.js"
import { minRefreshes } from "../processes/variant.js"
import * as Stress from "../Stress.js"

/** Figures of all stores. */
export interface Fleet extends Stress.Measurements {
  readonly redis: StoreFigures
  /** Redis with one replica, which must have each write. The case `failover` disturbs it. */
  readonly replicated: VariantResult
}

/** Short, because a killed lock holder keeps the others waiting for its lease. */
const leaseMs = 2_000

type MakePlace = SharedBy["makePlace"]

const stores: Readonly<Record<"redis" | "replicated", MakePlace>> = {
  redis: () => Effect.map(RedisServer.make(), ({ url }) => ({ kind: "redis", url, leaseMs, replicas: 0 })),
  replicated: () => Effect.map(RedisReplication.make(), ({ url }) => ({ kind: "redis", url, leaseMs, replicas: 1 }))
}

/** Name of a store. */
export type StoreName = keyof typeof stores

/** A process that stands still for longer than its lease may lose the session, so the stops are shorter. */
const sharedBy = (store: StoreName, short: boolean): SharedBy => ({
  makePlace: stores[store],
  stops: [30, 300, 1_200],
  processes: short ? 3 : 8,
  seconds: (name) => (short ? 2 : name === "plain" ? 60 : 20)
})

/** Measures one store with one disturbance. */
export const measureOne =
  (store: StoreName, name: Name, reader: Reader) =>
  ({ short }: Stress.Run): Effect.Effect<VariantResult, Stress.CannotRun> =>
    Disturbances.measureOne(name, sharedBy(store, short), reader)

const measure = ({ reportProgress, short }: Stress.Run): Effect.Effect<Fleet, Stress.CannotRun> => {
  const report = (store: StoreName) => (name: Name) => reportProgress(`${store}, ${name}`)
  return Effect.all({
    redis: Disturbances.measureAll(sharedBy("redis", short), report("redis")),
    replicated: Effect.zipRight(
      report("replicated")("plain"),
      Disturbances.measureOne("plain", sharedBy("replicated", short))
    )
  })
}

/** Those of each store, and one for replicated writes. */
export const assertions: Stress.Assertions<Fleet> = {
  ...Object.fromEntries(
    Object.entries(Disturbances.assertions).map(([name, holds]) => [name, ({ redis }: Fleet) => holds(redis)])
  ),
  "no token family is revoked if a replica must have each write": ({ replicated }) =>
    replicated.refreshes >= minRefreshes && replicated.revocations === 0 && replicated.isInSync
}

/** The case. */
export const fleet: Stress.Stress = Stress.make("fleet", measure, assertions)
