/** A store in memory: bounded by bytes and by keys, the least recently used first out. */
import * as Effect from "effect/Effect"
import { markImmediate } from "../call/immediate.js"
import type { CacheKey } from "./cacheKey.js"
import type { Limits, Store } from "./store.js"
import { isSameVariant, maxVariants } from "./store.js"
import type { Stored } from "./stored.js"

interface MemoryLimits extends Limits {
  readonly maxBytes: number
}

/** Estimated bytes of the objects of one response. */
const overhead = 512

const sizeOf = ({ body, fields, vary }: Stored): number => {
  const text = [...Object.entries(fields), ...vary].reduce(
    (sum, [name, value]) => sum + name.length + (value ?? "").length,
    0
  )
  return body.length + 2 * text + overhead
}

interface Entry {
  readonly key: CacheKey
  readonly variants: ReadonlyArray<Stored>
  readonly bytes: number
}

const idOf = ({ account, url }: CacheKey): string => `${url}\n${account}`

class MemoryStore {
  readonly #limits: MemoryLimits
  /** In order of use, the least recently used first. */
  readonly #entries = new Map<string, Entry>()
  readonly #idsByUrl = new Map<string, Set<string>>()
  #bytes = 0

  constructor(limits: MemoryLimits) {
    this.#limits = limits
  }

  find(key: CacheKey): ReadonlyArray<Stored> {
    const id = idOf(key)
    const entry = this.#entries.get(id)
    if (entry === undefined) return []
    this.#entries.delete(id)
    this.#entries.set(id, entry)
    return entry.variants
  }

  put(key: CacheKey, stored: Stored): void {
    const others = this.find(key).filter((one) => !isSameVariant(one, stored))
    this.#set(key, [stored, ...others].slice(0, maxVariants))
    for (const id of this.#entries.keys()) {
      if (this.#bytes <= this.#limits.maxBytes && this.#entries.size <= this.#limits.maxEntries) return
      this.#drop(id)
    }
  }

  remove(key: CacheKey, stored: Stored): void {
    this.#set(
      key,
      this.find(key).filter((one) => one !== stored)
    )
  }

  invalidate(url: string): void {
    for (const id of [...(this.#idsByUrl.get(url) ?? [])]) this.#drop(id)
  }

  clear(): void {
    this.#entries.clear()
    this.#idsByUrl.clear()
    this.#bytes = 0
  }

  #set(key: CacheKey, variants: ReadonlyArray<Stored>): void {
    const id = idOf(key)
    this.#drop(id)
    if (variants.length === 0) return
    const bytes = variants.reduce((sum, one) => sum + sizeOf(one), 2 * id.length)
    this.#entries.set(id, { key, variants, bytes })
    this.#bytes += bytes
    const ids = this.#idsByUrl.get(key.url) ?? new Set()
    this.#idsByUrl.set(key.url, ids.add(id))
  }

  #drop(id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    this.#bytes -= entry.bytes
    const ids = this.#idsByUrl.get(entry.key.url)
    ids?.delete(id)
    if (ids?.size === 0) this.#idsByUrl.delete(entry.key.url)
  }
}

/** Makes an empty store. */
export const make = (limits: MemoryLimits): Store => {
  const memory = new MemoryStore(limits)
  return markImmediate({
    find: (key: CacheKey) => Effect.sync(() => memory.find(key)),
    put: (key: CacheKey, stored: Stored, isCurrent: () => boolean) =>
      Effect.sync(() => {
        if (isCurrent()) memory.put(key, stored)
      }),
    remove: (key: CacheKey, stored: Stored) => Effect.sync(() => memory.remove(key, stored)),
    invalidate: (url: string) => Effect.sync(() => memory.invalidate(url)),
    clear: Effect.sync(() => memory.clear()),
    maxEntryBytes: limits.maxEntryBytes
  })
}
