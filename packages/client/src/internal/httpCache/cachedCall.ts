/** One hop of a call that may use the cache: a GET or HEAD without a body. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { emitNow } from "../telemetry/timeline.js"
import { isPolling } from "../../WaitStrategy.js"
import type { CallContext } from "../call/context.js"
import { checkDeadline, remainingMillis } from "../call/context.js"
import type { Send } from "../call/pipeline.js"
import { bufferErrorBody, drain } from "../response/readBody.js"
import { unsafeMonotonicNow, unsafeNow } from "../time/clock.js"
import type { CacheKey } from "./cacheKey.js"
import type { Cache } from "./cacheState.js"
import { runStore } from "./cacheState.js"
import { isUsableOnError, requestDirectives, useOf } from "./freshness.js"
import { isOutage, isOutageError } from "./outage.js"
import { hasOtherEtag, isOtherVersion, isStorableError, madeFrom, refreshed } from "./received.js"
import type { Outcome as Served } from "./served.js"
import { notCached, served } from "./served.js"
import type { Fields, Stored, Times } from "./stored.js"
import { ageMs, isSelected, validatorsOf } from "./stored.js"

type Outcome<E, R> = Effect.Effect<HttpClientResponse, E, R>

/** A request under way: when it was sent, and what had been invalidated before. */
interface Sending {
  readonly stored: Stored | undefined
  readonly sentAt: number
  readonly invalidations: number
}

/** What a call needs of its client. */
export interface CallingClient {
  /** Largest body of the call, in bytes. */
  readonly maxBodySize: number
  readonly scope: Scope.Scope | undefined
}

const noFields: Fields = {}

export class CachedCall<E, R> {
  readonly #cache: Cache
  readonly #key: CacheKey
  readonly #request: HttpClientRequest.HttpClientRequest
  readonly #next: Send<E, R>
  readonly #context: CallContext
  readonly #client: CallingClient
  readonly #asked: ReadonlyMap<string, string>

  constructor(
    cache: Cache,
    key: CacheKey,
    request: HttpClientRequest.HttpClientRequest,
    next: Send<E, R>,
    context: CallContext,
    client: CallingClient
  ) {
    this.#cache = cache
    this.#key = key
    this.#request = request
    this.#next = next
    this.#context = context
    this.#client = client
    this.#asked = requestDirectives(request.headers)
  }

  get run(): Outcome<E, R> {
    return this.#lookUp(true)
  }

  /** @param mayWait - whether to wait for an equal request that is under way. */
  #lookUp(mayWait: boolean): Outcome<E, R> {
    return Effect.flatMap(this.#runStore(this.#cache.store.find(this.#key), []), (variants) => {
      const stored = variants.find((one) => isSelected(one, this.#request.headers) && this.#fits(one))
      const use = stored === undefined ? "validate" : useOf(stored, this.#asked, this.#ageOf(stored))
      if (stored === undefined || use === "validate") return this.#forward(stored, mayWait)
      if (use === "fresh") return this.#serve(stored, "Hit")
      if (use === "stale") return this.#serve(stored, "Stale")
      return this.#serveAndValidate(stored, mayWait)
    })
  }

  /** A call may allow smaller bodies than the one that was stored. */
  #fits({ body }: Stored): boolean {
    return body.length <= this.#client.maxBodySize
  }

