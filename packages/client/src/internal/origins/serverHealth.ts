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

/** What an exchange says about its server: that it is there, that something is wrong with it, or nothing. */
export type ServerHealth = "healthy" | "failing" | undefined

/** The statuses of a proxy that did not reach the server: RFC 9110 §15.6.3 to §15.6.5. */
const gatewayStatuses: ReadonlySet<number | undefined> = new Set([502, 503, 504])

/**
 * Statuses with which a server, or a proxy in front of it, says that it cannot serve now: 502, 503, 504, 529 (overloaded),
 * and 520 to 524 (a proxy that does not reach its origin).
 */
export const isOutage = (status: number): boolean =>
  (status >= 502 && status <= 504) || (status >= 520 && status <= 524) || status === 529

const transportHealth = ({ proxy, reason }: TransportError): ServerHealth => {
  // This side's own refusal says nothing about the other.
  if (reason === "AddressBlocked") return undefined
  // A proxy that is down or rejects the client says nothing about the server.
  return reason === "ProxyFailed" && !gatewayStatuses.has(proxy?.status) ? undefined : "failing"
}

/**
 * What an error says. What is nobody's answer and no broken exchange (a token that was not to be had, a permit that was
 * refused, an error of a policy that is not ours) says nothing.
 *
 * @param isFailureStatus - which statuses speak against the server: a client further in has made errors of them.
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
