/** What a received response changes in the cache. */
import type * as Headers from "@effect/platform/Headers"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { bufferedBodyOf } from "../response/bodyReader.js"
import { isCut } from "../response/readBody.js"
import { isRateLimit } from "../response/retryAfter.js"
import { echoesCredential } from "./echo.js"
import { isStorable } from "./freshness.js"
import type { Stored, Times } from "./stored.js"
import { storableFields, updatedFields, varyOf } from "./stored.js"

/** The body of a redirect is not read, and is not needed to follow it. */
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** The whole body. Undefined for one that is still being received, or broke off. */
const bodyOf = (response: HttpClientResponse): Uint8Array | undefined =>
  isCut(response)
    ? undefined
    : (bufferedBodyOf(response) ??
      (redirects.has(response.status) && response.headers["location"] !== undefined ? new Uint8Array(0) : undefined))

/** Whether a response is an error that may be stored once its body was read. */
export const isStorableError = (response: HttpClientResponse, receivedAt: number): boolean =>
  response.status >= 400 &&
  !isRateLimit(response) &&
  isStorable(response.status, storableFields(response.headers), receivedAt)

/** The response to store. Undefined if it must not be stored, is too large, or its body was not read whole. */
export const madeFrom = (
  response: HttpClientResponse,
  request: Headers.Headers,
  times: Times,
  maxBytes: number
): Stored | undefined => {
  const body = bodyOf(response)
  if (body === undefined || body.length > maxBytes || echoesCredential(response, body)) return undefined
  const fields = storableFields(response.headers)
  const vary = varyOf(fields, request)
  return vary === undefined || !isStorable(response.status, fields, times.receivedAt)
    ? undefined
    : // Copied, because the caller gets the same bytes and may change them.
      { status: response.status, fields, vary, times, body: new Uint8Array(body) }
}

/** A stored response after a 304. */
export const refreshed = (
  stored: Stored,
  response: HttpClientResponse,
  request: Headers.Headers,
  times: Times
): { readonly updated: Stored; readonly isStorable: boolean } => {
  const fields = updatedFields(stored.fields, response.headers)
  const vary = varyOf(fields, request)
  return {
    updated: { ...stored, fields, times, vary: vary ?? [] },
    isStorable: vary !== undefined && isStorable(stored.status, fields, times.receivedAt)
  }
}

const opaqueTag = (etag: string): string => etag.replace(/^\s*W\//, "")

/** Whether a response has another entity tag than the stored one. GET and HEAD compare weakly (RFC 9110 §8.8.3.2). */
export const hasOtherEtag = ({ fields }: Stored, { headers }: HttpClientResponse): boolean => {
  const { etag } = headers
  return fields["etag"] !== undefined && etag !== undefined && opaqueTag(fields["etag"]) !== opaqueTag(etag)
}

/** Whether a response describes another version than the stored one. */
export const isOtherVersion = (stored: Stored, response: HttpClientResponse): boolean =>
  hasOtherEtag(stored, response) ||
  ["last-modified", "content-length"].some((name) => {
    const value = response.headers[name]
    return value !== undefined && stored.fields[name] !== undefined && value !== stored.fields[name]
  })
