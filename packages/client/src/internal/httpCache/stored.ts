/** A response that a cache holds. */
import type * as Headers from "@effect/platform/Headers"
import * as CacheControl from "@countersign/protocol/CacheControl"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as Vary from "@countersign/protocol/Vary"

export type Fields = Readonly<Record<string, string>>

/** When a request was sent and its response arrived, in epoch milliseconds, and the same moment of the monotonic clock. */
export interface Times {
  readonly sentAt: number
  readonly receivedAt: number
  /** Undefined for a response that another process stored. */
  readonly monotonicAt: number | undefined
}

/** Plain data, so that it can be written to a store. */
export interface Stored {
  readonly status: number
  /** Header fields without those of one connection. */
  readonly fields: Fields
  readonly body: Uint8Array
  readonly times: Times
  /** The request fields that `Vary` names, and their normalized values. */
  readonly vary: ReadonlyArray<readonly [name: string, value: string | undefined]>
}

/** Fields of one connection (RFC 9111 §3.1, RFC 9110 §7.6.1), which are not stored. */
const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

/** Fields that describe the stored body, which a 304 does not change (RFC 9111 §3.2). */
const bodyFields: ReadonlySet<string> = new Set(["content-encoding", "content-length", "content-range"])

/** The fields of a response that may be stored. */
export const storableFields = (headers: Headers.Headers): Fields => {
  const listed = new Set((headers["connection"] ?? "").split(",").map((name) => name.trim().toLowerCase()))
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !connectionFields.has(name) && !listed.has(name))
  )
}

/** The fields of a stored response after a 304 (RFC 9111 §4.3.4). */
export const updatedFields = (stored: Fields, headers: Headers.Headers): Fields => ({
  ...stored,
  ...Object.fromEntries(Object.entries(storableFields(headers)).filter(([name]) => !bodyFields.has(name)))
})

/** The request fields that a response names. Undefined if the response matches no further request. */
export const varyOf = (fields: Fields, request: Headers.Headers): Stored["vary"] | undefined =>
  Vary.parse(fields["vary"])?.map((name) => [name, Vary.normalize(request[name])] as const)

/** Whether a request selects a stored response (RFC 9111 §4.1). */
export const isSelected = ({ vary }: Stored, request: Headers.Headers): boolean =>
  vary.every(([name, value]) => Vary.normalize(request[name]) === value)

/** Milliseconds that passed since a response arrived. Infinite if the clock went back, and nothing else measured it. */
const residentMs = ({ monotonicAt, receivedAt }: Times, now: number, monotonicNow: number): number => {
  const byWallClock = now - receivedAt
  if (monotonicAt === undefined) return byWallClock < 0 ? Number.POSITIVE_INFINITY : byWallClock
  // The monotonic clock of a suspended machine stops, and a wall clock may be set back.
  return Math.max(0, byWallClock, monotonicNow - monotonicAt)
}

/** Age in milliseconds (RFC 9111 §4.2.3). */
export const ageMs = ({ fields, times }: Stored, now: number, monotonicNow: number): number => {
  const date = HttpDate.parse(fields["date"] ?? "", times.receivedAt)
  const apparent = date === undefined ? 0 : Math.max(0, times.receivedAt - date)
  const corrected = CacheControl.age(fields["age"]) * 1000 + Math.max(0, times.receivedAt - times.sentAt)
  return Math.max(apparent, corrected) + residentMs(times, now, monotonicNow)
}

/**
 * The fields that validate a response. None for a redirect or an error: a 304 would be about another response, such as that
 * of a resource that was created since (RFC 9110 §13.2.1).
 */
export const validatorsOf = ({ fields, status }: Stored): Fields =>
  status >= 300
    ? {}
    : {
        ...(fields["etag"] !== undefined && { "if-none-match": fields["etag"] }),
        ...(fields["last-modified"] !== undefined && { "if-modified-since": fields["last-modified"] })
      }
