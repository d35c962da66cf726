/**
 * A store over a `KeyValueStore`. A URL has one of a fixed number of records, which it overwrites. So the number of
 * records is bounded without an index, also after a crash.
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { BoundedMap } from "../../BoundedMap.js"
import * as Mutex from "../../Mutex.js"
import type { CacheKey } from "./cacheKey.js"
import type { Limits, Store } from "./store.js"
import { isSameVariant, maxVariants } from "./store.js"
import type { Stored, Times } from "./stored.js"

const Variant = Schema.Struct({
  /** Digest of the key. Neither URL nor account are written. */
  key: Schema.String,
  status: Schema.Int,
  fields: Schema.Record({ key: Schema.String, value: Schema.String }),
  body: Schema.Uint8ArrayFromBase64,
  sentAt: Schema.Finite,
  receivedAt: Schema.Finite,
  vary: Schema.Array(Schema.Tuple(Schema.String, Schema.NullOr(Schema.String)))
})

const Content = Schema.Struct({
  version: Schema.Literal(1),
  /** Digest of the URL. Other URLs may have the same record. */
  url: Schema.String,
  variants: Schema.Array(Variant)
})

type Variant = typeof Variant.Type
type Content = typeof Content.Type

const Text = Schema.parseJson(Content)
const decode = Schema.decodeUnknownOption(Text)
const encode = Schema.encodeSync(Text)

