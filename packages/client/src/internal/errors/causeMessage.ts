/** The message of an unknown failure's cause, for the `detail` of its error. */
import * as Redact from "@countersign/protocol/Redact"

/** The platform wraps the error of a library, and `fetch` wraps it again. */
const maxDepth = 6

/** Reads a property of a value of another library. An accessor may throw. */
const read = (value: object, key: "message" | "cause"): unknown => {
  try {
    const found: unknown = Reflect.get(value, key)
    return found
  } catch {
    return undefined
  }
}

/** The innermost message, because outer ones are general, such as "fetch failed". */
const innermost = (cause: unknown, depth: number): string | undefined => {
  if (typeof cause === "string") return cause
  if (depth === 0 || typeof cause !== "object" || cause === null) return undefined
  const inner = innermost(read(cause, "cause"), depth - 1)
  if (inner !== undefined) return inner
  const message = read(cause, "message")
  return typeof message === "string" && message.trim() !== "" ? message.trim() : undefined
}

const urlPattern = /https?:\/\/[^\s"'<>]+/gi

/**
 * The message of the cause of a failure, safe to print: one line of at most 200 characters.
 *
 * @param redact - replaces the credentials of the request.
 */
export const causeMessage = (cause: unknown, redact: (text: string, limit: number) => string): string | undefined => {
  const message = innermost(cause, maxDepth)
  if (message === undefined) return undefined
  const line = redact(
    message.slice(0, 10_000).replaceAll(urlPattern, (url) => Redact.url(url)),
    200
  )
  return Redact.text(line.replaceAll(/\s+/g, " "), 200)
}
