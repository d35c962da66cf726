import * as Origin from "@countersign/protocol/Origin"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import { redactedOrigin } from "../redaction/requestHistory.js"
import { BoundedMap } from "./boundedMap.js"

/**
 * One of something for each origin, of so many at most. Most requests go where the one before went: for those it is one
 * comparison.
 */
export class PerOrigin<V> {
  readonly #values: BoundedMap<V>
  readonly #make: (origin: string) => V
  /** Up to the slash that ends the authority, so that no URL of another origin begins with it. */
  #prefix = " "
  #last: V | undefined

  /**
   * @param retentionPriority - 0 for those that can be made anew without a loss, small whole numbers beyond.
   * @param make - makes one; the origin that it is given is safe to print.
   */
  constructor(capacity: number, retentionPriority: (value: V) => number, make: (origin: string) => V) {
    this.#values = new BoundedMap<V>(capacity, retentionPriority)
    this.#make = make
  }

  /** The one of a request's origin, made if need be; undefined where the URL has none: two such are never the same. */
  getOrMake(request: HttpClientRequest): V | undefined {
    const { url } = request
    if (this.#last !== undefined && url.startsWith(this.#prefix)) return this.#last
    const origin = Origin.of(url)
    if (origin === Origin.opaque) return undefined
    const value = this.#values.get(origin) ?? this.#make(redactedOrigin(request, origin))
    this.#values.set(origin, value, 0)
    this.#prefix = `${origin}/`
    this.#last = value
    return value
  }

  /** The one of a URL's origin, if there is one. */
  find(url: string): V | undefined {
    return this.#values.get(Origin.of(url))
  }
}
