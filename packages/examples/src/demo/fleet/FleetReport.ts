/** Output of `npm run demo -- --redis`: one timeline for all processes, or one JSON object. */
import * as Timeline from "@countersign/client/Timeline"
import type { FleetEvent, FleetResult } from "./fleet.js"

/** Whether an event is one of HTTP requests, waits and tokens. */
const isShown = ({ event }: FleetEvent): boolean => event._tag !== "CallStarted" && event._tag !== "CallEnded"

/** One line, in the column of its process. */
const lineOf =
  (startedAt: number) =>
  ({ event, process }: FleetEvent): string =>
    `${String(event.at - startedAt).padStart(7)} ms  ${" ".repeat((process - 1) * 34)}${process} ${Timeline.line(event)}`

/** The timeline, and what came of it. */
export const text = ({ observed, ok, timeline }: FleetResult): string => {
  const startedAt = timeline[0]?.event.at ?? 0
  const { errors, tokenRequests, waited } = observed
  return [
    ...timeline.filter(isShown).map(lineOf(startedAt)),
    "",
    `${ok ? "✓" : "✗"} Three processes: ${tokenRequests} token ${tokenRequests === 1 ? "request" : "requests"}, and ${waited} of 3 waited for the 429 of process 1.`,
    ...errors.map((error) => `  ${error}`)
  ].join("\n")
}

/** The result as JSON. */
export const json = (result: FleetResult): string => JSON.stringify(result, undefined, 2)
