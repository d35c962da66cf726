/** What a response says about limits and about when to come back, whatever its status is. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Limits from "@countersign/protocol/RateLimit"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type { RetryHint } from "../../Errors.js"

/** The last instant that a date can hold: a server may ask for more. */
const maxDateMillis = 8.64e15

/** When a wait that begins now ends, for display. */
export const dateAfter = (ms: number, now: number): DateTime.Utc =>
  DateTime.unsafeMake(Math.min(now + ms, maxDateMillis))

/** The wait that a response asks for, as the fields of an error. */
export const retryHintOf = ({ headers }: HttpClientResponse, now: number): RetryHint => {
  const found = RetryAfter.parse(headers, now)
  if (found === undefined) return {}
  return { retryAfter: Duration.millis(found.delayMs), retryAt: dateAfter(found.delayMs, now) }
}

/**
 * The wait that a response names in `Retry-After` or `retry-after-ms`, in milliseconds. The fields of limits are no part
 * of it: servers send those with every response.
 */
export const retryAfterHeaderMs = ({ headers }: HttpClientResponse, now: number): number | undefined => {
  if (headers["retry-after"] === undefined && headers["retry-after-ms"] === undefined) return undefined
  const found = RetryAfter.parse(headers, now)
  return found?.source === "retry-after" || found?.source === "retry-after-ms" ? found.delayMs : undefined
}

const isQuotaExhausted = ({ headers }: HttpClientResponse): boolean =>
  // What remains is the same at any time.
  Limits.parse(headers, 0).some(({ remaining }) => remaining === 0)

/** Whether a response rejects the credentials: a token with another scope may be accepted. */
const rejectsCredentials = ({ headers }: HttpClientResponse): boolean => {
  const field = headers["www-authenticate"]
  return field !== undefined && Challenge.parse(field).some(({ params }) => params["error"] !== undefined)
}

/**
 * Whether a response is a rate limit: a 429; a 403 or 413 with `Retry-After`; a 403 whose fields say that nothing remains
 * (GitHub), unless it rejects the credentials.
 */
export const isRateLimit = (response: HttpClientResponse): boolean => {
  const { status } = response
  if (status === 429) return true
  if (status !== 403 && status !== 413) return false
  if (retryAfterHeaderMs(response, 0) !== undefined) return true
  return status === 403 && isQuotaExhausted(response) && !rejectsCredentials(response)
}

/** What `x-should-retry` says: whether the request is worth a retry; undefined where it says neither. */
export const shouldRetryOf = ({ headers }: HttpClientResponse): boolean | undefined => {
  const value = headers["x-should-retry"]?.trim().toLowerCase()
  return value === "true" ? true : value === "false" ? false : undefined
}
