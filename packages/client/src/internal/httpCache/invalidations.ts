/** When URLs were invalidated, so that a response of an earlier request is not stored after it. */

const maxUrls = 1024

/** Counts invalidations. When too many URLs were invalidated, all of them count as invalidated. */
export class Invalidations {
  #count = 0
  #floor = 0
  readonly #byUrl = new Map<string, number>()

  /** The number of invalidations so far. */
  get count(): number {
    return this.#count
  }

  add(url: string): void {
    this.#count += 1
    if (this.#byUrl.size >= maxUrls) this.clear()
    this.#byUrl.set(url, this.#count)
  }

  /** All URLs are invalidated. */
  clear(): void {
    this.#count += 1
    this.#floor = this.#count
    this.#byUrl.clear()
  }

  /** Whether a URL was invalidated after `count`. */
  isAfter(url: string, count: number): boolean {
    return Math.max(this.#floor, this.#byUrl.get(url) ?? 0) > count
  }
}
