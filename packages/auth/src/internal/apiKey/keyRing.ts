/** The keys of a pool, which of them the server rejects or throttles, and which one is used next. */
import type * as Clock from "effect/Clock"
import * as Redacted from "effect/Redacted"

/**
 * Strategy of a pool: which key a request uses.
 *
 * - `sticky`: the same key until the server rejects or throttles it.
 * - `roundRobin`: the keys in turn.
 * - `leastThrottled`: a key that was never throttled, or the one with the last throttle that ended first. Equal keys take turns.
 *
 * @since 0.1.0
 * @category models
 */
export type Strategy = "sticky" | "roundRobin" | "leastThrottled"

/** A key, and its state in milliseconds of the monotonic clock. */
export interface PooledKey {
  /** Not secret, and never used for another key. */
  readonly id: number
  readonly key: Redacted.Redacted<string>
  rejectedAt: number
  /** End of the last throttle. */
  freeAt: number
  /** Throttles without a response in between that accepts the key. */
  throttles: number
}

/** A rejected key is not tried again within this time. Later, the server may know the key. */
const cooldownMs = 30_000

/** Wait after a rate limit response that names none, in milliseconds. It is the same as that of the client. */
const backoffMs = (throttles: number): number => Math.min(1000 * 2 ** throttles, 20_000)

/** A server may request any wait. After this time, the key is tried again. */
const maxThrottleMs = 3_600_000

export class KeyRing {
  readonly #strategy: Strategy
  readonly #clock: Clock.Clock
  #keys: ReadonlyArray<PooledKey> = []
  /** Index of the key that was used last. */
  #current = 0
  #nextId = 0

  constructor(keys: ReadonlyArray<Redacted.Redacted<string>>, strategy: Strategy, clock: Clock.Clock) {
    this.#strategy = strategy
    this.#clock = clock
    this.adopt(keys)
    if (strategy !== "sticky") this.#current = this.#keys.length - 1
  }

  /** The key of the next request. If each key is rejected or throttled, it is the one that can be used first. */
  next(): PooledKey | undefined {
    const now = this.#now()
    const current = this.#keys[this.#current]
    if (this.#strategy === "sticky" && current !== undefined && current.freeAt <= now) return current
    const usable = this.#others().filter((one) => isUsable(one, now))
    const chosen = this.#strategy === "leastThrottled" ? earliest(usable) : usable[0]
    return this.#use(chosen ?? earliest(this.#accepted(now)) ?? earliest(this.#others()))
  }

  /** Called for a rejected or throttled key. Whether another key can be tried. */
  reject(id: string | number): boolean {
    const now = this.#now()
    const rejected = this.#find(id)
    // A throttled key is not rejected: its request is sent again with another key.
    if (rejected !== undefined && rejected.freeAt <= now) rejected.rejectedAt = now
    // Another request has already switched to the next key.
    if (this.#strategy === "sticky" && rejected !== this.#keys[this.#current]) return true
    return this.#switch(now)
  }

  /** Called for a throttled key. Milliseconds until a key can be used. */
  throttle(id: string | number, retryAfterMs: number | undefined): number {
    const now = this.#now()
    const throttled = this.#find(id)
    if (throttled !== undefined) {
      throttled.rejectedAt = Number.NEGATIVE_INFINITY
      extendThrottle(throttled, retryAfterMs, now)
    }
    return Math.max(0, Math.ceil((earliest(this.#accepted(now))?.freeAt ?? now) - now))
  }

  /** Called for a key that the server accepts. */
  accept(id: number): void {
    const accepted = this.#find(id)
    if (accepted !== undefined) accepted.throttles = 0
  }

  /** Replaces the keys. A key that stays keeps its state. */
  adopt(keys: ReadonlyArray<Redacted.Redacted<string>>): void {
    const current = this.#keys[this.#current]
    const texts = new Set(keys.map((key) => Redacted.value(key)))
    this.#keys = [...texts].map(
      (text) => this.#keys.find(({ key }) => Redacted.value(key) === text) ?? this.#make(text)
    )
    // The search for a key begins after the current one, so it begins with the first key of the list.
    this.#current = this.#keys.length - 1
    if (!this.#switch(this.#now()) && current !== undefined && this.#keys.includes(current)) this.#use(current)
  }

  #make(text: string): PooledKey {
    const never = Number.NEGATIVE_INFINITY
    return { id: this.#nextId++, key: Redacted.make(text), rejectedAt: never, freeAt: never, throttles: 0 }
  }

  /** Makes the next key that is not rejected the current one, for `sticky`. Whether there is one. */
  #switch(now: number): boolean {
    const accepted = this.#accepted(now)
    const next = accepted.find(({ freeAt }) => freeAt <= now) ?? earliest(accepted)
    if (this.#strategy === "sticky") this.#use(next)
    return next !== undefined
  }

  #use(key: PooledKey | undefined): PooledKey | undefined {
    if (key !== undefined) this.#current = this.#keys.indexOf(key)
    return key
  }

  /** The keys, the current one last. */
  #others(): ReadonlyArray<PooledKey> {
    return [...this.#keys.slice(this.#current + 1), ...this.#keys.slice(0, this.#current + 1)]
  }

  #accepted(now: number): ReadonlyArray<PooledKey> {
    return this.#others().filter((one) => !isRejected(one, now))
  }

  #find(id: string | number): PooledKey | undefined {
    return this.#keys.find((one) => one.id === id)
  }

  #now(): number {
    return Number(this.#clock.unsafeCurrentTimeNanos()) / 1e6
  }
}

const isRejected = ({ rejectedAt }: PooledKey, now: number): boolean => rejectedAt + cooldownMs > now

const isUsable = (key: PooledKey, now: number): boolean => !isRejected(key, now) && key.freeAt <= now

const earliest = (keys: ReadonlyArray<PooledKey>): PooledKey | undefined =>
  keys.reduce<PooledKey | undefined>(
    (best, one) => (best === undefined || one.freeAt < best.freeAt ? one : best),
    undefined
  )

const extendThrottle = (key: PooledKey, retryAfterMs: number | undefined, now: number): void => {
  // Requests that were in progress are limited for the same reason, so their responses without a wait do not extend it.
  if (retryAfterMs === undefined && key.freeAt > now) return
  const ms = Math.min(retryAfterMs ?? backoffMs(key.throttles), maxThrottleMs)
  key.throttles++
  key.freeAt = Math.max(key.freeAt, now + ms)
}
