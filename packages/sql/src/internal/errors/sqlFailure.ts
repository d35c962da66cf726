/**
 * Descriptions of failures of a database. A message of the server may repeat values of a statement, such as a token. So only its
 * code is used, and only if it has the form of a code.
 */

/** SQLSTATE codes of PostgreSQL (Appendix A): what each means, and what to do. */
const meanings: Readonly<Record<string, string>> = {
  "25006": "the server is read-only, such as a standby. Connect to the primary",
  "28000": "the server rejected the sign-in. Check the user and its permissions",
  "28P01": "the server rejected the sign-in. Check the user and the password",
  "3D000": "the database does not exist. Check its name",
  "3F000": "the schema does not exist. Check `table`",
  "40001": "another transaction changed the record. Try again",
  "40P01": "the server ended a deadlock. Try again",
  "42501": "the user lacks a permission. Grant SELECT, INSERT and UPDATE on both tables",
  "42P01": "the table does not exist. Run `SqlTokenStore.migrate`, or check `table`",
  "53100": "the disk of the server is full. Free some space",
  "53200": "the server is out of memory. Check the server",
  "53300": "the server has too many connections. Increase `max_connections`, or use a connection pooler",
  "55P03": "the record is locked by another transaction. Try again",
  "57014": "the server canceled the statement. Try again, or increase `statement_timeout`",
  "57P01": "the server shuts down. Try again",
  "57P02": "the server restarts after a crash. Try again",
  "57P03": "the server starts or stops. Try again",
  SQLITE_BUSY: "another process holds the lock of the database. Try again",
  SQLITE_LOCKED: "another transaction holds the lock of the table. Try again",
  SQLITE_FULL: "the disk is full. Free some space",
  SQLITE_READONLY: "the database is read-only. Check the permissions of its file",
  SQLITE_CANTOPEN: "the database cannot be opened. Check its path and permissions",
  SQLITE_NOTADB: "the file is no SQLite database. Check its path",
  SQLITE_CORRUPT: "the database is damaged. Restore it from a backup",
  SQLITE_IOERR: "reading or writing the file failed. Check the disk"
}

/** Codes of a statement that does not fit the table: columns, types, and a missing primary key. */
const otherShape: ReadonlySet<string> = new Set([
  ...["22003", "22P02", "23502", "23514", "42703", "42804", "42809", "42883", "42P10", "42P18"],
  ...["SQLITE_CONSTRAINT", "SQLITE_MISMATCH"]
])

const otherShapeMeaning = "the table has other columns than those of `SqlTokenStore.migrate`. Set another `table`"

/** Codes of failures before the statement could have an effect: the transaction is over, or never began. */
const withoutEffect =
  /^(?:0A|22|23|25|28|3D|3F|42|53|54|55)...$|^(?:40001|40P01|57P03)$|^SQLITE_(?!IOERR)|^ECONNREFUSED$/

/** A failure of the database without any text of it. */
export interface SqlFailure {
  /** The code, such as `42P01`, `SQLITE_BUSY` or `ECONNREFUSED`. `CLOSED`, `POOL` and `TIMEOUT` without one of the server. */
  readonly code: string
  /** What it means and what to do, with the code. */
  readonly detail: string
  /** Whether the statement may have been carried out. */
  readonly isUnknownResult: boolean
  /** Whether another transaction was the cause, so that the statement can be repeated at once. */
  readonly isConflict: boolean
  /** Whether the table has other columns or types than this store. */
  readonly isOtherShape: boolean
}

const failure = (code: string, meaning: string, isUnknownResult = !withoutEffect.test(code)): SqlFailure => ({
  code,
  detail: `${meaning} (${code})`,
  isUnknownResult,
  isConflict: /^(?:40001|40P01|SQLITE_BUSY|SQLITE_LOCKED)/.test(code),
  isOtherShape: otherShape.has(code)
})

const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

const hasForm = (code: string): boolean =>
  /^[0-9A-Z]{5}$|^SQLITE_[A-Z]{2,30}(?:_[A-Z_]{2,30})?$|^E[A-Z]{3,20}$/.test(code)

/** SQLite names a missing table in its message, and has one code for most errors. */
const ofSqlite = (message: string): SqlFailure | undefined =>
  /no such table/.test(message)
    ? failure("SQLITE_ERROR", "the table does not exist. Run `SqlTokenStore.migrate`, or check `table`")
    : /no such column|has no column|ON CONFLICT clause does not match/.test(message)
      ? { ...failure("SQLITE_ERROR", otherShapeMeaning), isOtherShape: true }
      : undefined

const ofCode = (code: string): SqlFailure => {
  const [, base = code] = /^(SQLITE_[A-Z]+)_/.exec(code) ?? []
  const meaning = meanings[code] ?? meanings[base]
  if (otherShape.has(base)) return { ...failure(code, otherShapeMeaning), isOtherShape: true }
  if (meaning !== undefined) return failure(code, meaning)
  if (/^E[A-Z]/.test(code)) return failure(code, "no connection to the server. Check its address and the network")
  return failure(code, "the database rejected the statement. Look this code up in its documentation")
}

/** The failure of a statement without a response in time. */
export const timedOut = (duration: string): SqlFailure =>
  failure(
    "TIMEOUT",
    `no response within ${duration}. Check the server and the network, and whether the pool has a free connection`
  )

/** Describes an error of `@effect/sql`, which has that of the driver as its cause. */
export const describe = (error: unknown): SqlFailure => {
  const cause = property(error, "cause")
  const message = textOf(property(cause, "message"))
  const code = textOf(property(cause, "code"))
  const isBefore = textOf(property(error, "message")).startsWith("Failed to acquire connection")
  if (/timeout exceeded when trying to connect/.test(message)) {
    return failure(
      "POOL",
      "no connection within `connectTimeout`. Check the server, or increase `maxConnections`",
      false
    )
  }
  const found = ofSqlite(message) ?? (hasForm(code) ? ofCode(code) : undefined)
  const described = found ?? failure("CLOSED", "the connection ended. Check the server and the network")
  return isBefore ? { ...described, isUnknownResult: false } : described
}
