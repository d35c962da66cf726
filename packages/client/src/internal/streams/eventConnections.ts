/** The events of one connection after another. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { OpenResponse } from "../response/openResponse.js"
import { pullOf } from "../response/openResponse.js"
import type { EventSession } from "./eventSession.js"
import type { Element, EventRules } from "./eventStream.js"
import { eventsOf } from "./eventStream.js"
import type { Pull } from "./transduce.js"

type Events = Pull<Element, unknown, unknown>

/**
 * Opens connections, and reads their events. Each connection closes before the next one opens.
 *
 * It is one effect that is repeated, because each layer of `Stream` takes 4 kB for as long as a stream is open.
 */
export class EventConnections {
  readonly #session: EventSession
  readonly #rules: EventRules
  readonly #open: Effect.Effect<OpenResponse, unknown, Scope.Scope>
  #scope: Scope.CloseableScope | undefined
  /** The events of the open connection. */
  #events: Events | undefined

  /** @param open - opens a connection in a scope. */
  constructor(session: EventSession, rules: EventRules, open: Effect.Effect<OpenResponse, unknown, Scope.Scope>) {
    this.#session = session
    this.#rules = rules
    this.#open = open
  }

  /** The next events. */
  readonly next: Events = Effect.suspend(() =>
    this.#events === undefined
      ? Effect.flatMap(this.#session.next, () => this.#read(this.#connect))
      : this.#read(this.#events)
  )

  /** Closes the open connection. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const scope = this.#scope
    this.#scope = this.#events = undefined
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  })

  readonly #connect: Events = Effect.flatMap(Scope.make(), (scope) => {
    this.#scope = scope
    const opened = Effect.zipLeft(this.#open, this.#session.onOpened)
    return Effect.flatMap(Effect.mapError(Scope.extend(opened, scope), Option.some), (response) =>
      Effect.flatMap(Scope.extend(pullOf(response), scope), (body) => {
        this.#events = eventsOf(response, body, this.#rules, this.#session)
        return this.#events
      })
    )
  })

  #read(events: Events): Events {
    return Effect.catchAll(events, (stop) =>
      Effect.zipRight(
        this.close,
        Option.isNone(stop) || this.#session.continueAfter(stop.value) ? this.next : Effect.fail(stop)
      )
    )
  }
}
