/**
 * PostgreSQL server for tests: a `postgres` process on a free port of the loopback interface, with a database of its own, and
 * a PgBouncer in front of it. It requires Node and PostgreSQL, but no running service.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as OptionNames from "./internal/options/optionNames.js"
import type { Address } from "./internal/postgresServer/address.js"
import { addressOf } from "./internal/postgresServer/address.js"
import * as Bouncer from "./internal/postgresServer/bouncer.js"
import * as Cluster from "./internal/postgresServer/cluster.js"
import * as Programs from "./internal/postgresServer/programs.js"
import { failed, type PostgresServerError } from "./internal/postgresServer/serverError.js"
import * as ServerProcess from "./internal/postgresServer/serverProcess.js"

export type { Address } from "./internal/postgresServer/address.js"
export { PostgresServerError } from "./internal/postgresServer/serverError.js"

/**
 * Options of {@link make} and {@link layer}: the port, and settings of the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Port of the server. Default: a free port below 32 768, the start of the ports that client sockets use. */
  readonly port?: number | undefined
  /** Settings of `postgresql.conf`, such as `{ max_connections: "10" }`. Default: none. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

const names: OptionNames.ShapeOf<Options> = { port: "size", settings: true }

/**
 * A running server. Its port stays the same after a restart.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service extends Address {
  /** Stops the server at once, as a crash does (`pg_ctl stop -m immediate`). Committed data stay. */
  readonly kill: Effect.Effect<void>
  /** Stops the server at once, and starts it again with its data. */
  readonly restart: Effect.Effect<void, PostgresServerError>
}

/**
 * Tag of a running server.
 *
 * @since 0.1.0
 * @category services
 */
export class PostgresServer extends Context.Tag("@countersign/testing/PostgresServer")<PostgresServer, Service>() {}

/**
 * Succeeds if `initdb` and `postgres` are in `PATH` or in Debian's folder, otherwise fails with `BinaryMissing`. Use it to skip
 * tests with a reason.
 *
 * @since 0.1.0
 * @category constructors
 */
export const available: Effect.Effect<void, PostgresServerError> = /* @__PURE__ */ Effect.asVoid(Programs.serverFolder)

/**
 * Succeeds if `pgbouncer` is in `PATH` or in `/usr/sbin`, otherwise fails with `BinaryMissing`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const pgbouncerAvailable: Effect.Effect<void, PostgresServerError> = /* @__PURE__ */ Effect.asVoid(
  Programs.bouncerFolder
)

/**
 * Starts a server with an empty database, which runs until the scope closes. Then it is stopped, and its folder is removed. As
 * root, it runs as the user `postgres`.
 *
 * Fails with `PostgresServerError`: `BinaryMissing` without PostgreSQL, otherwise `StartFailed`.
 *
 * @example
 * import * as PostgresServer from "@countersign/testing/PostgresServer"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const server = yield* PostgresServer.make({ settings: { max_connections: "10" } })
 *     yield* Effect.log(server.url)
 *   })
 * )
 *
 * @param options - the port, and settings of the server. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service, PostgresServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const { port: given, settings = {} } = OptionNames.known("`PostgresServer`", options, names)
    if (given !== undefined && !(Number.isInteger(given) && given > 0 && given < 65_536)) {
      return yield* failed(`\`port\` is ${given}. Set an integer from 1 to 65535`)
    }
    const cluster = yield* Cluster.empty
    const starting = Effect.gen(function* () {
      const port = given ?? (yield* ServerProcess.freePort)
      return { port, child: yield* cluster.start(port, settings) }
    })
    // Another process may take a free port before the server does.
    const again = {
      times: given === undefined ? 2 : 0,
      while: ({ reason }: PostgresServerError) => reason === "StartFailed"
    }
    const first = yield* Effect.uninterruptible(Effect.retry(starting, again))
    const { port } = first
    let running = Option.some(first.child)
    const kill = Effect.suspend(() => {
      const child = running
      running = Option.none()
      // The signal of an immediate shutdown.
      return Option.isSome(child) ? ServerProcess.end(child.value, "SIGQUIT") : Effect.void
    })
    yield* Effect.addFinalizer(() => kill)
    const start = Effect.map(cluster.start(port, settings), (child) => {
      running = Option.some(child)
    })
    return { ...addressOf(port), kill, restart: Effect.uninterruptible(Effect.zipRight(kill, start)) }
  })

/**
 * Layer with a running server. See {@link make}.
 *
 * @param options - the port, and settings of the server. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<PostgresServer, PostgresServerError> =>
  Layer.scoped(PostgresServer, make(options))

/**
 * Options of {@link pgbouncer}: how it assigns connections of the server to its clients.
 *
 * @since 0.1.0
 * @category models
 */
export interface PgbouncerOptions {
  /** When a connection of the server is free for another client (`"transaction"`). */
  readonly poolMode?: "session" | "transaction" | "statement" | undefined
  /** Number of connections to the server (4). */
  readonly poolSize?: number | undefined
}

const bouncerNames: OptionNames.ShapeOf<PgbouncerOptions> = { poolMode: true, poolSize: "count" }

/**
 * Starts a PgBouncer in front of a server, which runs until the scope closes. Each client signs in as `postgres`.
 *
 * Fails with `PostgresServerError`: `BinaryMissing` without PgBouncer, otherwise `StartFailed`.
 *
 * @param server - the server behind it.
 * @param options - how it assigns connections. See {@link PgbouncerOptions}.
 * @since 0.1.0
 * @category constructors
 */
export const pgbouncer = (
  server: Service,
  options: PgbouncerOptions = {}
): Effect.Effect<Address, PostgresServerError, Scope.Scope> =>
  Effect.suspend(() => {
    const { poolMode = "transaction", poolSize = 4 } = OptionNames.known("`pgbouncer`", options, bouncerNames)
    return Effect.map(Bouncer.start(server.port, { mode: poolMode, size: poolSize }), addressOf)
  })
