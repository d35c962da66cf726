/** The span of one exchange: whether anybody can see it, how it begins, what it says, how it ends. */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Redact from "@countersign/protocol/Redact"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { Destination } from "../origins/originMatcher.js"
import { redactorOf, redactedOrigin, redactedUrl } from "../redaction/requestHistory.js"
import { errorTypeOf, isExchangeError, methodOf, otherValue } from "./attributes.js"

type Running = Fiber.RuntimeFiber<unknown, unknown>

/** The tracer that records nothing but for whoever holds the span. */
const nativeTracer = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** The nearest span around that is meant to be seen. */
const visibleParentOf = (span: Tracer.AnySpan | undefined): Tracer.AnySpan | undefined => {
  if (span === undefined || !Context.get(span.context, Tracer.DisablePropagation)) return span
  return span._tag === "Span" ? visibleParentOf(Option.getOrUndefined(span.parent)) : undefined
}

/**
 * Whether a span would be seen: tracing is on, also the platform's for this request (an exporter that sends its spans
 * through this client turns it off), and there is a tracer, or a span around that somebody holds.
 */
export const isTracingEnabled = (fiber: Running, request: HttpClientRequest): boolean =>
  (fiber.currentSpan !== undefined || fiber.currentTracer !== nativeTracer) &&
  fiber.getFiberRef(FiberRef.currentTracerEnabled) &&
  !fiber.getFiberRef(HttpClient.currentTracerDisabledWhen)(request) &&
  (fiber.currentTracer !== nativeTracer || visibleParentOf(fiber.currentSpan) !== undefined)

const spanTimeOf = (fiber: Running): bigint =>
  fiber.getFiberRef(FiberRef.currentTracerTimingEnabled)
    ? Context.get(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeNanos()
    : 0n

/** What the platform's `makeSpan` does, in one step: its effect for it costs as much as the span. */
const startSpan = (fiber: Running, name: string): Tracer.Span => {
  const links = Chunk.toReadonlyArray(fiber.getFiberRef(FiberRef.currentTracerSpanLinks))
  const parent = Option.fromNullable(visibleParentOf(fiber.currentSpan))
  const span = fiber.currentTracer.span(name, parent, Context.empty(), links, spanTimeOf(fiber), "client")
  const annotations = fiber.getFiberRef(FiberRef.currentTracerSpanAnnotations)
  if (HashMap.size(annotations) > 0) HashMap.forEach(annotations, (value, key) => span.attribute(key, value))
  return span
}

/** Characters that a path has as they are. */
const pathCharacters: ReadonlyArray<boolean> = Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9\-._~!$&'()*+,;=:@%/]/.test(String.fromCharCode(code))
)

/** Whether a URL shows no secret as it is: it is an origin and a path. */
const isOriginAndPath = (url: string, origin: string): boolean => {
  if (url.length > 2048 || !url.startsWith(origin) || url.charAt(origin.length) !== "/") return false
  for (let i = origin.length; i < url.length; i++) {
    if (pathCharacters[url.charCodeAt(i)] !== true) return false
  }
  return true
}

/** `url.full`: no userinfo, no fragment, no value of a query. Most URLs have none, and need not be parsed for it. */
const fullUrlOf = (request: HttpClientRequest, { origin, own }: Destination): string => {
  const { hash, url, urlParams } = request
  const redacted = own && hash._tag === "None" && isOriginAndPath(url, origin) ? url : redactedUrl(request)
  if (urlParams.length === 0 || !redacted.startsWith("http")) return redacted
  const names = urlParams.map(([name]) => `${String(new URLSearchParams([[name, ""]]))}${Redact.placeholder}`).join("&")
  // The names may be those of a `Location`, where a scheme has taken the URL apart.
  const query = redactorOf(request)?.(names) ?? names
  return `${redacted}${redacted.includes("?") ? "&" : "?"}${query}`.slice(0, 2048)
}

/** Begins the span of a send. */
export const startRequestSpan = (
  fiber: Running,
  request: HttpClientRequest,
  to: Destination,
  template: string | undefined,
  sends: number
): Tracer.Span => {
  const method = methodOf(request.method)
  const verb = method === otherValue ? "HTTP" : method
  const span = startSpan(fiber, template === undefined ? verb : `${verb} ${template}`)
  span.attribute("http.request.method", method)
  if (method === otherValue) span.attribute("http.request.method_original", Redact.text(request.method, 40))
  if (to.address !== "") {
    span.attribute("server.address", redactedOrigin(request, to.address))
    span.attribute("server.port", to.port)
  }
  span.attribute("url.full", fullUrlOf(request, to))
  if (template !== undefined) span.attribute("url.template", template)
  if (sends > 0) span.attribute("http.request.resend_count", sends)
  return span
}

/** What a tracer may be told of a failure: an error of somebody else's may hold the request as it was signed. */
const redactExit = (exit: Exit.Failure<unknown, unknown>, type: string): Exit.Exit<unknown, unknown> => {
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (isExchangeError(failure)) return Exit.fail(failure)
  return Cause.isInterruptedOnly(exit.cause) ? exit : Exit.fail(type)
}

/** Ends the span of a send. An interruption is no error: nobody waits for the answer any more. */
export const endSpan = (fiber: Running, span: Tracer.Span, exit: Exit.Exit<HttpClientResponse, unknown>): void => {
  if (Exit.isFailure(exit)) {
    const type = errorTypeOf(exit.cause)
    if (type !== "Interrupted") span.attribute("error.type", type)
    return span.end(spanTimeOf(fiber), redactExit(exit, type))
  }
  const { status } = exit.value
  span.attribute("http.response.status_code", status)
  if (status < 400) return span.end(spanTimeOf(fiber), Exit.void)
  const type = String(status)
  span.attribute("error.type", type)
  span.end(spanTimeOf(fiber), Exit.fail(type))
}

const traceId = /^(?!0{32})[0-9a-f]{32}$/
const spanId = /^(?!0{16})[0-9a-f]{16}$/

/** The field of W3C Trace Context; none for ids that are not of its form, which may come from whoever called us. */
export const traceparentOf = (span: Tracer.Span): string | undefined =>
  traceId.test(span.traceId) && spanId.test(span.spanId)
    ? `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`
    : undefined
