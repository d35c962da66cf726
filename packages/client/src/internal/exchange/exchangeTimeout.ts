import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Deadlines } from "../call/deadlineQueue.js"
import { Entry } from "../call/deadlineQueue.js"
import { bound } from "../call/fiberTimeout.js"
import { bufferedBodyOf } from "../response/bufferedBody.js"
import type { Direct } from "./callbackTransport.js"
import { isOver } from "./callbackTransport.js"

/** An exchange that is under way: a transport was asked directly, and there is a time by which it has to answer. */
class Pending<E> extends Entry {
  readonly #deadlines: Deadlines
  readonly #late: (request: HttpClientRequest) => E
  readonly #request: HttpClientRequest
  #resume: ((outcome: Effect.Effect<HttpClientResponse, E>) => void) | undefined
  #cancel: (() => void) | undefined

  constructor(
    deadlines: Deadlines,
    request: HttpClientRequest,
    late: (request: HttpClientRequest) => E,
    resume: (outcome: Effect.Effect<HttpClientResponse, E>) => void
  ) {
    super()
    this.#deadlines = deadlines
    this.#request = request
    this.#late = late
    this.#resume = resume
    deadlines.add(this)
  }

  /** Whether it was sent at all. */
  begin(send: Direct<E>): boolean {
    try {
      this.#cancel = send(this.#request, this.#answered)
    } finally {
      // It was not sent, or threw: there is nothing to time out.
      if (this.#cancel === undefined) this.drop()
    }
    return this.#cancel !== undefined
  }

  readonly #answered = (outcome: Effect.Effect<HttpClientResponse, E>): void => {
    this.#deadlines.remove(this)
    if (!isOver(outcome)) return this.#end(this.#rest(outcome))
    // The fiber holds what cancels until it waits again: the whole exchange would be alive for as long. A body that
    // follows is cut by it still, if the fiber is interrupted before it has the answer.
    if (Exit.isFailure(outcome) || bufferedBodyOf(outcome.value) !== undefined) this.#cancel = undefined
    this.#end(outcome)
  }

  /** A response with a body that follows: what is left of the time is for that. */
  #rest(body: Effect.Effect<HttpClientResponse, E>): Effect.Effect<HttpClientResponse, E> {
    return Effect.suspend(() =>
      bound(Duration.millis(Math.max(0, this.at - performance.now())))(body, this.#late, this.#request)
    )
  }

  #end(outcome: Effect.Effect<HttpClientResponse, E>): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.(outcome)
  }

  override strike(): void {
    // In the fiber: what the transport says or throws when it is cancelled concerns neither the outcome nor the other
    // exchanges that timed out.
    this.#end(
      Effect.suspend(() => {
        this.#cancel?.()
        return Effect.fail(this.#late(this.#request))
      })
    )
  }

  /** Cancels the exchange. Its result is not needed any more. */
  drop(): void {
    this.#deadlines.remove(this)
    this.#resume = undefined
    this.#cancel?.()
  }
}

/**
 * One exchange within a bound on its time, as one step: the transport is asked directly, and whichever comes first, the
 * answer or the end of the time, is the outcome. Interruption cancels it.
 *
 * @param otherwise - for a request that takes an effect to send.
 */
export const directly = <E, R>(
  deadlines: Deadlines,
  send: Direct<E>,
  request: HttpClientRequest,
  late: (request: HttpClientRequest) => E,
  otherwise: (request: HttpClientRequest) => Effect.Effect<HttpClientResponse, E, R>
): Effect.Effect<HttpClientResponse, E, R> =>
  Effect.async<HttpClientResponse, E, R>((resume) => {
    const pending = new Pending<E>(deadlines, request, late, resume)
    return pending.begin(send) ? Effect.sync(() => pending.drop()) : resume(otherwise(request))
  })
