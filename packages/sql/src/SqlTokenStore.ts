/**
 * Token store in a database of `@effect/sql`, which processes on many machines share: PostgreSQL, or SQLite.
 *
 * @since 0.1.0
 */
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as LeaseLock from "@countersign/auth/LeaseLock"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as SqlClient from "@effect/sql/SqlClient"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Database from "./internal/database/database.js"
import * as Dialect from "./internal/database/dialect.js"
import * as Migration from "./internal/database/migration.js"
import * as Statements from "./internal/database/statements.js"
import * as Tables from "./internal/database/tables.js"
import * as AdvisoryLock from "./internal/lock/advisoryLock.js"
import * as LeaseRows from "./internal/lock/leaseRows.js"
import * as OptionNames from "./internal/options/optionNames.js"
import * as RecordCodec from "./internal/tokenStore/recordCodec.js"
import * as Records from "./internal/tokenStore/records.js"

/**
 * Options of {@link make} and {@link layer}: the table, and the lock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Table of the tokens (`countersign_tokens`), such as `app.tokens` with a schema. The table of the locks has the same name with
   * `_locks`. A name has letters, digits and underscores, and it is case-sensitive.
   */
  readonly table?: string | undefined
  /** How long a lock is kept that is not renewed (30 s). See `LeaseLock`. It has no effect on advisory locks. */
  readonly lease?: Duration.DurationInput | undefined
  /** How long to wait while another process holds the lock (15 s). */
  readonly lockTimeout?: Duration.DurationInput | undefined
  /**
   * How processes exclude each other (`"lease"`).
   *
   * - `"lease"`: a row with an owner and an end. It works through connection poolers, and with each database.
   * - `"advisory"`: an advisory lock of PostgreSQL, which ends with its connection. A process that is stopped for a long time
   *   keeps it, so the time in which it loses its session at the authorization server is smaller.
   *
   * Advisory locks have these limits:
   *
   * - **Never use them through a pooler with transaction pooling**, such as PgBouncer. Two processes then hold the same lock,
   *   and locks stay for ever. A lock on another session than its own counts as lost, so no token request is sent with it.
   * - Each lock that is held takes one connection of the pool, while reads and writes need another one. Set `maxConnections` to
   *   at least 2.
   * - `idle_session_timeout` of the server must be longer than a token request.
   */
  readonly exclusion?: "lease" | "advisory" | undefined
}

const names: OptionNames.ShapeOf<Options> = { table: true, lease: "duration", lockTimeout: "duration", exclusion: true }

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  /** Table of the tokens. */
  table: "countersign_tokens",
  /** How long a lock is kept that is not renewed. */
  lease: LeaseLock.defaults.lease,
  /** How long to wait while another process holds the lock. */
  lockTimeout: LeaseLock.defaults.lockTimeout,
  /** How processes exclude each other. */
  exclusion: "lease"
} as const

const invalid = (detail: string) => new TokenStoreError({ reason: "WriteFailed", detail })

/** The database of the context, and its statements. */
const connected = ({ table = defaults.table }: Options) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const dialect = sql.onDialectOrElse({
      pg: () => Dialect.postgres,
      sqlite: () => Dialect.sqlite,
      orElse: () => undefined
    })
    if (dialect === undefined) {
      return yield* invalid("the database of the SqlClient is not supported. Use PostgreSQL or SQLite")
    }
    const tables = yield* Tables.quoted(table)
    return { database: Database.make(sql, dialect), statements: Statements.make(dialect, tables) }
  })