/** SHA-256 in hexadecimal. Fails where `crypto.subtle` is missing, as on web pages without HTTPS. */
const digest = (text: string): Effect.Effect<string, unknown> =>
  Effect.map(
    Effect.tryPromise(async () => globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
    (bytes) => Encoding.encodeHex(new Uint8Array(bytes))
  )

const toStored = ({ body, fields, receivedAt, sentAt, status, vary }: Variant, times?: Times): Stored => ({
  status,
  fields,
  body,
  times: times ?? { sentAt, receivedAt, monotonicAt: undefined },
  vary: vary.map(([name, value]) => [name, value ?? undefined] as const)
})

const toVariant = (key: string, { body, fields, status, times, vary }: Stored): Variant => ({
  key,
  status,
  fields,
  body,
  sentAt: times.sentAt,
  receivedAt: times.receivedAt,
  vary: vary.map(([name, value]) => [name, value ?? null] as const)
})

/** The newest responses that together are no larger than one may be. */
const bounded = (variants: ReadonlyArray<Variant>, maxBytes: number): ReadonlyArray<Variant> => {
  let bytes = 0
  return variants.slice(0, maxVariants).filter(({ body }, index) => {
    bytes += body.length
    return index === 0 || bytes <= maxBytes
  })
}

/** Where a key is stored. */
interface Place {
  readonly record: string
  readonly url: string
  readonly key: string
}

/** Cookies are credentials, which must not be written to a file. */
const setsCookies = ({ fields }: Stored): boolean =>
  fields["set-cookie"] !== undefined || fields["set-cookie2"] !== undefined

const timesId = ({ key, vary }: Variant): string => key + JSON.stringify(vary)

class PersistentStore {
  readonly #store: KeyValueStore.KeyValueStore
  readonly #limits: Limits
  readonly #prefix: string
  readonly #locks = Mutex.makeKeyed()
  /** When this process received its responses. Others have only the time of the wall clock. */
  readonly #times: BoundedMap<Times>
  /**
   * Records of which the last change has not succeeded, each with a mark of that change. They may have what must not be used,
   * so they are read as empty ones.
   */
  readonly #unchanged = new Map<string, object>()
  #hasWarned = false

  constructor(store: KeyValueStore.KeyValueStore, limits: Limits, prefix: string) {
    this.#store = store
    this.#limits = limits
    this.#prefix = prefix
    this.#times = new BoundedMap(limits.maxEntries)
  }

  /** A store that fails is an empty cache. Its messages may quote the content, so they are not logged. */
  #orElse<A>(effect: Effect.Effect<A, unknown>, value: A): Effect.Effect<A> {
    return Effect.catchAllCause(effect, () => {
      if (this.#hasWarned) return Effect.succeed(value)
      this.#hasWarned = true
      const warning = `the store of the cache "${this.#prefix}" failed. Responses are not stored while it fails.`
      return Effect.as(Effect.logWarning(warning), value)
    })
  }

  #recordOf(url: string): string {
    return `${this.#prefix}-${Number.parseInt(url.slice(0, 8), 16) % this.#limits.maxEntries}`
  }

  #place({ account, url }: CacheKey): Effect.Effect<Place, unknown> {
    return Effect.zipWith(digest(url), digest(`${url}\n${account}`), (urlDigest, key) => ({
      record: this.#recordOf(urlDigest),
      url: urlDigest,
      key
    }))
  }

  /** The responses of a URL. A damaged record is an empty one. */
  #read({ record, url }: Pick<Place, "record" | "url">): Effect.Effect<ReadonlyArray<Variant>> {
    if (this.#unchanged.has(record)) return Effect.succeed([])
    return Effect.map(this.#orElse(this.#store.get(record), Option.none()), (text) => {
      const content = Option.flatMap(text, (one): Option.Option<Content> => decode(one))
      return Option.isSome(content) && content.value.url === url ? content.value.variants : []
    })
  }

  #write({ record, url }: Place, variants: ReadonlyArray<Variant>, mark: object | undefined): Effect.Effect<void> {
    const written =
      variants.length === 0
        ? this.#store.remove(record)
        : Effect.suspend(() => this.#store.set(record, encode({ version: 1, url, variants })))
    return Effect.uninterruptible(this.#changed(record, mark, written))
  }

  /** @param mark - the mark of the record when the content of the change was read. A later one is of a later change. */
  #changed(record: string, mark: object | undefined, change: Effect.Effect<void, unknown>): Effect.Effect<void> {
    const recorded = Effect.onExit(change, (exit) =>
      Effect.sync(() => {
        if (Exit.isFailure(exit)) this.#unchanged.set(record, {})
        else if (this.#unchanged.get(record) === mark) this.#unchanged.delete(record)
      })
    )
    return this.#orElse(recorded, undefined)
  }

  find(key: CacheKey): Effect.Effect<ReadonlyArray<Stored>> {
    const found = Effect.flatMap(this.#place(key), (place) =>
      Effect.map(this.#read(place), (variants) =>
        variants.filter(({ key: digested }) => digested === place.key).map((one) => toStored(one, this.#timesOf(one)))
      )
    )
    return this.#orElse(found, [])
  }

  /** The times that this process has of a response, unless another process has replaced it. */
  #timesOf(variant: Variant): Times | undefined {
    const times = this.#times.get(timesId(variant))
    return times?.receivedAt === variant.receivedAt ? times : undefined
  }

  put(key: CacheKey, stored: Stored, isCurrent: () => boolean): Effect.Effect<void> {
    if (setsCookies(stored)) return this.remove(key, stored)
    return this.#change(key, (variants, digested) => {
      if (!isCurrent()) return variants
      const variant = toVariant(digested, stored)
      this.#times.set(timesId(variant), stored.times)
      return bounded([variant, ...this.#others(variants, digested, stored)], this.#limits.maxEntryBytes)
    })
  }

  remove(key: CacheKey, stored: Stored): Effect.Effect<void> {
    return this.#change(key, (variants, digested) => this.#others(variants, digested, stored))
  }

  #others(variants: ReadonlyArray<Variant>, key: string, stored: Stored): ReadonlyArray<Variant> {
    return variants.filter((one) => one.key !== key || !isSameVariant(toStored(one), stored))
  }

  #change(
    key: CacheKey,
    change: (variants: ReadonlyArray<Variant>, key: string) => ReadonlyArray<Variant>
  ): Effect.Effect<void> {
    const changed = Effect.flatMap(this.#place(key), (place) =>
      this.#locks.withLock(place.record)(
        Effect.suspend(() => {
          const mark = this.#unchanged.get(place.record)
          return Effect.flatMap(this.#read(place), (variants) => this.#write(place, change(variants, place.key), mark))
        })
      )
    )
    // A write is never cut. A caller that is interrupted does not wait for its end.
    return Effect.disconnect(this.#orElse(changed, undefined))
  }

  invalidate(url: string): Effect.Effect<void> {
    const removed = Effect.flatMap(digest(url), (digested) => this.#removeRecord(this.#recordOf(digested)))
    return this.#orElse(removed, undefined)
  }

  get clear(): Effect.Effect<void> {
    return Effect.forEach(
      Array.from({ length: this.#limits.maxEntries }, (_, index) => `${this.#prefix}-${index}`),
      (record) => this.#removeRecord(record),
      { discard: true }
    )
  }

  #removeRecord(record: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      // From now on, because the caller may stop waiting for a store that hangs.
      const mark = {}
      this.#unchanged.set(record, mark)
      return this.#locks.withLock(record)(this.#changed(record, mark, this.#store.remove(record)))
    })
  }
}

/** Makes a store. Its records are those of earlier processes. */
export const make = (limits: Limits, prefix: string): Effect.Effect<Store, never, KeyValueStore.KeyValueStore> =>
  Effect.map(KeyValueStore.KeyValueStore, (keyValueStore) => {
    const store = new PersistentStore(keyValueStore, limits, prefix)
    return {
      find: (key) => store.find(key),
      put: (key, stored, isCurrent) => store.put(key, stored, isCurrent),
      remove: (key, stored) => store.remove(key, stored),
      invalidate: (url) => store.invalidate(url),
      clear: Effect.suspend(() => store.clear),
      maxEntryBytes: limits.maxEntryBytes
    }
  })
