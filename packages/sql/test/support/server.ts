/** PostgreSQL servers, clients and stores of tests. */
import * as PostgresServer from "@countersign/testing/PostgresServer"
import type { SqlError } from "@effect/sql/SqlError"
import { afterAll, beforeAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { migrateOn, pgClient } from "./openStore.js"

const isInstalled = (program: Effect.Effect<void, unknown>) => Either.isRight(Effect.runSync(Effect.either(program)))

/** Whether PostgreSQL is installed. Without it, the tests are skipped, which CI rejects. */
export const hasPostgres = isInstalled(PostgresServer.available)
/** Whether PostgreSQL and PgBouncer are installed. */
export const hasBouncer = hasPostgres && isInstalled(PostgresServer.pgbouncerAvailable)

/** A value for the tests of a file. The function returns it while a test runs. */
export const ofFile = <A>(make: Effect.Effect<A, unknown, Scope.Scope>, isEnabled: boolean): (() => A) => {
  const scope = Effect.runSync(Scope.make())
  let made: { readonly value: A } | undefined
  beforeAll(async () => {
    if (isEnabled) made = { value: await Effect.runPromise(Scope.extend(make, scope)) }
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return () => {
    if (made === undefined) throw new Error("no test runs, or a program is missing")
    return made.value
  }
}

/** Many stores at once have their own pools. */
export const settings = { max_connections: "300" } as const

let tables = 0

/** A table that no other test has. */
export const newTable = (): string => `test_${process.pid}_${tables++}`

/** Runs a statement with a client of its own. Returns its rows. */
export const query = (url: string, statement: string): Effect.Effect<ReadonlyArray<object>, SqlError> =>
  Effect.scoped(Effect.flatMap(pgClient(url, { maxConnections: 1 }), (sql) => sql.unsafe<object>(statement)))

/** A table that was created by `migrate`. */
export const migratedTable = (url: string): Effect.Effect<string, unknown> =>
  Effect.suspend(() => {
    const table = newTable()
    return Effect.scoped(
      Effect.as(
        Effect.flatMap(pgClient(url, { maxConnections: 1 }), (sql) => migrateOn(sql, { table })),
        table
      )
    )
  })
