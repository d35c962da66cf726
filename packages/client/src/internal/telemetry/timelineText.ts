/** The timeline of calls as text. */
import type { Event } from "./events.js"

/** The URL without the origin of the client's API. */
const shortUrl = (url: string, api: string | undefined): string =>
  api !== undefined && url.startsWith(`${api}/`) ? url.slice(api.length) : url

/** A bar for a wait: one character per 100 ms, at least one. */
const bar = (ms: number): string => "░".repeat(Math.min(40, Math.max(1, Math.round(ms / 100))))

const countText = (requests: number, waitedMs: number): string => {
  const parts = [
    ...(requests === 1 ? [] : [`${requests} requests`]),
    ...(waitedMs === 0 ? [] : [`waited ${waitedMs} ms`])
  ]
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`
}

type EndOfCall = Extract<Event, { readonly _tag: "CallEnded" }>

/** What came of a call: `200 in 29 ms (2 requests, waited 19 ms)`. */
export const resultText = ({ ms, outcome, requests, status, waitedMs }: EndOfCall): string => {
  const answered = status === undefined || outcome === String(status) ? outcome : `${outcome} ${status}`
  return `${answered} in ${ms} ms${countText(requests, waitedMs)}`
}

/**
 * One event as a line of text, without its time: `→ GET /users/42`, `░░ wait 184 ms (503)`.
 *
 * @since 0.1.0
 * @category formatting
 */
export const line = (event: Event): string => {
  switch (event._tag) {
    case "CallStarted":
      return `┌ ${event.method} ${event.url}`
    case "CallEnded":
      return `└ ${resultText(event)}`
    case "RequestSent":
      return `→ ${event.method} ${shortUrl(event.url, event.api)}`
    case "ResponseReceived":
      return `← ${event.status}`
    case "RequestFailed":
      return `× ${event.reason}`
    case "RetryScheduled":
      return `${bar(event.ms)} wait ${event.ms} ms (${event.reason})`
    case "Throttled":
      return `${bar(event.ms)} throttled for ${event.ms} ms`
    case "Admitted":
      return `▸ admitted after ${event.ms} ms`
    case "Queued":
      return `⋯ waits, ${event.ahead} ahead`
    case "Redirected":
      return `↪ ${shortUrl(event.url, event.api)}${event.ms === 0 ? "" : `, in ${event.ms} ms`}`
    default:
      return stateLine(event)
  }
}

type StateEvent = Exclude<
  Event,
  {
    readonly _tag:
      | "CallStarted"
      | "CallEnded"
      | "RequestSent"
      | "ResponseReceived"
      | "RequestFailed"
      | "RetryScheduled"
      | "Throttled"
      | "Admitted"
      | "Queued"
      | "Redirected"
  }
>

/** A change of a circuit or of credentials, or a use of the cache. */
const stateLine = (event: StateEvent): string => {
  switch (event._tag) {
    case "CircuitOpened":
      return `⊘ circuit open for ${event.ms} ms (${event.reason})`
    case "CircuitHalfOpened":
      return "? one request tries the open circuit"
    case "CircuitClosed":
      return "● circuit closed"
    case "CacheUsed":
      return `≡ from the cache (${event.outcome}), ${event.ms} ms old`
    case "TokenRequested":
      return "⟳ token requested"
    case "TokenObtained":
      return "⟳ token acquired"
    case "CredentialsRefreshed":
      return event.renewed ? "⟳ other credentials: replay" : "∎ no other credentials"
  }
}

/** Whether an event is the response to the request before it. */
const isAnswerOf = (event: Event | undefined, previous: Event | undefined): boolean =>
  previous?._tag === "RequestSent" &&
  (event?._tag === "ResponseReceived" || event?._tag === "RequestFailed") &&
  event.callId === previous.callId &&
  event.request === previous.request

/** Whether events of two calls alternate. */
const isInterleaved = (events: ReadonlyArray<Event>): boolean => {
  const ended = new Set<number | undefined>()
  let current: number | undefined
  return events.some(({ callId }) => {
    if (callId === undefined || callId === current) return false
    ended.add(current)
    current = callId
    return ended.has(callId)
  })
}

/**
 * Where the times of formatted events begin.
 *
 * @since 0.1.0
 * @category models
 */
export interface FormatOptions {
  /** The time from which the lines count, in epoch milliseconds. The time of the first event by default. */
  readonly start?: number | undefined
}

/**
 * Events as text, one line for each, with the milliseconds since `start`. A response is on the line of its request. If the
 * events of several calls alternate, each line begins with the number of its call.
 *
 * @example
 * import * as Timeline from "@countersign/client/Timeline"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 *
 * const printed = <A, E, R>(call: Effect.Effect<A, E, R>) =>
 *   Effect.flatMap(Timeline.record(call), ({ events, exit }) => Effect.zipRight(Console.log(Timeline.format(events)), exit))
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (events: ReadonlyArray<Event>, { start = events[0]?.at ?? 0 }: FormatOptions = {}): string => {
  const isNumbered = isInterleaved(events)
  return events
    .flatMap((event, index) => {
      if (isAnswerOf(event, events[index - 1])) return []
      const next = events[index + 1]
      const answer = next !== undefined && isAnswerOf(next, event) ? `  ${line(next)}` : ""
      const call = isNumbered ? `${event.callId === undefined ? "" : `#${event.callId}`}`.padEnd(5) : ""
      return [`${String(Math.max(0, Math.round(event.at - start))).padStart(7)} ms  ${call}${line(event)}${answer}`]
    })
    .join("\n")
}
