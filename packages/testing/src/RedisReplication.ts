/**
 * Redis primary with a replica for tests of failovers. The replica receives each write with a delay, so that a failover loses
 * the last ones: on one machine, even a killed server loses nothing, because the system sends what it has written.
 *
 * It requires Node, and Redis 7 in `PATH`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as OptionNames from "./internal/options/optionNames.js"
import * as InlineCommand from "./internal/redisServer/inlineCommand.js"
import * as LagProxy from "./internal/lagProxy.js"
import * as RedisServer from "./RedisServer.js"

/**
 * Options of {@link make}: the delay, and arguments of the servers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long each write is on its way to the replica (5 ms). */
  readonly lag?: Duration.DurationInput | undefined
  /** Further arguments of each `redis-server`, such as `["--maxmemory", "10mb"]`. A password is not supported. Default: none. */
  readonly args?: ReadonlyArray<string> | undefined
}

const names: OptionNames.ShapeOf<Options> = { lag: "duration", args: true }

/**
 * A primary and its replica.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Host of the address: `127.0.0.1`. */
  readonly host: string
  /** Port of the address that always leads to the primary. */
  readonly port: number
  /** `redis://` URL of this address, without a path. */
  readonly url: string
  /** The primary. After a failover, it is the server that was the replica. */
  readonly primary: Effect.Effect<RedisServer.Service>
  /** The replica. */
  readonly replica: Effect.Effect<RedisServer.Service>
  /**
   * Kills the primary (SIGKILL), and loses the writes that are on their way to the replica. After `outage`, the replica becomes
   * the primary. Succeeds when it has a replica of its own.
   *
   * @param outage - how long there is no primary. Default: zero.
   */
  readonly failOver: (outage?: Duration.DurationInput) => Effect.Effect<void, RedisServer.RedisServerError>
}

interface Node {
  readonly server: RedisServer.Service
  /** The way on which a replica receives writes. */
  readonly link: LagProxy.LagProxy | undefined
  readonly stop: Effect.Effect<void>
}

/** Servers need the time of the system: a test with another clock would wait forever. */
const inRealTime = Effect.withClock(Clock.make())

const failed = (detail: string) => new RedisServer.RedisServerError({ reason: "StartFailed", detail })

const proxyOf = (target: number, delayMs: number) =>
  Effect.mapError(LagProxy.make(target, delayMs), () => failed("the proxy in front of it could not listen"))

/** Waits until the primary has sent its data to a replica. */
const untilReplicated = ({ port }: RedisServer.Service) =>
  InlineCommand.send(port, "INFO replication").pipe(
    Effect.filterOrFail(
      (info) => info?.includes("state=online") === true,
      () => failed("the replica did not receive the data of the primary within 10 s")
    ),
    Effect.retry(Schedule.upTo(Schedule.spaced("10 millis"), "10 seconds"))
  )

const promote = ({ port }: RedisServer.Service) =>
  InlineCommand.send(port, "REPLICAOF NO ONE").pipe(
    Effect.filterOrFail(
      (response) => response?.startsWith("+OK") === true,
      () => failed("the replica did not become the primary")
    )
  )

/** Starts a server in a scope of its own: the primary, or a replica of `primary`. */
const start = (parent: Scope.Scope, { args, delayMs }: Replication, primary?: RedisServer.Service) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(parent, ExecutionStrategy.sequential)
    const starting = Effect.gen(function* () {
      // Without the delay, a primary collects replicas for five seconds before it sends its data.
      const own = ["--repl-diskless-sync-delay", "0", ...args]
      if (primary === undefined) return { server: yield* RedisServer.make({ args: own }), link: undefined }
      const { port, proxy } = yield* proxyOf(primary.port, delayMs)
      const server = yield* RedisServer.make({ args: ["--replicaof", "127.0.0.1", String(port), ...own] })
      yield* untilReplicated(primary)
      return { server, link: proxy }
    })
    const node = yield* Scope.extend(starting, scope)
    return { ...node, stop: Scope.close(scope, Exit.void) } satisfies Node
  })

interface Replication {
  readonly args: ReadonlyArray<string>
  readonly delayMs: number
}

/**
 * Starts a primary and a replica, which run until the scope closes.
 *
 * Fails with `RedisServerError`: `BinaryMissing` without `redis-server` in `PATH`, otherwise `StartFailed`.
 *
 * @example
 * import * as RedisReplication from "@countersign/testing/RedisReplication"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const redis = yield* RedisReplication.make({ lag: "50 millis" })
 *     yield* Effect.log(redis.url)
 *     yield* redis.failOver("1 second")
 *   })
 * )
 *
 * @param options - the delay, and arguments of the servers. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service, RedisServer.RedisServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const { args = [], lag = "5 millis" } = OptionNames.known("`RedisReplication`", options, names)
    const replication = { args, delayMs: Duration.toMillis(lag) }
    const scope = yield* Effect.scope
    let primary: Node = yield* start(scope, replication)
    let replica: Node = yield* start(scope, replication, primary.server)
    const address = yield* proxyOf(primary.server.port, 0)

    const failOver = (outage: Duration.DurationInput = 0) =>
      Effect.gen(function* () {
        replica.link?.close()
        address.proxy.cut()
        yield* primary.stop
        yield* Effect.sleep(outage)
        yield* promote(replica.server)
        address.proxy.target = replica.server.port
        primary = replica
        replica = yield* start(scope, replication, primary.server)
      })

    return {
      host: "127.0.0.1",
      port: address.port,
      url: `redis://127.0.0.1:${address.port}`,
      primary: Effect.sync(() => primary.server),
      replica: Effect.sync(() => replica.server),
      failOver: (outage) => Effect.uninterruptible(inRealTime(failOver(outage)))
    } satisfies Service
  }).pipe(inRealTime)
