import * as Http from "node:http"
import * as Https from "node:https"
import type { Socket } from "node:net"
import { isIP } from "node:net"
import type * as Undici from "undici"
import type { Tls } from "../NodeTransport.js"
import type { ProxyError } from "./proxyError.js"
import { connectionFailed, requestRejected } from "./proxyError.js"
import type { Proxy } from "./proxyUrl.js"
import { proxyAuthorization, serverNameOf, unbracketed } from "./proxyUrl.js"

/** Where connections are opened to: a host and a port, as undici gives them to a connector. */
export type TunnelTarget = Pick<Undici.buildConnector.Options, "hostname" | "port">

/** Receives the tunnel, or why there is none. */
type OnTunnel = (...result: [ProxyError, undefined] | [undefined, Socket]) => void

/** `host:port`, the target of a `CONNECT`: RFC 9112 §3.2.3. */
const authorityOf = ({ hostname, port }: TunnelTarget): string =>
  `${isIP(hostname) === 6 ? `[${hostname}]` : hostname}:${port === "" ? "443" : port}`

const listOf = (ca: Tls["ca"]): string | Array<string> | undefined =>
  ca === undefined || typeof ca === "string" ? ca : [...ca]

/** A `CONNECT` for a proxy. It shows the proxy no client certificate, and verifies the proxy's own. */
const connectRequest = (proxy: Proxy, authority: string, ca: Tls["ca"]): Http.ClientRequest => {
  const { port, protocol } = new URL(proxy.origin)
  const authorization = proxyAuthorization(proxy)
  const options: Https.RequestOptions = {
    method: "CONNECT",
    host: unbracketed(proxy.hostname),
    port,
    path: authority,
    agent: false,
    headers: {
      host: authority,
      connection: "keep-alive",
      ...(authorization === undefined ? {} : { "proxy-authorization": authorization })
    }
  }
  if (protocol === "http:") return Http.request(options)
  return Https.request({ ...options, ca: listOf(ca), servername: serverNameOf(proxy), rejectUnauthorized: true })
}

/**
 * Asks a proxy for a tunnel: RFC 9110 §9.3.6. Only the `CONNECT` holds the proxy's credentials.
 *
 * @returns what ends it, with an error or without; nothing is received afterwards.
 */
export const openTunnel = (
  proxy: Proxy,
  target: TunnelTarget,
  ca: Tls["ca"],
  onTunnel: OnTunnel
): ((error?: Error) => void) => {
  const authority = authorityOf(target)
  const request = connectRequest(proxy, authority, ca)
  request.on("error", (error) => onTunnel(connectionFailed(proxy, error), undefined))
  request.on("connect", (response, socket: Socket, head) => {
    socket.on("error", () => undefined)
    const { statusCode = 0 } = response
    if (statusCode < 200 || statusCode > 299) {
      socket.destroy()
      return onTunnel(requestRejected(proxy, statusCode, authority), undefined)
    }
    if (head.length > 0) socket.unshift(head)
    onTunnel(undefined, socket)
  })
  request.end()
  return (error) => void request.destroy(error)
}
