/**
 * Redacts credentials that a server quotes in its response. The credentials are stored beside the response, never in
 * it.
 */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { Signing } from "../redaction/requestCredentials.js"
import { makeRedactor } from "../redaction/requestCredentials.js"
import { earlierSignings } from "../redaction/requestHistory.js"
import { originalRequest, unsignedRequestOf } from "./clientResponse.js"

/** The requests of the call up to the response's own, each with and without credentials. */
export const signingsOf = (response: HttpClientResponse): ReadonlyArray<Signing> => {
  const signed = originalRequest(response)
  const unsigned = unsignedRequestOf(response) ?? signed
  return [...earlierSignings(signed), { unsigned, signed }]
}

/** Makes a function that redacts the credentials of the response's call in a text of the server. */
export const makeResponseRedactor = (response: HttpClientResponse): ((text: string, limit?: number) => string) => {
  let redact: ((text: string, limit?: number) => string) | undefined
  // Made on first use, because most errors contain no text of the server.
  return (text, limit) => (redact ??= makeRedactor(signingsOf(response)))(text, limit)
}
