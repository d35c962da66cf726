/** Bad data, options, and how the store behaves within an application's client. */
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { databaseFile, libsqlClient, migrateOn, storeOn } from "./support/openStore.js"
import { errorsOf, expectNoSecret, nameOf, scoped, secret, token } from "./support/records.js"

/** An empty database. In memory, libSQL would begin an empty one after each transaction. */
const empty = Effect.flatMap(databaseFile, libsqlClient)

/** A database with the tables. */
const database = Effect.tap(empty, (sql) => migrateOn(sql, {}))

const format = '"format":"countersign/token"'

/** Texts of the column `token`, and the reason with which reads and writes fail. */
const badTexts: ReadonlyArray<readonly [name: string, text: unknown, reason: string]> = [
  ["no JSON", secret, "Corrupt"],
  ["an empty text", "", "Corrupt"],
  ["a number", 5, "Corrupt"],
  ["bytes", new Uint8Array([1, 2]), "Corrupt"],
  ["JSON without a format", JSON.stringify({ secret }), "Corrupt"],
  ["another format", JSON.stringify({ format: "other/token", secret }), "UnsupportedFormat"],
  ["a newer format", `{${format},"formatVersion":2,"secret":"${secret}"}`, "UnsupportedFormat"],
  ["no token", `{${format},"formatVersion":1}`, "Corrupt"],
  ["a token with an unknown field", `{${format},"formatVersion":1,"token":{"${secret}":1}}`, "Corrupt"],
  ["a text that is too large", "x".repeat(512 * 1024 + 1), "Corrupt"]
]

const isOwn = (text: unknown) => typeof text === "string" && text.startsWith(`{${format},"formatVersion":1,`)

const insert = (sql: SqlClient.SqlClient, version: unknown, text: unknown) =>
  sql.unsafe("INSERT INTO countersign_tokens (name, version, token) VALUES (?, ?, ?)", [nameOf("key"), version, text])

const rows = (sql: SqlClient.SqlClient) =>
  sql.unsafe<object>("SELECT name, CAST(version AS text) AS version, token FROM countersign_tokens")

