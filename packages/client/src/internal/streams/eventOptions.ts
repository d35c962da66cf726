/** The options of event streams, and their check. */
import { InvalidRequest } from "../../Errors.js"
import type { Kind } from "../request/optionKinds.js"
import { isObject } from "../request/optionKinds.js"
import type { Reconnect } from "./eventSession.js"
import type { EventRules } from "./eventStream.js"
import { toFieldValue } from "./lastEventId.js"
import type { AnyOpenOptions } from "./options.js"
import { optionProblem, schemaKind, sizeKind, streamProblem } from "./options.js"

/** The options that say how events are read, without the types of their schemas. */
export interface AnyReadOptions {
  readonly schema?: EventRules["schema"]
  readonly events?: EventRules["events"]
  readonly failOn?: EventRules["failOn"]
  readonly until?: EventRules["until"]
  readonly maxEventSize?: number | undefined
}

/** The options of a stream that opens its responses. */
export interface AnyOptions extends AnyOpenOptions, AnyReadOptions {
  readonly reconnect?: Reconnect | undefined
  readonly lastEventId?: string | undefined
}

const readNames = { schema: true, events: true, failOn: true, until: true, maxEventSize: true } as const

const names = { ...readNames, reconnect: true, lastEventId: true } as const

const schemasKind: Kind = {
  accepts: (value) => isObject(value) && Object.values(value).every(schemaKind.accepts),
  pass: "schemas by the names of events, such as `{ message: Message }`"
}

const kinds: Readonly<Record<string, Kind>> = {
  schema: schemaKind,
  events: schemasKind,
  failOn: schemasKind,
  until: {
    accepts: (value) => typeof value === "string" || typeof value === "function",
    pass: 'the data of the last event, such as "[DONE]", or a predicate'
  },
  maxEventSize: sizeKind,
  reconnect: {
    accepts: (value) => value === "resume" || value === "always" || value === "never",
    pass: '"resume", "always" or "never"'
  },
  lastEventId: {
    accepts: (value) => typeof value === "string" && toFieldValue(value) !== undefined,
    pass: "an id of at most 4096 bytes, without control characters and without white space at its ends"
  }
}

const bothSchemas = new InvalidRequest({
  reason: "Options",
  detail: "`schema` and `events` are both set. Pass one of them."
})

const schemaProblem = (options: AnyReadOptions): InvalidRequest | undefined =>
  options.schema !== undefined && options.events !== undefined ? bothSchemas : undefined

/** The problem of the options of `ServerEvents.stream`. */
export const problemOf = (options: AnyOptions): InvalidRequest | undefined =>
  streamProblem("`ServerEvents.stream`", options, names, kinds) ?? schemaProblem(options)

/** The problem of the options of `ServerEvents.fromResponse`. */
export const readProblemOf = (options: AnyReadOptions): InvalidRequest | undefined =>
  optionProblem("`ServerEvents.fromResponse`", options, readNames, kinds) ?? schemaProblem(options)
