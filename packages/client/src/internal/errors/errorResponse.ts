import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { InvalidRequest, RedirectRejected, TransportError } from "../../Errors.js"

/**
 * Which response an error was made of. Kept beside the errors and not in them: an own property, even one that is not
 * enumerable, is shown by `util.inspect` with `showHidden`.
 */
export const lastResponse: WeakMap<object, HttpClientResponse> = new WeakMap()

/** What the platform's error of a client of ours means to another one of ours that has that client as its transport. */
export const meaning: WeakMap<object, TransportError | InvalidRequest | RedirectRejected> = new WeakMap()

/** Notes the response of an error, and gives the error back. */
export const withResponse = <E extends object>(error: E, response: HttpClientResponse): E => {
  lastResponse.set(error, response)
  return error
}
