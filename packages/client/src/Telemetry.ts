/**
 * OpenTelemetry spans and metrics by the stable semantic conventions for HTTP clients, without headers, query values or
 * other credentials.
 *
 * | position | policy | covers |
 * |---|---|---|
 * | outermost | {@link counters} | the whole call |
 * | inside `Auth.policy`, outside `Timeout.exchange` | {@link span}, {@link durations} | one HTTP request and its response |
 *
 * Specification: [HTTP spans](https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span),
 * [HTTP metrics](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#http-client).
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import { makePolicy } from "./internal/call/pipeline.js"
import { makeOriginMatcher } from "./internal/origins/originMatcher.js"
import { observeExchange } from "./internal/telemetry/attributes.js"
import { makeCounters, makeDurationHistogram, makeGauges } from "./internal/telemetry/metrics.js"
import { startRequestSpan, endSpan, traceparentOf } from "./internal/telemetry/span.js"
import type * as Policy from "./Policy.js"
import * as Timeline from "./Timeline.js"
import { clockOf, makeLocal } from "./internal/runtime/fiber.js"
import { isPropagationEnabled, isTracingEnabled, labelsOf } from "./internal/telemetry/fiberTelemetry.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * Options of metrics.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The client's own origins: scheme, host and port. Other hosts are recorded as `_OTHER`. */
  readonly origins: ReadonlyArray<string>
}

/**
 * Options of spans.
 *
 * @since 0.1.0
 * @category models
 */
export interface SpanOptions extends Options {
  /**
   * Origins that receive `traceparent` (default: `origins`). `[]` for none. Requests to other origins are sent without it.
   */
  readonly propagateTo?: ReadonlyArray<string> | undefined
}

const names: OptionNames.ShapeOf<Options> = { origins: true }

const spanNames: OptionNames.ShapeOf<SpanOptions> = { ...names, propagateTo: true }

const currentTemplate = makeLocal<string | undefined>("@countersign/client/Telemetry/template", undefined)

/**
 * Sets the path template of the calls in an effect, so that the spans of one endpoint share a name: `GET /users/{id}`.
 *
 * Without it the span name is the method only, because a path contains ids. It applies to the client's own origins, also
 * after a redirect between them.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Telemetry from "@countersign/client/Telemetry"
 * import * as Effect from "effect/Effect"
 *
 * class Api extends ApiClient.Tag("app/Api")<Api>() {}
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* Api
 *   return yield* api.get("/users/42").pipe(Telemetry.withTemplate("/users/{id}"))
 * })
 *
 * @param template - the path with parameter names, such as `/users/{id}`. It is recorded unchanged.
 * @since 0.1.0
 * @category naming
 */
