import type { Token } from "../../Token.js"

/**
 * The refresh times of a token, in epoch milliseconds of this machine's clock. From `soon` it is refreshed in the
 * background, from `late` callers wait for the new token, and from `end` it has expired.
 */
export interface Lifetime {
  readonly soon: number
  readonly late: number
  readonly end: number
}

/** How far before the end `soon` and `late` are at most, in milliseconds. */
export interface Windows {
  readonly early: number
  readonly late: number
}

/** It has no end that anybody knows of. */
const endless: Lifetime = {
  soon: Number.POSITIVE_INFINITY,
  late: Number.POSITIVE_INFINITY,
  end: Number.POSITIVE_INFINITY
}

/** Of the windows no more than these parts of a token's life: one that lives for a minute is not refreshed at once. */
const parts = { early: 1 / 5, late: 1 / 10 } as const

/** How much of the early window chance may cut off, so that processes which share a token do not come all at once. */
const jitter = 0.2

/**
 * The times of a token that was received at `now`.
 *
 * Another process's clock may be ahead: from now on a token lives as long as it was said to at most.
 *
 * @param chance - from 0 to 1.
 */
export const of = (token: Token, now: number, windows: Windows, chance: number): Lifetime => {
  const { expiresAt, receivedAt } = token
  if (expiresAt === undefined) return endless
  const life = Math.max(0, expiresAt - receivedAt)
  const end = Math.min(expiresAt, now + life)
  const early = Math.min(windows.early, life * parts.early) * (1 - jitter * chance)
  const late = Math.min(windows.late, life * parts.late)
  return { soon: end - Math.max(early, late), late: end - late, end }
}

/** The same times after the clock was set back by `ms`. */
export const shifted = ({ end, late, soon }: Lifetime, ms: number): Lifetime => ({
  soon: soon - ms,
  late: late - ms,
  end: end - ms
})
