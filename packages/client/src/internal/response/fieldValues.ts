import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"

/** See `Transport.fieldValues`, which is this. */
export const fieldValues: unique symbol = Symbol.for("@countersign/client/Transport/fieldValues")

/** A response that may tell the values of a field apart. */
interface WithFieldValues {
  readonly [fieldValues]?: (name: string) => unknown
}

/** The values of a field, one for each time that it came; undefined of a transport that does not tell them apart. */
export const rawFieldValues = (
  response: HttpClientResponse & WithFieldValues,
  name: string
): ReadonlyArray<string> | undefined => {
  const values = response[fieldValues]?.(name)
  return Array.isArray(values) ? values.filter((value) => typeof value === "string") : undefined
}

/** The values of a field; of a transport that joins them, what it has made of them. */
export const fieldValuesOf = (response: HttpClientResponse & WithFieldValues, name: string): ReadonlyArray<string> => {
  const joined = response.headers[name]
  return rawFieldValues(response, name) ?? (joined === undefined ? [] : [joined])
}
