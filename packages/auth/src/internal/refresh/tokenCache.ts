/** The token in memory, as a state machine: a union of states with pure transitions. Times are epoch milliseconds. */
import * as Redacted from "effect/Redacted"
import type { Token } from "../../Token.js"
import type { Lifetime } from "./refreshWindow.js"
import type { CachedToken } from "./service.js"

/** No token was loaded yet. */
export type Empty = { readonly _tag: "Empty" }

/**
 * A token and its age.
 *
 * - `Fresh`: it is returned.
 * - `Refreshable`: it is returned, and refreshed in the background.
 * - `Expiring`: callers wait for the new token, and get this one if the refresh fails or takes too long.
 * - `Expired`: it is not returned.
 */
export interface Loaded {
  readonly _tag: "Fresh" | "Refreshable" | "Expiring" | "Expired"
  readonly cached: CachedToken
  readonly lifetime: Lifetime
  /** When the API rejected a replay with this token. */
  readonly replayRejectedAt: number | undefined
}

export type TokenCache = Empty | Loaded

export const empty: Empty = { _tag: "Empty" }

/** For this time after a rejected replay, a 401 does not replace the token. */
const replayRejectionMs = 30_000

/** Longest wait of a caller for a refresh while the old token is valid. */
const maxWaitMs = 5_000

const tagAt = ({ expiresAt, expiringAt, refreshAt }: Lifetime, now: number): Loaded["_tag"] => {
  if (now < refreshAt) return "Fresh"
  if (now < expiringAt) return "Refreshable"
  return now < expiresAt ? "Expiring" : "Expired"
}

/** The state at `now`. It is the same object if nothing has changed, because this runs for each request. */
export const at = (cache: TokenCache, now: number): TokenCache => {
  if (cache._tag === "Empty") return cache
  const tag = tagAt(cache.lifetime, now)
  return tag === cache._tag ? cache : { ...cache, _tag: tag }
}

/** Stores a token in the cache, with the next generation. */
export const set = (cache: TokenCache, token: Token, lifetime: Lifetime, now: number): Loaded => ({
  _tag: tagAt(lifetime, now),
  cached: { token, generation: (cachedOf(cache)?.generation ?? 0) + 1 },
  lifetime,
  replayRejectedAt: undefined
})

/** The API rejected a replay with this token. */
export const replayRejected = (cache: Loaded, now: number): Loaded => ({ ...cache, replayRejectedAt: now })

/** The token, of any age. */
export const cachedOf = (cache: TokenCache): CachedToken | undefined =>
  cache._tag === "Empty" ? undefined : cache.cached

/** The token, unless it has expired. */
export const usableOf = (cache: TokenCache): CachedToken | undefined =>
  cache._tag === "Expired" ? undefined : cachedOf(cache)

/** Whether callers need not wait for a new token. */
export const isFresh = ({ _tag }: TokenCache): boolean => _tag === "Fresh" || _tag === "Refreshable"

/** Whether the cache has the same access token. */
export const has = (cache: TokenCache, { accessToken }: Token): boolean =>
  cache._tag !== "Empty" && Redacted.value(cache.cached.token.accessToken) === Redacted.value(accessToken)

/** When the token expires. Without a token this is in the past. */
export const expiresAtOf = (cache: TokenCache): number =>
  cache._tag === "Empty" ? Number.NEGATIVE_INFINITY : cache.lifetime.expiresAt

/** How long a caller waits at `now` for a refresh before it uses the old token: halfway to the expiry at most. */
export const waitOf = (cache: TokenCache, now: number): number => Math.min(maxWaitMs, (expiresAtOf(cache) - now) / 2)

/** Whether a replay with this token was rejected lately. */
export const isReplayRejected = ({ replayRejectedAt: at }: Loaded, now: number): boolean =>
  at !== undefined && now < at + replayRejectionMs
