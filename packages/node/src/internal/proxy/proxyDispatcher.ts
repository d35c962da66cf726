import { BoundedMap } from "@countersign/client/BoundedMap"
import type * as Undici from "undici"
import type {
  HeaderFields,
  OutgoingRequest,
  RequestDispatcher,
  RequestHandler
} from "../dispatcher/requestDispatcher.js"
import { makeAgent, makeConnector } from "../transport/agent.js"
import type { ProxyOptions } from "../transport/options.js"
import type { OwningDispatcher } from "../transport/owningDispatcher.js"
import { makeDispatcher } from "../transport/owningDispatcher.js"
import type { Proxies } from "./proxyEnv.js"
import { ForwardedRequest, isReplayable } from "./forwardedRequest.js"
import type { ProxyAuthorization } from "./proxyCredentials.js"
import { maxAuthenticationRetries } from "./proxyCredentials.js"
import { connectionFailed } from "./proxyFailure.js"
import type { Proxy } from "./proxyUrl.js"
import { serverNameOf } from "./proxyUrl.js"
import { TunnelDispatcher } from "./tunnelDispatcher.js"

type Dispatch = RequestDispatcher["dispatch"]

const credentialsField = "proxy-authorization"

/** The fields without those of a name. All names are in lower case. */
const omitField = (fields: HeaderFields, name: string): HeaderFields =>
  fields.filter((_, at) => fields[at - (at % 2)] !== name)

/** The header fields of a forwarded request. The proxy's credentials replace the caller's `proxy-authorization`. */
const makeForwardedHeaders = (fields: HeaderFields, host: string, authorization: string | undefined): HeaderFields =>
  authorization === undefined
    ? ["host", host, ...fields]
    : ["host", host, ...omitField(fields, credentialsField), credentialsField, authorization]

/** Turns a request to an origin into a request to the forwarding proxy: RFC 9112 §3.2.2. */
const makeForwardRequest = (
  request: OutgoingRequest,
  { host, origin }: URL,
  proxy: Proxy,
  authorization: ProxyAuthorization | undefined
): OutgoingRequest => {
  const forwarded = {
    ...request,
    origin: proxy.origin,
    // undici reconnects when this changes. Without it, undici takes the name from the `host` field.
    servername: proxy.hostname,
    path: origin + request.path,
    headers: makeForwardedHeaders(request.headers, host, authorization?.field)
  }
  return forwarded
}

/** Where requests are forwarded, and by what. */
interface Route {
  readonly url: URL
  readonly proxy: Proxy
  readonly agent: Undici.Agent
}

/** The attempt at a request that a proxy forwards. */
interface Attempt {
  readonly retries: number
  /** Of the request that this one replaces. */
  readonly rejected: ProxyAuthorization | undefined
}

const firstAttempt: Attempt = { retries: maxAuthenticationRetries, rejected: undefined }

/** Sends a request to the proxy, and again if the proxy sends a challenge that can be answered. */
const forward = (
  request: OutgoingRequest,
  handler: RequestHandler,
  route: Route,
  { rejected, retries }: Attempt
): boolean => {
  const { agent, proxy, url } = route
  const authorization = proxy.credentials?.authorize(request.method, url.origin + request.path, rejected)
  const again = () => void forward(request, handler, route, { retries: retries - 1, rejected: authorization })
  const forwarded = new ForwardedRequest(handler, {
    proxy,
    authorization,
    host: url.host,
    again: retries > 0 && isReplayable(request.body) ? again : undefined
  })
  return agent.dispatch(makeForwardRequest(request, url, proxy, authorization), forwarded)
}

/** Makes a connector for connections to a proxy, with HTTP/1.1 and without client certificate. */
const makeProxyConnector = ({ connectTimeout, tls }: ProxyOptions, proxy: Proxy): Undici.buildConnector.connector => {
  const connect = makeConnector({ connectTimeout, tls: { ca: tls?.ca } })
  return (target, callback) =>
    connect({ ...target, servername: serverNameOf(proxy) }, (...result) =>
      result[0] === null ? callback(...result) : callback(connectionFailed(proxy, result[0]), null)
    )
}

const defaultPort = (url: URL): string => url.port || (url.protocol === "https:" ? "443" : "80")

/**
 * A dispatcher that uses proxies: a tunnel for https, forwarding for http, and direct connections for hosts that bypass
 * the proxies. `destroy` closes its connections.
 */
export class ProxyDispatcher implements RequestDispatcher {
  readonly #directDispatcher: OwningDispatcher
  readonly #forwardingAgent: Undici.Agent | undefined
  readonly #tunnels: TunnelDispatcher | undefined
  readonly #proxies: Proxies
  readonly #routes: BoundedMap<Dispatch> = new BoundedMap(256)

  constructor(options: ProxyOptions, proxies: Proxies) {
    const { http, https } = proxies
    this.#proxies = proxies
    this.#directDispatcher = makeDispatcher(options, (allowH2) => makeConnector({ ...options, allowH2 }))
    if (http !== undefined) {
      this.#forwardingAgent = makeAgent(options, makeProxyConnector(options, http))
    }
    if (https !== undefined) this.#tunnels = new TunnelDispatcher(options, https)
  }

  readonly dispatch: Dispatch = (request, handler) => {
    const { origin } = request
    const route = this.#routes.get(origin) ?? this.#route(origin)
    return route(request, handler)
  }

  #route(origin: string): Dispatch {
    const route = this.#routeOf(new URL(origin))
    this.#routes.set(origin, route)
    return route
  }

  #routeOf(url: URL): Dispatch {
    const { isBypassed, http } = this.#proxies
    if (!isBypassed(url.hostname, defaultPort(url))) {
      if (url.protocol === "https:" && this.#tunnels !== undefined) return this.#tunnels.dispatch
      const agent = this.#forwardingAgent
      if (url.protocol === "http:" && http !== undefined && agent !== undefined) {
        return (request, handler) => forward(request, handler, { url, proxy: http, agent }, firstAttempt)
      }
    }
    return (request, handler) => this.#directDispatcher.dispatch(request, handler)
  }

  async destroy(): Promise<void> {
    await Promise.all([this.#directDispatcher.destroy(), this.#forwardingAgent?.destroy(), this.#tunnels?.destroy()])
  }
}
