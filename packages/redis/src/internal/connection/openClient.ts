import * as Origin from "@countersign/protocol/Origin"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Cluster } from "ioredis"
import { Redis } from "ioredis"
import type { Options } from "./clientOptions.js"
import { defaults, RedisClientError } from "./clientOptions.js"
import { bounded } from "./bounded.js"
import * as Connection from "./options.js"

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
export const open = (options: Options): Effect.Effect<Redis, RedisClientError, Scope.Scope> =>
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
const ended = (redis: Redis | Cluster): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (redis.status === "end") resume(Effect.void)
    else redis.once("end", () => void resume(Effect.void))
  })

/** Sends QUIT, so that responses on their way arrive, and closes the connection without a response too. */
export const close = (redis: Redis | Cluster): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* Effect.ignore(Effect.tryPromise(() => bounded(redis, () => redis.quit())))
    redis.disconnect()
    const end = Effect.timeoutOption(Effect.interruptible(ended(redis)), endTimeout)
    if (Option.isSome(yield* end)) return
    if (Connection.isCluster(redis)) return
    redis.stream.destroy()
    yield* end
  }).pipe(Effect.withClock(Clock.make()))
