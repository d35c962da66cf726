import * as Http from "node:http"
import type { Socket } from "node:net"
import { isIP } from "node:net"
import type * as Undici from "undici"
import type { Connector } from "../connection/connector.js"
import type { ProxyError } from "../errors/proxyError.js"
import { connectionFailed, requestRejected } from "./proxyFailure.js"
import type { Proxy } from "./proxyUrl.js"
import { proxyAuthorization, serverNameOf, stripBrackets } from "./proxyUrl.js"

/** The host and port of a connection, as undici passes them to a connector. */
export type TunnelTarget = Pick<Undici.buildConnector.Options, "hostname" | "port">

/** Receives the tunnel or its error. */
type OnTunnel = (...result: [ProxyError, undefined] | [undefined, Socket]) => void

/** `host:port`, the target of a `CONNECT`: RFC 9112 §3.2.3. */
const authorityOf = ({ hostname, port }: TunnelTarget): string =>
  `${isIP(hostname) === 6 ? `[${hostname}]` : hostname}:${port === "" ? "443" : port}`

/** Makes a function that opens a connection to a proxy, and tries each of its addresses. */
const makeCreateConnection = (proxy: Proxy, connect: Connector): Http.RequestOptions["createConnection"] => {
  const { host, port, protocol } = new URL(proxy.origin)
  const target = { hostname: stripBrackets(proxy.hostname), host, port, protocol, servername: serverNameOf(proxy) }
  return (_, callback) => {
    connect(target, (...result) => {
      if (result[0] === null) return callback(null, result[1])
      // The type requires a socket with an error too. Node ignores it.
      callback(result[0], undefined as never)
    })
    return undefined
  }
}

/** Makes a `CONNECT` request over a connection that `connect` opens. */
const makeConnectRequest = (proxy: Proxy, authority: string, connect: Connector): Http.ClientRequest => {
  const authorization = proxyAuthorization(proxy)
  return Http.request({
    method: "CONNECT",
    path: authority,
    createConnection: makeCreateConnection(proxy, connect),
    headers: {
      host: authority,
      connection: "keep-alive",
      ...(authorization === undefined ? {} : { "proxy-authorization": authorization })
    }
  })
}

/**
 * Opens a tunnel through a proxy: RFC 9110 §9.3.6. Only the `CONNECT` request contains the proxy's credentials.
 *
 * @param connect - opens connections to the proxy, without client certificate, and verifies the proxy's certificate.
 * @returns a function that closes it, with or without an error. `onTunnel` is not called afterwards.
 */
export const openTunnel = (
  proxy: Proxy,
  target: TunnelTarget,
  connect: Connector,
  onTunnel: OnTunnel
): ((error?: Error) => void) => {
  const authority = authorityOf(target)
  const request = makeConnectRequest(proxy, authority, connect)
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
