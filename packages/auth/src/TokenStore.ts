/**
 * Token store: the interface of all stores, and a store in memory.
 *
 * @since 0.1.0
 */
import * as Mutex from "@countersign/client/Mutex"
import type { TokenStoreError } from "./Errors.js"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Token } from "./Token.js"

/**
 * A stored token with the version of its record. The versions of a key are positive and increase with each write. They
 * continue to increase after the record is removed.
 *
 * @since 0.1.0
 * @category models
 */
export interface VersionedToken {
  /** The token as it was stored. */
  readonly token: Token
  /** The version of the record, for `compareAndSet` and `remove`. */
  readonly version: number
}

/**
 * Which competitors the lock of a store excludes: fibers of this process (`process`), processes of this host (`host`), or
 * every process that uses the store (`cluster`).
 *
 * @since 0.1.0
 * @category models
 */
export type LockScope = "process" | "host" | "cluster"

/**
 * Stores tokens by key, with compare-and-set and a lock per key.
 *
 * A key is any text (see `TokenKey`). A store must encode it and must not use it as a path. In a persistent store, a token
 * survives the end of the process once its write has succeeded.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Which competitors {@link Service.withLock} excludes. */
  readonly lockScope: LockScope
  /** Reads the record of a key, without a cache. Fails if the store cannot be read or the record is damaged. */
  readonly get: (key: string) => Effect.Effect<Option.Option<VersionedToken>, TokenStoreError>
  /**
   * Stores a token if the version of the record is still `expected` (0: no record), and returns the new record. Returns
   * `None` and writes nothing if the record has another version. A returned record is durable.
   *
   * A write that failed may have been carried out. The token source then calls {@link Service.get}, and a token that it finds
   * there counts as stored. So `get` must not return a record that a failover can still lose.
   *
   * An interruption waits for the result of a write that was sent. Otherwise, it could be carried out after the next read.
   */
  readonly compareAndSet: (
    key: string,
    expected: number,
    token: Token
  ) => Effect.Effect<Option.Option<VersionedToken>, TokenStoreError>
  /** Removes a record if its version is still `expected`. Returns whether it was removed. */
  readonly remove: (key: string, expected: number) => Effect.Effect<boolean, TokenStoreError>
  /**
   * Moves damaged data (`Corrupt`) aside, so that the record of a key can be written again. No data is deleted. Returns the
   * new location, or `None` if nothing was moved. Optional.
   */
  readonly quarantine?: (key: string) => Effect.Effect<Option.Option<string>, TokenStoreError>
  /**
   * Runs an effect under the lock of a key, which excludes other holders within {@link Service.lockScope}. The wait for the
   * lock is interruptible and limited: it fails with `LockTimeout` if the lock is not released. Reads and writes of the
   * store do not wait for the lock. A store with a lock that can be lost provides {@link Lease} to the effect.
   */
  readonly withLock: (
    key: string
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/**
 * Whether the lock of {@link Service.withLock} is still held.
 *
 * A store with a lock that can be lost, such as that of `LeaseLock`, provides it to the effect under the lock. In all other
 * places, its default value is that the lock is held. A token source checks it before `acquireToken`, and the OAuth client
 * before each request to the token endpoint. An `acquireToken` of your own that sends several requests checks it too.
 *
 * @since 0.1.0
 * @category tags
 */
export class Lease
  extends /* @__PURE__ */ Context.Reference<Lease>()("@countersign/auth/Lease", {
    defaultValue: (): {
      /** Returns false if another process may hold the lock now. */
      readonly isHeld: Effect.Effect<boolean>
    } => ({ isHeld: Effect.succeed(true) })
  }) {}

/**
 * Context tag of the store that token sources use.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenStore extends /* @__PURE__ */ Context.Tag("@countersign/auth/TokenStore")<TokenStore, Service>() {}

/**
 * Makes a token store in memory, for tests and for programs that can acquire their tokens again at any time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = Effect.sync(() => {
  const records = new Map<string, VersionedToken>()
  /** The highest version of all removed records, so that no version of a key is used twice. */
  let lastVersion = 0

  return {
    lockScope: "process",
    get: (key) => Effect.sync(() => Option.fromNullable(records.get(key))),
    compareAndSet: (key, expected, token) =>
      Effect.sync(() => {
        const record = records.get(key)
        if ((record?.version ?? 0) !== expected) return Option.none()
        const stored = { token, version: (record?.version ?? lastVersion) + 1 }
        records.set(key, stored)
        return Option.some(stored)
      }),
    remove: (key, expected) =>
      Effect.sync(() => {
        const record = records.get(key)
        if (record?.version !== expected) return false
        records.delete(key)
        lastVersion = Math.max(lastVersion, record.version)
        return true
      }),
    withLock: Mutex.makeKeyed().withLock
  }
})

/**
 * Layer with a token store in memory ({@link makeMemory}). Each use of it makes a separate store: two token sources, each
 * with its own `Layer.provide(TokenStore.layerMemory)`, share no token.
 *
 * To share tokens, for example between a sign-in and an API client, provide this Layer once to both. Or provide one value of
 * `Layer.effect(TokenStore.TokenStore, TokenStore.makeMemory)` to both. `Layer.provideMerge` uses its argument twice, so
 * pass it such a value too.
 *
 * @example
 * import * as ClientCredentials from "@countersign/auth/ClientCredentials"
 * import * as TokenStore from "@countersign/auth/TokenStore"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = ClientCredentials.layer({
 *   issuer: "https://id.example.com",
 *   clientId: "my-service",
 *   clientSecret: Redacted.make("secret")
 * }).pipe(Layer.provide(TokenStore.layerMemory))
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<TokenStore> = /* @__PURE__ */ Layer.fresh(
  // Effect builds a constant Layer once for the whole application, so two accounts would share one store.
  /* @__PURE__ */ Layer.effect(TokenStore, makeMemory)
)
