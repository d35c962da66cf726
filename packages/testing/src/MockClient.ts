/**
 * Mock transport: an `HttpClient` of the platform that responds from a script or from routes, opens no socket, and records
 * requests, their times, and the release of each response body.
 *
 * Times come from Effect's `Clock`, so a test under `TestClock` can check when each request was sent.
 *
 * @example
 * ```ts
 * import * as MockClient from "@countersign/testing/MockClient"
 *
 * const transport = MockClient.layer([
 *   MockClient.respond(503, "busy", { "retry-after": "2" }),
 *   MockClient.fail("ECONNRESET"),
 *   MockClient.delay("1 second", MockClient.respond(200, { ok: true }))
 * ])
 *
 * const server = MockClient.layer({
 *   "GET /users/:id": (_, { params }) => MockClient.respond(200, { id: params.id }),
 *   "POST /users": [MockClient.respond(503), MockClient.respond(201)]
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { History } from "./internal/mockClient/history.js"
import type { Entry, ReleaseReason, Sent as InternalSent } from "./internal/mockClient/log.js"
import * as Responder from "./internal/mockClient/responder.js"
import { ofRoutes, type Route } from "./internal/mockClient/routes.js"
import type { HeadersInput, Step as InternalStep } from "./internal/mockClient/step.js"
import { transport } from "./internal/mockClient/transport.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * A request as it reached the transport.
 *
 * @since 0.1.0
 * @category models
 */
export type Sent = InternalSent

/**
 * The release of a response body: from then on, the response needs no connection.
 *
 * @since 0.1.0
 * @category models
 */
export type Released = Extract<Entry, { readonly _tag: "Released" }>

/**
 * The interruption of a request before its response.
 *
 * @since 0.1.0
 * @category models
 */
export type Interrupted = Extract<Entry, { readonly _tag: "Interrupted" }>

/**
 * One event that the transport recorded: a request, a release or an interruption.
 *
 * @since 0.1.0
 * @category models
 */
export type Event = Entry

/**
 * Reason of a {@link Released} event.
 *
 * - `empty`: the response has no body
 * - `drained`: the body was read to its end
 * - `cancelled`: the stream of the body was cancelled
 * - `aborted`: the scope of the request closed, or the reader was interrupted
 * - `failed`: the body failed
 *
 * @since 0.1.0
 * @category models
 */
export type Release = ReleaseReason

/**
 * What happens to one request. {@link respond}, {@link respondStream}, {@link truncated}, {@link fail}, {@link never} and
 * {@link delay} make a step.
 *
 * @since 0.1.0
 * @category models
 */
export type Step = InternalStep

/**
 * Headers of a response. A list of values sends the header once per value (`{ "set-cookie": ["a=1", "b=2"] }`).
 *
 * @since 0.1.0
 * @category models
 */
export type Headers = HeadersInput

/**
 * Responses of the mock transport: steps in order, or a function from the request and its index (from 0) to a step.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = ReadonlyArray<Step> | ((request: Sent, index: number) => Step)

export type { Params, Route, RouteContext, RouteStep } from "./internal/mockClient/routes.js"

export { delay, fail, never, respond, respondStream, truncated } from "./internal/mockClient/stepConstructors.js"

/**
 * Routes of the mock transport: responses by method and path, whatever the order of the requests.
 *
 * | pattern | matches |
 * |---|---|
 * | `GET /users` | this path at any origin, with any query |
 * | `GET /users/:id` | one segment as the parameter `id`, percent-decoded |
 * | `GET /files/*` | the rest of the path as the parameter `*` |
 * | `GET /users?page=2` | requests with this parameter in the query, among others |
 * | `PUT https://uploads.test/x` | this origin only |
 *
 * The path is that of the absolute URL, so it includes the path of the base URL. Of several matching routes, the one with an
 * origin is used. Then a fixed segment goes before a parameter, and a parameter before `*`.
 *
 * A value is a response, an effect, or a function of the request and {@link RouteContext}. It is used for each request of the
 * route. A list is used in order, and its end is the end of a script.
 *
 * @template P - the patterns.
 * @since 0.1.0
 * @category models
 */
export type Routes<P extends string> = { readonly [Pattern in P]: Route<Pattern> }

/**
 * Options of a mock transport with {@link Routes}.
 *
 * @since 0.1.0
 * @category models
 */
