/** Rate limits and `Retry-After` of a response, whatever its status. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Challenge from "@countersign/protocol/Challenge"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as Limits from "@countersign/protocol/RateLimit"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type { RetryHint } from "../../Errors.js"
import { originalRequest } from "./clientResponse.js"

/** The end of a wait that starts now, for display. A server may ask for a longer wait than a date can express. */
export const dateAfter = (ms: number, now: number): DateTime.Utc =>
  DateTime.unsafeMake(Math.min(now + ms, HttpDate.maxMillis))

/** Waits that a scheme with several credentials set for a rate limit response, in milliseconds, by the signed request. */
const schemeWaits = new WeakMap<HttpClientRequest, number>()

/** Sets the wait after a rate limit response, instead of the wait that the response requests. */
export const setWait = (response: HttpClientResponse, ms: number): void =>
  void schemeWaits.set(originalRequest(response), ms)

/** The wait after a response, in milliseconds: the one that the scheme set, or the one that the response requests. */
export const waitOf = (response: HttpClientResponse, now: number): number | undefined =>
  schemeWaits.get(originalRequest(response)) ?? RetryAfter.parse(response.headers, now)?.delayMs

/** The wait that a response asks for, as fields of an error. */
export const retryHintOf = (response: HttpClientResponse, now: number): RetryHint => {
  const ms = waitOf(response, now)
  return ms === undefined ? {} : { retryAfter: Duration.millis(ms), retryAt: dateAfter(ms, now) }
}

/**
 * The wait in `Retry-After` or `retry-after-ms`, in milliseconds. Rate limit fields are ignored, because servers send
 * them with every response.
 */
export const retryAfterHeaderMs = ({ headers }: HttpClientResponse, now: number): number | undefined => {
  if (headers["retry-after"] === undefined && headers["retry-after-ms"] === undefined) return undefined
  const found = RetryAfter.parse(headers, now)
  return found?.source === "retry-after" || found?.source === "retry-after-ms" ? found.delayMs : undefined
}

const isQuotaExhausted = ({ headers }: HttpClientResponse): boolean =>
  // The time does not matter for `remaining`.
  Limits.parse(headers, 0).some(({ remaining }) => remaining === 0)

/** Whether the response rejects the credentials. A token with another scope may then be accepted. */
const rejectsCredentials = ({ headers }: HttpClientResponse): boolean => {
  const field = headers["www-authenticate"]
  return field !== undefined && Challenge.parse(field).some(({ params }) => params["error"] !== undefined)
}

/**
 * Whether a response is a rate limit: a 429, a 403 or 413 with `Retry-After`, or a 403 with fields that say that no
 * requests remain (GitHub), unless it rejects the credentials.
 */
export const isRateLimit = (response: HttpClientResponse): boolean => {
  const { status } = response
  if (status === 429) return true
  if (status !== 403 && status !== 413) return false
  if (retryAfterHeaderMs(response, 0) !== undefined) return true
  return status === 403 && isQuotaExhausted(response) && !rejectsCredentials(response)
}

/** The value of `x-should-retry`: true, false, or undefined for anything else. */
export const shouldRetryOf = ({ headers }: HttpClientResponse): boolean | undefined => {
  const value = headers["x-should-retry"]?.trim().toLowerCase()
  return value === "true" ? true : value === "false" ? false : undefined
}
