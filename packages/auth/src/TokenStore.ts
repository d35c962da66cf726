/**
 * Where tokens live between two runs of a program: the port that every store implements.
 *
 * @since 0.1.0
 */
import type { TokenStoreError } from "@countersign/client/Errors"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { makeTurns } from "./internal/concurrency/keyedMutex.js"
import type { Token } from "./Token.js"

/**
 * A token and the version under which it was stored. Versions of a key are positive and only grow, also over a removal.
 *
 * @since 0.1.0
 * @category models
 */
export interface VersionedToken {
  readonly token: Token
  readonly version: number
}

/**
 * How far the exclusion of a store reaches: other fibers of this process, other processes of this host, or every
 * process that uses the store.
 *
 * @since 0.1.0
 * @category models
 */
export type LockScope = "process" | "host" | "cluster"

/**
 * A store of tokens.
 *
 * Keys are text of any kind (see `TokenKey`); a store encodes them as it needs to and never trusts them as a path.
 * What a write has reported as stored survives the end of the process, if the store outlives processes at all.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** How far {@link Service.withLock} reaches. */
  readonly lockScope: LockScope
  /** The record of a key, read anew. Fails when the store cannot be read or a record is not one. */
  readonly get: (key: string) => Effect.Effect<Option.Option<VersionedToken>, TokenStoreError>
  /**
   * Stores a token if the record's version is still `expected` (0: there is no record), and gives the new record;
   * `None` when somebody else was faster, and then nothing was written. What is given back is durable.
   */
  readonly compareAndSet: (
    key: string,
    expected: number,
    token: Token
  ) => Effect.Effect<Option.Option<VersionedToken>, TokenStoreError>
  /** Removes a record if its version is still `expected`; tells whether it did. */
  readonly remove: (key: string, expected: number) => Effect.Effect<boolean, TokenStoreError>
  /**
   * Moves data aside that is too damaged to be read (`Corrupt`), so that the record of a key can be written anew. Nothing of it
   * is deleted. Gives the place where it is kept; `None` where nothing was moved. A store need not have this.
   */
  readonly quarantine?: (key: string) => Effect.Effect<Option.Option<string>, TokenStoreError>
  /**
   * Runs an effect while nobody else within {@link Service.lockScope} runs one for the same key. Waiting for it can be
   * interrupted, and is bounded: it fails with `LockTimeout` where somebody else holds on. Reads and writes of the store
   * itself do not wait for it.
   */
  readonly withLock: (
    key: string
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/**
 * The store that token sources use.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenStore extends /* @__PURE__ */ Context.Tag("@countersign/auth/TokenStore")<TokenStore, Service>() {}

/**
 * A store that lives as long as the process: tests, and programs whose tokens cost nothing to get again.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = Effect.sync(() => {
  const records = new Map<string, VersionedToken>()
  /** The highest version of a removed record, so that no version of a key comes twice. */
  let lastVersion = 0
  const turns = makeTurns()

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
    withLock: turns
  }
})

/**
 * Layer with a store in memory ({@link makeMemory}). Each place that it is provided in gets a store of its own, so that
 * two token sources, each with its own `Layer.provide(TokenStore.layerMemory)`, share no token.
 *
 * To share tokens (of a sign-in with the client that uses them, for one), provide it once to both, or give both one value
 * of `Layer.effect(TokenStore.TokenStore, TokenStore.makeMemory)`. `Layer.provideMerge` uses its argument twice, so give it such
 * a value too.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<TokenStore> = /* @__PURE__ */ Layer.fresh(
  // A constant Layer is built once for a whole application: one account's token would be another's.
  /* @__PURE__ */ Layer.effect(TokenStore, makeMemory)
)
