/**
 * Connection to Redis: the client of ioredis that the other modules of this package use.
 *
 * @since 0.1.0
 */
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Cluster, Redis } from "ioredis"
import * as Checks from "./internal/connection/checks.js"
import type { Options } from "./internal/connection/clientOptions.js"
import { defaults, names, RedisClientError } from "./internal/connection/clientOptions.js"
import { open } from "./internal/connection/openClient.js"
import * as Connection from "./internal/connection/options.js"
import * as RedisFailure from "./internal/errors/redisFailure.js"
import * as OptionNames from "./internal/options/optionNames.js"

export type { Options } from "./internal/connection/clientOptions.js"
export { defaults, RedisClientError } from "./internal/connection/clientOptions.js"

/**
 * A client of ioredis.
 *
 * @since 0.1.0
 * @category models
 */
export type Client = Redis | Cluster

/**
 * Tag of the client.
 *
 * @since 0.1.0
 * @category tags
 */
export class RedisClient extends /* @__PURE__ */ Context.Tag("@countersign/redis/RedisClient")<RedisClient, Client>() {}

const failed = (reason: RedisClientError["reason"], detail: string) => new RedisClientError({ reason, detail })

const warnOfEviction = (policy: string) =>
  Effect.logWarning(
    `Redis may remove tokens and locks: \`maxmemory-policy\` is ${policy}. Set \`noeviction\`, or use another server for them.`
  )

const rejected: ReadonlySet<string> = new Set(["NOAUTH", "WRONGPASS"])

/**
 * Checks a server. An unreachable one is a warning, because the token in memory and local limits serve without it. Its
 * scripts fail if it turns out to be too old.
 */
const check = (redis: Client): Effect.Effect<void, RedisClientError> =>
  Effect.matchEffect(Effect.tryPromise({ try: () => Checks.inspect(redis), catch: RedisFailure.describe }), {
    onFailure: ({ code, detail }) =>
      rejected.has(code)
        ? failed("Rejected", detail)
        : Effect.logWarning(`The version and the eviction policy of Redis were not checked: ${detail}.`),
    onSuccess: ({ eviction, oldVersion }) =>
      oldVersion === undefined
        ? eviction === undefined
          ? Effect.void
          : warnOfEviction(eviction)
        : failed("UnsupportedVersion", `the server is Redis ${oldVersion}. Use Redis 7 or newer, or Valkey`)
  })

/**
 * Makes a client, which is closed with the scope.
 *
 * - **Encryption**: plain `redis://` is rejected for other hosts than loopback, see `dangerouslyPlainText`.
 * - **Timeouts**: each command ends within `commandTimeout`. Without a connection, a command fails at once.
 * - **Lost connections**: a command that was sent is never sent again, because the server may have carried it out. The client
 *   connects again after 10 ms, then at growing intervals up to 1 s.
 * - **Silent connections**: after a command without a response, a connection that has received nothing since is replaced. An idle
 *   connection to a server that is gone ends within 20 s.
 * - **Checks**: a server older than Redis 7 is rejected. Another `maxmemory-policy` than `noeviction` is logged as a warning.
 *   An unreachable server is logged too: the client connects as soon as it can.
 *
 * For Sentinel, Cluster, or a password that expires, make a client of ioredis and use {@link fromClient}.
 *
 * Fails with `RedisClientError`.
 *
 * @param options - the server, the sign-in, and timeouts. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Client, RedisClientError, Scope.Scope> =>
  Effect.tap(
    Effect.suspend(() => open(OptionNames.known("`RedisClient`", options, names))),
    check
  )

/**
 * Layer with a client. See {@link make}.
 *
 * @example
 * import * as RedisClient from "@countersign/redis/RedisClient"
 * import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
 * import * as Layer from "effect/Layer"
 *
 * const StoreLive = RedisTokenStore.layer().pipe(
 *   Layer.provide(RedisClient.layer({ url: "redis://127.0.0.1:6379" }))
 * )
 *
 * @param options - the server, the sign-in, and timeouts. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<RedisClient, RedisClientError> =>
  Layer.scoped(RedisClient, make(options))

/**
 * Layer with a client, with options that may be read from the configuration (`Config`).
 *
 * @example
 * import * as RedisClient from "@countersign/redis/RedisClient"
 * import * as Config from "effect/Config"
 *
 * const RedisLive = RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") })
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: ConfigOptions.OrConfig<Options>
): Layer.Layer<RedisClient, RedisClientError | ConfigError> =>
  Layer.scoped(
    RedisClient,
    Effect.flatMap(
      Effect.suspend(() => ConfigOptions.read<Options>(OptionNames.known("`RedisClient`", options, names))),
      make
    )
  )

/**
 * Options for a client of your own, see {@link fromClient}. Those of ioredis send a command twice after a lost connection, and
 * wait without a bound.
 *
 * @since 0.1.0
 * @category defaults
 */
export const connectionOptions = {
  ...Connection.fixed,
  /** Maximum time until a command has a response, in milliseconds. */
  commandTimeout: Duration.toMillis(defaults.commandTimeout),
  /** Maximum time until a connection is open, in milliseconds. */
  connectTimeout: Duration.toMillis(defaults.connectTimeout)
} as const

/** The options without which a token can be written twice, or a call can wait without a bound. */
const unsafeOptions = (client: Client): ReadonlyArray<string> => {
  const options = Connection.optionsOf(client)
  return [
    ...(options.maxRetriesPerRequest === 0 ? [] : ["maxRetriesPerRequest"]),
    ...(options.autoResendUnfulfilledCommands === false ? [] : ["autoResendUnfulfilledCommands"]),
    ...((options.commandTimeout ?? 0) > 0 ? [] : ["commandTimeout"])
  ]
}

const warnOfOptions = (client: Client): Effect.Effect<void> => {
  const unsafe = unsafeOptions(client)
  return unsafe.length === 0
    ? Effect.void
    : Effect.logWarning(
        `A Redis client may send a write twice or wait without a bound: ${unsafe.join(", ")}. ` +
          "Make it with `RedisClient.connectionOptions`."
      )
}

/**
 * Layer with a client of the application: for Sentinel, Cluster, or a password that expires. The application closes it.
 *
 * The server is checked as by {@link make}. Make the client with {@link connectionOptions}, in a cluster as `redisOptions`. A
 * client without them is logged as a warning. While no node of a cluster is reachable, commands of this package end after
 * `commandTimeout` too; ioredis would keep them without a limit. Add a listener for `error`, or ioredis prints each lost connection.
 *
 * @example
 * import * as RedisClient from "@countersign/redis/RedisClient"
 * import { Redis } from "ioredis"
 *
 * const RedisLive = RedisClient.fromClient(
 *   new Redis({
 *     ...RedisClient.connectionOptions,
 *     name: "primary",
 *     sentinels: [{ host: "10.0.0.1", port: 26379 }]
 *   })
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const fromClient = (client: Client): Layer.Layer<RedisClient, RedisClientError> =>
  Layer.effect(RedisClient, Effect.as(Effect.zipRight(warnOfOptions(client), check(client)), client))
