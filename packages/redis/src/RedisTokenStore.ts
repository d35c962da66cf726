/**
 * Token store in Redis, which processes on many machines share.
 *
 * @since 0.1.0
 */
import { TokenStoreError } from "@countersign/auth/Errors"
import * as LeaseLock from "@countersign/auth/LeaseLock"
import type { Token } from "@countersign/auth/Token"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as RedisFailure from "./internal/errors/redisFailure.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type { Script } from "./internal/scripts/script.js"
import * as Scripts from "./internal/scripts/script.js"
import { DurableWrites, Unreplicated } from "./internal/tokenStore/durableWrites.js"
import * as RecordCodec from "./internal/tokenStore/recordCodec.js"
import * as StoreScripts from "./internal/tokenStore/scripts.js"
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
  /** How long to wait for the replicas of a write (1 s). It must be shorter than the `commandTimeout` of the client. */
  readonly replicasTimeout?: Duration.DurationInput | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  prefix: true,
  lease: true,
  lockTimeout: true,
  replicas: true,
  replicasTimeout: true
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

type Direction = "ReadFailed" | "WriteFailed"

/** The error of the store for an error of ioredis, without any text of the server. */
const storeError = (reason: Direction, error: unknown): TokenStoreError => {
  if (error instanceof Unreplicated) {
    const detail = `Redis: ${error.acknowledged} of ${error.required} replicas have the write. Check the replicas`
    return new TokenStoreError({ reason, detail })
  }
  const { code, detail } = RedisFailure.describe(error)
  return code === "WRONGTYPE" ? RecordCodec.unsupported() : new TokenStoreError({ reason, detail: `Redis: ${detail}` })
}

const attempt = <A>(reason: Direction, run: () => Promise<A>): Effect.Effect<A, TokenStoreError> =>
  Effect.tryPromise({ try: run, catch: (error) => storeError(reason, error) })

/** Whether a write that failed may be stored on some of the servers. */
const mayBeStored = (error: unknown): boolean =>
  error instanceof Unreplicated || RedisFailure.isUnknownResult(RedisFailure.describe(error))

const isVersion = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

/** Reads and writes of records. */
const makeRecords = (redis: Client, prefix: string, writes: DurableWrites) => {
  /** Names of records with a write of this process that may be stored, and may be lost in a failover. */
  const unsettled = new Set<string>()
  const keyOf = (name: string) => `${prefix}{${name}}`

  const change = (name: string, script: Script, args: ReadonlyArray<string | number>) =>
    attempt("WriteFailed", async () => {
      try {
        const result = await writes.run(script, keyOf(name), args, (result) => result > 0)
        // A write covers those before it. Without a write, an earlier one may still be missing on the replicas.
        if (result > 0) unsettled.delete(name)
        return result
      } catch (error) {
        if (mayBeStored(error)) unsettled.add(name)
        throw error
      }
    }).pipe(
      Effect.uninterruptible,
      Effect.flatMap((result) =>
        result === StoreScripts.status.unsupportedFormat
          ? RecordCodec.unsupported()
          : result === StoreScripts.status.corrupt
            ? RecordCodec.corrupt("has a version that is not a number")
            : Effect.succeed(result)
      )
    )

  const read = (name: string) =>
    attempt("ReadFailed", async () => {
      if (unsettled.has(name)) {
        await writes.settle(keyOf(name))
        unsettled.delete(name)
      }
      return Scripts.call(redis, StoreScripts.read, keyOf(name), [])
    })

  return { change, read }
}

/** The lock of each record. Only a release waits for replicas: the version of the record protects it from a lost lock. */
const makeLock = (redis: Client, prefix: string, writes: DurableWrites, options: Options) => {
  const keyOf = (name: string) => `${prefix}{${name}}:lock`
  const take = (name: string, owner: string, lease: Duration.Duration) =>
    attempt("WriteFailed", async () => {
      const ms = Math.ceil(Duration.toMillis(lease))
      return (await Scripts.call(redis, StoreScripts.acquire, keyOf(name), [owner, ms])) === 1
    })
  return LeaseLock.make(
    {
      acquire: take,
      renew: take,
      release: (name, owner) =>
        attempt("WriteFailed", () => writes.run(StoreScripts.release, keyOf(name), [owner], (result) => result > 0))
    },
    { lease: options.lease, lockTimeout: options.lockTimeout }
  )
}

const invalid = (detail: string) => new TokenStoreError({ reason: "WriteFailed", detail })

/** Options with their default values. */
const checked = (options: Options) => {
  const { prefix = defaults.prefix, replicas = defaults.replicas } = options
  const timeoutMs = Duration.toMillis(options.replicasTimeout ?? defaults.replicasTimeout)
  if (/[{}]/.test(prefix)) return invalid("`prefix` contains a brace. Set one without: braces choose the cluster slot")
  if (replicas !== "auto" && !isVersion(replicas)) {
    return invalid(`\`replicas\` is ${replicas}. Set "auto", zero or a positive integer`)
  }
  // WAIT takes zero for no limit.
  if (!(timeoutMs >= 1 && timeoutMs < 2 ** 31)) {
    return invalid("`replicasTimeout` is not between 1 ms and 24 days. Set a duration below `commandTimeout`")
  }
  return Effect.succeed({ prefix, replication: { replicas, timeoutMs: Math.ceil(timeoutMs) } })
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
 * - **Locks**: those of `LeaseLock`, by the server's clock. A process that stands still for longer than `lease` while its token
 *   request is on its way may cost the session at a server that revokes reused refresh tokens.
 * - **Removal**: a removed record leaves its version.
 *
 * It needs Redis 7 or newer, or Valkey, and the commands EVAL, EVALSHA, WAIT, INFO, and those of hashes and texts. Keys are
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
export const make = (options: Options = {}): Effect.Effect<TokenStore.Service, TokenStoreError, RedisClient> =>
  Effect.gen(function* () {
    const { prefix, replication } = yield* checked(OptionNames.known("`RedisTokenStore`", options, names))
    const redis = yield* RedisClient
    const writes = new DurableWrites(redis, replication)
    const records = makeRecords(redis, prefix, writes)
    const withLock = makeLock(redis, prefix, writes, options)

    const compareAndSet = (key: string, expected: number, token: Token) =>
      Effect.gen(function* () {
        if (!isVersion(expected)) return Option.none<VersionedToken>()
        const text = yield* RecordCodec.encode(token)
        const name = yield* RecordCodec.nameOf(key)
        const version = yield* records.change(name, StoreScripts.compareAndSet, [expected, text])
        return version > 0 ? Option.some({ token, version }) : Option.none()
      })

    return {
      lockScope: "cluster",
      get: (key) => Effect.flatMap(Effect.flatMap(RecordCodec.nameOf(key), records.read), RecordCodec.decode),
      compareAndSet,
      remove: (key, expected) =>
        isVersion(expected)
          ? RecordCodec.nameOf(key).pipe(
              Effect.flatMap((name) => records.change(name, StoreScripts.remove, [expected])),
              Effect.map((result) => result > 0)
            )
          : Effect.succeed(false),
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
  Layer.effect(TokenStore.TokenStore, make(options))

/**
 * Layer that stores tokens in Redis, with options from the configuration.
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
  options: Config.Config.Wrap<Options>
): Layer.Layer<TokenStore.TokenStore, TokenStoreError | ConfigError, RedisClient> =>
  Layer.effect(
    TokenStore.TokenStore,
    Effect.flatMap(
      Effect.suspend(() => Config.unwrap(OptionNames.known("`RedisTokenStore`", options, names))),
      make
    )
  )
