import type { Token } from "../../Token.js"

/** The times of a cached token, in epoch milliseconds of this machine's clock. */
export interface Lifetime {
  /** From then on, the token is refreshed in the background. */
  readonly refreshAt: number
  /** From then on, callers wait for the new token. */
  readonly expiringAt: number
  readonly expiresAt: number
}

/** The longest time between `expiresAt` and the other times, in milliseconds. */
export interface Windows {
  readonly refresh: number
  readonly forcedRefresh: number
}

const unlimited: Lifetime = {
  refreshAt: Number.POSITIVE_INFINITY,
  expiringAt: Number.POSITIVE_INFINITY,
  expiresAt: Number.POSITIVE_INFINITY
}

/** The windows as shares of the lifetime, at most. A token that lives for a minute is not refreshed at once. */
const maxShares = { refresh: 1 / 5, forcedRefresh: 1 / 10 } as const

/** Maximum jitter as a share of the refresh window, so that processes with one token do not refresh together. */
const maxJitter = 0.2

/**
 * The times of a token that is loaded at `now`. The clock of the process that stored it may be ahead, so the token expires
 * after its lifetime at the latest, counted from `now`.
 *
 * @param random - from 0 to 1, for the jitter.
 */
export const lifetimeOf = (token: Token, now: number, windows: Windows, random: number): Lifetime => {
  if (token.expiresAt === undefined) return unlimited
  const lifetime = Math.max(0, token.expiresAt - token.receivedAt)
  const expiresAt = Math.min(token.expiresAt, now + lifetime)
  const refresh = Math.min(windows.refresh, lifetime * maxShares.refresh) * (1 - maxJitter * random)
  const forcedRefresh = Math.min(windows.forcedRefresh, lifetime * maxShares.forcedRefresh)
  return { refreshAt: expiresAt - Math.max(refresh, forcedRefresh), expiringAt: expiresAt - forcedRefresh, expiresAt }
}
