/** The token store on PostgreSQL, compared with SELECT and UPDATE through the same pool. */
import * as Token from "@countersign/auth/Token"
import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
import * as PostgresServer from "@countersign/testing/PostgresServer"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/** One operation of a store, and the bare statement that it is compared with. */
export interface Operation {
  readonly name: string
  readonly ours: () => Promise<unknown>
  readonly bare: () => Promise<unknown>
}

/** As large as a token with an ID token. */
const token = { ...Token.bearer(Redacted.make("a".repeat(1_200)), 0), refreshToken: Redacted.make("r".repeat(1_200)) }

const operationsOf = (sql: SqlClient.SqlClient, name: string, options: SqlTokenStore.Options) =>
  Effect.gen(function* () {
    const store = yield* Effect.provideService(SqlTokenStore.make(options), SqlClient.SqlClient, sql)
    const key = `key of ${name}`
    yield* store.compareAndSet(key, 0, token)
    yield* sql.unsafe("INSERT INTO bare (name, token) VALUES ($1, $2)", [name, "a".repeat(2_400)])
    let version = 1
    const select = sql.unsafe("SELECT token FROM bare WHERE name = $1", [name])
    const update = sql.unsafe("UPDATE bare SET token = $2 WHERE name = $1", [name, "b".repeat(2_400)])
    const write = Effect.tap(
      Effect.suspend(() => store.compareAndSet(key, version, token)),
      (stored) => Effect.sync(() => (version = Option.getOrThrow(stored).version))
    )
    const operation = (what: string, ours: Effect.Effect<unknown, unknown>, bare: Effect.Effect<unknown, unknown>) => ({
      name: `${name}: ${what}`,
      ours: () => Effect.runPromise(ours),
      bare: () => Effect.runPromise(bare)
    })
    return [
      operation("get / SELECT", store.get(key), select),
      operation("compareAndSet / UPDATE", write, update),
      operation("withLock / UPDATE", store.withLock(key)(Effect.void), update)
    ]
  })

const clientOf = (url: string) => Effect.provide(PgClient.make({ url: Redacted.make(url) }), Reactivity.layer)

/** Runs a server, and passes the operations to a function. */
export const withOperations = <A>(
  use: (operations: ReadonlyArray<Operation>) => Effect.Effect<A>
): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    const server = yield* PostgresServer.make()
    const bouncer = yield* PostgresServer.pgbouncer(server)
    const sql = yield* clientOf(server.url)
    yield* Effect.provideService(SqlTokenStore.migrate(), SqlClient.SqlClient, sql)
    yield* sql.unsafe("CREATE TABLE bare (name text PRIMARY KEY, token text)")
    return yield* use([
      ...(yield* operationsOf(sql, "PostgreSQL", {})),
      ...(yield* operationsOf(sql, "PostgreSQL, advisory", { exclusion: "advisory" })),
      ...(yield* operationsOf(yield* clientOf(bouncer.url), "PgBouncer", {}))
    ])
  }).pipe(Effect.scoped)