/**
 * Makes a token store in a database. Its tables must exist: see {@link migrate} and {@link migrations}. Its `lockScope` is
 * `cluster`, because every process that uses the table takes the lock there.
 *
 * - **Databases**: PostgreSQL, directly or through a pooler with transaction pooling, and SQLite from 3.35, such as libSQL.
 * - **Encryption**: records are not encrypted, and the logs of a server may show statements with their values. Put
 *   `EncryptedTokenStore` over this store.
 * - **Durability**: a token counts as stored when it is on disk, also if `synchronous_commit` of the database is `off`. With a
 *   synchronous standby, the standby has it too.
 * - **Failover**: with an asynchronous standby, a failover loses the last writes, and with them sessions of servers that rotate
 *   refresh tokens. Set `synchronous_standby_names`. Reads from a standby fail, because it may lack the newest record.
 * - **Lost responses**: after a write without a response, the store reads the record. It reports the write as stored if the
 *   record is that of the write, and is on disk.
 * - **Changed records**: a write replaces only the text that this process has validated. A record that was damaged meanwhile
 *   stays as it is, also if its version is the same.
 * - **Transactions**: each statement is a transaction of its own, also within `sql.withTransaction`. A rollback of the
 *   application would lose a refresh token that the server has replaced.
 * - **Time**: a statement ends after 5 seconds, including the wait for a connection of the pool.
 * - **Locks**: see `exclusion`. Leases are those of `LeaseLock`, by the clock of the database. A process that stands still for
 *   longer than `lease` while its token request is on its way may cost the session at a server that revokes reused refresh
 *   tokens.
 * - **Removal**: a removed record leaves its version, and a released lock its row.
 *
 * Fails with these reasons. A message contains the code of the database, but no token, key, password or statement:
 *
 * - `ReadFailed`, `WriteFailed`: the database did not respond or reported an error, such as `42P01` for a missing table, `25006`
 *   for a read-only server, or `28P01` for a rejected password. Invalid options fail with `WriteFailed`.
 * - `UnsupportedFormat`: the table has other columns, or the record is of another program or of a newer release.
 * - `Corrupt`: the record cannot be parsed, or is larger than 512 KiB.
 * - `LockTimeout`: only from `withLock`.
 *
 * @param options - the table, and the lock. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<TokenStore.Service, TokenStoreError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const {
      exclusion = defaults.exclusion,
      lease,
      lockTimeout,
      table = defaults.table
    } = OptionNames.known("`SqlTokenStore`", options, names)
    const { database, statements } = yield* connected(options)
    if (exclusion !== "lease" && exclusion !== "advisory") {
      return yield* invalid(`\`exclusion\` is "${String(exclusion)}". Set "lease" or "advisory"`)
    }
    if (exclusion === "advisory" && database.dialect.name !== "PostgreSQL") {
      return yield* invalid('`exclusion` is "advisory", which needs PostgreSQL. Set "lease"')
    }
    const withLock =
      exclusion === "lease"
        ? LeaseRows.make(database, statements, { lease, lockTimeout })
        : AdvisoryLock.make(database, table, Duration.decode(lockTimeout ?? defaults.lockTimeout))
    return {
      lockScope: "cluster",
      ...Records.make(database, statements),
      withLock: (key) => (effect) => Effect.flatMap(RecordCodec.nameOf(key), (name) => withLock(name)(effect))
    }
  })

/**
 * Layer that stores tokens in a database, which processes on many machines share.
 *
 * @example
 * import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
 * import * as EncryptionKey from "@countersign/node/EncryptionKey"
 * import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const StoreLive = Config.redacted("TOKEN_KEY").pipe(
 *   Effect.flatMap(EncryptionKey.fromBase64),
 *   Effect.map((key) => EncryptedTokenStore.layer({ storeId: "orders", key })),
 *   Layer.unwrapEffect,
 *   Layer.provide(SqlTokenStore.layer()),
 *   Layer.provide(PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") }))
 * )
 *
 * @param options - the table, and the lock. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<TokenStore.TokenStore, TokenStoreError, SqlClient.SqlClient> =>
  Layer.effect(TokenStore.TokenStore, make(options))

/**
 * Layer that stores tokens in a database, with options that may be read from the configuration (`Config`).
 *
 * @example
 * import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
 * import * as Config from "effect/Config"
 *
 * const StoreLive = SqlTokenStore.layerConfig({ table: Config.string("TOKEN_TABLE") })
 *
 * @param options - the table, and the lock. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: ConfigOptions.OrConfig<Options>
): Layer.Layer<TokenStore.TokenStore, TokenStoreError | ConfigError, SqlClient.SqlClient> =>
  Layer.effect(
    TokenStore.TokenStore,
    Effect.flatMap(
      Effect.suspend(() => ConfigOptions.read<Options>(OptionNames.known("`SqlTokenStore`", options, names))),
      make
    )
  )

/**
 * Creates the tables unless they exist. It needs the permission to create tables, and changes no table that exists.
 *
 * Fails as {@link make}, and with `WriteFailed` if the tables cannot be created.
 *
 * @example
 * import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.provide(
 *   SqlTokenStore.migrate(),
 *   PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") })
 * )
 *
 * @param options - the options of the store. Only `table` has an effect.
 * @since 0.1.0
 * @category migrations
 */
export const migrate = (options: Options = {}): Effect.Effect<void, TokenStoreError, SqlClient.SqlClient> =>
  Effect.suspend(() =>
    Effect.flatMap(connected(OptionNames.known("`SqlTokenStore`", options, names)), ({ database, statements }) =>
      Migration.run(database, statements.create)
    )
  )

/**
 * Migrations of the tables, for `Migrator.fromRecord` of `@effect/sql`. A migrator runs only migrations with a higher number than
 * the last one that it ran. So give it a `table` of its own, or run {@link migrate} in a migration of the application.
 *
 * @example
 * import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
 * import * as Migrator from "@effect/sql/Migrator"
 *
 * const loader = Migrator.fromRecord({ ...SqlTokenStore.migrations() })
 *
 * @param options - the options of the store. Only `table` has an effect.
 * @since 0.1.0
 * @category migrations
 */
export const migrations = (
  options?: Options
): Readonly<Record<string, Effect.Effect<void, TokenStoreError, SqlClient.SqlClient>>> => ({
  "0001_countersign_tokens": migrate(options)
})
