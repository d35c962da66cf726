/**
 * PostgreSQL primary with a standby for tests of failovers. The standby receives each write with a delay, so that a failover
 * loses the last ones if it is asynchronous: on one machine, even a killed server loses nothing, because the system sends
 * what it has written.
 *
 * It requires Node and PostgreSQL 12 or newer, but no running service.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as LagProxy from "./internal/lagProxy.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type { Address } from "./internal/postgresServer/address.js"
import { addressOf } from "./internal/postgresServer/address.js"
import type { Settings } from "./internal/postgresServer/cluster.js"
import * as Cluster from "./internal/postgresServer/cluster.js"
import * as Programs from "./internal/postgresServer/programs.js"
import { failed, type PostgresServerError } from "./internal/postgresServer/serverError.js"
import * as ServerProcess from "./internal/postgresServer/serverProcess.js"

/**
 * Options of {@link make}: the delay, whether a commit waits for the standby, and settings of the servers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long each write is on its way to the standby (5 ms). */
  readonly lag?: Duration.DurationInput | undefined
  /** Whether a commit waits until the standby has it (`synchronous_standby_names`). Default: false. */
  readonly synchronous?: boolean | undefined
  /** Settings of `postgresql.conf` of both servers, such as `{ max_connections: "10" }`. Default: none. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

const names: OptionNames.ShapeOf<Options> = { lag: "duration", synchronous: true, settings: true }

/**
 * A primary and its standby. The address always leads to the primary.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service extends Address {
  /** The primary. After a failover, it is the server that was the standby. */
  readonly primary: Effect.Effect<Address>
  /** The standby, which accepts reads. */
  readonly standby: Effect.Effect<Address>
  /**
   * Ends the primary as a loss of power does: its connections first, so that no client gets a response, and the writes that are
   * on their way to the standby are lost. After `outage`, the standby becomes the primary. Succeeds when it has a standby of
   * its own. If commits wait for the standby, they wait until then.
   *
   * @param outage - how long there is no primary. Default: zero.
   */
  readonly failOver: (outage?: Duration.DurationInput) => Effect.Effect<void, PostgresServerError>
}

/**
 * Succeeds if `initdb`, `pg_basebackup`, `pg_ctl` and `postgres` are in one folder of `PATH` or in Debian's folder, otherwise
 * fails with `BinaryMissing`. Use it to skip tests with a reason.
 *
 * @since 0.1.0
 * @category constructors
 */
export const available: Effect.Effect<void, PostgresServerError> = /* @__PURE__ */ Effect.asVoid(
  Programs.replicationFolder
)

interface Replication {
  readonly delayMs: number
  readonly settings: Settings
}

interface Node {
  readonly port: number
  readonly stop: Effect.Effect<void>
}

interface Standby extends Node {
  readonly promote: Effect.Effect<void, PostgresServerError>
  /** The way on which it receives writes. */
  readonly link: LagProxy.LagProxy
}

/** Servers need the time of the system: a test with another clock would wait forever. */
const inRealTime = Effect.withClock(Clock.make())

const proxyOf = (target: number, delayMs: number) =>
  Effect.mapError(LagProxy.make(target, delayMs), () => failed("the proxy in front of it could not listen"))

/** Starts a server on a free port, and stops it when the scope closes. */
const started = ({ start }: Cluster.Primary, settings: Settings) =>
  Effect.gen(function* () {
    const starting = Effect.gen(function* () {
      const port = yield* ServerProcess.freePort
      return { port, child: yield* start(port, settings) }
    })
    // Another process may take a free port before the server does.
    const retried = Effect.retry(starting, { times: 2, while: ({ reason }) => reason === "StartFailed" })
    const { port } = yield* Effect.acquireRelease(retried, ({ child }) => ServerProcess.end(child, "SIGQUIT"))
    return port
  })

/** Starts a server in a scope of its own. */
const inScope = <N>(parent: Scope.Scope, starting: Effect.Effect<N, PostgresServerError, Scope.Scope>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(parent, ExecutionStrategy.sequential)
    return { ...(yield* Scope.extend(starting, scope)), stop: Scope.close(scope, Exit.void) }
  })

const startPrimary = (parent: Scope.Scope, { settings }: Replication): Effect.Effect<Node, PostgresServerError> =>
  inScope(
    parent,
    Effect.gen(function* () {
      return { port: yield* started(yield* Cluster.empty, settings) }
    })
  )

const startStandby = (
  parent: Scope.Scope,
  { delayMs, settings }: Replication,
  primary: Node
): Effect.Effect<Standby, PostgresServerError> =>
  inScope(
    parent,
    Effect.gen(function* () {
      const link = yield* proxyOf(primary.port, delayMs)
      const standby = yield* Cluster.copyOf(primary.port, link.port)
      return { port: yield* started(standby, settings), promote: standby.promote, link: link.proxy }
    })
  )

/**
 * Starts a primary and a standby, which run until the scope closes. As root, they run as the user `postgres`.
 *
 * Fails with `PostgresServerError`: `BinaryMissing` without PostgreSQL, otherwise `StartFailed`.
 *
 * @example
 * import * as PostgresReplication from "@countersign/testing/PostgresReplication"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const postgres = yield* PostgresReplication.make({ synchronous: true, lag: "20 millis" })
 *     yield* Effect.log(postgres.url)
 *     yield* postgres.failOver("1 second")
 *   })
 * )
 *
 * @param options - the delay, whether a commit waits for the standby, and settings of the servers. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service, PostgresServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const {
      lag = "5 millis",
      settings = {},
      synchronous = false
    } = OptionNames.known("`PostgresReplication`", options, names)
    yield* available
    const standbys = synchronous ? { synchronous_standby_names: "*" } : {}
    const replication = { delayMs: Duration.toMillis(lag), settings: { ...standbys, ...settings } }
    const scope = yield* Effect.scope
    let primary = yield* startPrimary(scope, replication)
    let standby = yield* startStandby(scope, replication, primary)
    const address = yield* proxyOf(primary.port, 0)

    const failOver = (outage: Duration.DurationInput = 0) =>
      Effect.gen(function* () {
        standby.link.close()
        address.proxy.cut()
        yield* primary.stop
        yield* Effect.sleep(outage)
        yield* standby.promote
        address.proxy.target = standby.port
        primary = standby
        standby = yield* startStandby(scope, replication, primary)
      })

    return {
      ...addressOf(address.port),
      primary: Effect.sync(() => addressOf(primary.port)),
      standby: Effect.sync(() => addressOf(standby.port)),
      failOver: (outage) => Effect.uninterruptible(inRealTime(failOver(outage)))
    } satisfies Service
  }).pipe(inRealTime)
