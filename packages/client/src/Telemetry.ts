/**
 * What operators see: a span for each exchange and metrics, by the stable semantic conventions of OpenTelemetry for
 * HTTP, without a header, a value of a query or any other credential.
 *
 * | place | policy | sees |
 * |---|---|---|
 * | outermost | {@link counters} | the whole call |
 * | between `Auth.policy` and `Timeout.exchange` | {@link span}, {@link durations} | one send and its answer, or its timeout |
 *
 * Specification: [HTTP spans](https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span),
 * [HTTP metrics](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#http-client).
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import * as Tracer from "effect/Tracer"
import { countSend } from "./internal/call/context.js"
import { enter } from "./internal/call/fiberContext.js"
import { destinations } from "./internal/origins/originMatcher.js"
import { watched } from "./internal/telemetry/attributes.js"
import { makeCounters, makeDurations, makeStates } from "./internal/telemetry/metrics.js"
import { beginSpan, endSpan, isSeen, traceparentOf } from "./internal/telemetry/span.js"
import * as Policy from "./Policy.js"
import * as Timeline from "./Timeline.js"

/**
 * Whose exchanges are seen.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The client's own origins: scheme, host and port. */
  readonly origins: ReadonlyArray<string>
}

/**
 * Whose exchanges are seen, and who is told of the trace.
 *
 * @since 0.1.0
 * @category models
 */
export interface SpanOptions extends Options {
  /** The origins that get `traceparent` (`origins`); `[]` for none. A hop to any other goes without. */
  readonly propagateTo?: ReadonlyArray<string> | undefined
}

const currentTemplate: FiberRef.FiberRef<string | undefined> = globalValue(
  "@countersign/client/Telemetry/template",
  () => FiberRef.unsafeMake<string | undefined>(undefined)
)

/**
 * Names the calls of an effect by the template of their path, so that the spans of one endpoint have one name:
 * `GET /users/{id}`. Without it a span is called by its method alone, since a path holds ids. It counts for the client's
 * own origins, on a redirect within them too.
 *
 * @param template - the path with its parameters by name, as `/users/{id}`: shown as it is.
 * @since 0.1.0
 * @category naming
 */
export const withTemplate =
  (template: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.locally(effect, currentTemplate, template)

/**
 * A client span for each send: name `{method} {url.template}` or `{method}`; `http.request.method`, `server.address`,
 * `server.port`, `url.full` without userinfo and values of the query, `url.template`, `http.request.resend_count` from the
 * second send of a call on, `http.response.status_code`, and `error.type`: the status from 400 on, or the error with its
 * reason, as `TransportError.ConnectionReset`. No header is recorded. The errors of the exchange go to the tracer; of
 * anybody else's error it is told that there was one. The span is the parent of what the transport does.
 *
 * It belongs inside of `Auth.policy`, so that a replay has a span of its own and a refresh is in none, and outside of
 * `Timeout.exchange`, whose timeout is then an error of the span; further in, it would end as an interruption.
 *
 * `traceparent` is added after signing: intermediaries may change it, and a signature over it would not hold. One that
 * the request has already stays as it is. None is added where the platform's `withTracerPropagation` is off, or where the
 * ids of the trace are not of the form that the specification asks for.
 *
 * Where nobody can see a span there is none, and the request goes on untouched: tracing is off, also by the platform's
 * `withTracerDisabledWhen`, or there is neither a tracer nor a span around.
 *
 * Specification: [W3C Trace Context §3.2](https://www.w3.org/TR/trace-context/#traceparent-header).
 *
 * @since 0.1.0
 * @category policies
 */
export const span = (options: SpanOptions): Policy.Policy => {
  const destinationOf = destinations(options.origins)
  const allowed = destinations(options.propagateTo ?? options.origins)
  return Policy.make<never>((request, next) =>
    Effect.withFiberRuntime((fiber) => {
      if (!isSeen(fiber, request)) return next(request)
      return watched(() => {
        const to = destinationOf(request.url)
        const template = to.own ? fiber.getFiberRef(currentTemplate) : undefined
        const begun = beginSpan(fiber, request, to, template, countSend(fiber))
        const traceparent =
          request.headers["traceparent"] === undefined &&
          fiber.getFiberRef(HttpClient.currentTracerPropagation) &&
          allowed(request.url).own
            ? traceparentOf(begun)
            : undefined
        const sent =
          traceparent === undefined ? request : HttpClientRequest.setHeader(request, "traceparent", traceparent)
        const exchange = next(sent)
        const outer = enter(fiber, Context.add(fiber.currentContext, Tracer.ParentSpan, begun))
        return {
          exchange,
          ended: (exit) => {
            enter(fiber, outer)
            endSpan(fiber, begun, exit)
          }
        }
      })
    })
  )
}

/**
 * The histogram `http.client.request.duration`, in seconds, with the boundaries that the conventions advise: one value for
 * each send, from here to its answer, its error or its interruption. Where the body is read within the exchange, its
 * time counts.
 *
 * Tags: `http.request.method` (`_OTHER` for one that is not of the conventions), `server.address` and `server.port` of the
 * client's own origins (`_OTHER` for any other, since who redirects decides on it), `http.response.status_code`, and
 * `error.type` as {@link span} has it, or `Interrupted`. `unit` is `s`, for exporters. No path, so that their number
 * has a bound.
 *
 * It belongs where {@link span} does.
 *
 * @since 0.1.0
 * @category policies
 */
export const durations = (options: Options): Policy.Policy => {
  const destinationOf = destinations(options.origins)
  const take = makeDurations()
  return Policy.make<never>((request, next) =>
    Effect.withFiberRuntime((fiber) =>
      watched(() => {
        const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
        const begun = clock.unsafeCurrentTimeNanos()
        return {
          exchange: next(request),
          ended: (exit) => {
            const seconds = Number(clock.unsafeCurrentTimeNanos() - begun) / 1e9
            const around = fiber.getFiberRef(FiberRef.currentMetricLabels)
            take(seconds, request.method, destinationOf(request.url), exit, around)
          }
        }
      })
    )
  )
}

/**
 * Counts what happens in a call: `countersign.client.retries` (by `error.type`), `.redirects`, `.credential_refreshes` (by `renewed`),
 * `.token_requests`, `.throttled_requests` and `.circuit_opened`, each with the `server.address` of the first own origin. They are
 * counted from the events of the {@link Timeline}, also while nobody records them.
 *
 * Two gauges tell of states: `countersign.client.circuit_state` (0 closed, 1 half-open, 2 open) by `server.address`, with
 * `_OTHER` for all that are not the client's own, and `.throttle_delay_seconds`, the wait of who was held back last, 0 once one got in.
 *
 * It belongs outermost.
 *
 * @since 0.1.0
 * @category policies
 */
export const counters = (options: Options): Policy.Policy => {
  const destinationOf = destinations(options.origins)
  const { address } = destinationOf(options.origins[0] ?? "")
  const count = makeCounters(address)
  const note = makeStates(address, destinationOf)
  return Policy.make<never>((request, next) =>
    Effect.withFiberRuntime((fiber) => {
      const around = fiber.getFiberRef(FiberRef.currentMetricLabels)
      return Timeline.observe((event) => {
        count(event, around)
        note(event, around)
      })(next(request))
    })
  )
}

/**
 * What records metrics, for `ApiClient`'s option of that name: {@link durations} and {@link counters}.
 *
 * @since 0.1.0
 * @category policies
 */
export const metrics: {
  readonly durations: (options: Options) => Policy.Policy
  readonly counters: (options: Options) => Policy.Policy
} = { durations, counters }
