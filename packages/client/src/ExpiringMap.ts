/**
 * Map with a maximum size and with entries that expire.
 *
 * @since 0.1.0
 */

/** A value and its time of expiry. */
interface Entry<V> {
  readonly value: V
  readonly expiresAt: number
}

/**
 * A map by text for entries with equal lifetimes, so that the oldest entry expires first. When it is full, it removes the
 * oldest entry. Times are milliseconds of one clock.
 *
 * @example
 * import { ExpiringMap } from "@countersign/client/ExpiringMap"
 *
 * const states = new ExpiringMap<string>(1000)
 * const now = Date.now()
 * states.set("state", "value", now + 60_000, now)
 * states.get("state", now)
 *
 * @since 0.1.0
 * @category models
 */
export class ExpiringMap<V> {
  readonly #entries = new Map<string, Entry<V>>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** The number of entries, which may include expired ones. */
  get size(): number {
    return this.#entries.size
  }

  /** The value of a key. Undefined from `expiresAt` on. */
  get(key: string, now: number): V | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && now < entry.expiresAt ? entry.value : undefined
  }

  /** Sets an entry as the newest one. */
  set(key: string, value: V, expiresAt: number, now: number): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, expiresAt })
    this.trim(now)
  }

  /** Removes an entry. */
  delete(key: string): void {
    this.#entries.delete(key)
  }

  /** Removes the expired entries, and the oldest ones beyond `maxSize`. */
  trim(now: number, maxSize: number = this.#capacity): void {
    for (const [key, { expiresAt }] of this.#entries) {
      if (now < expiresAt && this.#entries.size <= maxSize) return
      this.#entries.delete(key)
    }
  }
}
