/**
 * Token store in Redis, which processes on many machines share.
 *
 * @since 0.1.0
 */
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as LeaseLock from "@countersign/auth/LeaseLock"
import type { Token } from "@countersign/auth/Token"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { duplicateOnce } from "./internal/connection/duplicate.js"
import { optionsOf } from "./internal/connection/options.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { DurableWrites } from "./internal/tokenStore/durableWrites.js"
import * as RecordCodec from "./internal/tokenStore/recordCodec.js"
import { makeLock, makeRecords } from "./internal/tokenStore/records.js"
import type { Client } from "./RedisClient.js"
import { RedisClient } from "./RedisClient.js"

/**
 * Options of {@link make} and {@link layer}: the keys, the lock, and the replicas.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Text before the name of each key (`countersign:token:`). It must not contain braces. */
  readonly prefix?: string | undefined
  /** How long a lock is kept that is not renewed (30 s). See `LeaseLock`. */
  readonly lease?: Duration.DurationInput | undefined
  /** How long to wait while another process holds the lock (15 s). */
  readonly lockTimeout?: Duration.DurationInput | undefined
  /**
   * How many replicas must have a write before it counts as stored (`"auto"`).
   *
   * - `"auto"`: one, while a replica is connected to the primary. Without a replica, writes are not replicated.
   * - A number: a write fails if fewer replicas have it. Set it to the number of replicas that a failover may promote.
   * - `0`: none. A failover then loses the last writes, and with them sessions of servers that rotate refresh tokens.
   */
  readonly replicas?: number | "auto" | undefined
  /**
   * How long to wait for the replicas of a write (1 s, or half of the `commandTimeout` of the client if that is shorter). It
   * must be shorter than `commandTimeout`.
   */
  readonly replicasTimeout?: Duration.DurationInput | undefined
}

/** The longest time of a timer of Node, in milliseconds. */
const maxTimeoutMs = 2 ** 31 - 1

const names: OptionNames.ShapeOf<Options> = {
  prefix: true,
  lease: "duration",
  lockTimeout: "duration",
  replicas: true,
  replicasTimeout: "duration"
}

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  /** Text before the name of each key. */
  prefix: "countersign:token:",
  /** How long a lock is kept that is not renewed. */
  lease: LeaseLock.defaults.lease,
  /** How long to wait while another process holds the lock. */
  lockTimeout: LeaseLock.defaults.lockTimeout,
  /** How many replicas must have a write. */
  replicas: "auto",
  /** How long to wait for the replicas of a write. */
  replicasTimeout: "1 second"
} as const

const isVersion = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

const invalid = (detail: string) =>
  new TokenStoreError({ reason: "WriteFailed", detail: `the store was not made: ${detail}` })

/** Options with their default values. */
const checked = (options: Options, redis: Client) => {
  const { prefix = defaults.prefix, replicas = defaults.replicas } = options
  const { commandTimeout = maxTimeoutMs } = optionsOf(redis)
  const timeout = Duration.decode(
    options.replicasTimeout ?? Duration.min(defaults.replicasTimeout, Math.ceil(commandTimeout / 2))
  )
  const timeoutMs = Math.ceil(Duration.toMillis(timeout))
  if (/[{}]/.test(prefix)) {
    return invalid(`\`prefix\` is "${prefix}". Set one without braces, which choose the slot of a cluster`)
  }
  if (replicas !== "auto" && !isVersion(replicas)) {
    return invalid(`\`replicas\` is ${replicas}. Set "auto", zero or a positive integer`)
  }
  // WAIT takes zero for no limit.
  if (timeoutMs < 1 || timeoutMs >= Math.min(commandTimeout, maxTimeoutMs)) {
    return invalid(
      `\`replicasTimeout\` is ${Duration.format(timeout)}. Set a positive duration below the \`commandTimeout\` of the client`
    )
  }
  return Effect.succeed({ prefix, replication: { replicas, timeoutMs } })
}

