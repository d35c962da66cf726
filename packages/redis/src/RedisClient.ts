/**
 * Connection to Redis: the client of ioredis that the other modules of this package use.
 *
 * @since 0.1.0
 */
import * as Origin from "@countersign/protocol/Origin"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Cluster, RedisOptions } from "ioredis"
import { Redis } from "ioredis"
import type { ConnectionOptions } from "node:tls"
import * as Checks from "./internal/connection/checks.js"
import * as Connection from "./internal/connection/options.js"
import * as RedisFailure from "./internal/errors/redisFailure.js"
import * as OptionNames from "./internal/options/optionNames.js"

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

/**
 * The client could not be made. The message contains no password.
 *
 * - `InvalidOptions`: the URL or a timeout is invalid.
 * - `Insecure`: the URL is plain `redis://` to another host.
 * - `Rejected`: the server requires a sign-in, or rejected it.
 * - `UnsupportedVersion`: the server is older than Redis 7.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisClientError extends Data.TaggedError("RedisClientError")<{
  readonly reason: "InvalidOptions" | "Insecure" | "Rejected" | "UnsupportedVersion"
  readonly detail: string
  readonly message: string
}> {
  constructor(fields: Pick<RedisClientError, "reason" | "detail">) {
    super({ ...fields, message: `The Redis client was not made: ${fields.detail}.` })
  }
}

/**
 * Options of {@link layer}: the server, the sign-in, and timeouts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * URL of the server: `rediss://host:6379` with TLS, or `redis://` for a server on this host. It may contain a user, a
   * password and the number of a database: `rediss://user:password@host:6379/0`.
   */
  readonly url: string | Redacted.Redacted
  /** User of the server's access control list. Default: that of the URL. */
  readonly username?: string | undefined
  /** Password of the user. Default: that of the URL. */
  readonly password?: Redacted.Redacted | undefined
  /** Options of TLS, such as `ca`, for a `rediss://` URL. Default: those of Node. */
  readonly tls?: ConnectionOptions | undefined
  /** Maximum time until a command has a response (3 s). */
  readonly commandTimeout?: Duration.DurationInput | undefined
  /** Maximum time until a connection is open (2 s). */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * Allows `redis://` to other hosts. Tokens and the password are then readable on the network. Set it only if something else
   * encrypts the connection, such as a VPN or a service mesh. Default: false.
   */
  readonly dangerouslyPlainText?: boolean | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  url: true,
  username: true,
  password: true,
  tls: true,
  commandTimeout: true,
  connectTimeout: true,
  dangerouslyPlainText: true
}

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  /** Maximum time until a command has a response. */
  commandTimeout: "3 seconds",
  /** Maximum time until a connection is open. */
  connectTimeout: "2 seconds",
  /** Whether plain text to other hosts is allowed. */
  dangerouslyPlainText: false
} as const

const failed = (reason: RedisClientError["reason"], detail: string) => new RedisClientError({ reason, detail })

const invalidUrl = () =>
  failed("InvalidOptions", "`url` is invalid. Set a URL such as `rediss://redis.example.com:6379`")

/** The parts of a URL that ioredis gets. */
interface Address {
  /** The host, with brackets around an IPv6 address. */
  readonly hostname: string
  readonly port: number
  readonly db: number
  readonly isEncrypted: boolean
  readonly username: string | undefined
  readonly password: string | undefined
}

const decoded = (text: string): string | undefined => (text === "" ? undefined : decodeURIComponent(text))

const parse = (text: string): Effect.Effect<Address, RedisClientError> =>
  Effect.try({
    try: () => {
      const url = new URL(text)
      const [, db = "0"] = /^\/?(\d{1,5})?$/.exec(url.pathname) ?? []
      const isKnown = url.protocol === "redis:" || url.protocol === "rediss:"
      if (!isKnown || url.hostname === "" || !/^\/?\d{0,5}$/.test(url.pathname)) throw invalidUrl()
      return {
        hostname: url.hostname,
        port: url.port === "" ? 6379 : Number(url.port),
        db: Number(db),
        isEncrypted: url.protocol === "rediss:",
        username: decoded(url.username),
        password: decoded(url.password)
      }
    },
    catch: invalidUrl
  })

