/**
 * Log lines of all clients of an application: one line for each call at its end, and one for each event within it.
 *
 * ```text
 * DEBUG GET https://api.example.com/users/42 200 in 29 ms (2 requests, waited 19 ms)
 * WARN  GET https://api.example.com/users/43 ClientError 404 in 8 ms
 * ```
 *
 * Lines contain neither bodies nor header fields of requests. URLs are shown as in errors: without user information, and with
 * `<redacted>` as the values of query parameters, except those that `showQuery` names.
 *
 * @since 0.1.0
 */
import * as Redact from "@countersign/protocol/Redact"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import { redactedUrl } from "./internal/redaction/requestHistory.js"
import { makeResponseRedactor } from "./internal/response/redactEchoedCredentials.js"
import { listenerLayer } from "./internal/telemetry/listenerLayer.js"
import { logNow } from "./internal/telemetry/fiberTelemetry.js"
import type { Listener } from "./internal/telemetry/timeline.js"
import { line, resultText } from "./internal/telemetry/timelineText.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * A log level, or its name: `"Info"`.
 *
 * @since 0.1.0
 * @category models
 */
export type Level = LogLevel.LogLevel | LogLevel.Literal

/**
 * Levels of the lines, and what they show. `"None"` leaves a kind of lines out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Level of a call with a status below 400, and of an interrupted call (`Debug`). */
  readonly success?: Level | undefined
  /** Level of a call that failed, or has a status from 400 on (`Warning`). */
  readonly failure?: Level | undefined
  /** Level of each request, response and wait within a call (`Trace`). */
  readonly event?: Level | undefined
  /**
   * Names of the query parameters that the line of a call shows with their values. By default those that the client shows: see the client option
   * `showQuery`, which also applies to errors and spans.
   */
  readonly showQuery?: ReadonlyArray<string> | undefined
  /**
   * Header fields of the response that the line of a call has as annotations, such as `["x-request-id"]` for
   * `response.x-request-id`. A field that may contain credentials is shown as `<redacted>`.
   */
  readonly headers?: ReadonlyArray<string> | undefined
}

/**
 * Default levels of the lines.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  success: "Debug",
  failure: "Warning",
  event: "Trace"
} as const

const toLevel = (level: Level): LogLevel.LogLevel => (typeof level === "string" ? LogLevel.fromLiteral(level) : level)

const headerAnnotations = (
  names: ReadonlyArray<string>,
  response: HttpClientResponse | undefined
): Readonly<Record<string, string>> => {
  if (response === undefined || names.length === 0) return {}
  const hide = makeResponseRedactor(response)
  const shown = names.flatMap((name) => {
    const lower = name.toLowerCase()
    const value = response.headers[lower]
    return value === undefined ? [] : [[`response.${lower}`, Redact.headerValue(lower, hide(value))] as const]
  })
  return Object.fromEntries(shown)
}

const names: OptionNames.ShapeOf<Options> = {
  success: true,
  failure: true,
  event: true,
  showQuery: true,
  headers: true
}

const makeListener = (options: Options): Listener => {
  OptionNames.known("ApiLog", options, names)
  const { headers = [], showQuery } = options
  const eventLevel = toLevel(options.event ?? defaults.event)
  const failure = toLevel(options.failure ?? defaults.failure)
  const success = toLevel(options.success ?? defaults.success)
  return (event, { fiber, request, response }) => {
    const { api, callId } = event
    if (event._tag !== "CallEnded") {
      if (event._tag === "CallStarted") return
      return logNow(
        fiber,
        eventLevel,
        () => line(event),
        () => ({ callId, api })
      )
    }
    const { method, outcome, status } = event
    const url = request === undefined || showQuery === undefined ? event.url : redactedUrl(request, showQuery)
    const isError = outcome !== "Interrupted" && (status === undefined || outcome !== String(status) || status >= 400)
    logNow(
      fiber,
      isError ? failure : success,
      () => `${method} ${url} ${resultText(event)}`,
      () => ({
        callId,
        api,
        ...(status !== undefined && { status }),
        ...(outcome !== String(status) && { outcome }),
        ...headerAnnotations(headers, response)
      })
    )
  }
}

/**
 * Layer that logs the calls of all clients in the effects and layers that it is provided to. Provide it once to the whole
 * application.
 *
 * Each line has the annotations `callId` and `api`, the origin of the client's base URL. The line of a call has `status`, for a
 * failed call `outcome` with the tag of the error, and the chosen header fields. Lines of one call have one `callId`.
 *
 * Effect logs from `Info` on by default. To see each call: `Logger.minimumLogLevel(LogLevel.Debug)`.
 *
 * @example
 * import * as ApiLog from "@countersign/client/ApiLog"
 * import * as Layer from "effect/Layer"
 * import * as Logger from "effect/Logger"
 * import * as LogLevel from "effect/LogLevel"
 *
 * const Logging = Layer.merge(
 *   ApiLog.layer({ headers: ["x-request-id"] }),
 *   Logger.minimumLogLevel(LogLevel.Debug)
 * )
 *
 * @param options - levels, query parameters and header fields.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<never> => listenerLayer(makeListener(options))
