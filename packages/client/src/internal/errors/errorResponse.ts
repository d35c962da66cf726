import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"

/**
 * Which response an error was made of. Kept beside the errors and not in them: an own property, even one that is not
 * enumerable, is shown by `util.inspect` with `showHidden`.
 */
export const responseOfError: WeakMap<object, HttpClientResponse> = new WeakMap()

/** Notes the response of an error, and gives the error back. */
export const withResponse = <E extends object>(error: E, response: HttpClientResponse): E => {
  responseOfError.set(error, response)
  return error
}
