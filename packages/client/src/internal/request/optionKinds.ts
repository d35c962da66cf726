/** The kinds of values of options, for JavaScript, casts and parsed files: finds a value of another kind than an option has. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Call from "../../Call.js"
import { InvalidRequest } from "../../Errors.js"

/** The values of one option. */
export interface Kind {
  readonly accepts: (value: unknown) => boolean
  /** What to pass, such as `a number of bytes`. */
  readonly pass: string
}

/** The kinds of the options `O`. An option that another check covers has none. */
export type Kinds<O> = { readonly [Name in keyof O]-?: Kind | undefined }

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const hasMethod = (value: unknown, method: string): boolean =>
  isObject(value) && method in value && typeof value[method] === "function"

export const orFalse = ({ accepts, pass }: Kind): Kind => ({
  accepts: (value) => value === false || accepts(value),
  pass: `${pass}, or false`
})

/** Effect reads a negative number as 0, and other libraries read 0 as no limit. */
const isDuration = (value: unknown): boolean =>
  typeof value === "number" ? value > 0 : Duration.decodeUnknown(value)._tag === "Some"

const isLimit = (value: unknown): boolean => value === undefined || value === false || isDuration(value)

export const timeoutKind: Kind = {
  accepts: (value) =>
    isObject(value) && !Duration.isDuration(value)
      ? isLimit(value["call"]) && isLimit(value["exchange"])
      : isDuration(value),
  pass: 'milliseconds above 0, a text such as "5 seconds", or `{ call, exchange }` with such values or false'
}

export const idleKind: Kind = {
  accepts: isLimit,
  pass: 'milliseconds above 0, a text such as "60 seconds", or false'
}

export const retryKind: Kind = orFalse({
  accepts: (value) => Schedule.isSchedule(value) || (isObject(value) && !Layer.isLayer(value)),
  pass: "a schedule such as `Retry.exponential({ times: 3 })`, or options such as `{ statuses: [503] }`"
})

export const redirectsKind: Kind = orFalse({ accepts: isObject, pass: "options such as `{ limit: 5 }`" })

export const maxBodySizeKind: Kind = {
  accepts: (value) => typeof value === "number" && value >= 0,
  pass: "a number of bytes"
}

export const headersKind: Kind = { accepts: isObject, pass: 'a record such as `{ accept: "text/csv" }`' }

/** A scheme for one call cannot be a Layer, because a call builds none. */
const schemeKind: Kind = {
  accepts: (value) => hasMethod(value, "sign"),
  pass: "a scheme, such as `Bearer.make(token)`"
}

const callKinds: Partial<Kinds<Call.Options>> = {
  auth: schemeKind,
  timeout: timeoutKind,
  retry: retryKind,
  redirects: redirectsKind,
  maxBodySize: maxBodySizeKind
}

/** Names what a value is, without the content of a text or an object, which may be a secret. */
const nameOf = (value: unknown): string => {
  if (value === null || typeof value === "boolean" || typeof value === "number") return String(value)
  if (Effect.isEffect(value)) return "an Effect"
  if (Layer.isLayer(value)) return "a Layer"
  if (Array.isArray(value)) return "a list"
  if (typeof value === "function") return "a function"
  return typeof value === "string" ? "a text of another form" : "an object of another kind"
}

const adviceFor = (value: unknown, { pass }: Kind): string => {
  if (Effect.isEffect(value)) return `Write \`yield*\` before it, or pass ${pass}.`
  return typeof value === "function" ? `Call it, or pass ${pass}.` : `Pass ${pass}.`
}

/** Finds the first option with a value of another kind. An undefined option is left out. */
export const findWrongKind = (
  options: object,
  kinds: Readonly<Record<string, Kind | undefined>>
): InvalidRequest | undefined => {
  for (const [name, kind] of Object.entries(kinds)) {
    const value: unknown = Reflect.get(options, name)
    if (value === undefined || kind === undefined || kind.accepts(value)) continue
    const detail = `\`${name}\` is ${nameOf(value)}. ${adviceFor(value, kind)}`
    return new InvalidRequest({ reason: "Options", detail })
  }
  return undefined
}

/** Finds the first option of a call with a value of another kind. */
export const wrongCallOption = (options: Call.Options<unknown>): InvalidRequest | undefined =>
  findWrongKind(options, callKinds)
