/** Path parameters: replaces `{name}` in the URL of a call by percent-encoded values. */
import { InvalidRequest } from "../../Errors.js"

type Values = Readonly<Record<string, unknown>>

const parameter = /\{(\+?)([^{}]*)\}/g

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Url", detail })

const missing = (name: string): InvalidRequest =>
  invalid(`the path parameter \`${name}\` is missing. Add it to \`path\`.`)

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" || typeof value === "number" || typeof value === "bigint" || typeof value === "boolean"
    ? String(value)
    : undefined

/** A segment that a URL parser removes or resolves, so that the request would reach another path. */
const isPathStep = (segment: string): boolean => segment === "" || segment === "." || segment === ".."

const encode = (name: string, text: string): string => {
  try {
    // A dot is not encoded, because `%2e%2e` is also read as a step.
    return encodeURIComponent(text)
  } catch {
    throw invalid(`the path parameter \`${name}\` contains half a surrogate pair. Pass valid text.`)
  }
}

const expandOne = (name: string, keepsSlashes: boolean, values: Values): string => {
  const value = Object.hasOwn(values, name) ? values[name] : undefined
  if (value === undefined) throw missing(name)
  const text = textOf(value)
  if (text === undefined)
    throw invalid(`the path parameter \`${name}\` is not a string, number or boolean. Convert it.`)
  const segments = keepsSlashes ? text.split("/") : [text]
  const step = segments.find(isPathStep)
  if (step !== undefined) {
    const found = step === "" ? "is empty, or has an empty segment" : `has the segment "${step}"`
    throw invalid(`the path parameter \`${name}\` ${found}, so the request would reach another path. Check the value.`)
  }
  return segments.map((segment) => encode(name, segment)).join("/")
}

/** A parameter before the query. RFC 3986 allows no braces in a path, so a path with one was not expanded. */
const unexpanded = /^[^?#{]*\{\+?([A-Za-z_]\w*)\}/

/** The error of a URL with a parameter that has no value. Undefined for any other URL. */
export const missingParameter = (url: string | URL): InvalidRequest | undefined => {
  if (typeof url !== "string" || !url.includes("{")) return undefined
  const name = unexpanded.exec(url)?.[1]
  return name === undefined ? undefined : missing(name.slice(0, 100))
}

/**
 * Replaces the parameters of a URL.
 *
 * @param url - the URL, with `{name}` for one segment and `{+name}` for a value that may contain slashes.
 * @param values - the value of each parameter.
 */
export const expandPath = (url: string, values: Values): string | InvalidRequest => {
  const used = new Set<string>()
  try {
    const expanded = url.replace(parameter, (_, plus: string, name: string) => {
      used.add(name)
      return expandOne(name, plus === "+", values)
    })
    const unused = Object.keys(values).filter((name) => !used.has(name))
    if (unused.length === 0) return expanded
    const list = unused.map((name) => `{${name}}`).join(", ")
    return invalid(`the URL has no parameter ${list.slice(0, 200)}. Add it to the URL, or remove it from \`path\`.`)
  } catch (error) {
    if (error instanceof InvalidRequest) return error
    throw error
  }
}
