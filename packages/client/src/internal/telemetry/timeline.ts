/** The listeners of a fiber's calls, and the publication of events. See `Timeline`. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Redact from "@countersign/protocol/Redact"
import * as LogLevel from "effect/LogLevel"
import { unsafeNow } from "../time/clock.js"
import type { Event, EventFields } from "./events.js"
import { makeLocal } from "../runtime/fiber.js"
import { logNow } from "./fiberTelemetry.js"
import type { FiberLocal, Running } from "../runtime/fiber.js"

/** What an event is about. Listeners of the application do not get it, because it contains credentials. */
export interface EventSource {
  readonly fiber: Running
  /** The request of a call that ended. */
  readonly request?: HttpClientRequest
  /** Its response, also that of an error. */
  readonly response?: HttpClientResponse | undefined
}

export type Listener = (event: Event, source: EventSource) => void

/** A call with a listener. */
interface ObservedCall {
  readonly id: number
  readonly api: string
  /** Number of HTTP requests so far. */
  requests: number
  /** Milliseconds of waits so far. */
  waitedMs: number
}

/** The listeners of a fiber, and the call that it is in. */
interface Observation {
  readonly listener: Listener
  readonly call: ObservedCall | undefined
}

export const observation: FiberLocal<Observation | undefined> = makeLocal<Observation | undefined>(
  "@countersign/client/Timeline/observation/1",
  undefined
)

/** The listeners of a fiber's calls, if there are any. */
export const observationOf = (fiber: Running): Observation | undefined => fiber.getFiberRef(observation)

/** Whether a listener is set for the calls of a fiber. */
export const isObserved = (fiber: Running): boolean => observationOf(fiber) !== undefined

/** Adds a listener. */
export const addListener = (outer: Observation | undefined, listener: Listener): Observation => {
  if (outer === undefined) return { listener, call: undefined }
  const before = outer.listener
  return {
    call: outer.call,
    listener: (event, source) => {
      before(event, source)
      listener(event, source)
    }
  }
}

/** A listener of the application as an internal one. An error that it throws is logged once, and breaks no call. */
export const toListener = (listener: (event: Event) => void): Listener => {
  let hasFailed = false
  return (event, { fiber }) => {
    try {
      listener(event)
    } catch (error) {
      if (hasFailed) return
      hasFailed = true
      const reason = error instanceof Error ? error.message : typeof error
      logNow(
        fiber,
        LogLevel.Warning,
        () =>
          `a Timeline listener threw an error: ${Redact.text(reason)}. Later errors of this listener are not logged.`
      )
    }
  }
}

/** Milliseconds that a call waits because of an event. */
const waitOf = (event: EventFields): number =>
  event._tag === "RetryScheduled" || event._tag === "Admitted" || event._tag === "Redirected" ? event.ms : 0

/** Publishes an event to the listeners of an observation. */
export const publishEvent = ({ call, listener }: Observation, event: EventFields, source: EventSource): void => {
  const rounded = "ms" in event ? { ...event, ms: Math.round(event.ms) } : event
  const at = unsafeNow(source.fiber)
  if (call === undefined) return listener({ ...rounded, at }, source)
  call.waitedMs += waitOf(rounded)
  listener({ ...rounded, at, callId: call.id, api: call.api }, source)
}

/** Publishes an event of a fiber's call without an effect. `event` is called only if there is a listener. */
export const emitNow = (fiber: Running, event: () => EventFields): void => {
  const observed = observationOf(fiber)
  if (observed !== undefined) publishEvent(observed, event(), { fiber })
}
