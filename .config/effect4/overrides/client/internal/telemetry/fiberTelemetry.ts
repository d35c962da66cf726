/** The tracer, metric labels and log of a fiber, without an effect, for Effect 4. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import * as LogLevel from "effect/LogLevel"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { Running } from "../runtime/fiber.js"
import { clockOf } from "../runtime/fiber.js"

/** The default tracer. Its spans are visible only to code that holds them. */
const nativeTracer = Context.get(Context.empty(), Tracer.Tracer)

const tracerOf = (fiber: Running): Tracer.Tracer => fiber.cache.tracer ?? nativeTracer

/** The nearest enclosing span that is propagated. */
const visibleParentOf = (span: Tracer.AnySpan | undefined): Tracer.AnySpan | undefined => {
  if (span === undefined || !Context.get(span.annotations, Tracer.DisablePropagation)) return span
  return span._tag === "Span" ? visibleParentOf(Option.getOrUndefined(span.parent)) : undefined
}

/**
 * Whether a span would be recorded. Tracing must be enabled, also by the platform for this request: an exporter that
 * sends its spans through this client disables it. And there must be a tracer, or an enclosing span.
 */
export const isTracingEnabled = (fiber: Running, request: HttpClientRequest): boolean => {
  const { span, tracerEnabled } = fiber.cache
  const hasTracer = tracerOf(fiber) !== nativeTracer
  return (
    (span !== undefined || hasTracer) &&
    tracerEnabled &&
    !fiber.getRef(HttpClient.TracerDisabledWhen)(request) &&
    (hasTracer || visibleParentOf(span) !== undefined)
  )
}

/** Whether the platform permits to send `traceparent`. */
export const isPropagationEnabled = (fiber: Running): boolean => fiber.getRef(HttpClient.TracerPropagationEnabled)

/** The time of a span's start or end. */
export const spanTimeOf = (fiber: Running): bigint =>
  fiber.getRef(References.TracerTimingEnabled) ? clockOf(fiber).currentTimeNanosUnsafe() : 0n

/** Does the same as the platform's `makeSpan`, without its effect, which costs as much as the span. */
export const startSpan = (fiber: Running, name: string): Tracer.Span => {
  const span = tracerOf(fiber).span({
    name,
    parent: Option.fromUndefinedOr(visibleParentOf(fiber.cache.span)),
    annotations: Context.empty(),
    links: [...fiber.getRef(References.TracerSpanLinks)],
    startTime: spanTimeOf(fiber),
    kind: "client",
    root: false,
    sampled: fiber.cache.span?.sampled ?? true
  })
  for (const [key, value] of Object.entries(fiber.getRef(References.TracerSpanAnnotations))) span.attribute(key, value)
  return span
}

/** The labels that the application has set for a fiber. */
export const labelsOf = (fiber: Running): ReadonlyArray<[string, string]> =>
  Object.entries(fiber.getRef(Metric.CurrentMetricAttributes))

/** A fiber that is another one for loggers only, with more annotations. */
const annotated = (
  fiber: Fiber.Fiber<unknown, unknown>,
  annotations: Readonly<Record<string, unknown>>
): Fiber.Fiber<unknown, unknown> => {
  const all = { ...fiber.getRef(References.CurrentLogAnnotations), ...annotations }
  const context = Context.add(fiber.context, References.CurrentLogAnnotations, all)
  const getRef = <A>(ref: Context.Reference<A>): A => Context.get(context, ref)
  return Object.create(fiber, { context: { value: context }, getRef: { value: getRef } })
}

/**
 * Does the same as `Effect.logWithLevel` in a fiber, without an effect: a transport may report a response outside of any
 * effect. An error that a logger throws is ignored. `message` is called only if the level is logged.
 */
export const logNow = (
  fiber: Fiber.Fiber<unknown, unknown>,
  logLevel: LogLevel.LogLevel,
  message: () => string,
  annotate: () => Readonly<Record<string, unknown>> = () => ({})
): void => {
  if (logLevel === "None" || LogLevel.isGreaterThan(fiber.getRef(References.MinimumLogLevel), logLevel)) return
  const entry = {
    fiber: annotated(fiber, annotate()),
    logLevel,
    message: [message()],
    cause: Cause.empty,
    date: new Date(clockOf(fiber).currentTimeMillisUnsafe())
  }
  for (const logger of fiber.getRef(Logger.CurrentLoggers)) {
    try {
      logger.log(entry)
    } catch {
      // A logger must not break a call.
    }
  }
}
