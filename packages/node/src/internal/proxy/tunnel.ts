import type { Socket } from "node:net"
import { isIP } from "node:net"
import type * as Undici from "undici"
import type { Connector } from "../connection/connector.js"
import type { ProxyError } from "../errors/proxyError.js"
import { connectionFailed, requestRejected } from "./proxyFailure.js"
import type { ConnectResponse } from "./connectResponse.js"
import { readConnectResponse } from "./connectResponse.js"
import type { ProxyAuthorization } from "./proxyCredentials.js"
import { maxAuthenticationRetries } from "./proxyCredentials.js"
import type { Proxy } from "./proxyUrl.js"
import { serverNameOf, stripBrackets } from "./proxyUrl.js"

/** The host and port of a connection, as undici passes them to a connector. */
export type TunnelTarget = Pick<Undici.buildConnector.Options, "hostname" | "port">

/** Receives the tunnel or its error. */
type OnTunnel = (...result: [ProxyError, undefined] | [undefined, Socket]) => void

/** `host:port`, the target of a `CONNECT`: RFC 9112 §3.2.3. */
const authorityOf = ({ hostname, port }: TunnelTarget): string =>
  `${isIP(hostname) === 6 ? `[${hostname}]` : hostname}:${port === "" ? "443" : port}`

/** The bytes of a `CONNECT` request. */
const encodeConnect = (authority: string, authorization: string | undefined): string => {
  const lines = [`CONNECT ${authority} HTTP/1.1`, `host: ${authority}`, "connection: keep-alive"]
  if (authorization !== undefined) lines.push(`proxy-authorization: ${authorization}`)
  return `${lines.join("\r\n")}\r\n\r\n`
}

/** Reads what a response says about the credentials. Returns true if the proxy sent a challenge that the next request answers. */
const readAuthentication = (
  { credentials }: Proxy,
  { headers, status }: ConnectResponse,
  authorization: ProxyAuthorization | undefined
): boolean => {
  if (credentials === undefined || authorization === undefined) return false
  if (status === 407) return credentials.onRejected(headers["proxy-authenticate"] ?? "", authorization)
  if (status < 300) credentials.onAccepted(authorization, headers["proxy-authentication-info"])
  return false
}

/** What a connector needs for a connection to a proxy. */
const proxyTarget = (proxy: Proxy): Undici.buildConnector.Options => {
  const { host, port, protocol } = new URL(proxy.origin)
  return { hostname: stripBrackets(proxy.hostname), host, port, protocol, servername: serverNameOf(proxy) }
}

/** How tunnels are opened. */
export interface TunnelOptions {
  /** Opens connections to the proxy, without client certificate, and verifies the proxy's certificate. */
  readonly connect: Connector
  /** Maximum size of the header section of the proxy's response, in bytes. */
  readonly maxHeaderSize: number
}

/**
 * Opens a tunnel through a proxy: RFC 9110 §9.3.6. Only the `CONNECT` request contains the proxy's credentials.
 *
 * @returns a function that closes it. `onTunnel` is not called afterwards.
 */
export const openTunnel = (
  proxy: Proxy,
  target: TunnelTarget,
  { connect, maxHeaderSize }: TunnelOptions,
  onTunnel: OnTunnel
): (() => void) => {
  const authority = authorityOf(target)
  let isClosed = false
  let opened: Socket | undefined
  const fail = (error: ProxyError) => {
    opened?.destroy()
    if (!isClosed) onTunnel(error, undefined)
  }
  const open = (retries: number, rejected: ProxyAuthorization | undefined) =>
    connect(proxyTarget(proxy), (...[error, socket]) => {
      if (error !== null) return fail(connectionFailed(proxy, error))
      opened = socket.on("error", () => undefined)
      if (isClosed) return void socket.destroy()
      const authorization = proxy.credentials?.authorize("CONNECT", authority, rejected)
      readConnectResponse(socket, maxHeaderSize, (result) => {
        if (result instanceof Error) return fail(connectionFailed(proxy, result))
        const isChallenged = readAuthentication(proxy, result, authorization)
        if (isChallenged && retries > 0 && !isClosed) {
          // Many proxies close the connection after a 407.
          socket.destroy()
          return open(retries - 1, authorization)
        }
        if (result.status < 200 || result.status > 299) return fail(requestRejected(proxy, result, authority))
        if (!isClosed) onTunnel(undefined, socket)
      })
      socket.write(encodeConnect(authority, authorization?.field))
    })
  open(maxAuthenticationRetries, undefined)
  return () => {
    isClosed = true
    opened?.destroy()
  }
}