export interface RoutesOptions {
  /** Response to requests without a route, such as `respond(404)`. By default, such a request is a defect. */
  readonly unmatched?: Step | undefined
}

/**
 * Tag of the records of a mock transport. Each effect returns what was recorded until it runs.
 *
 * @since 0.1.0
 * @category services
 */
export class MockClient extends Context.Tag("@countersign/testing/MockClient")<
  MockClient,
  {
    /** All requests, in order. */
    readonly sent: Effect.Effect<ReadonlyArray<Sent>>
    /** All releases of response bodies, in order. */
    readonly released: Effect.Effect<ReadonlyArray<Released>>
    /** All interruptions of requests, in order. */
    readonly interrupted: Effect.Effect<ReadonlyArray<Interrupted>>
    /** All events, in order. */
    readonly events: Effect.Effect<ReadonlyArray<Event>>
    /**
     * Dies unless all steps were used and all requests were expected, with code `ERR_MOCK_NOT_DONE` and a list of both. Use it
     * at the end of a test. It also reports a request of a background fiber, because its defect fails no test. A list of
     * a route must be used to its end, and any other route at least once.
     */
    readonly assertDone: Effect.Effect<void>
  }
>() {}

/**
 * A mock transport, and its records.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mock {
  /** The transport. */
  readonly client: HttpClient.HttpClient
  /** Its records. */
  readonly mock: Context.Tag.Service<MockClient>
}

/**
 * Makes a mock transport and its records, for tests without Layers. Each run of the effect makes a new pair.
 *
 * A request beyond the end of the steps is a defect, so that no policy retries or replaces it. Its message lists the requests,
 * and its code is `ERR_MOCK_SCRIPT_ENDED`. A request without a route is a defect with code `ERR_MOCK_UNEXPECTED_REQUEST` and the
 * closest routes. An invalid pattern is a defect when the effect runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: {
  (script: Script): Effect.Effect<Mock>
  <P extends string>(routes: Routes<P>, options?: RoutesOptions): Effect.Effect<Mock>
} = (responses: Script | Routes<string>, options: RoutesOptions = {}): Effect.Effect<Mock> =>
  fromResponses(responses, options)

const names: OptionNames.ShapeOf<RoutesOptions> = { unmatched: true }

const fromResponses = (responses: Script | Routes<string>, options: RoutesOptions): Effect.Effect<Mock> =>
  Effect.sync(() => {
    const history = new History()
    const { entries } = history
    OptionNames.known("`MockClient`", options, names)
    const responder = responderOf(responses, options)
    const only = <Tag extends Event["_tag"]>(tag: Tag): Effect.Effect<ReadonlyArray<Extract<Event, { _tag: Tag }>>> =>
      Effect.sync(() => entries.filter((entry): entry is Extract<Event, { _tag: Tag }> => entry._tag === tag))
    return {
      client: transport(history, responder),
      mock: {
        sent: only("Sent"),
        released: only("Released"),
        interrupted: only("Interrupted"),
        events: Effect.sync(() => [...entries]),
        assertDone: Responder.assertDone(responder, history)
      }
    }
  })

/** `Array.isArray` does not narrow a read-only array. */
const isSteps = (responses: ReadonlyArray<Step> | Routes<string>): responses is ReadonlyArray<Step> =>
  Array.isArray(responses)

const responderOf = (responses: Script | Routes<string>, { unmatched }: RoutesOptions): Responder.Responder => {
  if (typeof responses === "function") return Responder.ofFunction(responses)
  return isSteps(responses) ? Responder.ofList(responses) : ofRoutes(responses, unmatched)
}

/**
 * Layer with a mock transport as `HttpClient` of the platform, and its records as {@link MockClient}. See {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: {
  (script: Script): Layer.Layer<HttpClient.HttpClient | MockClient>
  <P extends string>(routes: Routes<P>, options?: RoutesOptions): Layer.Layer<HttpClient.HttpClient | MockClient>
} = (
  responses: Script | Routes<string>,
  options: RoutesOptions = {}
): Layer.Layer<HttpClient.HttpClient | MockClient> =>
  Layer.effectContext(
    Effect.map(fromResponses(responses, options), ({ client, mock }) =>
      Context.make(HttpClient.HttpClient, client).pipe(Context.add(MockClient, mock))
    )
  )
