import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { ErrorMap } from "../runtime/platform.js"

/**
 * The response that an error was made from. Stored outside the error, because `util.inspect` with `showHidden` prints
 * even non-enumerable properties.
 */
export const responseOfError: WeakMap<object, HttpClientResponse> = /* @__PURE__ */ new ErrorMap()

/** The body of the response that an error was made from: decoded by `errorSchema`, otherwise parsed as JSON. */
export const bodyOfError: WeakMap<object, unknown> = /* @__PURE__ */ new ErrorMap()

/** Stores the response of an error, and returns the error. */
export const withResponse = <E extends object>(error: E, response: HttpClientResponse): E => {
  responseOfError.set(error, response)
  return error
}
