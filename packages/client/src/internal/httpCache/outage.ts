/** Failures after which a stale response may be used (RFC 5861 §4). */
const outageStatuses: ReadonlySet<number> = new Set([500, 502, 503, 504])

/** Errors that say nothing about the request: the server did not answer it, or was not asked. */
const outageTags: ReadonlySet<string> = new Set([
  "TransportError",
  "Timeout",
  "Unavailable",
  "CircuitOpen",
  "Overloaded"
])

export const isOutage = (status: number): boolean => outageStatuses.has(status)

export const isOutageError = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && outageTags.has(String(error._tag))
