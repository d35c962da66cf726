/** The statements of a token store. Each is one transaction. */
import type { Dialect } from "./dialect.js"
import { maxTextLength, prefix } from "../tokenStore/recordFormat.js"

/** Statements with `$1` … as their parameters. */
export interface Statements {
  /** `$1`: name. */
  readonly read: string
  /** `$1`: name. As {@link read}, after a write, so that the record is as durable as that write. */
  readonly settle: string
  /** `$1`: name, `$2`: text. Writes if there is no token. */
  readonly insert: string
  /** `$1`: name, `$2`: text, `$3`: expected version, `$4`: fingerprint of the expected text, empty if it is unknown. */
  readonly update: string
  /** `$1`: name, `$2`: expected version, `$3`: as `$4` of {@link update}. */
  readonly remove: string
  /** `$1`: name, `$2`: owner, `$3`: milliseconds. */
  readonly acquire: string
  /** As {@link acquire}, for the owner of the lock, or a lock that is gone. */
  readonly renew: string
  /** `$1`: name, `$2`: owner. */
  readonly release: string
  /** Create the tables unless they exist. */
  readonly create: ReadonlyArray<string>
}

/** A newer release may have written the record, or another program. */
const isOurs = `substr(token, 1, ${prefix.length}) = '${prefix}'`

/** The tables with quoted names. */
export interface Tables {
  readonly tokens: string
  readonly locks: string
}

const ofRecords = (dialect: Dialect, tokens: string) => {
  const length = dialect.bytes("r.token")
  const columns = `r.version, CASE WHEN ${length} <= ${maxTextLength} THEN r.token END AS token, ${length} AS bytes`
  const read = dialect.select(columns, tokens)
  const isExpected = (fingerprint: string) =>
    `${isOurs} AND CAST(${fingerprint} AS text) IN ('', ${dialect.fingerprint("token")})`
  return {
    read,
    settle:
      dialect.durably === ""
        ? read
        : `UPDATE ${tokens} AS r SET version = r.version WHERE r.name = $1 RETURNING false AS standby, ${columns} ${dialect.durably}`,
    insert: `INSERT INTO ${tokens} AS r (name, version, token) VALUES ($1, 1, CAST($2 AS text))
      ON CONFLICT (name) DO UPDATE SET version = r.version + 1, token = excluded.token
      WHERE r.token IS NULL AND r.version BETWEEN 1 AND ${Number.MAX_SAFE_INTEGER - 1}
      RETURNING version ${dialect.durably}`,
    update: `UPDATE ${tokens} SET version = version + 1, token = CAST($2 AS text)
      WHERE name = $1 AND version = $3 AND ${isExpected("$4")} RETURNING version ${dialect.durably}`,
    remove: `UPDATE ${tokens} SET token = NULL
      WHERE name = $1 AND version = $2 AND ${isExpected("$3")} RETURNING version ${dialect.durably}`
  }
}

const ofLocks = ({ durably, lightly, now }: Dialect, locks: string) => {
  const insert = `INSERT INTO ${locks} AS l (name, owner, expires_at) VALUES ($1, $2, ${now} + $3)
      ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at WHERE`
  return {
    acquire: `${insert} l.expires_at <= ${now} OR l.owner = excluded.owner RETURNING owner ${lightly}`,
    renew: `${insert} l.owner = excluded.owner RETURNING owner ${lightly}`,
    // If a failover loses it, no process gets the lock for the rest of the lease.
    release: `UPDATE ${locks} SET expires_at = 0 WHERE name = $1 AND owner = $2 RETURNING owner ${durably}`
  }
}

/** The statements for two tables of a database. */
export const make = (dialect: Dialect, { locks, tokens }: Tables): Statements => {
  const { create, ...others } = {
    ...ofRecords(dialect, tokens),
    ...ofLocks(dialect, locks),
    create: [
      `CREATE TABLE IF NOT EXISTS ${tokens} (name text PRIMARY KEY, version bigint NOT NULL, token text)`,
      `CREATE TABLE IF NOT EXISTS ${locks} (name text PRIMARY KEY, owner text NOT NULL, expires_at bigint NOT NULL)`
    ]
  }
  return {
    read: dialect.text(others.read),
    settle: dialect.text(others.settle),
    insert: dialect.text(others.insert),
    update: dialect.text(others.update),
    remove: dialect.text(others.remove),
    acquire: dialect.text(others.acquire),
    renew: dialect.text(others.renew),
    release: dialect.text(others.release),
    create
  }
}