describe("SqlTokenStore with bad data", () => {
  it.live.each(badTexts.map(([name, text, reason]) => ({ name, text, reason })))(
    "fails for $name in a record, and leaves it as it is",
    ({ reason, text }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const sql = yield* database
          yield* insert(sql, 7, text)
          const before = yield* rows(sql)
          const store = yield* storeOn(sql, {})
          expect(yield* errorsOf(store, 0)).toEqual(Array(3).fill(reason))
          // A caller with the current version of a record of this format has read or written it.
          if (!isOwn(text)) expect(yield* errorsOf(store, 7)).toEqual(Array(3).fill(reason))
          expect(yield* rows(sql)).toEqual(before)
        })
      )
  )

  it.live.each(badTexts.map(([name, text, reason]) => ({ name, text, reason })))(
    "overwrites nothing after $name has replaced the text of a record that it has read",
    ({ reason, text }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const sql = yield* database
          const store = yield* storeOn(sql, {})
          yield* store.compareAndSet("key", 0, token)
          yield* store.get("key")
          yield* sql.unsafe("UPDATE countersign_tokens SET token = ?", [text])
          const before = yield* rows(sql)
          const results = yield* Effect.all([
            Effect.flip(store.compareAndSet("key", 1, token)),
            Effect.flip(store.remove("key", 1))
          ])
          expect(results.map((error) => error.reason)).toEqual([reason, reason])
          expect(yield* rows(sql)).toEqual(before)
        })
      )
  )

  scoped("overwrites no other valid text with the same version", () =>
    Effect.gen(function* () {
      const sql = yield* database
      const [store, other] = [yield* storeOn(sql, {}), yield* storeOn(sql, { table: "other" })]
      yield* migrateOn(sql, { table: "other" })
      yield* store.compareAndSet("key", 0, token)
      const theirs = Token.bearer(Redacted.make("theirs"), 0)
      yield* other.compareAndSet("key", 0, theirs)
      yield* sql.unsafe("UPDATE countersign_tokens SET token = (SELECT token FROM other)")
      expect(yield* store.compareAndSet("key", 1, token)).toEqual(Option.none())
      expect(yield* store.remove("key", 1)).toBe(true)
    })
  )

  scoped("writes a version that another store of the process has written", () =>
    Effect.gen(function* () {
      const sql = yield* database
      const [one, other] = [yield* storeOn(sql, {}), yield* storeOn(sql, {})]
      yield* one.compareAndSet("key", 0, token)
      expect(yield* other.compareAndSet("key", 2, token)).toEqual(Option.none())
      expect(Option.map(yield* other.compareAndSet("key", 1, token), ({ version }) => version)).toEqual(Option.some(2))
      expect(yield* one.compareAndSet("key", 1, token)).toEqual(Option.none())
      expect(yield* one.remove("key", 2)).toBe(true)
    })
  )

  it.live.each([0, -1, 0.5, secret, "9007199254740993"])("fails with Corrupt for the version %s", (version) =>
    Effect.scoped(
      Effect.gen(function* () {
        const sql = yield* database
        yield* insert(sql, version, null)
        const before = yield* rows(sql)
        const store = yield* storeOn(sql, {})
        const error = yield* Effect.flip(store.get("key"))
        expect(error.reason).toBe(version === "9007199254740993" ? "ReadFailed" : "Corrupt")
        expectNoSecret(error)
        expect(yield* Effect.either(store.compareAndSet("key", 0, token))).toMatchObject({ _tag: "Left" })
        expect(yield* rows(sql)).toEqual(before)
      })
    )
  )

  scoped("fails with WriteFailed for a token that is too large, and writes nothing", () =>
    Effect.gen(function* () {
      const sql = yield* database
      const store = yield* storeOn(sql, {})
      for (const text of ["x".repeat(512 * 1024), "é".repeat(256 * 1024)]) {
        const large = Token.bearer(Redacted.make(text), 0)
        expect(yield* Effect.flip(store.compareAndSet("key", 0, large))).toMatchObject({ reason: "WriteFailed" })
      }
      expect(yield* rows(sql)).toEqual([])
    })
  )

  scoped("returns None for an expected version that no record can have", () =>
    Effect.gen(function* () {
      const store = yield* storeOn(yield* database, {})
      for (const expected of [-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER, 2 ** 53, 7]) {
        expect(yield* store.compareAndSet("key", expected, token)).toEqual(Option.none())
        expect(yield* store.remove("key", expected)).toBe(false)
      }
    })
  )

  scoped("fails for a missing table, and names the migration", () =>
    Effect.gen(function* () {
      const store = yield* storeOn(yield* empty, { lockTimeout: 0 })
      const error = yield* Effect.flip(store.get("key"))
      expect(error.message).toBe(
        "The token store failed: SQLite: the table does not exist. Run `SqlTokenStore.migrate`, or check `table` (SQLITE_ERROR)."
      )
      expect(yield* errorsOf(store, 1)).toEqual(["ReadFailed", "WriteFailed", "WriteFailed"])
      expect(yield* Effect.flip(store.withLock("key")(Effect.void))).toMatchObject({ reason: "WriteFailed" })
    })
  )

  scoped("fails with UnsupportedFormat for a table with other columns", () =>
    Effect.gen(function* () {
      const sql = yield* empty
      yield* sql.unsafe("CREATE TABLE countersign_tokens (id integer PRIMARY KEY, secret text)")
      yield* sql.unsafe("CREATE TABLE countersign_tokens_locks (id integer PRIMARY KEY)")
      const store = yield* storeOn(sql, {})
      expect(yield* errorsOf(store, 1)).toEqual(Array(3).fill("UnsupportedFormat"))
      expect(yield* Effect.flip(store.withLock("key")(Effect.void))).toMatchObject({ reason: "UnsupportedFormat" })
    })
  )
})

