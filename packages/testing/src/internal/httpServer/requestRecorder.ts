import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import { socketOf } from "./socketFaults.js"

/** One request as the server received it. */
export interface Received {
  /** Method of the request. */
  readonly method: string
  /** Path with query. */
  readonly path: string
  /** Headers, with names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Time in epoch milliseconds. */
  readonly at: number
}

export interface Recorder {
  readonly requests: Effect.Effect<ReadonlyArray<Received>>
  readonly connections: Effect.Effect<number>
  readonly record: <E, R>(app: HttpApp.Default<E, R>) => HttpApp.Default<E, R>
}

/** Records every request before its response, and counts their sockets. */
export const make: Effect.Effect<Recorder> = Effect.sync(() => {
  const received: Array<Received> = []
  const sockets = new Set<object>()
  const note = Effect.zipWith(HttpServerRequest.HttpServerRequest, Effect.clock, (request, clock) => {
    const { headers, method, url: path } = request
    received.push({ method, path, headers: { ...headers }, at: clock.unsafeCurrentTimeMillis() })
    const from = socketOf(request)
    if (from !== undefined) sockets.add(from)
  })
  return {
    requests: Effect.sync(() => [...received]),
    connections: Effect.sync(() => sockets.size),
    record: (app) => Effect.zipRight(note, app)
  }
})