const checkTransport = (address: Address, options: Options): Effect.Effect<void, RedisClientError> => {
  if (!address.isEncrypted && options.tls !== undefined) {
    return failed("InvalidOptions", "`tls` needs a `rediss://` URL. Change `url` or remove `tls`")
  }
  const isAllowed =
    address.isEncrypted || Origin.isLoopbackHost(address.hostname) || options.dangerouslyPlainText === true
  return isAllowed
    ? Effect.void
    : failed(
        "Insecure",
        `\`url\` sends tokens to ${address.hostname} as plain text. Use \`rediss://\`, or set \`dangerouslyPlainText\` if the ` +
          "connection is encrypted otherwise"
      )
}

/** A timeout in whole milliseconds. An infinite one would let commands wait without a bound. */
const timeoutOf = (
  name: "commandTimeout" | "connectTimeout",
  { [name]: value = defaults[name] }: Options
): Effect.Effect<number, RedisClientError> => {
  const ms = Duration.toMillis(value)
  return ms >= 1 && ms <= 2 ** 31 - 1
    ? Effect.succeed(Math.ceil(ms))
    : failed("InvalidOptions", `\`${name}\` is ${Duration.format(value)}. Set a positive, finite duration`)
}

const textOf = (value: string | Redacted.Redacted): string =>
  typeof value === "string" ? value : Redacted.value(value)

/** Opens a client. Without a listener, ioredis prints each error of the connection. */
const open = (options: Options): Effect.Effect<Redis, RedisClientError, Scope.Scope> =>
  Effect.gen(function* () {
    const address = yield* parse(textOf(options.url))
    yield* checkTransport(address, options)
    const commandTimeout = yield* timeoutOf("commandTimeout", options)
    const connectTimeout = yield* timeoutOf("connectTimeout", options)
    const username = options.username ?? address.username
    const password = options.password === undefined ? address.password : Redacted.value(options.password)
    return yield* Effect.acquireRelease(
      Effect.sync(() => {
        const redis = new Redis({
          ...Connection.fixed,
          host: address.hostname.replace(/^\[(.*)\]$/, "$1"),
          port: address.port,
          db: address.db,
          commandTimeout,
          connectTimeout,
          ...(username !== undefined && { username }),
          ...(password !== undefined && { password }),
          ...(address.isEncrypted && { tls: { ...options.tls } })
        })
        return redis.on("error", () => undefined)
      }),
      close
    )
  })

/** Maximum time until a connection has ended after its client ended it. A server that hangs does not. */
const endTimeout = Duration.seconds(1)

/** Succeeds when the connection has ended. */
const ended = (redis: Redis): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (redis.status === "end") resume(Effect.void)
    else redis.once("end", () => void resume(Effect.void))
  })

/** Sends QUIT, so that responses on their way arrive, and closes the connection without a response too. */
const close = (redis: Redis): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* Effect.ignore(Effect.tryPromise(() => redis.quit()))
    redis.disconnect()
    const end = Effect.timeoutOption(Effect.interruptible(ended(redis)), endTimeout)
    if (Option.isSome(yield* end)) return
    redis.stream.destroy()
    yield* end
  }).pipe(Effect.withClock(Clock.make()))

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
 * Layer with a client, with options from the configuration.
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
  options: Config.Config.Wrap<Options>
): Layer.Layer<RedisClient, RedisClientError | ConfigError> =>
  Layer.scoped(
    RedisClient,
    Effect.flatMap(
      Effect.suspend(() => Config.unwrap(OptionNames.known("`RedisClient`", options, names))),
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
  const options: RedisOptions = "redisOptions" in client.options ? (client.options.redisOptions ?? {}) : client.options
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
 * client without them is logged as a warning. Add a listener for `error`, or ioredis prints each lost connection.
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
