/**
 * HTTP cache ([RFC 9111](https://www.rfc-editor.org/rfc/rfc9111)): stores the responses of GET requests, and uses them again
 * while they are fresh, or after the server has validated them.
 *
 * The cache is private: each account has its own responses.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { accountNumber } from "./internal/httpCache/cacheKey.js"
import { clear, makeCache } from "./internal/httpCache/cacheState.js"
import * as memoryStore from "./internal/httpCache/memoryStore.js"
import type { CacheClient } from "./internal/httpCache/policy.js"
import { policyFor } from "./internal/httpCache/policy.js"
import * as OptionNames from "@countersign/protocol/OptionNames"
import type * as Policy from "./Policy.js"

export type { CacheClient } from "./internal/httpCache/policy.js"

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
  maxBytes: true,
  maxEntries: true,
  maxEntryBytes: true,
  account: true
}

/** Throws for unknown options and limits that are no positive number, as a typed literal would not compile. */
const checkOptions = (options: MemoryOptions): void => {
  const problem = OptionNames.problem("`HttpCache.memory`", options, memoryNames, {})
  if (problem !== undefined) throw new TypeError(problem)
  for (const name of ["maxBytes", "maxEntries", "maxEntryBytes"] as const) {
    const value: unknown = options[name]
    if (value !== undefined && !(typeof value === "number" && value > 0))
      throw new TypeError(`invalid \`${name}\` of \`HttpCache.memory\`: it must be a number above 0.`)
  }
}

/**
 * Makes an empty cache in memory, as the option `cache` of one or several clients.
 *
 * - Used for the verbs' GET and HEAD requests without a body. `execute` and `open` stream bodies, and skip the cache.
 * - A response is stored if it has a lifetime (`max-age`, `Expires`) or a validator (`ETag`, `Last-Modified`). Successes and
 *   redirects are stored, errors are not. No lifetime is guessed.
 * - Responses are separated by account: the scheme, the cookies of the jar, and all request fields that may be credentials. A
 *   successful POST, PUT, PATCH or DELETE removes the responses of its URL, of every account.
 * - Equal requests at the same time are sent once. Where fibers poll (Workers), each is sent.
 * - `stale-if-error` and `stale-while-revalidate` of the server are honored. At most four validations run in the background, for
 *   at most 30 seconds each. Where fibers poll, the caller validates.
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
  checkOptions(options)
  const { account, maxBytes = defaults.maxBytes, maxEntries = defaults.maxEntries } = options
  const store = memoryStore.make({ maxBytes, maxEntries, maxEntryBytes: options.maxEntryBytes ?? maxBytes / 10 })
  const cache = makeCache(store, (auth) => {
    const scheme = accountNumber(auth)
    return account === undefined ? Effect.succeed(`${scheme}`) : Effect.map(account, (name) => `${scheme} ${name}`)
  })
  return { policyFor: (client) => policyFor(cache, client), clear: clear(cache) }
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
