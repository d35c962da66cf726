/** Output of the demo: text with a small timeline for each scenario, or one JSON object. */
import * as Timeline from "@countersign/client/Timeline"
import type { Result, TimelineEntry } from "./Scenario.js"

/** More lines than these are cut in the middle. */
const maxLines = 24

const shortened = (text: string): string => {
  const lines = text.split("\n")
  if (lines.length <= maxLines) return text
  const half = maxLines / 2
  return [...lines.slice(0, half), `${" ".repeat(12)}… ${lines.length - maxLines} more`, ...lines.slice(-half)].join(
    "\n"
  )
}

/** The events of HTTP requests, waits and tokens. Each scenario says in its title which calls it makes. */
const timelineText = (timeline: ReadonlyArray<TimelineEntry>): string =>
  shortened(
    Timeline.format(
      timeline.filter(({ _tag }) => _tag !== "CallStarted" && _tag !== "CallEnded"),
      { start: 0 }
    )
  )

/** A scenario as text: outcome, timeline and observed values. */
export const scenarioText = ({ name, observed, ok, timeline, title }: Result): string =>
  [
    `${ok ? "✓" : "✗"} ${name.padEnd(22)} ${title}`,
    ...(timeline.length === 0 ? [] : [timelineText(timeline)]),
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
