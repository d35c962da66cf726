/** What a server says about a request may quote its credentials. They are kept beside the response, never in it. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { Signing } from "../redaction/requestCredentials.js"
import { makeRedactor } from "../redaction/requestCredentials.js"
import { earlierSignings } from "../redaction/requestHistory.js"
import { originalRequest, unsignedRequestOf } from "./clientResponse.js"

/** The requests of the call up to a response's own, with and without their credentials. */
export const signingsOf = (response: HttpClientResponse): ReadonlyArray<Signing> => {
  const signed = originalRequest(response)
  const unsigned = unsignedRequestOf(response) ?? signed
  return [...earlierSignings(signed), { unsigned, signed }]
}

/** Makes a function that replaces the credentials of a response's call in a text of its server. */
export const makeResponseRedactor = (response: HttpClientResponse): ((text: string, limit?: number) => string) => {
  let redact: ((text: string, limit?: number) => string) | undefined
  // Most errors have no text of their server's.
  return (text, limit) => (redact ??= makeRedactor(signingsOf(response)))(text, limit)
}
