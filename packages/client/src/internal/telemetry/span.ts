/** The span of one HTTP request: its start, its attributes and its end. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Redact from "@countersign/protocol/Redact"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import type { Destination } from "../origins/originMatcher.js"
import { redactedOrigin, redactedUrl } from "../redaction/requestHistory.js"
import type { Running } from "../runtime/fiber.js"
import { spanTimeOf, startSpan } from "./fiberTelemetry.js"
import { errorTypeOf, isExchangeError, methodOf, otherValue } from "./attributes.js"

/** Characters that a path contains unencoded. */
const pathCharacters: ReadonlyArray<boolean> = Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9\-._~!$&'()*+,;=:@%/]/.test(String.fromCharCode(code))
)

/** Whether a URL is only an origin and a path, and so contains no secret. */
const isOriginAndPath = (url: string, origin: string): boolean => {
  if (url.length > 2048 || !url.startsWith(origin) || url.charAt(origin.length) !== "/") return false
  for (let i = origin.length; i < url.length; i++) {
    if (pathCharacters[url.charCodeAt(i)] !== true) return false
  }
  return true
}

/** `url.full` as in errors. Most URLs contain neither userinfo, fragment nor query, so they are not parsed. */
const fullUrlOf = (request: HttpClientRequest, { origin, own }: Destination): string => {
  const { hash, url, urlParams } = request
  const isPlain = own && hash._tag === "None" && urlParams.length === 0 && isOriginAndPath(url, origin)
  return isPlain ? url : redactedUrl(request)
}

/** Starts the span of an HTTP request. */
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

/**
 * The exit for the tracer. An error of another package is replaced by its type, because it may contain the signed
 * request.
 */
const redactExit = (exit: Exit.Failure<unknown, unknown>, type: string): Exit.Exit<unknown, unknown> => {
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (isExchangeError(failure)) return Exit.fail(failure)
  return Cause.isInterruptedOnly(exit.cause) ? exit : Exit.fail(type)
}

/** Ends the span. An interruption is not an error: the caller does not need the response any more. */
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

/**
 * The `traceparent` field of W3C Trace Context. Undefined if the ids are invalid; they may come from an incoming
 * request.
 */
export const traceparentOf = (span: Tracer.Span): string | undefined =>
  traceId.test(span.traceId) && spanId.test(span.spanId)
    ? `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`
    : undefined
