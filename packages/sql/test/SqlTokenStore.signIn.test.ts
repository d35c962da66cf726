/** Sign-ins that PostgreSQL rejects after the store was opened: passwords, permissions, and the number of connections. */
import type { TokenStoreError } from "@countersign/auth/Errors"
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as PostgresServer from "@countersign/testing/PostgresServer"
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { openStore, pgClient, storeOn } from "./support/openStore.js"
import { errorsOf, eventually, expectNoSecret, scoped, secret, token } from "./support/records.js"
import { hasPostgres, migratedTable, ofFile, query, settings } from "./support/server.js"

const lines = ["host all app 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 trust"]

/** Requires the password of the user `app`. */
const requirePassword = (url: string) =>
  Effect.zipRight(
    query(
      url,
      `DO $$ BEGIN EXECUTE format('COPY (VALUES (%L), (%L)) TO %L', '${lines[0]}', '${lines[1]}',
         current_setting('hba_file')); END $$`
    ),
    query(url, "SELECT pg_reload_conf()")
  )

/** The errors of reads at the same time, each on a connection of its own. */
const readErrors = (store: TokenStore.Service, count: number): Effect.Effect<ReadonlyArray<TokenStoreError>> =>
  Effect.map(
    Effect.all(
      Array.from({ length: count }, () => Effect.either(store.get("key"))),
      { concurrency: "unbounded" }
    ),
    (results) => results.flatMap((result) => (Either.isLeft(result) ? [result.left] : []))
  )

describe.skipIf(!hasPostgres)("SqlTokenStore with a PostgreSQL that rejects its sign-in", () => {
  const server = ofFile(
    Effect.tap(PostgresServer.make({ settings }), ({ url }) =>
      Effect.zipRight(query(url, `CREATE ROLE app LOGIN PASSWORD '${secret}-1'`), requirePassword(url))
    ),
    hasPostgres
  )
  const run = (statement: string) => query(server().url, statement)
  const urlOf = (password: string) => server().url.replace("postgres@", `app:${password}@`)
  const endSessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'"

  /** A store of the user `app`, with a record. */
  const opened = Effect.gen(function* () {
    const table = yield* migratedTable(server().url)
    yield* run(`ALTER ROLE app PASSWORD '${secret}-1' VALID UNTIL 'infinity' CONNECTION LIMIT -1`)
    yield* run(`GRANT SELECT, INSERT, UPDATE ON ${table}, ${table}_locks TO app`)
    const store = yield* openStore(urlOf(`${secret}-1`), { table, lockTimeout: 0 })
    yield* store.compareAndSet("key", 0, token)
    return { store, table }
  })

  scoped("fails with SqlError for a wrong password when the client is made, without the password", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(pgClient(urlOf(`${secret}-2`))))
      expect(error).toMatchObject({ _tag: "SqlError", cause: { code: "28P01" } })
      expectNoSecret(error)
    })
  )

  for (const [name, statement] of [
    ["a password that has changed", `ALTER ROLE app PASSWORD '${secret}-2'`],
    ["a password that has expired", "ALTER ROLE app VALID UNTIL '2020-01-01'"]
  ] as const) {
    scoped(`fails with the code 28P01 for ${name}, on new connections only`, () =>
      Effect.gen(function* () {
        const { store } = yield* opened
        yield* run(statement)
        const errors = yield* readErrors(store, 3)
        expect(errors).toHaveLength(2)
        for (const error of errors) {
          expect(error).toMatchObject({ reason: "ReadFailed" })
          expect(error.message).toContain("the server rejected the sign-in. Check the user and the password (28P01)")
          expectNoSecret(error)
        }
        expect(yield* readErrors(store, 1)).toEqual([])
        yield* run(endSessions)
        yield* eventually(
          Effect.filterOrFail(errorsOf(store, 1), (all) => all.join() === "ReadFailed,WriteFailed,WriteFailed")
        )
        const locking = yield* Effect.flip(store.withLock("key")(Effect.void))
        expect(locking.message).toContain("(28P01)")
        expectNoSecret(locking)
        yield* run(`ALTER ROLE app PASSWORD '${secret}-1' VALID UNTIL 'infinity'`)
        expect(yield* store.remove("key", 1)).toBe(true)
      })
    )
  }

  scoped("fails with the code 42501 for each permission that the user lacks, and names all of them", () =>
    Effect.gen(function* () {
      const { store, table } = yield* opened
      const failed = (error: TokenStoreError) => {
        expectNoSecret(error)
        expect(error.message).toContain("Grant SELECT, INSERT and UPDATE on both tables (42501)")
      }
      yield* run(`REVOKE UPDATE ON ${table} FROM app`)
      expect(yield* errorsOf(store, 1)).toEqual(["no error", "WriteFailed", "WriteFailed"])
      failed(yield* Effect.flip(store.remove("key", 1)))
      yield* run(`GRANT UPDATE ON ${table} TO app`)
      yield* run(`REVOKE INSERT ON ${table}_locks FROM app`)
      failed(yield* Effect.flip(store.withLock("key")(Effect.void)))
      yield* run(`REVOKE ALL ON ${table}, ${table}_locks FROM app`)
      expect(yield* errorsOf(store, 1)).toEqual(["ReadFailed", "WriteFailed", "WriteFailed"])
      failed(yield* Effect.flip(store.get("key")))
    })
  )

  scoped("fails with the code 53300 for a user with too many connections, and uses those that it has", () =>
    Effect.gen(function* () {
      const { store } = yield* opened
      yield* run("ALTER ROLE app CONNECTION LIMIT 1")
      const errors = yield* readErrors(store, 4)
      expect(errors).toHaveLength(3)
      for (const error of errors) {
        expectNoSecret(error)
        expect(error.message).toContain("Increase `max_connections`, or use a connection pooler (53300)")
      }
      expect(yield* readErrors(store, 1)).toEqual([])
    })
  )

  scoped("fails with the code 53300 for a server that has no connection left, and recovers", () =>
    Effect.gen(function* () {
      const limits = { max_connections: "4", superuser_reserved_connections: "0", max_wal_senders: "0" }
      const small = yield* PostgresServer.make({ settings: limits })
      const table = yield* migratedTable(small.url)
      const sql = yield* pgClient(small.url)
      const store = yield* storeOn(sql, { table })
      yield* store.compareAndSet("key", 0, token)
      const errors = yield* Effect.scoped(
        Effect.gen(function* () {
          const others = yield* pgClient(small.url)
          yield* Effect.all([others.reserve, others.reserve, others.reserve])
          return yield* readErrors(store, 3)
        })
      )
      expect(errors).toHaveLength(2)
      for (const error of errors) expect(error.message).toContain("the server has too many connections")
      expect(yield* eventually(Effect.filterOrFail(readErrors(store, 3), (all) => all.length === 0))).toEqual([])
    })
  )
})
