/** Faults of PostgreSQL: each error is typed, ends in time, and has a code but no value. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as FaultProxy from "@countersign/testing/FaultProxy"
import * as PostgresServer from "@countersign/testing/PostgresServer"
import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { openStore, pgClient, storeOn } from "./support/openStore.js"
import { errorsOf, eventually, expectNoSecret, nameOf, scoped, secret, token } from "./support/records.js"
import { hasPostgres, migratedTable, newTable, ofFile, query, settings } from "./support/server.js"

const shapes: ReadonlyArray<readonly [name: string, columns: string]> = [
  ["other columns", "id int PRIMARY KEY, secret text"],
  ["no primary key", "name text, version bigint, token text"],
  ["a version that is text", "name text PRIMARY KEY, version text, token text"],
  ["a token that is JSON", "name text PRIMARY KEY, version bigint, token jsonb"],
  ["a token that is rejected", "name text PRIMARY KEY, version bigint, token text CHECK (length(token) < 5)"],
  ["a further column", "name text PRIMARY KEY, version bigint, token text, more text NOT NULL"]
]

describe.skipIf(!hasPostgres)("SqlTokenStore with a PostgreSQL that fails", () => {
  const server = ofFile(PostgresServer.make({ settings }), hasPostgres)
  const url = () => server().url
  const run = (statement: string) => query(url(), statement)

  for (const [name, columns] of shapes) {
    scoped(`fails with UnsupportedFormat for a table with ${name}, and writes nothing`, () =>
      Effect.gen(function* () {
        const table = newTable()
        yield* run(`CREATE TABLE ${table} (${columns})`)
        const store = yield* openStore(url(), { table })
        const error = yield* Effect.flip(store.compareAndSet("key", 0, token))
        expect(error).toMatchObject({ reason: "UnsupportedFormat", message: expect.stringContaining("other columns") })
        yield* errorsOf(store)
        expect(yield* run(`SELECT * FROM ${table}`)).toEqual([])
      })
    )
  }

  scoped("fails with the code 42P01 for a missing table", () =>
    Effect.gen(function* () {
      const store = yield* openStore(url(), { table: newTable(), lockTimeout: 0 })
      expect((yield* Effect.flip(store.get("key"))).message).toBe(
        "The token store failed: PostgreSQL: the table does not exist. Run `SqlTokenStore.migrate`, or check `table` (42P01)."
      )
      expect(yield* errorsOf(store, 1)).toEqual(["ReadFailed", "WriteFailed", "WriteFailed"])
      expect(yield* Effect.flip(store.withLock("key")(Effect.void))).toMatchObject({ reason: "WriteFailed" })
    })
  )

  scoped("fails with the code 25006 for writes to a read-only server, and still reads", () =>
    Effect.gen(function* () {
      const table = yield* migratedTable(url())
      const store = yield* openStore(url(), { table })
      yield* store.compareAndSet("key", 0, token)
      yield* run("CREATE ROLE reader LOGIN SUPERUSER")
      yield* run("ALTER ROLE reader SET default_transaction_read_only = on")
      const reader = yield* openStore(url().replace("postgres@", "reader@"), { table })
      expect(Option.isSome(yield* reader.get("key"))).toBe(true)
      expect(yield* Effect.flip(reader.compareAndSet("key", 1, token))).toMatchObject({
        reason: "WriteFailed",
        message: expect.stringContaining("(25006)")
      })
      expect(yield* errorsOf(reader, 1)).toEqual(["no error", "WriteFailed", "WriteFailed"])
    })
  )

  scoped("fails with the codes of a missing permission and of a refused sign-in", () =>
    Effect.gen(function* () {
      const table = yield* migratedTable(url())
      yield* run("CREATE ROLE app LOGIN")
      const store = yield* openStore(url().replace("postgres@", "app@"), { table })
      expect((yield* Effect.flip(store.get("key"))).message).toContain(
        "Grant SELECT, INSERT and UPDATE on both tables (42501)"
      )
      yield* run(`GRANT SELECT, INSERT, UPDATE ON ${table}, ${table}_locks TO app`)
      yield* store.withLock("key")(store.compareAndSet("key", 0, token))
      expect(yield* store.remove("key", 1)).toBe(true)
      yield* run("ALTER ROLE app NOLOGIN")
      yield* run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
      yield* Effect.sleep("100 millis")
      expect((yield* Effect.flip(store.get("key"))).message).toContain("the server rejected the sign-in")
      expect(yield* errorsOf(store, 1)).toEqual(["ReadFailed", "WriteFailed", "WriteFailed"])
    })
  )

  scoped("overwrites no text that has replaced the one that it has read, with the same version", () =>
    Effect.gen(function* () {
      const table = yield* migratedTable(url())
      const store = yield* openStore(url(), { table })
      yield* store.compareAndSet("key", 0, token)
      yield* run(`UPDATE ${table} SET token = left(token, 60)`)
      const before = yield* run(`SELECT * FROM ${table}`)
      expect(yield* Effect.flip(store.compareAndSet("key", 1, token))).toMatchObject({ reason: "Corrupt" })
      expect(yield* Effect.flip(store.remove("key", 1))).toMatchObject({ reason: "Corrupt" })
      expect(yield* run(`SELECT * FROM ${table}`)).toEqual(before)
    })
  )

  scoped("fails in time when all connections of the pool are in use", () =>
    Effect.gen(function* () {
      const table = yield* migratedTable(url())
      const sql = yield* pgClient(url(), { maxConnections: 1 })
      const store = yield* storeOn(sql, { table })
      const impatient = yield* storeOn(yield* pgClient(url(), { maxConnections: 1, connectTimeout: "300 millis" }), {
        table
      })
      yield* sql.reserve
      const [took, error] = yield* Effect.timed(Effect.flip(store.get("key")))
      expect(error).toMatchObject({ reason: "ReadFailed", message: expect.stringContaining("no response within 5s.") })
      expect(Duration.toSeconds(took)).toBeLessThan(9)
      expect(Option.isNone(yield* impatient.get("key"))).toBe(true)
    })
  )

  scoped("fails in time while a write waits for another transaction, and overwrites nothing", () =>
    Effect.gen(function* () {
      const table = yield* migratedTable(url())
      const sql = yield* pgClient(url())
      const store = yield* storeOn(sql, { table })
      yield* store.compareAndSet("key", 0, token)
      const lock = sql.unsafe(`SELECT * FROM ${table} WHERE name = '${nameOf("key")}' FOR UPDATE`)
      const blocking = yield* Effect.fork(sql.withTransaction(Effect.zipRight(lock, Effect.never)))
      yield* Effect.sleep("500 millis")
      const [took, error] = yield* Effect.timed(Effect.flip(store.compareAndSet("key", 1, token)))
      expect(error).toMatchObject({ reason: "WriteFailed", message: expect.stringContaining("(TIMEOUT)") })
      expect(Duration.toSeconds(took)).toBeLessThan(15)
      yield* Fiber.interrupt(blocking)
      const found = Option.getOrThrow(yield* eventually(store.get("key")))
      expect(Option.map(yield* store.compareAndSet("key", found.version, token), ({ version }) => version)).toEqual(
        Option.some(found.version + 1)
      )
    })
  )

  scoped("fails in time when the server hangs, and works again afterwards", () =>
    Effect.gen(function* () {
      const table = yield* migratedTable(url())
      const proxy = yield* FaultProxy.make({ port: server().port })
      const address = url().replace(String(server().port), String(proxy.port))
      const store = yield* openStore(address, { table })
      yield* store.compareAndSet("key", 0, token)
      yield* proxy.set({ down: [FaultProxy.Toxic.BlackHole({})] })
      const [took, error] = yield* Effect.timed(Effect.flip(store.get("key")))
      expect(error).toMatchObject({ reason: "ReadFailed", message: expect.stringContaining("(TIMEOUT)") })
      expect(Duration.toSeconds(took)).toBeLessThan(9)
      yield* proxy.set({})
      yield* proxy.reset
      expect(Option.isSome(yield* eventually(store.get("key")))).toBe(true)
    })
  )

  scoped("keeps a token in a transaction that is rolled back", () =>
    Effect.gen(function* () {
      const table = yield* migratedTable(url())
      const sql = yield* pgClient(url())
      const store = yield* storeOn(sql, { table })
      const stored = store.withLock("key")(store.compareAndSet("key", 0, token))
      yield* Effect.ignore(sql.withTransaction(Effect.zipRight(stored, Effect.fail("rolled back"))))
      expect(Option.map(yield* store.get("key"), ({ version }) => version)).toEqual(Option.some(1))
    })
  )

  scoped("reports an advisory lock as lost when its connection ends, and lets another store have it", () =>
    Effect.gen(function* () {
      const table = yield* migratedTable(url())
      const options = { table, exclusion: "advisory" } as const
      const [one, other] = yield* Effect.all([openStore(url(), options), openStore(url(), options)])
      const holding = Effect.gen(function* () {
        const { isHeld } = yield* TokenStore.Lease
        const before = yield* isHeld
        yield* run("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        const [took, after] = yield* Effect.timed(isHeld)
        expect(Duration.toMillis(took)).toBeLessThan(2_000)
        const isOther = yield* other.withLock("key")(Effect.flatMap(TokenStore.Lease, (lease) => lease.isHeld))
        return [before, after, isOther, yield* isHeld]
      })
      expect(yield* one.withLock("key")(holding)).toEqual([true, false, true, false])
      expect(yield* run("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")).toEqual([])
    })
  )

  scoped("fails with LockTimeout while another process holds an advisory lock, and leaves no lock behind", () =>
    Effect.gen(function* () {
      const table = yield* migratedTable(url())
      const options = { table, exclusion: "advisory", lockTimeout: "200 millis" } as const
      const [one, other] = yield* Effect.all([openStore(url(), options), openStore(url(), options)])
      const error = yield* one.withLock("key")(Effect.flip(other.withLock("key")(Effect.void)))
      expect(error).toMatchObject({ reason: "LockTimeout", message: expect.stringContaining("within 200ms") })
      expect(yield* Effect.flip(one.withLock("key")(one.withLock("key")(Effect.void)))).toMatchObject({
        reason: "LockTimeout"
      })
      expect(yield* run("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")).toEqual([])
    })
  )
})

describe.skipIf(!hasPostgres)("SqlTokenStore with a PostgreSQL that stops", () => {
  const lost = { synchronous_commit: "off", wal_writer_delay: "10s", wal_writer_flush_after: "0" }

  scoped("keeps each stored token although synchronous_commit is off, while a plain write is lost", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make({ settings: lost })
      const table = yield* migratedTable(server.url)
      yield* query(server.url, "CREATE TABLE plain (n int)")
      yield* query(server.url, "CHECKPOINT")
      const store = yield* openStore(server.url, { table })
      yield* store.compareAndSet("key", 0, token)
      yield* query(server.url, "INSERT INTO plain VALUES (1)")
      yield* server.kill
      expect(yield* errorsOf(store, 1)).toEqual(["ReadFailed", "WriteFailed", "WriteFailed"])
      yield* server.restart
      expect(Option.getOrThrow(yield* eventually(store.get("key")))).toEqual({ token, version: 1 })
      expect(yield* query(server.url, "SELECT * FROM plain")).toEqual([])
    })
  )

  scoped("fails for reads of a standby, also without a record", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make()
      const table = yield* migratedTable(server.url)
      yield* query(
        server.url,
        "DO $$ BEGIN EXECUTE format('COPY (SELECT 1 WHERE false) TO %L', current_setting('data_directory') || '/standby.signal'); END $$"
      )
      yield* server.restart
      const store = yield* openStore(server.url, { table })
      const error = yield* Effect.flip(store.get("key"))
      expect(error).toMatchObject({ reason: "ReadFailed", message: expect.stringContaining("the server is a standby") })
      expect(yield* Effect.flip(store.compareAndSet("key", 0, token))).toMatchObject({
        message: expect.stringContaining("(25006)")
      })
      expectNoSecret([error, secret.length])
    })
  )
})
