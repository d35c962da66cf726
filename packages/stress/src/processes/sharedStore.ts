/** The store that processes share: where it is, and which process holds its lock. */
import type { Token } from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Key of the only account. */
export const key = "account"

interface FilePlace {
  readonly kind: "file"
  readonly path: string
}

interface RedisPlace {
  readonly kind: "redis"
  readonly url: string
  readonly leaseMs: number
  /** How many replicas must have a write. */
  readonly replicas: number
}

interface PostgresPlace {
  readonly kind: "postgres"
  readonly url: string
  readonly leaseMs: number
}

/** Where the processes find the store. It can be encoded as JSON. */
export type Place = FilePlace | RedisPlace | PostgresPlace

const openRedis = ({ leaseMs, replicas, url }: RedisPlace) =>
  Effect.flatMap(RedisClient.make({ url }), (redis) =>
    Effect.provideService(
      RedisTokenStore.make({ lease: leaseMs, replicas, replicasTimeout: "300 millis" }),
      RedisClient.RedisClient,
      redis
    )
  )

const pgClient = (url: string) =>
  Effect.provide(PgClient.make({ url: Redacted.make(url), maxConnections: 2 }), Reactivity.layer)

const openPostgres = ({ leaseMs, url }: PostgresPlace) =>
  Effect.flatMap(pgClient(url), (sql) =>
    Effect.provideService(SqlTokenStore.make({ lease: leaseMs }), SqlClient.SqlClient, sql)
  )

/** Creates the tables of the store. */
export const migrate = (url: string): Effect.Effect<void, unknown> =>
  Effect.scoped(
    Effect.flatMap(pgClient(url), (sql) => Effect.provideService(SqlTokenStore.migrate(), SqlClient.SqlClient, sql))
  )

/** Opens the store. Each process has connections of its own. */
export const open = (place: Place): Effect.Effect<TokenStore.Service, unknown, Scope.Scope> => {
  switch (place.kind) {
    case "file":
      return FileTokenStore.make({ path: place.path })
    case "redis":
      return openRedis(place)
    case "postgres":
      return openPostgres(place)
  }
}

const ending = ".holder"

const markerOf = (folder: string, pid: number): string => join(folder, `${pid}${ending}`)

/** A store that says in a folder which process holds the lock. */
export const marked = (store: TokenStore.Service, folder: string): TokenStore.Service => {
  const marker = markerOf(folder, process.pid)
  return {
    ...store,
    withLock: (name) => (effect) =>
      store.withLock(name)(
        Effect.acquireUseRelease(
          Effect.sync(() => writeFileSync(marker, "")),
          () => effect,
          () => Effect.sync(() => rmSync(marker, { force: true }))
        )
      )
  }
}

/** Processes that hold the lock. Two do if one was stopped for longer than its lease. */
export const lockHolders = (folder: string): ReadonlyArray<number> =>
  readdirSync(folder).flatMap((name) => (name.endsWith(ending) ? [Number(name.slice(0, -ending.length))] : []))

/** Removes what a killed process said. */
export const forgetHolder = (folder: string, pid: number): void => rmSync(markerOf(folder, pid), { force: true })

/** Whether the store has a token with this refresh token. */
export const holds = (store: TokenStore.Service, refreshToken: string): Effect.Effect<boolean, unknown> =>
  Effect.map(store.get(key), (stored) =>
    Option.exists(
      stored,
      ({ token }) => token.refreshToken !== undefined && Redacted.value(token.refreshToken) === refreshToken
    )
  )

/** Stores a token, whatever the store has. */
export const put = (store: TokenStore.Service, token: Token): Effect.Effect<void, unknown> =>
  Effect.flatMap(store.get(key), (stored) =>
    store.compareAndSet(key, Option.match(stored, { onNone: () => 0, onSome: ({ version }) => version }), token)
  ).pipe(store.withLock(key), Effect.asVoid)
