/** The events of one response, decoded. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { BodyTooLarge, InvalidResponse, TransportError } from "../../Errors.js"
import type { OpenResponse } from "../response/openResponse.js"
import type { AnySchema, DecodeValue } from "./decodeValue.js"
import { makeValueDecoder } from "./decodeValue.js"
import type { ParsedEvents } from "./eventParser.js"
import { EventParser } from "./eventParser.js"
import type { EventSession } from "./eventSession.js"
import type { ServerEvent } from "./serverEvent.js"
import { EventError } from "./serverEvent.js"
import type { End, Pull, Read, Step } from "./transduce.js"
import { readAll, transducePull } from "./transduce.js"

type Schemas = Readonly<Record<string, AnySchema>>

type RawEvent = ServerEvent<string, string>

/** How the events of a stream are read. */
export interface EventRules {
  readonly schema: AnySchema | undefined
  readonly events: Schemas | undefined
  readonly failOn: Schemas | undefined
  readonly until: string | ((event: RawEvent) => boolean) | undefined
  readonly maxEventSize: number
  /** Whether the end of a response is a failure, as in browsers. */
  readonly isEndless: boolean
}

type Failure = TransportError | BodyTooLarge | InvalidResponse | EventError

/** An event with decoded data, or with a text. */
export type Element = ServerEvent<string, unknown>

type Events = Pull<Element, Failure, unknown>

const schemaIn = (schemas: Schemas | undefined, name: string): AnySchema | undefined =>
  // The name comes from the server, and may be one of the prototype.
  schemas !== undefined && Object.hasOwn(schemas, name) ? schemas[name] : undefined

type Outcome = Step<Element, Failure>

const ended: End<never> = { end: Option.none() }

const failed = (error: Failure): End<Failure> => ({ end: Option.some(error) })

/** Decodes an event by its name. */
const readEvent = (
  raw: RawEvent,
  elements: Array<Element>,
  { events, failOn, schema, until }: EventRules,
  opened: OpenResponse,
  decode: DecodeValue
): End<Failure> | Effect.Effect<End<Failure>, never, unknown> => {
  if (typeof until === "string" && raw.data === until) return ended
  const failing = schemaIn(failOn, raw.event)
  const chosen = failing ?? (events === undefined ? schema : schemaIn(events, raw.event))
  const last = typeof until === "function" && until(raw) ? ended : undefined
  if (chosen === undefined) {
    if (events === undefined) elements.push(raw)
    return last
  }
  return decode<End<Failure>>(raw.data, chosen, () => "the data of an event", {
    onInvalid: failed,
    onValue: (data) => {
      const { method, url } = opened
      if (failing !== undefined) return failed(new EventError({ method, url, event: raw.event }, data))
      elements.push({ ...raw, data })
      return last
    }
  })
}

const isEventStream = /^\s*text\/event-stream\s*(?:;|$)/i

/** The error of a response that is no event stream. */
const wrongType = ({ headers, method, status, url }: OpenResponse): InvalidResponse => {
  const type = /^[\w.+-]{1,40}\/[\w.+-]{1,60}/.exec(headers["content-type"] ?? "")?.[0] ?? "missing or invalid"
  return new InvalidResponse(
    { method, url, status, reason: "Schema", mismatches: [] },
    `the content type is ${type}, and not text/event-stream. Check the base URL and the path.`
  )
}

/** The events of an open response, the body of which `body` reads. */
export const eventsOf = (
  opened: OpenResponse,
  body: Pull<Uint8Array, TransportError>,
  rules: EventRules,
  session: EventSession
): Events => {
  const { method, status, url } = opened
  // The server has no further events: HTML §9.2.3.
  const onEnd = (): Outcome => {
    if (rules.until !== undefined || rules.isEndless) {
      const detail =
        rules.until === undefined ? "the server ended the stream" : "the stream ended without its last event"
      const error = new TransportError({ method, url, reason: "Truncated", sent: "maybe", detail })
      return { elements: [], end: Option.some(error) }
    }
    session.end()
    return { elements: [], end: Option.none() }
  }
  const ending = Effect.sync(onEnd)
  if (status === 204) {
    session.end()
    const end = Effect.fail(Option.none())
    return rules.until === undefined ? end : transducePull(end, Effect.die, ending)
  }
  if (!isEventStream.test(opened.headers["content-type"] ?? "")) return Effect.fail(Option.some(wrongType(opened)))
  const parser = new EventParser(rules.maxEventSize, session.onRetry)
  const decode = makeValueDecoder(opened)

  const readOne: Read<RawEvent, Element, Failure, unknown> = (raw, elements) => {
    session.onEvent(raw)
    return readEvent(raw, elements, rules, opened, decode)
  }
  const eventsIn = ({ events, isTooLarge }: ParsedEvents): Effect.Effect<Outcome, never, unknown> =>
    Effect.map(readAll(events, readOne), (step) => {
      if (step.end !== undefined && Option.isNone(step.end)) session.end()
      return step.end === undefined && isTooLarge
        ? { ...step, end: Option.some(new BodyTooLarge({ method, url, limit: rules.maxEventSize })) }
        : step
    })

  return transducePull(body, (chunk) => Effect.suspend(() => eventsIn(parser.push(chunk))), ending)
}
