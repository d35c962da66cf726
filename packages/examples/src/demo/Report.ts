/** Output of the demo: text with a small timeline for each scenario, or one JSON object. */
import type { Result, TimelineEntry } from "./Scenario.js"

/** The URL without its origin. */
const pathOf = (url: string): string => {
  const path = url.indexOf("/", url.indexOf("://") + 3)
  return path === -1 ? "/" : url.slice(path)
}

const at = (ms: number): string => `${String(Math.max(0, Math.round(ms))).padStart(7)} ms  `

/** A bar for a wait: one character per 100 ms, at least one. */
const bar = (ms: number): string => "░".repeat(Math.min(40, Math.max(1, Math.round(ms / 100))))

const eventLine = (event: TimelineEntry, next: TimelineEntry | undefined): string => {
  switch (event._tag) {
    case "RequestSent": {
      const sent = `→ ${event.method} ${pathOf(event.url)}`
      if (next?._tag === "ResponseReceived") return `${at(event.at)}${sent}  ← ${next.status}`
      return at(event.at) + (next?._tag === "RequestFailed" ? `${sent}  × ${next.reason}` : sent)
    }
    case "ResponseReceived":
      return `${at(event.at)}← ${event.status}`
    case "RequestFailed":
      return `${at(event.at)}× ${event.reason}`
    case "RetryScheduled":
      return `${at(event.at)}${bar(event.ms)} wait ${Math.round(event.ms)} ms (${event.reason})`
    case "Throttled":
      return `${at(event.at)}${bar(event.ms)} throttled for ${Math.round(event.ms)} ms`
    case "Admitted":
      return `${at(event.at)}▸ admitted after ${event.ms} ms`
    case "Queued":
      return `${at(event.at)}⋯ waits, ${event.ahead} ahead`
    case "CircuitOpened":
      return `${at(event.at)}⊘ circuit open for ${Math.round(event.ms)} ms (${event.reason})`
    case "CircuitHalfOpened":
      return `${at(event.at)}? one request tries the open circuit`
    case "CircuitClosed":
      return `${at(event.at)}● circuit closed`
    case "Redirected":
      return `${at(event.at)}↪ ${pathOf(event.url)}${event.ms === 0 ? "" : `, in ${event.ms} ms`}`
    case "TokenRequested":
      return `${at(event.at)}⟳ token requested`
    case "TokenObtained":
      return `${at(event.at)}⟳ token acquired`
    case "CredentialsRefreshed":
      return `${at(event.at)}${event.renewed ? "⟳ other credentials: replay" : "∎ no other credentials"}`
  }
}

const isAnswerOf = (event: TimelineEntry, previous: TimelineEntry | undefined): boolean =>
  previous?._tag === "RequestSent" && (event._tag === "ResponseReceived" || event._tag === "RequestFailed")

const timelineLines = (timeline: ReadonlyArray<TimelineEntry>): ReadonlyArray<string> =>
  timeline.flatMap((event, n) => (isAnswerOf(event, timeline[n - 1]) ? [] : [eventLine(event, timeline[n + 1])]))

/** A scenario as text: outcome, timeline and observed values. */
export const scenarioText = ({ name, observed, ok, timeline, title }: Result): string =>
  [
    `${ok ? "✓" : "✗"} ${name.padEnd(22)} ${title}`,
    ...timelineLines(timeline),
    `${" ".repeat(12)}${ok ? "" : "unexpected: "}${JSON.stringify(observed)}`,
    ""
  ].join("\n")

/** The last line of the text: how many scenarios succeeded. */
export const summaryText = (results: ReadonlyArray<Result>): string => {
  const failed = results.filter(({ ok }) => !ok)
  const count = `${results.length - failed.length} of ${results.length} scenarios succeeded`
  return failed.length === 0 ? count : `${count}; failed: ${failed.map(({ name }) => name).join(", ")}`
}

/** All results as JSON. */
export const json = (baseUrl: string, results: ReadonlyArray<Result>): string => {
  const passed = results.filter(({ ok }) => ok).length
  const scenarios = results.map(({ name, observed, ok, timeline }) => ({ name, ok, observed, timeline }))
  return JSON.stringify({ baseUrl, scenarios, passed, failed: results.length - passed }, undefined, 2)
}
