/** The interface of the stores of a cache. */
import type * as Effect from "effect/Effect"
import type { CacheKey } from "./cacheKey.js"
import type { Stored } from "./stored.js"

export interface Limits {
  readonly maxEntries: number
  readonly maxEntryBytes: number
}

export interface Store {
  /** The responses of a key, the newest first. */
  readonly find: (key: CacheKey) => Effect.Effect<ReadonlyArray<Stored>>
  /**
   * Adds a response. It replaces those with the same selecting fields.
   *
   * @param isCurrent - false if the URL was invalidated since the request was sent. Then nothing is added.
   */
  readonly put: (key: CacheKey, stored: Stored, isCurrent: () => boolean) => Effect.Effect<void>
  /** Removes one response of a key. */
  readonly remove: (key: CacheKey, stored: Stored) => Effect.Effect<void>
  /** Removes all responses of a URL, of every account. */
  readonly invalidate: (url: string) => Effect.Effect<void>
  /** Removes all responses. */
  readonly clear: Effect.Effect<void>
  /** Largest body that is stored, in bytes. */
  readonly maxEntryBytes: number
}

/** Responses of one key, so that a response with many values of its selecting fields stays bounded. */
export const maxVariants = 16

/** Whether two responses are selected by the same requests. */
export const isSameVariant = (a: Stored, b: Stored): boolean => JSON.stringify(a.vary) === JSON.stringify(b.vary)
