/**
 * Ways to count against a limit, as functions of a state that any store can keep: numbers, and nothing else. Times are
 * whole milliseconds, limits and windows positive.
 */

/** What a request asks of a limit. */
export interface ConsumeRequest {
  readonly tokens: number
  readonly limit: number
  readonly windowMs: number
  /** Whether tokens that are not there yet are taken, for later. */
  readonly reserve: boolean
}

/** The outcome: in how many milliseconds the tokens are there, and the state after it where they were taken. */
export interface ConsumeDecision {
  readonly waitMs: number
  readonly remaining: number
  readonly resetMs: number
  readonly state: ReadonlyArray<number>
  /** When the state is of no use any more. */
  readonly expires: number
}

/** Counts a request. `state` is empty where there is none. */
export type Algorithm = (state: ReadonlyArray<number>, now: number, request: ConsumeRequest) => ConsumeDecision

/** State: when the window began that was counted in last, which may be to come; its count. */
export const fixedWindow: Algorithm = (
  [windowStart = Number.NEGATIVE_INFINITY, counted = 0],
  now,
  { reserve, limit, tokens, windowMs }
) => {
  const isOver = now >= windowStart + windowMs
  const start = isOver ? now : windowStart
  const count = isOver ? 0 : counted
  const fits = count + tokens <= limit
  const from = fits ? start : start + windowMs
  const waitMs = Math.max(0, from - now)
  const isTaken = waitMs === 0 || reserve
  const state = isTaken ? [from, fits ? count + tokens : tokens] : [start, count]
  const expires = (state[0] ?? 0) + windowMs
  return { waitMs, remaining: isTaken ? limit - (state[1] ?? 0) : 0, resetMs: expires - now, state, expires }
}

/** A rounding error is no wait: the sums are of milliseconds since 1970, of which a double has 2^-12. */
const roundingTolerance = 0.01

/** State: when the bucket is full again. */
export const tokenBucket: Algorithm = ([full = 0], now, { reserve, limit, tokens, windowMs }) => {
  const before = Math.max(full, now)
  const after = before + (tokens * windowMs) / limit
  const missing = after - now - windowMs
  const waitMs = missing <= roundingTolerance ? 0 : Math.ceil(missing)
  const expires = waitMs === 0 || reserve ? after : before
  const remaining = Math.max(0, Math.floor(limit * (1 - (expires - now) / windowMs) + roundingTolerance))
  return { waitMs, remaining, resetMs: expires - now, state: [expires], expires: Math.ceil(expires) }
}

/** Into how many slots a window is cut at most: what is counted is the slot, so a wait is longer by up to one. */
const slotsPerWindow = 64

/**
 * State: for each slot in which there were some, its number and how many. No interval of the window's length can hold more
 * than the limit, for all the slots that such an interval may touch hold no more together.
 */
export const slidingWindow: Algorithm = (state, now, { reserve, limit, tokens, windowMs }) => {
  const slotMs = Math.max(1, Math.ceil(windowMs / slotsPerWindow))
  const span = slotMs === 1 ? Math.ceil(windowMs) : Math.ceil(windowMs / slotMs) + 1
  const slot = Math.floor(now / slotMs)
  const recent = parseSlots(state).filter(([at]) => at > slot - span)
  // Those that take tokens for later come in order: nobody gets in before whoever was there first.
  const found = firstFit(recent, Math.max(slot, recent.at(-1)?.[0] ?? slot), span, limit - tokens)
  const waitMs = Math.max(0, found * slotMs - now)
  const isTaken = waitMs === 0 || reserve
  const next = isTaken ? addTokens(recent, found, tokens) : recent
  const last = next.at(-1)?.[0] ?? slot
  const used = countTokens(next.filter(([at]) => at > last - span))
  const expires = (last + span) * slotMs
  return { waitMs, remaining: Math.max(0, limit - used), resetMs: expires - now, state: next.flat(), expires }
}

type SlotCount = readonly [slot: number, count: number]

const parseSlots = (state: ReadonlyArray<number>): ReadonlyArray<SlotCount> => {
  const found: Array<SlotCount> = []
  for (let index = 0; index + 1 < state.length; index += 2) found.push([state[index] ?? 0, state[index + 1] ?? 0])
  return found
}

const countTokens = (counted: ReadonlyArray<SlotCount>): number =>
  counted.reduce((total, [, count]) => total + count, 0)

/** The first slot from `from` on whose span holds at most `room`: that is when enough of the old ones are out of it. */
const firstFit = (counted: ReadonlyArray<SlotCount>, from: number, span: number, room: number): number => {
  let total = countTokens(counted.filter(([at]) => at > from - span))
  if (total <= room) return from
  for (const [at, count] of counted) {
    if (at <= from - span) continue
    total -= count
    if (total <= room) return at + span
  }
  return from
}

const addTokens = (counted: ReadonlyArray<SlotCount>, slot: number, tokens: number): ReadonlyArray<SlotCount> => {
  const last = counted.at(-1)
  return last?.[0] === slot ? [...counted.slice(0, -1), [slot, last[1] + tokens]] : [...counted, [slot, tokens]]
}