  #ageOf(stored: Stored): number {
    const { fiber } = this.#context
    return ageMs(stored, unsafeNow(fiber), unsafeMonotonicNow(fiber))
  }

  #serve(stored: Stored, outcome: Served): Effect.Effect<HttpClientResponse> {
    return Effect.sync(() => {
      const age = this.#ageOf(stored)
      emitNow(this.#context.fiber, () => ({ _tag: "CacheUsed", outcome, ms: age }))
      return served(this.#request, stored, outcome, age)
    })
  }

  /** On runtimes that drop fibers with their request, and after the client's scope has closed, the caller validates itself. */
  #serveAndValidate(stored: Stored, mayWait: boolean): Outcome<E, R> {
    const { fiber } = this.#context
    if (this.#asked.has("only-if-cached")) return this.#serve(stored, "Stale")
    if (isPolling(fiber) || this.#request.method === "HEAD") return this.#forward(stored, mayWait)
    const validation = this.#cache.background.start(
      `${this.#key.url}\n${this.#key.account}`,
      this.#client.scope,
      (context) =>
        new CachedCall(this.#cache, this.#key, this.#request, this.#next, context, this.#client).#send(stored)
    )
    return Effect.flatMap(validation, (isOpen) =>
      isOpen ? this.#serve(stored, "Stale") : this.#forward(stored, mayWait)
    )
  }

  #forward(stored: Stored | undefined, mayWait: boolean): Outcome<E, R> {
    if (this.#asked.has("only-if-cached")) return Effect.sync(() => notCached(this.#request))
    if (this.#request.method === "HEAD") return this.#sendHead(stored)
    const { fiber, held } = this.#context
    // A request that holds a permit must not wait for one that may need it.
    if (!mayWait || held !== undefined || isPolling(fiber)) return this.#send(stored)
    return this.#cache.flights.join(this.#key, this.#request, this.#send(stored), (landing) =>
      this.#lookUp(landing === "interrupted")
    )
  }

  /** A HEAD that contradicts the stored response removes it (RFC 9111 §4.3.5). */
  #sendHead(stored: Stored | undefined): Outcome<E, R> {
    return Effect.flatMap(this.#next(this.#request, this.#context), (response) =>
      stored !== undefined && response.status === 200 && isOtherVersion(stored, response)
        ? Effect.as(this.#remove(stored), response)
        : Effect.succeed(response)
    )
  }

  #send(stored: Stored | undefined): Outcome<E, R> {
    return Effect.suspend(() => {
      const sentAt = unsafeNow(this.#context.fiber)
      const sending: Sending = { stored, sentAt, invalidations: this.#cache.invalidations.count }
      const validators = stored === undefined ? noFields : validatorsOf(stored)
      const request = HttpClientRequest.setHeaders(this.#request, validators)
      const answered = Effect.flatMap(this.#next(request, this.#context), (response) =>
        this.#receive(sending, response)
      )
      return stored === undefined
        ? answered
        : Effect.catchAll(answered, (error) =>
            isOutageError(error) && this.#isUsable(stored) ? this.#serve(stored, "Stale") : Effect.fail(error)
          )
    })
  }

  #isUsable(stored: Stored): boolean {
    return !this.#asked.has("no-cache") && isUsableOnError(stored, this.#ageOf(stored))
  }

  #receive(sending: Sending, response: HttpClientResponse): Outcome<E, R> {
    const { stored } = sending
    if (stored !== undefined && response.status === 304) return this.#revalidated(sending, stored, response)
    if (stored !== undefined && isOutage(response.status) && this.#isUsable(stored))
      return Effect.zipRight(drain(response), this.#serve(stored, "Stale"))
    if (!isStorableError(response, unsafeNow(this.#context.fiber))) return this.#store(sending, response)
    const times = this.#timesOf(sending)
    return Effect.flatMap(bufferErrorBody(response, remainingMillis(this.#context)), (whole) =>
      Effect.zipRight(checkDeadline(this.#context), this.#store(sending, whole, times))
    )
  }

  #store(
    sending: Sending,
    response: HttpClientResponse,
    times = this.#timesOf(sending)
  ): Effect.Effect<HttpClientResponse> {
    const { stored } = sending
    const made = madeFrom(response, this.#request.headers, times, this.#cache.store.maxEntryBytes)
    this.#cache.flights.setUsable(this.#key, made !== undefined && this.#isFresh(made))
    if (made !== undefined) return Effect.as(this.#put(sending, made), response)
    // What was stored is older than this response, which must not be stored.
    return stored === undefined || response.status >= 500
      ? Effect.succeed(response)
      : Effect.as(this.#remove(stored), response)
  }

  #isFresh(stored: Stored): boolean {
    return useOf(stored, new Map(), this.#ageOf(stored)) === "fresh"
  }

  #timesOf({ sentAt }: Sending): Times {
    const { fiber } = this.#context
    return { sentAt, receivedAt: unsafeNow(fiber), monotonicAt: unsafeMonotonicNow(fiber) }
  }

  /** A 304 for another version is no answer to this request, so it is sent again without validators. */
  #revalidated(sending: Sending, stored: Stored, response: HttpClientResponse): Outcome<E, R> {
    if (hasOtherEtag(stored, response)) return Effect.zipRight(this.#remove(stored), this.#send(undefined))
    const { isStorable, updated } = refreshed(stored, response, this.#request.headers, this.#timesOf(sending))
    this.#cache.flights.setUsable(this.#key, isStorable && this.#isFresh(updated))
    const kept = isStorable ? this.#put(sending, updated) : this.#remove(stored)
    return Effect.zipRight(kept, this.#serve(updated, "Revalidated"))
  }

  #runStore<A>(operation: Effect.Effect<A>, otherwise: A): Effect.Effect<A> {
    return runStore(this.#cache, operation, otherwise, this.#context)
  }

  #put({ invalidations }: Sending, stored: Stored): Effect.Effect<void> {
    const isCurrent = () => !this.#cache.invalidations.isAfter(this.#key.url, invalidations)
    return Effect.suspend(() => this.#runStore(this.#cache.store.put(this.#key, stored, isCurrent), undefined))
  }

  #remove(stored: Stored): Effect.Effect<void> {
    return Effect.suspend(() => this.#runStore(this.#cache.store.remove(this.#key, stored), undefined))
  }
}
