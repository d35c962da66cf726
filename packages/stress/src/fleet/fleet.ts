/**
 * Processes that share one account through a server that many machines reach. No process loses the tokens, also while lock
 * holders are stopped for less than their lease, killed, or have another clock.
 */
import * as PostgresServer from "@countersign/testing/PostgresServer"
import * as RedisReplication from "@countersign/testing/RedisReplication"
import * as RedisServer from "@countersign/testing/RedisServer"
import * as Effect from "effect/Effect"
import type { Name, SharedBy, StoreFigures } from "../processes/disturbances.js"
import * as Disturbances from "../processes/disturbances.js"
import * as SharedStore from "../processes/sharedStore.js"
import type { Reader } from "../processes/storeVariants.js"
import type { VariantResult } from "../processes/variant.js"
import { minRefreshes } from "../processes/variant.js"
import * as Stress from "../Stress.js"

/** Figures of all stores. */
export interface Fleet extends Stress.Measurements {
  readonly redis: StoreFigures
  /** Redis with one replica, which must have each write. The case `failover` disturbs it. */
  readonly replicated: VariantResult
  /** PostgreSQL through a pooler, and directly. */
  readonly pooled: VariantResult
  readonly postgres: StoreFigures
}

/** Short, because a killed lock holder keeps the others waiting for its lease. */
const leaseMs = 2_000

type MakePlace = SharedBy["makePlace"]

const postgres = (address: PostgresServer.Address): SharedStore.Place => ({
  kind: "postgres",
  url: address.url,
  leaseMs
})

const migrated = Effect.tap(PostgresServer.make(), ({ url }) => SharedStore.migrate(url))

const stores: Readonly<Record<StoreName, MakePlace>> = {
  redis: () => Effect.map(RedisServer.make(), ({ url }) => ({ kind: "redis", url, leaseMs, replicas: 0 })),
  replicated: () => Effect.map(RedisReplication.make(), ({ url }) => ({ kind: "redis", url, leaseMs, replicas: 1 })),
  pooled: () =>
    Effect.map(
      Effect.flatMap(migrated, (server) => PostgresServer.pgbouncer(server)),
      postgres
    ),
  postgres: () => Effect.map(migrated, postgres)
}

/** Name of a store. */
export type StoreName = "redis" | "replicated" | "pooled" | "postgres"

/** A process that stands still for longer than its lease may lose the session, so the stops are shorter. */
const sharedBy = (store: StoreName, short: boolean): SharedBy => ({
  makePlace: stores[store],
  stops: [30, 300, 1_200],
  processes: short ? 2 : 8,
  seconds: (name) => (short ? 1 : name === "plain" ? 60 : 20)
})

/** Measures one store with one disturbance. */
export const measureOne =
  (store: StoreName, name: Name, reader: Reader) =>
  ({ short }: Stress.Run): Effect.Effect<VariantResult, Stress.CannotRun> =>
    Disturbances.measureOne(name, sharedBy(store, short), reader)

const measure = ({ reportProgress, short }: Stress.Run): Effect.Effect<Fleet, Stress.CannotRun> => {
  const report = (store: StoreName) => (name: Name) => reportProgress(`${store}, ${name}`)
  const all = (store: StoreName) => Disturbances.measureAll(sharedBy(store, short), report(store))
  const plain = (store: StoreName) =>
    Effect.zipRight(report(store)("plain"), Disturbances.measureOne("plain", sharedBy(store, short)))
  return Effect.all({
    redis: all("redis"),
    replicated: plain("replicated"),
    pooled: plain("pooled"),
    postgres: all("postgres")
  })
}

/** Those of each store, and one for stores that are not disturbed. */
export const assertions: Stress.Assertions<Fleet> = {
  ...Object.fromEntries(
    Object.entries(Disturbances.assertions).map(([name, holds]) => [
      name,
      ({ postgres, redis }: Fleet) => holds(redis) && holds(postgres)
    ])
  ),
  "no token family is revoked with replicated writes or a pooler": ({ pooled, replicated }) =>
    [pooled, replicated].every(
      ({ isInSync, refreshes, revocations }) => refreshes >= minRefreshes && revocations === 0 && isInSync
    )
}

/** The case. */
export const fleet: Stress.Stress = Stress.make("fleet", measure, assertions)
