/** The demo's two ways to tell: a line with a small timeline for people, one JSON object for programs. */
import type { Result, TimelineEntry } from "./Scenario.js"

/** What follows the origin: all URLs of a scenario have the same few of those. */
const pathOf = (url: string): string => {
  const path = url.indexOf("/", url.indexOf("://") + 3)
  return path === -1 ? "/" : url.slice(path)
}

const at = (ms: number): string => `${String(Math.max(0, Math.round(ms))).padStart(7)} ms  `

/** A bar of the length of a wait: a character for each tenth of a second, and one at least. */
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
      return `${at(event.at)}${bar(event.ms)} held back for ${Math.round(event.ms)} ms`
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
      return `${at(event.at)}⟳ a token is wanted`
    case "TokenObtained":
      return `${at(event.at)}⟳ a token is here`
    case "CredentialsRefreshed":
      return `${at(event.at)}${event.renewed ? "⟳ other credentials: replay" : "∎ no other credentials"}`
  }
}

const isAnswerOf = (event: TimelineEntry, previous: TimelineEntry | undefined): boolean =>
  previous?._tag === "RequestSent" && (event._tag === "ResponseReceived" || event._tag === "RequestFailed")

const timelineLines = (timeline: ReadonlyArray<TimelineEntry>): ReadonlyArray<string> =>
  timeline.flatMap((event, n) => (isAnswerOf(event, timeline[n - 1]) ? [] : [eventLine(event, timeline[n + 1])]))

/** A scenario for people: its outcome, what happened, and what was seen. */
export const scenarioText = ({ name, observed, ok, timeline, title }: Result): string =>
  [
    `${ok ? "✓" : "✗"} ${name.padEnd(22)} ${title}`,
    ...timelineLines(timeline),
    `${" ".repeat(12)}${ok ? "" : "not as it has to be: "}${JSON.stringify(observed)}`,
    ""
  ].join("\n")

/** All of it for people: the last line. */
export const summaryText = (results: ReadonlyArray<Result>): string => {
  const failed = results.filter(({ ok }) => !ok)
  const count = `${results.length - failed.length} of ${results.length} scenarios are as they have to be`
  return failed.length === 0 ? count : `${count}; not: ${failed.map(({ name }) => name).join(", ")}`
}

/** All of it for programs. */
export const json = (baseUrl: string, results: ReadonlyArray<Result>): string => {
  const passed = results.filter(({ ok }) => ok).length
  const scenarios = results.map(({ name, observed, ok, timeline }) => ({ name, ok, observed, timeline }))
  return JSON.stringify({ baseUrl, scenarios, passed, failed: results.length - passed }, undefined, 2)
}
