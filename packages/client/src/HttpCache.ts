/**
 * HTTP cache ([RFC 9111](https://www.rfc-editor.org/rfc/rfc9111)): stores the responses of GET requests, and uses them again
 * while they are fresh, or after the server has validated them.
 *
 * The cache is private: each account has its own responses.
 *
 * @since 0.1.0
 */
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import { accountNumber } from "./internal/httpCache/cacheKey.js"
import type { Cache } from "./internal/httpCache/cacheState.js"
import { clear, makeCache } from "./internal/httpCache/cacheState.js"
import * as memoryStore from "./internal/httpCache/memoryStore.js"
import type { CacheClient } from "./internal/httpCache/cacheClient.js"
import * as persistentStore from "./internal/httpCache/persistentStore.js"
import { policyFor } from "./internal/httpCache/policy.js"
import * as OptionNames from "@countersign/protocol/OptionNames"
import type * as Policy from "./Policy.js"

export type { CacheClient } from "./internal/httpCache/cacheClient.js"

/**
 * The value of a client's `cache` option.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpCache {
  /** The policy of one client. Its position is inside `Redirects.follow` and outside `Retry.policy`. */
  readonly policyFor: (client: CacheClient) => Policy.Policy
  /** Removes all responses, for example when a user signs out. Responses of requests under way are not stored. */
  readonly clear: Effect.Effect<void>
}

/**
 * Options of a cache in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface MemoryOptions {
  /** Maximum memory in bytes, estimated (32 MiB). The least recently used responses are removed first. */
  readonly maxBytes?: number | undefined
  /** Maximum number of URLs, counted for each account (1000). */
  readonly maxEntries?: number | undefined
  /** Largest body that is stored, in bytes (a tenth of `maxBytes`). A larger one is not stored. */
  readonly maxEntryBytes?: number | undefined
  /**
   * Name of the current account, for a scheme that signs for several users. Run for each request that may use the cache. By
   * default each scheme is one account.
   */
  readonly account?: Effect.Effect<string> | undefined
}

/**
 * Default values of {@link MemoryOptions}. `maxEntryBytes` is a tenth of `maxBytes`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { maxBytes: 32 * 1024 * 1024, maxEntries: 1000 } as const

const memoryNames: OptionNames.ShapeOf<MemoryOptions> = {
  maxBytes: "amount",
  maxEntries: "count",
  maxEntryBytes: "amount",
  account: true
}

type Limit = "maxBytes" | "maxEntries" | "maxEntryBytes"

/** Throws for unknown options and limits that are no positive number, as a typed literal would not compile. */
const checkOptions = <O extends Partial<Record<Limit, number | undefined>>>(
  owner: string,
  options: O,
  names: OptionNames.ShapeOf<O>
): void => {
  const problem = OptionNames.problem(`\`${owner}\``, options, names)
  if (problem !== undefined) throw new TypeError(problem)
  for (const name of ["maxBytes", "maxEntries", "maxEntryBytes"] as const) {
    const value: unknown = options[name]
    if (value !== undefined && !(typeof value === "number" && value > 0))
      throw new TypeError(`invalid \`${name}\` of \`${owner}\`: it must be a number above 0.`)
  }
}

const fromCache = (cache: Cache): HttpCache => ({
  policyFor: (client) => policyFor(cache, client),
  clear: clear(cache)
})

/**
 * Makes an empty cache in memory, as the option `cache` of one or several clients.
 *
 * - Used for the verbs' GET and HEAD requests without a body. `execute` and `open` stream bodies, and skip the cache.
 * - A response is stored if it has a lifetime (`max-age`, `Expires`). A 200 with a validator (`ETag`, `Last-Modified`) is stored
 *   too. No lifetime is guessed.
 * - Errors with a lifetime, such as a 404 or 410, are stored if their body has at most 64 KiB. The call fails with the same
 *   error, the response of which has an `age`. Never stored: 401, 403, 407, rate limits, and errors that the client retries
 *   (408, 425, and 5xx except 501). Neither is an error or a redirect that quotes a credential.
 * - Responses are separated by account: the scheme, the cookies of the jar, and all request fields that may be credentials. A
 *   successful POST, PUT, PATCH or DELETE removes the responses of its URL, of every account.
 * - Equal requests at the same time are sent once. Where fibers poll (Workers), each is sent.
 * - `stale-if-error` and `stale-while-revalidate` of the server are honored. At most four validations run in the background, for
 *   at most 30 seconds each, and until the scope of the client closes. Where fibers poll, the caller validates.
 * - A request with `cache-control: no-cache` is validated. `only-if-cached` without a stored response gives a 504.
 *
 * A response from the cache has the fields `age` and `cache-status: countersign; hit` (RFC 9211), and the Timeline event
 * `CacheUsed`.
 *
 * Throws a `TypeError` for an unknown option or a limit that is no positive number.
 *
 * Specification: [RFC 9111](https://www.rfc-editor.org/rfc/rfc9111), [RFC 5861](https://www.rfc-editor.org/rfc/rfc5861).
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as HttpCache from "@countersign/client/HttpCache"
 *
 * const client = ApiClient.make({
 *   baseUrl: "https://api.example.com",
 *   auth: Auth.none,
 *   cache: HttpCache.memory({ maxBytes: 8 * 1024 * 1024 })
 * })
 *
 * @param options - limits, and the account. See {@link MemoryOptions}.
 * @since 0.1.0
 * @category constructors
 */
