/** The metrics of a client, with their labels kept, so that no request makes them anew. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricLabel from "effect/MetricLabel"
import type * as Timeline from "../../Timeline.js"
import type { Destination } from "../origins/originMatcher.js"
import { errorTypeOf, methodOf, otherValue, statusOf } from "./attributes.js"

type Labels = ReadonlyArray<MetricLabel.MetricLabel>
type Tags = Readonly<Record<string, string>>

/** Metrics look up what they keep by the identity of their labels. */
const makeLabelCache = () => {
  const cache = new Map<string, Labels>()
  return (key: string, tags: () => Tags, contextLabels: Labels): Labels => {
    let labels = cache.get(key)
    if (labels === undefined) {
      labels = Object.entries(tags()).map(([name, value]) => MetricLabel.make(name, value))
      cache.set(key, labels)
    }
    return contextLabels.length === 0 ? labels : [...contextLabels, ...labels]
  }
}

const resultTags = (status: string | undefined, error: string | undefined): Tags => ({
  ...(status === undefined ? {} : { "http.response.status_code": status }),
  ...(error === undefined ? {} : { "error.type": error })
})

/** The advice of the conventions, in seconds. */
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/** `http.client.request.duration`: takes one exchange that ended. */
export const makeDurationHistogram = (): ((
  seconds: number,
  method: string,
  to: Destination,
  exit: Exit.Exit<HttpClientResponse, unknown>,
  contextLabels: Labels
) => void) => {
  const histogram = Metric.histogram(
    "http.client.request.duration",
    MetricBoundaries.fromIterable(boundaries),
    "Duration of HTTP client requests."
  )
  const labels = makeLabelCache()
  return (seconds, method, to, exit, contextLabels) => {
    const knownMethod = methodOf(method)
    const status = Exit.isSuccess(exit) ? statusOf(exit.value.status) : undefined
    const error = Exit.isFailure(exit) ? errorTypeOf(exit.cause) : exit.value.status < 400 ? undefined : status
    // A server that redirects decides on the host: of those that are not the client's own there may be any number.
    const key = `${knownMethod} ${to.own ? to.origin : ""} ${status} ${error}`
    const tags = () => ({
      "http.request.method": knownMethod,
      ...(to.own ? { "server.address": to.address, "server.port": String(to.port) } : { "server.address": otherValue }),
      ...resultTags(status, error),
      unit: "s"
    })
    histogram.unsafeUpdate(seconds, labels(key, tags, contextLabels))
  }
}

/** Which events are counted, and as what. The others are not, whoever emits them. */
const countedEvents: Readonly<Record<string, readonly [name: string, description: string]>> = {
  RetryScheduled: ["retries", "Sends that were repeated because the one before failed."],
  Throttled: ["throttled_requests", "Requests that were held back because a server had asked for fewer."],
  Redirected: ["redirects", "Redirects that were followed."],
  CredentialsRefreshed: ["credential_refreshes", "Refusals (401) after which a scheme looked for other credentials."],
  TokenRequested: ["token_requests", "Requests for a token."],
  CircuitOpened: ["circuit_opened", "Circuits that opened."]
}

const reasons: ReadonlySet<string> = new Set(["TransportError", "Timeout"])

/** What a counter is split by, of a fixed set each. */
const counterTags = (event: Timeline.Event): Tags => {
  if (event._tag === "CredentialsRefreshed") return { renewed: String(event.renewed) }
  if (event._tag !== "RetryScheduled") return {}
  return { "error.type": reasons.has(event.reason) ? event.reason : statusOf(Number(event.reason)) }
}

/** Takes the events of a client's calls. */
export const makeCounters = (address: string): ((event: Timeline.Event, contextLabels: Labels) => void) => {
  const counters = Object.entries(countedEvents).map(([tag, [name, description]]) => {
    const counter = Metric.counter(`countersign.client.${name}`, { description, incremental: true })
    return [tag, { counter, labels: makeLabelCache() }] as const
  })
  const byTag = new Map(counters)
  return (event, contextLabels) => {
    const found = byTag.get(event._tag)
    if (found === undefined) return
    const split = counterTags(event)
    const tags = () => ({ ...(address === "" ? {} : { "server.address": address }), ...split })
    found.counter.unsafeUpdate(1, found.labels(Object.values(split).join(), tags, contextLabels))
  }
}

/** What a circuit is after an event, for a gauge that people put a threshold on. */
const circuitStates: Readonly<Record<string, number>> = { CircuitClosed: 0, CircuitHalfOpened: 1, CircuitOpened: 2 }

/** Takes the events that tell of a state: of the circuits, and of how long those have to wait who are held. */
export const makeGauges = (
  address: string,
  destinationOf: (url: string) => Destination
): ((event: Timeline.Event, contextLabels: Labels) => void) => {
  const name = (what: string) => `countersign.client.${what}`
  const circuit = Metric.gauge(name("circuit_state"), { description: "0: closed, 1: half-open, 2: open." })
  const throttleDelay = Metric.gauge(name("throttle_delay_seconds"), {
    description: "The wait of who was held last; 0 once one got in."
  })
  const labels = makeLabelCache()
  return (event, contextLabels) => {
    const state = circuitStates[event._tag]
    if (state !== undefined && "origin" in event) {
      const to = destinationOf(event.origin)
      // As with durations: those of other servers' choosing are one.
      const at = to.own ? to.address : otherValue
      circuit.unsafeUpdate(
        state,
        labels(at, () => ({ "server.address": at }), contextLabels)
      )
    }
    if (event._tag === "Throttled" || event._tag === "Admitted") {
      throttleDelay.unsafeUpdate(
        event._tag === "Throttled" ? event.ms / 1000 : 0,
        labels("", () => (address === "" ? {} : { "server.address": address }), contextLabels)
      )
    }
  }
}
