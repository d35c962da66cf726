/**
 * Redis server for tests: a `redis-server` process on a free port of the loopback interface, without persistence. It requires
 * Node, and Redis 7 in `PATH`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { spawnSync } from "node:child_process"
import * as OptionNames from "./internal/options/optionNames.js"
import * as RedisProcess from "./internal/redisServer/redisProcess.js"
import { RedisServerError } from "./internal/redisServer/redisProcess.js"

export { RedisServerError } from "./internal/redisServer/redisProcess.js"

/**
 * Options of {@link make} and {@link layer}: the port, and arguments of the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Port of the server. Default: a free port below 32 768, the start of the ports that client sockets use. */
  readonly port?: number | undefined
  /** Further arguments of `redis-server`, such as `["--requirepass", "secret"]`. Default: none. */
  readonly args?: ReadonlyArray<string> | undefined
}

const names: OptionNames.ShapeOf<Options> = { port: "size", args: true }

/**
 * A running server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Host that the server listens on: `127.0.0.1`. */
  readonly host: string
  /** Port that the server listens on. It stays the same after {@link Service.restart}. */
  readonly port: number
  /** `redis://` URL of the server, without a path. */
  readonly url: string
  /** Kills the server (SIGKILL), and waits for its end. Its data are lost. */
  readonly kill: Effect.Effect<void>
  /** Kills the server, and starts an empty one on the same port. */
  readonly restart: Effect.Effect<void, RedisServerError>
  /** Stops the process (SIGSTOP): connections stay open, and no command gets a response. */
  readonly suspend: Effect.Effect<void>
  /** Continues a process that was stopped by {@link Service.suspend} (SIGCONT). */
  readonly resume: Effect.Effect<void>
}

/**
 * Tag of a running server.
 *
 * @since 0.1.0
 * @category services
 */
export class RedisServer extends Context.Tag("@countersign/testing/RedisServer")<RedisServer, Service>() {}

/**
 * Succeeds if `redis-server` is in `PATH`, otherwise fails with `BinaryMissing`. Use it to skip tests with a reason.
 *
 * @since 0.1.0
 * @category constructors
 */
export const available: Effect.Effect<void, RedisServerError> = Effect.suspend(() =>
  spawnSync("redis-server", ["--version"]).status === 0 ? Effect.void : RedisProcess.missing()
)

/** Maximum time until a server accepts connections. */
const startTimeout = Duration.seconds(10)

/** Starts a server. The time of its start is that of the system: a test with another clock would wait forever. */
const startWithin = (port: number, folder: string, args: ReadonlyArray<string>) =>
  Effect.timeoutFail(RedisProcess.start(port, folder, args), {
    duration: startTimeout,
    onTimeout: () =>
      new RedisServerError({
        reason: "StartFailed",
        detail: `it was not ready within ${Duration.format(startTimeout)}`
      })
  }).pipe(Effect.withClock(Clock.make()))

/**
 * Starts a server, which runs until the scope closes. Then it is killed, and its folder is removed.
 *
 * Fails with `RedisServerError`: `BinaryMissing` without `redis-server` in `PATH`, otherwise `StartFailed`.
 *
 * @example
 * import * as RedisServer from "@countersign/testing/RedisServer"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const server = yield* RedisServer.make({ args: ["--maxmemory", "10mb"] })
 *     yield* Effect.log(server.url)
 *   })
 * )
 *
 * @param options - the port, and arguments of the server. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service, RedisServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const { args = [], port: given } = OptionNames.known("`RedisServer`", options, names)
    const folder = yield* RedisProcess.folder
    const starting = Effect.gen(function* () {
      const port = given ?? (yield* RedisProcess.freePort)
      return { port, child: yield* startWithin(port, folder, args) }
    })
    // Another process may take a free port before the server does.
    const again = {
      times: given === undefined ? 2 : 0,
      while: ({ reason }: RedisServerError) => reason === "StartFailed"
    }
    const first = yield* Effect.uninterruptible(Effect.retry(starting, again))
    const { port } = first
    let running = Option.some(first.child)
    const signal = (name: NodeJS.Signals) => Effect.sync(() => void Option.getOrUndefined(running)?.kill(name))
    const kill = Effect.suspend(() => {
      const child = running
      running = Option.none()
      return Option.isSome(child) ? RedisProcess.kill(child.value) : Effect.void
    })
    yield* Effect.addFinalizer(() => kill)
    const start = Effect.map(startWithin(port, folder, args), (child) => {
      running = Option.some(child)
    })
    return {
      host: "127.0.0.1",
      port,
      url: `redis://127.0.0.1:${port}`,
      kill,
      restart: Effect.uninterruptible(Effect.zipRight(kill, start)),
      suspend: signal("SIGSTOP"),
      resume: signal("SIGCONT")
    }
  })

/**
 * Layer with a running server. See {@link make}.
 *
 * @param options - the port, and arguments of the server. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<RedisServer, RedisServerError> =>
  Layer.scoped(RedisServer, make(options))
