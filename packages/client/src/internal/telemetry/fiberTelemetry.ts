/** The tracer, metric labels and log of a fiber, without an effect. The edition for Effect 4 replaces this module. */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Inspectable from "effect/Inspectable"
import * as LogLevel from "effect/LogLevel"
import type * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { Running } from "../runtime/fiber.js"
import { clockOf } from "../runtime/fiber.js"

/** The default tracer. Its spans are visible only to code that holds them. */
const nativeTracer = /* @__PURE__ */ Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** The nearest enclosing span that is propagated. */
const visibleParentOf = (span: Tracer.AnySpan | undefined): Tracer.AnySpan | undefined => {
  if (span === undefined || !Context.get(span.context, Tracer.DisablePropagation)) return span
  return span._tag === "Span" ? visibleParentOf(Option.getOrUndefined(span.parent)) : undefined
}

/**
 * Whether a span would be recorded. Tracing must be enabled, also by the platform for this request: an exporter that
 * sends its spans through this client disables it. And there must be a tracer, or an enclosing span.
 */
export const isTracingEnabled = (fiber: Running, request: HttpClientRequest): boolean =>
  (fiber.currentSpan !== undefined || fiber.currentTracer !== nativeTracer) &&
  fiber.getFiberRef(FiberRef.currentTracerEnabled) &&
  !fiber.getFiberRef(HttpClient.currentTracerDisabledWhen)(request) &&
  (fiber.currentTracer !== nativeTracer || visibleParentOf(fiber.currentSpan) !== undefined)

/** Whether the platform permits to send `traceparent`. */
export const isPropagationEnabled = (fiber: Running): boolean => fiber.getFiberRef(HttpClient.currentTracerPropagation)

/** The time of a span's start or end. */
export const spanTimeOf = (fiber: Running): bigint =>
  fiber.getFiberRef(FiberRef.currentTracerTimingEnabled) ? clockOf(fiber).unsafeCurrentTimeNanos() : 0n

/** Does the same as the platform's `makeSpan`, without its effect, which costs as much as the span. */
export const startSpan = (fiber: Running, name: string): Tracer.Span => {
  const links = Chunk.toReadonlyArray(fiber.getFiberRef(FiberRef.currentTracerSpanLinks))
  const parent = Option.fromNullable(visibleParentOf(fiber.currentSpan))
  const span = fiber.currentTracer.span(name, parent, Context.empty(), links, spanTimeOf(fiber), "client")
  const annotations = fiber.getFiberRef(FiberRef.currentTracerSpanAnnotations)
  if (HashMap.size(annotations) > 0) HashMap.forEach(annotations, (value, key) => span.attribute(key, value))
  return span
}

/** The labels that the application has set for a fiber. */
export const labelsOf = (fiber: Running): ReadonlyArray<MetricLabel.MetricLabel> =>
  fiber.getFiberRef(FiberRef.currentMetricLabels)

/**
 * Does the same as `Effect.logWithLevel` in a fiber, without an effect: a transport may report a response outside of any
 * effect. An error that a logger throws is ignored. `message` is called only if the level is logged.
 */
export const logNow = (
  fiber: Running,
  logLevel: LogLevel.LogLevel,
  message: () => string,
  annotate: () => Readonly<Record<string, unknown>> = () => ({})
): void => {
  if (logLevel === LogLevel.None || LogLevel.greaterThan(fiber.getFiberRef(FiberRef.currentMinimumLogLevel), logLevel))
    return
  const context = fiber.getFiberRefs()
  const annotations = Object.entries(annotate()).reduce(
    (all, [name, value]) => HashMap.set(all, name, value),
    fiber.getFiberRef(FiberRef.currentLogAnnotations)
  )
  const entry = {
    fiberId: fiber.id(),
    logLevel,
    message: [message()],
    cause: Cause.empty,
    context,
    spans: fiber.getFiberRef(FiberRef.currentLogSpan),
    annotations,
    date: new Date(clockOf(fiber).unsafeCurrentTimeMillis())
  }
  Inspectable.withRedactableContext(context, () => {
    for (const logger of fiber.getFiberRef(FiberRef.currentLoggers)) {
      try {
        logger.log(entry)
      } catch {
        // A logger must not break a call.
      }
    }
  })
}
