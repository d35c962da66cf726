/**
 * Embedded server of event streams for tests: it sends what a script says, with cuts, gaps, slow drips and silences. It requires
 * Node.
 *
 * | step | what the server does |
 * |---|---|
 * | a text, or bytes | sends them as they are |
 * | {@link event}, {@link comment} | makes such a text |
 * | {@link pause} | sends nothing for a time |
 * | {@link drip} | sends a text slowly |
 * | {@link cut}, {@link reset} | closes the connection in the middle of the body: in order (FIN), or with a reset (RST) |
 * | {@link silence} | sends nothing, until the client closes the connection |
 * | {@link status} | responds with another status, without an event stream. Only as the first step |
 *
 * After the last step the response is complete. Times are those of Effect's `Clock`.
 *
 * @example
 * ```ts
 * import * as EventServer from "@countersign/testing/EventServer"
 *
 * const events = ["1", "2", "3"].map((id) => ({ id, data: `event ${id}` }))
 *
 * // Two events for each connection, which is then cut. A client continues with `Last-Event-ID`.
 * const server = EventServer.layer((request) => [
 *   ...EventServer.after(events, request).slice(0, 2).map(EventServer.event),
 *   EventServer.cut
 * ])
 * ```
 *
 * @since 0.1.0
 */
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { listen } from "./internal/eventServer/listener.js"
import type { Received as ReceivedRequest } from "./internal/eventServer/request.js"
import { respond } from "./internal/eventServer/response.js"
import type { Step as ScriptStep } from "./internal/eventServer/step.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * A request as the server received it.
 *
 * @since 0.1.0
 * @category models
 */
export type Received = ReceivedRequest

/**
 * One step of a response: a text, bytes, or a step of this module.
 *
 * @since 0.1.0
 * @category models
 */
export type Step = ScriptStep

/**
 * The steps of a response. `index` is the number of the request, from 0.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = (request: Received, index: number) => ReadonlyArray<Step>

/**
 * The fields of an event.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fields {
  /** Data, which may have several lines. */
  readonly data: string
  /** Name (`message`, which is not sent). */
  readonly event?: string | undefined
  /** Id, which a client sends as `Last-Event-ID` when it reconnects. */
  readonly id?: string | undefined
  /** Reconnection time, in milliseconds. */
  readonly retry?: number | undefined
}

const names: OptionNames.ShapeOf<Fields> = { data: true, event: true, id: true, retry: "size" }

/**
 * Makes the text of an event.
 *
 * @param fields - the data, and the other fields. They are not escaped: a name with a line break makes two lines.
 * @since 0.1.0
 * @category steps
 */
export const event = (fields: Fields): string => {
  const { data, event: name, id, retry } = OptionNames.known("`EventServer.event`", fields, names)
  const lines = Object.entries({ event: name, id, retry }).flatMap(([field, value]) =>
    value === undefined ? [] : [`${field}: ${value}`]
  )
  return [...lines, ...data.split("\n").map((line) => `data: ${line}`), "", ""].join("\n")
}

/**
 * Makes the text of a comment. Servers send one as a sign of life.
 *
 * @param text - one line.
 * @since 0.1.0
 * @category steps
 */
export const comment = (text: string): string => `: ${text}\n\n`

/**
 * Step that sends nothing for a time.
 *
 * @param duration - how long.
 * @since 0.1.0
 * @category steps
 */
export const pause = (duration: Duration.DurationInput): Step => ({ _tag: "Pause", duration })

/**
 * Step that sends a text slowly.
 *
 * @param text - what is sent.
 * @param every - the time after each piece.
 * @param size - bytes of a piece (1).
 * @since 0.1.0
 * @category steps
 */
export const drip = (text: string, every: Duration.DurationInput, size = 1): Step => ({
  _tag: "Drip",
  text,
  every,
  size
})

/**
 * Step that closes the connection in the middle of the body, in order (FIN). No further step follows.
 *
 * @since 0.1.0
 * @category steps
 */
export const cut: Step = { _tag: "Cut" }

/**
 * Step that resets the connection (RST). No further step follows.
 *
 * @since 0.1.0
 * @category steps
 */
export const reset: Step = { _tag: "Reset" }

/**
 * Step that sends nothing, and keeps the connection open until the client closes it.
 *
 * @since 0.1.0
 * @category steps
 */
export const silence: Step = { _tag: "Silence" }

/**
 * Step that responds with another status, and without an event stream: 204 ends a stream, 503 makes a client retry. Only as the
 * first step, and no further step follows.
 *
 * @param code - the status.
 * @since 0.1.0
 * @category steps
 */
export const status = (code: number): Step => ({ _tag: "Status", code })

/**
 * The events after the one that the request names in `Last-Event-ID`. All events, if it names none of them.
 *
 * @param events - all events, each with an id.
 * @param request - the request.
 * @since 0.1.0
 * @category steps
 */
export const after = <Event extends { readonly id: string }>(
  events: ReadonlyArray<Event>,
  { lastEventId }: Pick<Received, "lastEventId">
): ReadonlyArray<Event> => events.slice(events.findIndex(({ id }) => id === lastEventId) + 1)

/**
 * Tag of a running server of event streams, which listens on a port of the loopback interface.
 *
 * @since 0.1.0
 * @category services
 */
export class EventServer extends Context.Tag("@countersign/testing/EventServer")<
  EventServer,
  {
    /** URL of the server, without a trailing slash. */
    readonly baseUrl: string
    /** All requests, in order. */
    readonly requests: Effect.Effect<ReadonlyArray<Received>>
    /** Number of connections that are open now. */
    readonly open: Effect.Effect<number>
  }
>() {}

/**
 * Starts a server, which runs until the scope closes. Then its port and all connections are closed, and no socket, timer or
 * fiber remains.
 *
 * Fails with `ServeError` when no port is available.
 *
 * @param script - the steps of each response.
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  script: Script
): Effect.Effect<Context.Tag.Service<EventServer>, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    const runFork = yield* FiberSet.makeRuntime<never>()
    const requests: Array<Received> = []
    const listener = yield* Effect.mapError(
      listen((request, response) => {
        const index = requests.push(request) - 1
        runFork(Effect.suspend(() => respond(response, script(request, index))))
      }),
      (cause) => new HttpServerError.ServeError({ cause })
    )
    return {
      baseUrl: `http://127.0.0.1:${listener.port}`,
      requests: Effect.sync(() => [...requests]),
      open: Effect.sync(listener.open)
    }
  })

/**
 * Layer with a running server, see {@link make}.
 *
 * @param script - the steps of each response.
 * @since 0.1.0
 * @category layers
 */
export const layer = (script: Script): Layer.Layer<EventServer, HttpServerError.ServeError> =>
  Layer.scoped(EventServer, make(script))
