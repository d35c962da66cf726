import * as Origin from "@countersign/protocol/Origin"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import { redactedOrigin } from "../redaction/requestHistory.js"
import { BoundedMap } from "../../BoundedMap.js"

/**
 * One value per origin, with a maximum number of origins. Most requests go to the same origin as the one before, so
 * that origin is compared first.
 */
export class PerOrigin<V> {
  readonly #values: BoundedMap<V>
  readonly #make: (origin: string) => V
  /** Ends with the slash after the authority, so that no URL of another origin starts with it. */
  #prefix = " "
  #last: V | undefined

  /**
   * @param retentionPriority - 0 for a value that can be made again without loss, small integers above 0 for the
   *   others.
   * @param make - makes a value. Its argument is the redacted origin.
   */
  constructor(capacity: number, retentionPriority: (value: V) => number, make: (origin: string) => V) {
    this.#values = new BoundedMap<V>(capacity, retentionPriority)
    this.#make = make
  }

  /**
   * The value of a request's origin, made on first use. Undefined for a URL with an opaque origin, because opaque
   * origins never match.
   */
  getOrMake(request: HttpClientRequest): V | undefined {
    const { url } = request
    if (this.#last !== undefined && url.startsWith(this.#prefix)) return this.#last
    const origin = Origin.of(url)
    if (origin === Origin.opaque) return undefined
    const value = this.#values.get(origin) ?? this.#make(redactedOrigin(request, origin))
    this.#values.set(origin, value)
    this.#prefix = `${origin}/`
    this.#last = value
    return value
  }

  /** The value of a URL's origin, if there is one. */
  find(url: string): V | undefined {
    return this.#values.get(Origin.of(url))
  }
}
