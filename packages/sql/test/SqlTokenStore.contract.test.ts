/** Runs the contract of token stores with PostgreSQL, directly and through PgBouncer, and with SQLite. */
import type * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
import * as FaultProxy from "@countersign/testing/FaultProxy"
import * as PostgresServer from "@countersign/testing/PostgresServer"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { nextLine, run } from "./support/program.js"
import { databaseFile, libsqlClient, migrateOn, openStore, pgClient, storeOn } from "./support/openStore.js"
import { hasBouncer, hasPostgres, migratedTable, ofFile, query, settings } from "./support/server.js"

/** Shorter than the time after which the contract expects the lock of a killed process to be free. */
const lease = 2_500

const server = ofFile(PostgresServer.make({ settings }), hasPostgres)
const bouncer = ofFile(
  Effect.suspend(() => PostgresServer.pgbouncer(server())),
  hasBouncer
)

const killed = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const program = yield* run("writeUntilKilled", ...args)
    yield* nextLine(program)
    program.signal("SIGKILL")
    yield* Effect.promise(() => program.end)
  })

/** The other side of each advisory lock is gone. */
const endSessions = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"

/** The lease of each lock row is over, as after a stop of its owner. */
const expire = (locks: string) => `UPDATE ${locks} SET owner = 'none', expires_at = 0`

const harness = (
  address: () => PostgresServer.Address,
  options: SqlTokenStore.Options
): TokenStoreContract.Harness<string> => ({
  place: Effect.suspend(() => migratedTable(server().url)),
  open: (table) => openStore(address().url, { table, lease, ...options }),
  isShared: true,
  kill: (table) => killed("postgres", address().url, table, String(lease), options.exclusion ?? "lease"),
  loseLocks: (table) => query(server().url, options.exclusion === "advisory" ? endSessions : expire(`${table}_locks`)),
  // An advisory lock holds one connection, while the store reads and writes with another one.
  pooled: (table) =>
    Effect.flatMap(pgClient(address().url, { maxConnections: options.exclusion === "advisory" ? 3 : 1 }), (sql) =>
      Effect.all([storeOn(sql, { table, lease, ...options }), storeOn(sql, { table, lease, ...options })])
    ),
  lossy: (table) =>
    Effect.gen(function* () {
      const proxy = yield* FaultProxy.make({ port: address().port })
      const url = address().url.replace(String(address().port), String(proxy.port))
      const store = yield* openStore(url, { table, lease, ...options })
      const lost = Effect.zipRight(Effect.sleep("300 millis"), Effect.zipRight(proxy.reset, proxy.set({})))
      const hole = proxy.set({ down: [FaultProxy.Toxic.BlackHole({})] })
      return { store, loseNext: Effect.zipRight(hole, Effect.asVoid(Effect.forkDaemon(lost))) }
    })
})

const suites: ReadonlyArray<readonly [string, boolean, TokenStoreContract.Harness<string>]> = [
  ["SqlTokenStore on PostgreSQL", hasPostgres, harness(server, {})],
  ["SqlTokenStore on PostgreSQL with advisory locks", hasPostgres, harness(server, { exclusion: "advisory" })],
  ["SqlTokenStore through PgBouncer", hasBouncer, harness(bouncer, {})]
]

for (const [name, isEnabled, one] of suites) {
  TokenStoreContract.register({ describe: describe.skipIf(!isEnabled), it }, name, one)
}

const sqlite: TokenStoreContract.Harness<string> = {
  place: Effect.tap(databaseFile, (path) => Effect.flatMap(libsqlClient(path), (sql) => migrateOn(sql, {}))),
  open: (path) => Effect.flatMap(libsqlClient(path), (sql) => storeOn(sql, { lease })),
  isShared: true,
  kill: (path) => killed("sqlite", path, "countersign_tokens", String(lease), "lease"),
  loseLocks: (path) => Effect.flatMap(libsqlClient(path), (sql) => sql.unsafe(expire("countersign_tokens_locks"))),
  pooled: (path) =>
    Effect.flatMap(libsqlClient(path), (sql) => Effect.all([storeOn(sql, { lease }), storeOn(sql, { lease })]))
}

TokenStoreContract.register({ describe, it }, "SqlTokenStore on SQLite", sqlite)

describe.skipIf(!hasPostgres)("SqlTokenStore with four processes", () => {
  it.live.each([
    ["withLock", "lease"],
    ["withLock", "advisory"],
    ["compareAndSet", "lease"]
  ])("loses no increment with %s and %s", ([mode = "", exclusion = ""]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const table = yield* migratedTable(server().url)
        const programs = yield* Effect.all(
          Array.from({ length: 4 }, () => run("increment", server().url, table, exclusion, mode, "25"))
        )
        expect(yield* Effect.forEach(programs, nextLine, { concurrency: "unbounded" })).toEqual(Array(4).fill("lost 0"))
        const store = yield* openStore(server().url, { table })
        const found = Option.getOrThrow(yield* store.get("count"))
        expect([Redacted.value(found.token.accessToken), found.version]).toEqual(["100", 100])
      })
    )
  )
})
