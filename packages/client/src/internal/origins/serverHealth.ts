import {
  BodyTooLarge,
  ClientError,
  Forbidden,
  InvalidResponse,
  RateLimited,
  RedirectRejected,
  Timeout,
  TransportError,
  Unauthorized,
  Unavailable
} from "../../Errors.js"

/** What a response or error says about the server. Undefined if it says nothing. */
export type ServerHealth = "healthy" | "failing" | undefined

/** Statuses of a proxy that did not reach the server (RFC 9110 §15.6.3 to §15.6.5). */
const gatewayStatuses: ReadonlySet<number | undefined> = new Set([502, 503, 504])

/**
 * Whether a status says that the server, or a proxy before it, cannot serve requests now: 502, 503, 504, 529
 * (overloaded), and 520 to 524 (the proxy cannot reach its origin).
 */
export const isOutage = (status: number): boolean =>
  (status >= 502 && status <= 504) || (status >= 520 && status <= 524) || status === 529

const transportHealth = ({ proxy, reason }: TransportError): ServerHealth => {
  // The client itself blocked the address.
  if (reason === "AddressBlocked") return undefined
  // A proxy that is down or rejects the client says nothing about the server.
  return reason === "ProxyFailed" && !gatewayStatuses.has(proxy?.status) ? undefined : "failing"
}

/**
 * What an error says about the server. An error that is neither a response nor a failed request says nothing: a failed
 * token request, a rejected permit, or an error of a custom policy.
 *
 * @param isFailureStatus - whether a status is a server failure. Applied to the errors that an inner client made of
 *   statuses.
 */
export const serverHealthOf = (error: unknown, isFailureStatus: (status: number) => boolean): ServerHealth => {
  if (error instanceof TransportError) return transportHealth(error)
  if (error instanceof Timeout) return error.scope === "exchange" ? "failing" : undefined
  if (error instanceof RateLimited && error.source !== "server") return undefined
  if (error instanceof Unavailable || error instanceof RateLimited) {
    return isFailureStatus(error.status) ? "failing" : "healthy"
  }
  return error instanceof Unauthorized ||
    error instanceof Forbidden ||
    error instanceof ClientError ||
    error instanceof RedirectRejected ||
    error instanceof InvalidResponse ||
    error instanceof BodyTooLarge
    ? "healthy"
    : undefined
}
