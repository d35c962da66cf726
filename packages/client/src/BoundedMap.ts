/**
 * Map with a maximum size.
 *
 * @since 0.1.0
 */

/**
 * A map by text that removes entries when it is full: those with the lowest `retentionPriority`, the least recently set
 * first. Without priorities it removes one entry, otherwise a sixteenth of its capacity, so that the cost per entry stays low.
 *
 * @example
 * import { BoundedMap } from "@countersign/client/BoundedMap"
 *
 * const etags = new BoundedMap<string>(1000)
 * etags.set("/users/42", '"v1"')
 *
 * @since 0.1.0
 * @category models
 */
export class BoundedMap<V> {
  readonly #entries = new Map<string, V>()
  readonly #capacity: number
  readonly #retentionPriority: ((value: V, now: number) => number) | undefined

  /** @param retentionPriority - 0 for an entry that is not needed any more, small integers above 0 for the others. */
  constructor(capacity: number, retentionPriority?: (value: V, now: number) => number) {
    this.#capacity = capacity
    this.#retentionPriority = retentionPriority
  }

  /** The number of entries. */
  get size(): number {
    return this.#entries.size
  }

  /** The value of a key. */
  get(key: string): V | undefined {
    return this.#entries.get(key)
  }

  /** Sets an entry and marks it as used. `now` is the time for the priorities. */
  set(key: string, value: V, now = 0): void {
    if (!this.#entries.delete(key) && this.#entries.size >= this.#capacity) this.#evict(now)
    this.#entries.set(key, value)
  }

  /** Removes an entry. */
  delete(key: string): void {
    this.#entries.delete(key)
  }

  /** Removes unneeded entries, from the least recently used one on, up to the first that is still needed. */
  trim(now: number): void {
    for (const [key, value] of this.#entries) {
      if (this.#retentionPriority?.(value, now) !== 0) return
      this.#entries.delete(key)
    }
  }

  #evict(now: number): void {
    const priorityOf = this.#retentionPriority
    const targetSize = priorityOf === undefined ? this.#capacity - 1 : Math.floor((this.#capacity * 15) / 16)
    for (let priority = 0; this.#entries.size > targetSize; priority++) {
      for (const [key, value] of this.#entries) {
        if (this.#entries.size <= targetSize) return
        if ((priorityOf?.(value, now) ?? 0) <= priority) this.#entries.delete(key)
      }
    }
  }
}
