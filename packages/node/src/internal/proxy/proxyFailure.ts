import * as HttpDate from "@countersign/protocol/HttpDate"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as Duration from "effect/Duration"
import { ProxyError } from "../errors/proxyError.js"
import type { ConnectResponse } from "./connectResponse.js"
import type { Proxy } from "./proxyUrl.js"

const codeOf = (error: Error): string | undefined =>
  "code" in error && typeof error.code === "string" ? error.code : undefined

const unreachableCodes = new Set(["EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"])

/** Error codes for certificates, of OpenSSL and Node. */
const certificateCodePattern = /^(CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_TLS_)/

/** Describes a failure and its remedy. `setting` is the name of the variable or option. */
const adviceFor = (code: string | undefined, setting: string): string => {
  if (code === undefined) return `Check ${setting}`
  if (code === "ENOTFOUND" || code.startsWith("EAI_"))
    return `the proxy's host name has no address. Check the name in ${setting}`
  if (code === "ECONNREFUSED") return `the connection was refused. Check the host and the port in ${setting}`
  if (unreachableCodes.has(code))
    return `the proxy's host is unreachable. Check the network, and the host in ${setting}`
  if (code.endsWith("TIMEDOUT") || code === "UND_ERR_CONNECT_TIMEOUT") {
    return `no connection within connectTimeout. Check the host in ${setting}`
  }
  if (certificateCodePattern.test(code))
    return `the proxy's certificate is not trusted for this host. Check tls.ca, and the host in ${setting}`
  if (code === "EPROTO" || code.startsWith("ERR_SSL_"))
    return `the proxy did not accept TLS. Check the scheme and the port in ${setting}`
  if (code === "HPE_HEADER_OVERFLOW") return "the header of its response is too large. Raise maxHeaderSize"
  if (code.startsWith("HPE_")) return `the response is not HTTP. Check the scheme and the port in ${setting}`
  return `the proxy closed the connection. Check ${setting}`
}

/**
 * The proxy could not be reached, or closed the connection before it opened a tunnel. Nothing of the request was sent.
 */
export const connectionFailed = (proxy: Proxy, error: Error): ProxyError => {
  const code = codeOf(error)
  const { origin, setting } = proxy
  const detail = adviceFor(code, setting)
  return new ProxyError(
    `no connection through the proxy ${origin}`,
    { reason: "ProxyFailed", code, detail, proxy: { origin } },
    error
  )
}

/** Whether the parser's message is that of a response without `HTTP/`. undici gives no code for it. */
export const isNotHttp = (error: Error): boolean => error.message.includes("Expected HTTP/")

/** The response to a forwarded request is not HTTP. The request was written. */
export const responseInvalid = (proxy: Proxy, error: Error): ProxyError => {
  const code = "HPE_INVALID_CONSTANT"
  const { origin, setting } = proxy
  const detail = adviceFor(code, setting)
  return new ProxyError(
    `the response of the proxy ${origin} is not HTTP`,
    { reason: "ProxyFailed", code, detail, proxy: { origin } },
    error
  )
}

const adviceForStatus = (status: number, setting: string, target: string): string => {
  switch (status) {
    case 407:
      return `the proxy requires authentication. Check the user name and the password in ${setting}`
    case 403:
      return `the proxy does not allow ${target}. Ask its administrator, or exclude the host with NO_PROXY (noProxy)`
    case 429:
      return "the proxy limits requests. Try again later"
    case 502:
    case 503:
    case 504:
      return `the proxy did not reach ${target}. Check the host and the port of the URL`
    default:
      return `the proxy opened no tunnel to ${target}. Check that ${setting} is the URL of a proxy`
  }
}

/** A number of seconds, and not a point in time. */
const secondsPattern = /^\d{1,8}(?:\.\d+)?$/

/**
 * The wait that the proxy requests. A point in time is compared with the proxy's own `Date`, so it is ignored without
 * one.
 */
const retryAfterOf = (headers: ConnectResponse["headers"]): Duration.Duration | undefined => {
  const isRelative = secondsPattern.test(headers["retry-after"] ?? "")
  const found =
    isRelative || HttpDate.parse(headers["date"] ?? "", 0) !== undefined ? RetryAfter.parse(headers, 0) : undefined
  return found?.source === "retry-after" ? Duration.millis(found.delayMs) : undefined
}

/** The proxy responded with a status, instead of a tunnel or of forwarding the request. */
export const requestRejected = (
  { origin, setting }: Proxy,
  { headers, status }: ConnectResponse,
  target: string
): ProxyError =>
  new ProxyError(`the proxy ${origin} responded with ${status}`, {
    phase: "unprocessed",
    reason: "ProxyFailed",
    detail: adviceForStatus(status, setting, target),
    proxy: { origin, status, retryAfter: retryAfterOf(headers) }
  })