export const memory = (options: MemoryOptions = {}): HttpCache => {
  checkOptions("HttpCache.memory", options, memoryNames)
  const { account, maxBytes = defaults.maxBytes, maxEntries = defaults.maxEntries } = options
  const store = memoryStore.make({ maxBytes, maxEntries, maxEntryBytes: options.maxEntryBytes ?? maxBytes / 10 })
  return fromCache(
    makeCache(store, ({ auth }) => {
      const scheme = accountNumber(auth)
      return account === undefined ? Effect.succeed(`${scheme}`) : Effect.map(account, (name) => `${scheme} ${name}`)
    })
  )
}

/**
 * Options of a persistent cache.
 *
 * @since 0.1.0
 * @category models
 */
export interface PersistentOptions {
  /** Name of the client's account. It separates the records of two accounts in one store. */
  readonly account: string
  /** Name of the cache in the store (`"http-cache"`). It must not be secret, because warnings contain it. */
  readonly name?: string | undefined
  /** Maximum number of records (1000), one for a URL. It must stay the same for one store. */
  readonly maxEntries?: number | undefined
  /** Largest body that is stored, in bytes (1 MiB). A record is at most about 1.4 times as large. */
  readonly maxEntryBytes?: number | undefined
}

/**
 * Default values of {@link PersistentOptions}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const persistentDefaults = { name: "http-cache", maxEntries: 1000, maxEntryBytes: 1024 * 1024 } as const

const persistentNames: OptionNames.ShapeOf<PersistentOptions> = {
  account: true,
  name: true,
  maxEntries: "count",
  maxEntryBytes: "amount"
}

/**
 * Makes a cache in a `KeyValueStore`, which later processes use too. Its rules are those of {@link memory}.
 *
 * - **Bodies are written as they are.** Use a folder that only this user can read, or an encrypted volume. URLs, account names and
 *   credentials are written as SHA-256 digests only.
 * - Responses with `set-cookie` are not stored.
 * - Responses of the client's own scheme are stored. Those of `api.with({ auth })` and of a call with `auth` are not. A second client
 *   with another scheme needs a cache of its own.
 * - A damaged record is an absent one. When the store fails, or takes longer than five seconds, the requests are sent. The first
 *   failure is logged.
 * - After a failed change of a record, this process does not use the record until a later change succeeds. Another process may.
 * - The number of records is fixed: a URL may overwrite the record of another one.
 * - A response of an earlier process has the age of the wall clock. One from the future, after the clock was set back, is
 *   validated before it is used.
 *
 * Throws a `TypeError` for an unknown option, an empty account, or a limit that is no positive number.
 *
 * @param options - the account, and limits. See {@link PersistentOptions}.
 * @since 0.1.0
 * @category constructors
 */
export const makePersistent = (
  options: PersistentOptions
): Effect.Effect<HttpCache, never, KeyValueStore.KeyValueStore> => {
  checkOptions("HttpCache.makePersistent", options, persistentNames)
  const { account, maxEntries, maxEntryBytes, name } = { ...persistentDefaults, ...options }
  if (typeof account !== "string" || account === "")
    throw new TypeError("missing `account` of `HttpCache.makePersistent`: pass the name of the client's account.")
  return Effect.map(
    persistentStore.make(
      {
        maxEntries: Math.ceil(maxEntries ?? persistentDefaults.maxEntries),
        maxEntryBytes: maxEntryBytes ?? persistentDefaults.maxEntryBytes
      },
      name ?? persistentDefaults.name
    ),
    (store) => {
      let owner: object | undefined
      return fromCache(
        makeCache(store, ({ auth, ownAuth }) => {
          owner ??= ownAuth
          return Effect.succeed(auth === ownAuth && ownAuth === owner ? account : undefined)
        })
      )
    }
  )
}

/**
 * The policy of a cache, for a custom pipeline.
 *
 * @param cache - the cache.
 * @param client - the scheme and the cookie jar of the pipeline, and how it reads bodies. Bodies must be read inside the policy.
 * @since 0.1.0
 * @category policies
 */
export const policy = (cache: HttpCache, client: CacheClient): Policy.Policy => cache.policyFor(client)