export const withTemplate =
  (template: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.locally(effect, currentTemplate, template)

/**
 * Span policy: one client span per HTTP request.
 *
 * - Name: `{method} {url.template}` or `{method}`.
 * - Attributes: `http.request.method`, `server.address`, `server.port`, `url.full` as errors show it,
 *   `url.template`, `http.request.resend_count` from the second request of a call on, `http.response.status_code`.
 * - `error.type`: the status from 400 on, or the error with its reason, such as `TransportError.ConnectionReset`.
 * - No header is recorded. Errors of this library are passed to the tracer. Of any other error only its occurrence is
 *   recorded.
 * - The span is the parent of the transport's spans.
 *
 * The policy stands inside `Auth.policy`, so that a replay has its own span and a token refresh has none. It stands outside
 * `Timeout.exchange`, so that a timeout is an error of the span. Otherwise the span would end as interrupted.
 *
 * `traceparent` is added after signing, because intermediaries may change it, and a signature over it would become invalid.
 * A `traceparent` of the caller is kept. None is added if the platform's `withTracerPropagation` is off, or if the trace ids
 * do not have the form that the specification requires.
 *
 * If nothing can record a span, none is made. This applies when tracing is off (also by the platform's
 * `withTracerDisabledWhen`), or when there is neither a tracer nor a parent span.
 *
 * Specification: [W3C Trace Context §3.2](https://www.w3.org/TR/trace-context/#traceparent-header).
 *
 * @param options - the client's own origins, and where `traceparent` is sent.
 * @since 0.1.0
 * @category policies
 */
export const span = (options: SpanOptions): Policy.Policy => {
  OptionNames.known("Telemetry.span", options, spanNames)
  const destinationOf = makeOriginMatcher(options.origins)
  const allowed = makeOriginMatcher(options.propagateTo ?? options.origins)
  return makePolicy((request, next, context) => {
    const { fiber, requests } = context
    if (!isTracingEnabled(fiber, request)) return next(request, context)
    return observeExchange(() => {
      const to = destinationOf(request.url)
      const template = to.own ? fiber.getFiberRef(currentTemplate) : undefined
      const span = startRequestSpan(fiber, request, to, template, requests === undefined ? 0 : requests.count++)
      const traceparent =
        request.headers["traceparent"] === undefined && isPropagationEnabled(fiber) && allowed(request.url).own
          ? traceparentOf(span)
          : undefined
      const sent =
        traceparent === undefined ? request : HttpClientRequest.setHeader(request, "traceparent", traceparent)
      return {
        exchange: next(sent, { ...context, span }),
        onEnd: (exit) => endSpan(fiber, span, exit)
      }
    })
  })
}

/**
 * Duration policy: the histogram `http.client.request.duration` in seconds, with one value per HTTP request. The bucket
 * boundaries are those that the conventions recommend.
 *
 * The duration ends with the response, the error or the interruption. If the body is read inside `Timeout.exchange`, its
 * time is included.
 *
 * - `http.request.method`: `_OTHER` for methods outside the conventions.
 * - `server.address`, `server.port`: of the client's own origins. `_OTHER` for any other, because a redirect can name any
 *   host.
 * - `http.response.status_code`.
 * - `error.type`: as in {@link span}, or `Interrupted`.
 * - `unit` is `s`, for exporters. The path is not recorded, so the number of time series is bounded.
 *
 * The policy stands at the same position as {@link span}.
 *
 * @param options - the client's own origins.
 * @since 0.1.0
 * @category policies
 */
export const durations = (options: Options): Policy.Policy => {
  OptionNames.known("Telemetry.durations", options, names)
  const destinationOf = makeOriginMatcher(options.origins)
  const record = makeDurationHistogram()
  return makePolicy((request, next, context) =>
    observeExchange(() => {
      const { fiber } = context
      const clock = clockOf(fiber)
      const startedAt = clock.unsafeCurrentTimeNanos()
      return {
        exchange: next(request, context),
        onEnd: (exit) => {
          const seconds = Number(clock.unsafeCurrentTimeNanos() - startedAt) / 1e9
          const contextLabels = labelsOf(fiber)
          record(seconds, request.method, destinationOf(request.url), exit, contextLabels)
        }
      }
    })
  )
}

/**
 * Counter policy: counts the {@link Timeline} events of a call, also when no listener records them.
 *
 * | metric `countersign.client.…` | counts |
 * |---|---|
 * | `retries` | retries, by `error.type` |
 * | `redirects` | followed redirects |
 * | `credential_refreshes` | 401s after which the scheme looked for new credentials, by `renewed` |
 * | `cache_uses` | responses from the cache, by `outcome` |
 * | `token_requests` | token requests |
 * | `throttled_requests` | requests that a throttle delayed |
 * | `circuit_opened` | circuits that opened |
 * | `circuit_state` | gauge by `server.address`: 0 closed, 1 half-open, 2 open |
 * | `throttle_delay_seconds` | gauge: the wait of the request throttled last, 0 after one is admitted |
 *
 * Counters have the `server.address` of the first own origin. `circuit_state` uses `_OTHER` for hosts that are not the
 * client's own.
 *
 * The policy is the outermost one.
 *
 * @param options - the client's own origins.
 * @since 0.1.0
 * @category policies
 */
export const counters = (options: Options): Policy.Policy => {
  OptionNames.known("Telemetry.counters", options, names)
  const destinationOf = makeOriginMatcher(options.origins)
  const { address } = destinationOf(options.origins[0] ?? "")
  const count = makeCounters(address)
  const record = makeGauges(address, destinationOf)
  return makePolicy((request, next, context) => {
    const contextLabels = labelsOf(context.fiber)
    return Timeline.observe((event) => {
      count(event, contextLabels)
      record(event, contextLabels)
    })(Effect.suspend(() => next(request, context)))
  })
}

/**
 * The value of a client's `metrics` option: {@link durations} and {@link counters}.
 *
 * @since 0.1.0
 * @category policies
 */
export const metrics: {
  readonly durations: (options: Options) => Policy.Policy
  readonly counters: (options: Options) => Policy.Policy
} = { durations, counters }
