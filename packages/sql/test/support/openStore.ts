/** Clients and stores of tests and of their programs. */
import type { TokenStoreError } from "@countersign/auth/Errors"
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A client with its own pool. */
export const pgClient = (
  url: string,
  options: Partial<PgClient.PgClientConfig> = {}
): Effect.Effect<PgClient.PgClient, SqlError, Scope.Scope> =>
  Effect.provide(PgClient.make({ url: Redacted.make(url), ...options }), Reactivity.layer)

/** The path of a new database, in a folder that the scope removes. */
export const databaseFile: Effect.Effect<string, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "countersign-sqlite-"))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
  ),
  (folder) => join(folder, "tokens.db")
)

/** A client of a database file. */
export const libsqlClient = (file: string): Effect.Effect<SqlClient.SqlClient, never, Scope.Scope> =>
  Effect.provide(LibsqlClient.make({ url: `file:${file}` }), Reactivity.layer)

/** A store on a client. */
export const storeOn = (
  sql: SqlClient.SqlClient,
  options: SqlTokenStore.Options
): Effect.Effect<TokenStore.Service, TokenStoreError> =>
  Effect.provideService(SqlTokenStore.make(options), SqlClient.SqlClient, sql)

/** Creates the tables. */
export const migrateOn = (
  sql: SqlClient.SqlClient,
  options: SqlTokenStore.Options
): Effect.Effect<void, TokenStoreError> =>
  Effect.provideService(SqlTokenStore.migrate(options), SqlClient.SqlClient, sql)

/** A store with a pool of its own, as each process has one. */
export const openStore = (
  url: string,
  options: SqlTokenStore.Options,
  client: Partial<PgClient.PgClientConfig> = {}
): Effect.Effect<TokenStore.Service, unknown, Scope.Scope> =>
  Effect.flatMap(pgClient(url, client), (sql) => storeOn(sql, options))
