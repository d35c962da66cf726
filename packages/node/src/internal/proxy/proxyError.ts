import type { FailureDetails } from "@countersign/client/Transport"
import type { Proxy } from "./proxyUrl.js"

type ProxyFailure = Omit<FailureDetails, "phase"> & { readonly phase?: FailureDetails["phase"] }

/** A proxy that gave no connection, or that did not forward the request. */
export class ProxyError extends Error {
  override readonly name: string = "ProxyError"
  /** The code of the cause. Never one after which undici connects again (`UND_ERR_SOCKET`, `UND_ERR_INFO`). */
  readonly code: string | undefined
  /** What a `TransportError` says of it. A phase replaces the one that the exchange is in. */
  readonly details: ProxyFailure

  constructor(message: string, details: ProxyFailure, cause?: unknown) {
    super(message, { cause })
    this.code = details.code
    this.details = details
  }
}

const codeOf = (error: Error): string | undefined =>
  "code" in error && typeof error.code === "string" ? error.code : undefined

const unreachableCodes = new Set(["EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"])

/** Codes of certificates and of TLS: of OpenSSL and of Node. */
const certificateCodePattern = /^(CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_TLS_)/

/** What failed, and what to do about it. `setting` is the name of the variable or of the option. */
const adviceFor = (code: string | undefined, setting: string): string => {
  if (code === undefined) return `check ${setting}`
  if (code === "ENOTFOUND" || code.startsWith("EAI_"))
    return `its host name has no address: check the name in ${setting}`
  if (code === "ECONNREFUSED") return `nothing listens there: check the host and the port in ${setting}`
  if (unreachableCodes.has(code)) return `its host cannot be reached: check the network and the host in ${setting}`
  if (code.endsWith("TIMEDOUT") || code === "UND_ERR_CONNECT_TIMEOUT") {
    return `it opened no connection within connectTimeout: check the host in ${setting}`
  }
  if (certificateCodePattern.test(code))
    return `its certificate is not trusted for this host: check tls.ca and the host in ${setting}`
  if (code === "EPROTO" || code.startsWith("ERR_SSL_"))
    return `it did not accept TLS: check the scheme and the port in ${setting}`
  if (code.startsWith("HPE_")) return `its response is not HTTP: check the scheme and the port in ${setting}`
  return `it closed the connection: check ${setting}`
}

/** The proxy could not be reached, or broke off before it opened a tunnel. Nothing of the request was sent. */
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

/** The words of the parser for a response that does not begin with `HTTP/`. undici gives no code for it. */
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
      return `it requires authentication: check the user name and the password in ${setting}`
    case 403:
      return `it does not allow ${target}: ask its administrator, or exclude the host with NO_PROXY (noProxy)`
    case 502:
    case 503:
    case 504:
      return `it did not reach ${target}: check the host and the port of the URL`
    default:
      return `it opened no tunnel to ${target}: check that ${setting} names a proxy`
  }
}

/** The proxy answered with a status instead of a tunnel, or instead of forwarding the request. */
export const requestRejected = ({ origin, setting }: Proxy, status: number, target: string): ProxyError =>
  new ProxyError(`the proxy ${origin} answered ${status}`, {
    phase: "unprocessed",
    reason: "ProxyFailed",
    detail: adviceForStatus(status, setting, target),
    proxy: { origin, status }
  })
