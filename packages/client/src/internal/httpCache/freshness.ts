/**
 * Whether a response may be stored, and whether a stored one may be used, by `http-cache-semantics`.
 *
 * The library reads header fields leniently, and the clock of the system. Here it gets normalized directives, and an age
 * from Effect's clock.
 */
import type * as Headers from "@effect/platform/Headers"
import * as CacheControl from "@countersign/protocol/CacheControl"
import * as HttpDate from "@countersign/protocol/HttpDate"
import CachePolicy from "http-cache-semantics"
import type { Fields, Stored } from "./stored.js"

/** How a stored response may be used: at once, while it is validated in the background, or after a validation. */
export type Use = "fresh" | "stale" | "background" | "validate"

/** The age of the response that is being judged, in milliseconds. The library reads it as the time since its arrival. */
let currentAge = 0

class AgedPolicy extends CachePolicy {
  override now(): number {
    return currentAge
  }
}

const withAge = <A>(age: number, judge: () => A): A => {
  currentAge = age
  try {
    return judge()
  } finally {
    currentAge = 0
  }
}

/** Seconds that a response is fresh (RFC 9111 §4.2.1). Undefined without an explicit time: heuristics are not used. */
const lifetime = (directives: CacheControl.Directives, fields: Fields, receivedAt: number): number | undefined => {
  const maxAge = CacheControl.seconds(directives, "max-age")
  if (maxAge !== undefined || fields["expires"] === undefined) return maxAge
  const expires = HttpDate.parse(fields["expires"], receivedAt)
  const date = HttpDate.parse(fields["date"] ?? "", receivedAt) ?? receivedAt
  return expires === undefined ? 0 : Math.max(0, Math.floor((expires - date) / 1000))
}

const flag = (directives: CacheControl.Directives, name: string): ReadonlyArray<string> =>
  directives.has(name) ? [name] : []

const timed = (name: string, seconds: number | undefined): ReadonlyArray<string> =>
  seconds === undefined ? [] : [`${name}=${seconds}`]

/** A response that must be validated when it is stale, whatever the request or a directive says. */
const isStrict = (directives: CacheControl.Directives): boolean =>
  directives.has("must-revalidate") || directives.has("no-cache")

const directivesOf = (fields: Fields): CacheControl.Directives => {
  const { "cache-control": value, pragma } = fields
  return CacheControl.parse(value ?? (pragma?.toLowerCase().includes("no-cache") === true ? "no-cache" : ""))
}

/** Statuses with rules that the library knows. Another one is stored only with an explicit lifetime. */
const understood: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501])

/**
 * Statuses that say nothing about later requests: parts and validations, credentials, connections, and errors that end by
 * themselves. 428, 429 and 431 must not be stored (RFC 6585).
 */
const neverStored: ReadonlySet<number> = new Set([206, 304, 401, 403, 407, 408, 421, 425, 428, 429, 431])

/** RFC 9111 §3. Servers of which each response has a lifetime also send it with a 500. */
const mayStoreStatus = (status: number, directives: CacheControl.Directives): boolean =>
  understood.has(status) || (status < 500 && !neverStored.has(status) && !directives.has("must-understand"))

/** `must-understand` replaces `no-store` for caches that know the status (RFC 9111 §5.2.2.3). */
const forbidsStoring = (status: number, directives: CacheControl.Directives): boolean =>
  directives.has("no-store") && !(directives.has("must-understand") && understood.has(status))

/** The directives of a response as the library understands them. Stale use is left out where it is forbidden. */
const normalizedResponse = (status: number, fields: Fields, receivedAt: number): string => {
  const directives = directivesOf(fields)
  return [
    ...(forbidsStoring(status, directives) ? ["no-store"] : []),
    ...flag(directives, "no-cache"),
    ...flag(directives, "public"),
    ...timed("max-age", lifetime(directives, fields, receivedAt)),
    ...(isStrict(directives)
      ? []
      : ["stale-while-revalidate", "stale-if-error"].flatMap((name) =>
          timed(name, CacheControl.seconds(directives, name))
        ))
  ].join(", ")
}

/** The directives of a request. `Pragma` counts only without `Cache-Control` (RFC 9111 §5.4). */
export const requestDirectives = (headers: Headers.Headers): CacheControl.Directives => directivesOf(headers)

const normalizedRequest = (directives: CacheControl.Directives, strict: boolean): string =>
  [
    ...flag(directives, "no-cache"),
    ...timed("max-age", CacheControl.seconds(directives, "max-age")),
    ...timed("min-fresh", CacheControl.seconds(directives, "min-fresh")),
    ...(strict ? [] : maxStale(directives))
  ].join(", ")

/** Without an argument any staleness is accepted (RFC 9111 §5.2.1.2). */
const maxStale = (directives: CacheControl.Directives): ReadonlyArray<string> =>
  directives.get("max-stale") === ""
    ? flag(directives, "max-stale")
    : timed("max-stale", CacheControl.seconds(directives, "max-stale"))

const request = { method: "GET", url: "", headers: {} } as const

const policyOf = (status: number, fields: Fields, receivedAt: number): CachePolicy =>
  withAge(
    0,
    () =>
      new AgedPolicy(
        request,
        {
          // Whether another status may be stored is decided here. With 200 the library judges its lifetime.
          status: understood.has(status) ? status : 200,
          headers: { "cache-control": normalizedResponse(status, fields, receivedAt) }
        },
        { shared: false, cacheHeuristic: 0 }
      )
  )

/** Whether a response is worth storing: it may be stored, and it is fresh for some time or has a validator. */
export const isStorable = (status: number, fields: Fields, receivedAt: number): boolean => {
  const directives = directivesOf(fields)
  const canBeUsed = (lifetime(directives, fields, receivedAt) ?? 0) > 0
  const isValidatable = status === 200 && (fields["etag"] !== undefined || fields["last-modified"] !== undefined)
  return (
    (canBeUsed || isValidatable) &&
    mayStoreStatus(status, directives) &&
    policyOf(status, fields, receivedAt).storable()
  )
}

/** How a stored response may be used for a request, at an age in milliseconds. */
export const useOf = ({ fields, status, times }: Stored, asked: CacheControl.Directives, age: number): Use => {
  const policy = policyOf(status, fields, times.receivedAt)
  const headers = { "cache-control": normalizedRequest(asked, isStrict(directivesOf(fields))) }
  return withAge(age, () => {
    const { revalidation } = policy.evaluateRequest({ headers })
    if (revalidation !== undefined) return revalidation.synchronous ? "validate" : "background"
    return policy.stale() ? "stale" : "fresh"
  })
}

/** Whether a stale response may be used when the server is out of order (RFC 5861 §4). */
export const isUsableOnError = ({ fields, status, times }: Stored, age: number): boolean => {
  const policy = policyOf(status, fields, times.receivedAt)
  return withAge(age, () => policy.revalidatedPolicy({ headers: {} }, { status: 503, headers: {} }).matches)
}
