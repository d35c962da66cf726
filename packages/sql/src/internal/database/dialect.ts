/** The SQL in which databases differ. */
import { createHash } from "node:crypto"

/** SQL of one database. */
export interface Dialect {
  /** Name in messages. */
  readonly name: "PostgreSQL" | "SQLite"
  /** Its time in epoch milliseconds, at the moment when it is evaluated. */
  readonly now: string
  /** What identifies a text, in this process. */
  readonly fingerprintOf: (text: string) => string
  /** The same of a column, in SQL. */
  readonly fingerprint: (column: string) => string
  /** Length of a text in bytes. */
  readonly bytes: (column: string) => string
  /** Placeholders of parameters, from `$1`. */
  readonly text: (statement: string) => string
  /** Selects from a table by its name. */
  readonly select: (columns: string, table: string) => string
  /**
   * Returned columns that make a write durable when it is reported, whatever the default of the database is. It counts for
   * one statement.
   */
  readonly durably: string
  /** Returned columns that report a write before it is on disk. */
  readonly lightly: string
}

const syncCommit = "current_setting('synchronous_commit')"

/**
 * PostgreSQL. `set_config(…, true)` counts for the transaction of the statement, which commits after it.
 *
 * A standby returns no record that it has not received, which would count as a sign-out. So a read returns whether the server
 * is one, also without a record.
 */
export const postgres: Dialect = {
  name: "PostgreSQL",
  now: "(extract(epoch from clock_timestamp()) * 1000)::bigint",
  fingerprintOf: (text) => createHash("sha256").update(text).digest("hex"),
  fingerprint: (column) => `encode(sha256(convert_to(${column}, 'UTF8')), 'hex')`,
  bytes: (column) => `octet_length(${column})`,
  text: (statement) => statement,
  select: (columns, table) =>
    `SELECT pg_is_in_recovery() AS standby, ${columns} FROM (SELECT 1) AS one LEFT JOIN ${table} AS r ON r.name = $1`,
  durably: `, set_config('synchronous_commit', CASE ${syncCommit} WHEN 'off' THEN 'on' ELSE ${syncCommit} END, true)`,
  lightly: ", set_config('synchronous_commit', 'off', true)"
}

/** SQLite, which writes to disk at the end of each transaction. */
export const sqlite: Dialect = {
  name: "SQLite",
  now: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
  // SQLite has no hash function.
  fingerprintOf: (text) => text,
  fingerprint: (column) => column,
  bytes: (column) => `length(CAST(${column} AS BLOB))`,
  text: (statement) => statement.replaceAll("$", "?"),
  select: (columns, table) => `SELECT 0 AS standby, ${columns} FROM ${table} AS r WHERE r.name = $1`,
  durably: "",
  lightly: ""
}