/**
 * Makes a token store in Redis. Its `lockScope` is `cluster`.
 *
 * - **Encryption**: records are not encrypted, and `SLOWLOG` and `MONITOR` of the server show tokens. Put `EncryptedTokenStore`
 *   over this store.
 * - **Durability**: a write is stored when the server, and `replicas`, have it in memory. Turn on `appendonly`, or a restart of
 *   the server loses all sessions. Set `maxmemory-policy noeviction`.
 * - **Failover**: a write that too few replicas have fails with `WriteFailed`. The next read of this process replicates it
 *   first, so it returns no record that a failover can lose.
 * - **Connections**: writes that wait for replicas have a connection of their own, because the server delays the commands
 *   behind them. It is opened with the first such write.
 * - **Locks**: those of `LeaseLock`, by the server's clock. A process that stands still for longer than `lease` while its token
 *   request is on its way may cost the session at a server that revokes reused refresh tokens.
 * - **Removal**: a removed record leaves its version.
 * - **Damaged records**: a record that cannot be read is left as it is, also if another program damages it after this process
 *   has read it: a write then changes nothing. A token source with `onCorruptRecord: "replace"`,
 *   such as `ClientCredentials`, moves it to `<key>:corrupt:<random>`. Data of another format stay in their place.
 * - **Loss**: after a restart without its data, a record begins at version 1 again. A process with an old version does not
 *   change the new record: the store also compares a random name of the record, which the process has read.
 *
 * It needs Redis 7 or newer, or Valkey, and the commands EVAL, EVALSHA, WAIT, INFO, RENAME, and those of hashes and texts. Keys are
 * `countersign:token:{<hash>}`, so that an access control list can name them.
 *
 * Fails with these reasons. No message contains a token, a key or an argument of a command:
 *
 * - `ReadFailed`, `WriteFailed`: Redis did not respond or reported an error, named by its code, such as `OOM`. Invalid options
 *   fail with `WriteFailed`.
 * - `UnsupportedFormat`: the key holds other data, or a record of a newer release.
 * - `Corrupt`: the record cannot be parsed, or is larger than 512 KiB.
 * - `LockTimeout`: only from `withLock`.
 *
 * @param options - the keys, the lock, and the replicas. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<TokenStore.Service, TokenStoreError, RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    OptionNames.known("`RedisTokenStore`", options, names)
    const redis = yield* RedisClient
    const { prefix, replication } = yield* checked(options, redis)
    const waiting = yield* duplicateOnce(redis)
    const place = { redis, prefix, writes: new DurableWrites({ redis, waiting, replication }) }
    const records = makeRecords(place)
    const decode = RecordCodec.makeDecode()
    const withLock = makeLock(place, { lease: options.lease, lockTimeout: options.lockTimeout })

    const compareAndSet = (key: string, expected: number, token: Token) =>
      Effect.gen(function* () {
        if (!isVersion(expected)) return Option.none<VersionedToken>()
        const text = yield* RecordCodec.encode(token)
        const name = yield* RecordCodec.nameOf(key)
        const version = yield* records.compareAndSet(name, expected, text)
        return version > 0 ? Option.some({ token, version }) : Option.none()
      })

    return {
      lockScope: "cluster",
      get: (key) =>
        Effect.flatMap(RecordCodec.nameOf(key), (name) =>
          Effect.flatMap(records.read(name), (reply) =>
            Effect.map(decode(name, reply), (found) => {
              records.note(name, reply)
              return found
            })
          )
        ),
      compareAndSet,
      remove: (key, expected) =>
        isVersion(expected)
          ? RecordCodec.nameOf(key).pipe(
              Effect.flatMap((name) => records.remove(name, expected)),
              Effect.map((result) => result > 0)
            )
          : Effect.succeed(false),
      quarantine: (key) =>
        Effect.gen(function* () {
          const name = yield* RecordCodec.nameOf(key)
          const reply = yield* records.read(name)
          const decoded = yield* Effect.either(decode(name, reply))
          const isDamaged = Either.isLeft(decoded) && decoded.left.reason === "Corrupt"
          return isDamaged ? yield* records.moveAside(name, RecordCodec.headOf(reply)) : Option.none()
        }),
      withLock: (key) => (effect) => Effect.flatMap(RecordCodec.nameOf(key), (name) => withLock(name)(effect))
    }
  })

/**
 * Layer that stores tokens in Redis, which processes on many machines share.
 *
 * @example
 * import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
 * import * as EncryptionKey from "@countersign/node/EncryptionKey"
 * import * as RedisClient from "@countersign/redis/RedisClient"
 * import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const StoreLive = Config.redacted("TOKEN_KEY").pipe(
 *   Effect.flatMap(EncryptionKey.fromBase64),
 *   Effect.map((key) => EncryptedTokenStore.layer({ storeId: "orders", key })),
 *   Layer.unwrapEffect,
 *   Layer.provide(RedisTokenStore.layer()),
 *   Layer.provide(RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") }))
 * )
 *
 * @param options - the keys, the lock, and the replicas. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<TokenStore.TokenStore, TokenStoreError, RedisClient> =>
  Layer.scoped(TokenStore.TokenStore, make(options))

/**
 * Layer that stores tokens in Redis, with options that may be read from the configuration (`Config`).
 *
 * @example
 * import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
 * import * as Config from "effect/Config"
 *
 * const StoreLive = RedisTokenStore.layerConfig({ prefix: Config.string("TOKEN_PREFIX") })
 *
 * @param options - the keys, the lock, and the replicas. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: ConfigOptions.OrConfig<Options>
): Layer.Layer<TokenStore.TokenStore, TokenStoreError | ConfigError, RedisClient> =>
  Layer.scoped(
    TokenStore.TokenStore,
    Effect.flatMap(
      Effect.suspend(() => ConfigOptions.read<Options>(OptionNames.known("`RedisTokenStore`", options, names))),
      make
    )
  )
