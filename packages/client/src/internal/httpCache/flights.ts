/** Requests under way: a caller with an equal request waits for the response, instead of sending another one. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { BoundedMap } from "../../BoundedMap.js"
import * as Signal from "../../Signal.js"
import type { CacheKey } from "./cacheKey.js"

/** How a request ended: with a result, or because its caller was interrupted. */
export type Landing = "ended" | "interrupted"

type Outcome<E, R> = Effect.Effect<HttpClientResponse, E, R>

/** URLs of which the last response could not be used again. Callers would wait for nothing. */
const maxUnusable = 1024

export class Flights {
  readonly #byRequest = new Map<string, Signal.Signal<Landing>>()
  readonly #unusable = new BoundedMap<true>(maxUnusable)

  /** Remembers whether the responses of a key can be used again. */
  setUsable({ account, url }: CacheKey, isUsable: boolean): void {
    const id = `${url}\n${account}`
    if (isUsable) this.#unusable.delete(id)
    else this.#unusable.set(id, true)
  }

  /** Sends a request, unless an equal one is under way: then it waits, and runs `onLanded`. */
  join<E, R>(
    key: CacheKey,
    request: HttpClientRequest,
    send: Outcome<E, R>,
    onLanded: (landing: Landing) => Outcome<E, R>
  ): Outcome<E, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        if (this.#unusable.get(`${key.url}\n${key.account}`) !== undefined) return restore(send)
        const id = idOf(key, request)
        const flight = this.#byRequest.get(id)
        return flight === undefined ? this.#lead(id, restore(send)) : restore(Effect.flatMap(flight.wait(), onLanded))
      })
    )
  }

  #lead<E, R>(id: string, send: Outcome<E, R>): Outcome<E, R> {
    const flight = Signal.make<Landing>()
    this.#byRequest.set(id, flight)
    return Effect.onExit(send, (exit) =>
      Effect.sync(() => {
        this.#byRequest.delete(id)
        const isInterrupted = Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)
        flight.complete(Exit.succeed(isInterrupted ? "interrupted" : "ended"))
      })
    )
  }
}

/** Requests are equal if all their fields are, because a response may name any of them in `Vary`. */
const idOf = ({ account, url }: CacheKey, { headers, method }: HttpClientRequest): string =>
  JSON.stringify([method, url, account, Object.entries(headers).sort()])
