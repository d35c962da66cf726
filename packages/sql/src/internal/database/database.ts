/** Runs single statements, each within a limited time. */
import { TokenStoreError } from "@countersign/auth/Errors"
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Tracer from "effect/Tracer"
import type { SqlFailure } from "../errors/sqlFailure.js"
import * as Failure from "../errors/sqlFailure.js"
import type { Dialect } from "./dialect.js"

/** Maximum duration of one statement, including the wait for a connection of the pool. */
export const statementTimeout: Duration.Duration = Duration.seconds(5)

const timedOut = Failure.timedOut(Duration.format(statementTimeout))

/** A database with its SQL. */
export interface Database {
  readonly sql: SqlClient
  readonly dialect: Dialect
  /** Runs a statement in a transaction of its own. */
  readonly run: (
    statement: string,
    parameters: ReadonlyArray<string | number>
  ) => Effect.Effect<ReadonlyArray<object>, SqlFailure>
  /** The error of the store for a failure. */
  readonly error: (reason: "ReadFailed" | "WriteFailed", failure: SqlFailure) => TokenStoreError
}

/**
 * A statement of the application's transaction would be lost with its rollback, and waits for its end. The connection of a
 * transaction is in the context under a tag of the driver, so the context is dropped.
 */
const outsideOfTransaction = <A, E>(statement: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.mapInputContext(statement, (context: Context.Context<never>) => Context.pick(Tracer.ParentSpan)(context))

/** Other transactions end within milliseconds. */
const conflictRetries = Schedule.exponential("5 millis", 1.5).pipe(
  Schedule.union(Schedule.spaced("100 millis")),
  Schedule.jittered,
  Schedule.upTo("4 seconds")
)

/** A schedule costs time also if it is not used, so it begins after the first conflict. */
const retriedAfterConflict = <A>(statement: Effect.Effect<A, SqlFailure>): Effect.Effect<A, SqlFailure> => {
  const isConflict = (failure: SqlFailure) => failure.isConflict
  return Effect.catchIf(statement, isConflict, () =>
    Effect.retry(statement, { schedule: conflictRetries, while: isConflict })
  )
}

/**
 * Runs an effect that can end by a timeout, and waits for it. An interruption reaches the children of a fiber even while the
 * fiber is in an uninterruptible region. A daemon is no child, so a write there is not interrupted.
 */
export const asDaemon = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(effect)), (fiber) =>
    Effect.onInterrupt(Fiber.join(fiber), () => Fiber.interruptFork(fiber))
  )

/**
 * Ends a statement in time, and does not wait for the end of an interrupted one. The timer is that of the system, because the
 * database has no other time. Two fibers less than {@link asDaemon} with a timeout: half of the time of a read.
 */
const bounded = <A>(statement: Effect.Effect<A, SqlFailure>): Effect.Effect<A, SqlFailure> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(statement)), (fiber) =>
    Effect.async<A, SqlFailure>((resume) => {
      const end = () => {
        clearTimeout(timer)
        fiber.removeObserver(onExit)
        return Fiber.interruptFork(fiber)
      }
      const onExit = (exit: Exit.Exit<A, SqlFailure>) => {
        clearTimeout(timer)
        resume(exit)
      }
      const timer = setTimeout(
        () => resume(Effect.zipRight(end(), Effect.fail(timedOut))),
        Duration.toMillis(statementTimeout)
      )
      fiber.addObserver(onExit)
      return Effect.suspend(end)
    })
  )

/** Makes a database of a client. */
export const make = (sql: SqlClient, dialect: Dialect): Database => ({
  sql,
  dialect,
  run: (statement, parameters) =>
    outsideOfTransaction(sql.unsafe<object>(statement, parameters).withoutTransform).pipe(
      Effect.mapError(Failure.describe),
      // A driver may throw, or reject with another error.
      Effect.catchAllDefect((defect) => Effect.fail(Failure.describe({ cause: defect }))),
      retriedAfterConflict,
      bounded
    ),
  error: (reason, { detail, isOtherShape }) =>
    new TokenStoreError({ reason: isOtherShape ? "UnsupportedFormat" : reason, detail: `${dialect.name}: ${detail}` })
})
