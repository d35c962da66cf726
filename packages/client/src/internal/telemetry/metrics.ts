/** The metrics of a client. Labels are cached, so that a request does not create them again. */
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

/** Metrics look up their state by the identity of the labels array. */
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

/** Recommended by the semantic conventions, in seconds. */
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/** `http.client.request.duration`: records one finished request. */
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
    // A redirecting server chooses the host, so there may be any number of other hosts. They share one label.
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

/** The events that are counted, and the name and description of their counters. */
const countedEvents: Readonly<Record<string, readonly [name: string, description: string]>> = {
  RetryScheduled: ["retries", "Retries of failed requests."],
  Throttled: ["throttled_requests", "Requests delayed by a throttle or a limit."],
  Redirected: ["redirects", "Redirects followed."],
  CredentialsRefreshed: ["credential_refreshes", "Rejected credentials (401) that the scheme tried to renew."],
  CacheUsed: ["cache_uses", "Responses from the cache."],
  TokenRequested: ["token_requests", "Token requests."],
  CircuitOpened: ["circuit_opened", "Circuits opened."]
}

const reasons: ReadonlySet<string> = new Set(["TransportError", "Timeout"])

/** Additional tags of a counter. Each has a fixed set of values. */
const counterTags = (event: Timeline.Event): Tags => {
  if (event._tag === "CredentialsRefreshed") return { renewed: String(event.renewed) }
  if (event._tag === "CacheUsed") return { outcome: event.outcome }
  if (event._tag !== "RetryScheduled") return {}
  return { "error.type": reasons.has(event.reason) ? event.reason : statusOf(Number(event.reason)) }
}

/** Returns a function that counts the events of a client's calls. */
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

/** Value of the gauge after an event. */
const circuitStates: Readonly<Record<string, number>> = { CircuitClosed: 0, CircuitHalfOpened: 1, CircuitOpened: 2 }

/** Returns a function that sets the gauges: the state of circuits, and the current throttle delay. */
export const makeGauges = (
  address: string,
  destinationOf: (url: string) => Destination
): ((event: Timeline.Event, contextLabels: Labels) => void) => {
  const name = (what: string) => `countersign.client.${what}`
  const circuit = Metric.gauge(name("circuit_state"), { description: "0: closed, 1: half-open, 2: open." })
  const throttleDelay = Metric.gauge(name("throttle_delay_seconds"), {
    description: "Wait of the request that was throttled last; 0 after a request is admitted."
  })
  const labels = makeLabelCache()
  return (event, contextLabels) => {
    const state = circuitStates[event._tag]
    if (state !== undefined && "origin" in event) {
      const to = destinationOf(event.origin)
      // One label for all other hosts, as for durations.
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
