/** Redirects and errors that quote a credential of their request. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { makeResponseRedactor } from "../response/redactEchoedCredentials.js"

const decoder = new TextDecoder()

/**
 * Whether a redirect or an error quotes a credential. Messages show parts of such a response, and redact the credentials of
 * its request. A stored response has no request, so they could not be redacted.
 */
export const echoesCredential = (response: HttpClientResponse, body: Uint8Array): boolean => {
  if (response.status < 300) return false
  const redact = makeResponseRedactor(response)
  return [response.headers["location"] ?? "", decoder.decode(body)].some((text) => redact(text) !== text)
}
