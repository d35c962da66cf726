/** One session of PostgreSQL that holds an advisory lock. */
import type { TokenStoreError } from "@countersign/auth/Errors"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import type { Database } from "../database/database.js"
import { asDaemon, statementTimeout } from "../database/database.js"
import * as Failure from "../errors/sqlFailure.js"

/** A session that has acquired its lock. */
export interface AdvisorySession {
  /** Asks the server whether this session still has the lock. A lock that was lost stays lost. */
  readonly isHeld: Effect.Effect<boolean>
  /** Releases the lock, and then the connection. */
  readonly release: Effect.Effect<void>
}

/** Maximum time to wait for the answer whether the lock is held. */
const checkTimeout = Duration.seconds(2)

/** The server ends a session with a client that does not answer for 25 s. Its default is two hours. */
const keepAlive = [
  "set_config('tcp_keepalives_idle', '10', false)",
  "set_config('tcp_keepalives_interval', '5', false)",
  "set_config('tcp_keepalives_count', '3', false)"
].join(", ")

/** Two halves of the key, as `pg_locks` shows them. */
const keyOf = (name: string) => {
  const hash = createHash("sha256").update(name, "utf16le").digest()
  return { key: hash.readBigInt64BE(0).toString(), high: hash.readUInt32BE(0), low: hash.readUInt32BE(4) }
}

type Key = ReturnType<typeof keyOf>

const heldStatement = `SELECT pg_backend_pid() = $1::int AND EXISTS (
  SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = $1::int AND objsubid = 1
  AND classid = $2::bigint::oid AND objid = $3::bigint::oid) AS held`

/** Waits for a fiber for a limited time. The fiber goes on without its caller: an interrupted statement has no known result. */
const awaited = <A, E>(fiber: Fiber.Fiber<A, E>, duration: Duration.Duration): Effect.Effect<Option.Option<A>, E> =>
  asDaemon(Effect.timeoutOption(Fiber.join(fiber), duration))

const within = <A, E>(effect: Effect.Effect<A, E>, duration: Duration.Duration): Effect.Effect<Option.Option<A>, E> =>
  Effect.flatMap(Effect.forkDaemon(Effect.uninterruptible(effect)), (fiber) => awaited(fiber, duration))

/** The columns of the statements. Their values may be of any type. */
interface Columns {
  readonly acquired?: unknown
  readonly pid?: unknown
  readonly held?: unknown
}

// A row is an object with the columns of its statement.
const firstOf = ([row]: ReadonlyArray<unknown>): Columns => row ?? {}

const sessionOf = (connection: Connection, scope: Scope.CloseableScope, { high, key, low }: Key, pid: unknown) => {
  let isLost = false
  const asked = connection.execute(heldStatement, [pid, high, low], undefined)
  const isHeld = Effect.suspend(() =>
    isLost
      ? Effect.succeed(false)
      : Effect.map(Effect.option(within(asked, checkTimeout)), (found) => {
          if (firstOf(Option.getOrElse(Option.flatten(found), () => [])).held !== true) isLost = true
          return !isLost
        })
  )
  // A connection that goes back to the pool with its lock would keep it for ever.
  const released = connection.execute("SELECT pg_advisory_unlock($1::bigint)", [key], undefined).pipe(
    Effect.orElse(() => connection.execute("SELECT pg_terminate_backend(pg_backend_pid())", [], undefined)),
    Effect.exit,
    Effect.zipRight(Scope.close(scope, Exit.void))
  )
  return { isHeld, release: Effect.asVoid(within(released, checkTimeout)) }
}

/** Reserves a connection, and tries to acquire the lock on it. `None` if another session has it. */
const tried = (
  { sql }: Database,
  key: Key,
  isAbandoned: () => boolean
): Effect.Effect<Option.Option<AdvisorySession>, SqlError> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const closed = Scope.close(scope, Exit.void)
    const connection = yield* Effect.onError(Scope.extend(sql.reserve, scope), () => closed)
    if (isAbandoned()) return yield* Effect.as(closed, Option.none())
    const statement = `SELECT pg_try_advisory_lock($1::bigint) AS acquired, pg_backend_pid() AS pid, ${keepAlive}`
    const rows = yield* Effect.onError(connection.execute(statement, [key.key], undefined), () => closed)
    const { acquired, pid } = firstOf(rows)
    if (acquired !== true) return yield* Effect.as(closed, Option.none())
    return Option.some(sessionOf(connection, scope, key, pid))
  })

/** Tries once to acquire the lock of a name, within a limited time. `None` if another session has it. */
export const attempt = (
  database: Database,
  name: string
): Effect.Effect<Option.Option<AdvisorySession>, TokenStoreError> =>
  Effect.gen(function* () {
    let isAbandoned = false
    const trying = tried(database, keyOf(name), () => isAbandoned)
    const fiber = yield* Effect.forkDaemon(Effect.uninterruptible(trying))
    const found = yield* Effect.mapError(awaited(fiber, statementTimeout), (cause) =>
      database.error("WriteFailed", Failure.describe(cause))
    )
    if (Option.isSome(found)) return found.value
    isAbandoned = true
    // A lock that it acquires later must not stay.
    const late = Effect.flatMap(
      Fiber.join(fiber),
      Option.match({ onNone: () => Effect.void, onSome: ({ release }) => release })
    )
    yield* Effect.forkDaemon(Effect.ignore(late))
    return yield* database.error("WriteFailed", Failure.timedOut(Duration.format(statementTimeout)))
  })
