import * as Redacted from "effect/Redacted"
import type { Socket } from "node:net"
import { isIP } from "node:net"
import * as Undici from "undici"
import type { Options } from "../NodeTransport.js"
import { makeAgent, makeConnector, milliseconds } from "./agent.js"
import type { OwningDispatcher } from "./dispatcher.js"
import { makeDispatcher } from "./dispatcher.js"
import type { Proxies, Proxy } from "./proxyEnv.js"
import type { HeaderFields, OutgoingRequest, RequestDispatcher } from "./sending.js"

type Dispatch = RequestDispatcher["dispatch"]

/** A connection that the proxy did not give: nothing of the request was sent. */
class ProxyFailed extends Error {
  override readonly name: string = "ProxyFailed"
  readonly code: string = "ECONNREFUSED"
}

/**
 * undici connects again, and again, after some codes; and none of them says that the request was not sent.
 */
const beforeSending = (error: Error): Error =>
  error instanceof Undici.errors.HeadersTimeoutError || error instanceof Undici.errors.ConnectTimeoutError
    ? new Undici.errors.ConnectTimeoutError("the proxy did not open a tunnel in time")
    : new ProxyFailed("the proxy did not open a tunnel", { cause: error })

const credentials = ({ authorization }: Proxy): Record<string, string> =>
  authorization === undefined ? {} : { "proxy-authorization": Redacted.value(authorization) }

/** Opens connections through tunnels that a proxy makes: RFC 9110 §9.3.6. Only `CONNECT` holds its credentials. */
const tunnelling =
  (pool: Undici.Pool, proxy: Proxy, connect: Undici.buildConnector.connector): Undici.buildConnector.connector =>
  (target, callback) => {
    const host = isIP(target.hostname) === 6 ? `[${target.hostname}]` : target.hostname
    const path = `${host}:${target.port === "" ? "443" : target.port}`
    pool.connect({ path, headers: { host: path, ...credentials(proxy) } }, (error, answer) => {
      if (error !== null) return callback(beforeSending(error), null)
      const { socket, statusCode } = answer
      socket.on("error", () => undefined)
      if (statusCode >= 200 && statusCode < 300) {
        // What a tunnel is made of is a socket; undici's types know it as a duplex stream.
        return connect({ ...target, httpSocket: socket as Socket }, callback)
      }
      socket.destroy()
      callback(new ProxyFailed(`the proxy answered CONNECT with ${statusCode}`), null)
    })
  }

const proxyAuthorization = "proxy-authorization"

/** The fields without those called `name`, which is in lower case, as the names of the platform's headers are. */
const withoutField = (fields: HeaderFields, name: string): HeaderFields =>
  fields.filter((_, at) => fields[at - (at % 2)] !== name)

/** The header fields of a forwarded request. The proxy's credentials replace a `proxy-authorization` of the caller. */
const forwardedFields = (fields: HeaderFields, host: string, authorization: string | undefined): HeaderFields =>
  authorization === undefined
    ? ["host", host, ...fields]
    : ["host", host, ...withoutField(fields, proxyAuthorization), proxyAuthorization, authorization]

/** Turns a request to an origin into the request to a proxy that forwards it: RFC 9112 §3.2.2. */
const forwarder = ({ host, origin }: URL, proxy: Proxy): ((request: OutgoingRequest) => OutgoingRequest) => {
  const isName = isIP(proxy.hostname) === 0 && !proxy.hostname.startsWith("[")
  // Otherwise the name that the proxy's certificate has to hold would be the origin's.
  const own = { origin: proxy.origin, ...(isName ? { servername: proxy.hostname } : {}) }
  const authorization = proxy.authorization === undefined ? undefined : Redacted.value(proxy.authorization)
  return (request) => ({
    ...request,
    ...own,
    path: origin + request.path,
    headers: forwardedFields(request.headers, host, authorization)
  })
}

const defaultPort = (url: URL): string => url.port || (url.protocol === "https:" ? "443" : "80")

/**
 * A dispatcher that sends through proxies: to https in a tunnel, to http by asking the proxy to forward, and directly
 * where the list says so. What it owns, `destroy` closes.
 */
export class Proxied implements RequestDispatcher {
  readonly #direct: OwningDispatcher
  readonly #forwarding: Undici.Agent
  readonly #tunnels: { readonly agent: OwningDispatcher; readonly pool: Undici.Pool } | undefined
  readonly #proxies: Proxies
  readonly #routes: Map<string, Dispatch> = new Map()

  constructor(options: Options, proxies: Proxies) {
    const connect = (allowH2: boolean) => makeConnector({ ...options, allowH2 })
    // A proxy is shown no certificate that is meant for origins, and spoken to in HTTP/1.1.
    const { connectTimeout, tls } = options
    const toProxy = makeConnector({ connectTimeout, tls: { ca: tls?.ca } })
    this.#proxies = proxies
    this.#direct = makeDispatcher(options, connect)
    this.#forwarding = makeAgent(options, toProxy)
    const { https } = proxies
    if (https === undefined) return
    const pool = new Undici.Pool(https.origin, {
      connect: toProxy,
      headersTimeout: milliseconds(connectTimeout ?? "10 seconds")
    })
    this.#tunnels = { pool, agent: makeDispatcher(options, (allowH2) => tunnelling(pool, https, connect(allowH2))) }
  }

  readonly dispatch: Dispatch = (options, handler) => {
    const { origin } = options
    const route = this.#routes.get(origin) ?? this.#route(origin)
    return route(options, handler)
  }

  #route(origin: string): Dispatch {
    const route = this.#routeOf(new URL(origin))
    // As many as undici has pools for; beyond, the way is found anew.
    if (this.#routes.size < 256) this.#routes.set(origin, route)
    return route
  }

  #routeOf(url: URL): Dispatch {
    const { bypasses, http } = this.#proxies
    if (!bypasses(url.hostname, defaultPort(url))) {
      const tunnels = this.#tunnels
      if (url.protocol === "https:" && tunnels !== undefined) {
        return (options, handler) => tunnels.agent.dispatch(options, handler)
      }
      if (url.protocol === "http:" && http !== undefined) {
        const forward = forwarder(url, http)
        return (options, handler) => this.#forwarding.dispatch(forward(options), handler)
      }
    }
    return (options, handler) => this.#direct.dispatch(options, handler)
  }

  async destroy(): Promise<void> {
    const tunnels = this.#tunnels === undefined ? [] : [this.#tunnels.agent, this.#tunnels.pool]
    await Promise.all([this.#direct, this.#forwarding, ...tunnels].map((owned) => owned.destroy()))
  }
}
