/**
 * Rate limit algorithms as pure functions of a state that any store can keep: a list of numbers. Times are whole
 * milliseconds. Limits and windows are positive.
 */

/** Tokens to consume, and the limit. */
export interface ConsumeRequest {
  readonly tokens: number
  readonly limit: number
  readonly windowMs: number
  /** Whether to take tokens that are not available yet, for a later time. */
  readonly reserve: boolean
}

/** The result: the wait until the tokens are available, and the new state if they were taken. */
export interface ConsumeDecision {
  readonly waitMs: number
  readonly remaining: number
  readonly resetMs: number
  readonly state: ReadonlyArray<number>
  /** Time after which the state is not needed, in epoch milliseconds. */
  readonly expires: number
}

/** Consumes tokens. `state` is empty for a new key. */
export type Algorithm = (state: ReadonlyArray<number>, now: number, request: ConsumeRequest) => ConsumeDecision

/** State: start of the window that was counted last (it may be in the future), and its count. */
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

/** Waits up to this length are rounding errors. A double holds epoch milliseconds with a precision of 2^-12. */
const roundingTolerance = 0.01

/** State: the time at which the bucket is full again. */
export const tokenBucket: Algorithm = ([full = 0], now, { reserve, limit, tokens, windowMs }) => {
  const before = Math.max(full, now)
  const after = before + (tokens * windowMs) / limit
  const missing = after - now - windowMs
  const waitMs = missing <= roundingTolerance ? 0 : Math.ceil(missing)
  const expires = waitMs === 0 || reserve ? after : before
  const remaining = Math.max(0, Math.floor(limit * (1 - (expires - now) / windowMs) + roundingTolerance))
  return { waitMs, remaining, resetMs: expires - now, state: [expires], expires: Math.ceil(expires) }
}

/** Maximum number of slots per window. Requests are counted per slot, so a wait can be up to one slot too long. */
const slotsPerWindow = 64

/**
 * State: number and count of each slot that has requests. All slots that one window can touch hold at most the limit
 * together, so no interval of the window's length exceeds the limit.
 */
export const slidingWindow: Algorithm = (state, now, { reserve, limit, tokens, windowMs }) => {
  const slotMs = Math.max(1, Math.ceil(windowMs / slotsPerWindow))
  const span = slotMs === 1 ? Math.ceil(windowMs) : Math.ceil(windowMs / slotMs) + 1
  const slot = Math.floor(now / slotMs)
  const recent = parseSlots(state).filter(([at]) => at > slot - span)
  // Reservations are served in order of arrival, so search from the last reserved slot on.
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

/** The first slot, from `from` on, at which the slots in its span hold at most `room` tokens. */
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