describe("SqlTokenStore in an application", () => {
  scoped("fails for a write within a transaction of SQLite, which would be lost with a rollback", () =>
    Effect.gen(function* () {
      const sql = yield* database
      const store = yield* storeOn(sql, {})
      // Both wait for the same lock of SQLite, so that the write fails.
      const writing = Effect.either(store.compareAndSet("key", 0, token))
      const exit = yield* Effect.flip(sql.withTransaction(Effect.flatMap(writing, Effect.fail)))
      expect(exit).toMatchObject({ _tag: "Left", left: { reason: "WriteFailed" } })
      expect(yield* store.get("key")).toEqual(Option.none())
    })
  )

  scoped("works with a client that changes the names of columns and rows", () =>
    Effect.gen(function* () {
      const upper = (name: string) => name.toUpperCase()
      const context = yield* Layer.build(
        LibsqlClient.layer({
          url: `file:${yield* databaseFile}`,
          transformResultNames: upper,
          transformQueryNames: upper
        })
      )
      const sql = Context.get(context, SqlClient.SqlClient)
      yield* migrateOn(sql, {})
      const store = yield* storeOn(sql, {})
      yield* store.withLock("key")(store.compareAndSet("key", 0, token))
      expect(Option.getOrThrow(yield* store.get("key"))).toEqual({ token, version: 1 })
    })
  )

  scoped("creates its tables once, also as the migrations of a migrator", () =>
    Effect.gen(function* () {
      const sql = yield* empty
      const options = { table: "my_tokens" }
      const run = Migrator.make({})({
        loader: Migrator.fromRecord({ ...SqlTokenStore.migrations(options) }),
        table: "countersign_migrations"
      }).pipe(Effect.provideService(SqlClient.SqlClient, sql))
      expect(yield* run).toEqual([[1, "countersign_tokens"]])
      expect(yield* run).toEqual([])
      yield* migrateOn(sql, options)
      const store = yield* storeOn(sql, options)
      yield* store.compareAndSet("key", 0, token)
      yield* migrateOn(sql, options)
      expect(Option.isSome(yield* store.get("key"))).toBe(true)
    })
  )

  scoped("rejects invalid options", () =>
    Effect.gen(function* () {
      const sql = yield* empty
      const invalid: ReadonlyArray<readonly [SqlTokenStore.Options, string]> = [
        [{ table: "" }, '`table` is "".'],
        [{ table: 'a"; DROP TABLE users; --' }, '`table` is "a'],
        [{ table: "a.b.c" }, '`table` is "a.b.c"'],
        [{ table: "x".repeat(58) }, "Set a name of at most 57"],
        [{ exclusion: "advisory" }, '`exclusion` is "advisory", which needs PostgreSQL'],
        // JavaScript callers have no types that prevent this value.
        [{ exclusion: "row" as "lease" }, '`exclusion` is "row"']
      ]
      for (const [options, message] of invalid) {
        const error: TokenStoreError = yield* Effect.flip(storeOn(sql, options))
        expect(error).toMatchObject({ reason: "WriteFailed", message: expect.stringContaining(message) })
      }
    })
  )

  scoped("builds its Layer from the configuration", () =>
    Effect.gen(function* () {
      const sql = yield* empty
      yield* migrateOn(sql, { table: "from_config" })
      const layer = SqlTokenStore.layerConfig({ table: Config.string("TABLE") }).pipe(
        Layer.provide(Layer.succeed(SqlClient.SqlClient, sql)),
        Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["TABLE", "from_config"]]))))
      )
      const store = Context.get(yield* Layer.build(layer), TokenStore.TokenStore)
      yield* store.compareAndSet("key", 0, token)
      expect(yield* sql.unsafe("SELECT version FROM from_config")).toEqual([{ version: 1 }])
    })
  )
})
