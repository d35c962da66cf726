/** Creates the tables. */
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Database } from "./database.js"
import type { SqlFailure } from "../errors/sqlFailure.js"
import * as Failure from "../errors/sqlFailure.js"

/** Maximum duration of a migration, which may wait for the lock of another one. */
const timeout = Duration.seconds(30)

/** Two processes that create one table at once: one of them fails, although the table exists then. */
const isRace = ({ code }: SqlFailure): boolean => code === "23505" || code === "42P07" || code === "42710"

/**
 * Runs the statements, one after the other. They belong to the transaction of a migrator: unlike a token, tables may be lost with
 * a rollback.
 */
export const run = (
  { error, sql }: Database,
  statements: ReadonlyArray<string>
): Effect.Effect<void, TokenStoreError> =>
  Effect.forEach(
    statements,
    (statement) =>
      Effect.mapError(sql.unsafe(statement).withoutTransform, Failure.describe).pipe(
        Effect.retry({ times: 3, while: (failure) => isRace(failure) || failure.isConflict })
      ),
    { discard: true }
  ).pipe(
    Effect.disconnect,
    Effect.timeoutFail({ duration: timeout, onTimeout: () => Failure.timedOut(Duration.format(timeout)) }),
    Effect.mapError((failure) => error("WriteFailed", failure))
  )
