/**
 * The HTTP transport for Node: an `HttpClient` over undici, with connection reuse, timeouts and optional HTTP/2.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { checkNames } from "./internal/transport/optionNames.js"
import { ProxyDispatcher } from "./internal/proxy/proxyDispatcher.js"
import type { Proxies } from "./internal/proxy/proxyEnv.js"
import { readProxyEnv } from "./internal/proxy/proxyEnv.js"
import { parseProxyOption } from "./internal/proxy/proxyOption.js"
import * as Agent from "./internal/transport/agent.js"
import { makeConnector, toMilliseconds } from "./internal/transport/agent.js"
import type { Options, OptionsWithProxy, ProxyOptions } from "./internal/transport/options.js"
import { makeDispatcher } from "./internal/transport/owningDispatcher.js"
import type { Timeouts } from "./internal/transport/undiciHttpClient.js"
import { makeHttpClient } from "./internal/transport/undiciHttpClient.js"

export type { Tls, TlsIdentity, TlsTrust } from "./internal/connection/tls.js"
export type { ProxySettings, ProxyUrl } from "./internal/transport/proxyOptions.js"
export type { Options, OptionsWithProxy, ProxyOptions } from "./internal/transport/options.js"

/**
 * The default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: typeof Agent.defaults = Agent.defaults

/**
 * Makes an `HttpClient` over HTTP/1.1 (undici), and over HTTP/2 with `allowH2`. It follows no redirects and stores no
 * cookies. Its connections close with the scope, and requests that are in progress then fail.
 *
 * Requests fail as with every transport of `@effect/platform`: `RequestError` with the reason `Transport`, or
 * `ResponseError` for an incomplete body. The cause contains undici's code, such as `UND_ERR_HEADERS_TIMEOUT`. The
 * fragment of a URL is not sent ([RFC 9110 §4.2.5](https://www.rfc-editor.org/rfc/rfc9110#section-4.2.5)).
 *
 * With `proxy`, requests are sent as {@link makeProxyEnv} describes. An invalid proxy URL or `noProxy` entry then fails
 * with `ConfigError`. Without `proxy` no proxy is used, and the environment is not read.
 *
 * @param options - timeouts, limits, certificates, and the proxy.
 * @since 0.1.0
 * @category constructors
 */
export function make(options?: Options): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope>
export function make(options: OptionsWithProxy): Effect.Effect<HttpClient.HttpClient, ConfigError, Scope.Scope>
export function make(
  options: Options | OptionsWithProxy = {}
): Effect.Effect<HttpClient.HttpClient, ConfigError, Scope.Scope> {
  return options.proxy === undefined
    ? makeWithAgent(options)
    : Effect.flatMap(parseProxyOption(options.proxy), (proxies) => makeWithProxies(options, proxies))
}

const makeWithAgent = (options: Omit<Options, "proxy">): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(checkNames(options), () => makeDispatcher(options, (allowH2) => makeConnector({ ...options, allowH2 }))),
    (dispatcher) => Effect.promise(() => dispatcher.destroy())
  ).pipe(Effect.map((dispatcher) => makeHttpClient(dispatcher, timeoutsOf(options), options.expectContinue)))

const makeWithProxies = (
  options: Omit<ProxyOptions, "proxy">,
  proxies: Proxies
): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(checkNames(options), () => new ProxyDispatcher(options, proxies)),
    (dispatcher) => Effect.promise(() => dispatcher.destroy())
  ).pipe(Effect.map((dispatcher) => makeHttpClient(dispatcher, timeoutsOf(options), options.expectContinue)))

const timeoutsOf = (options: Pick<Options, keyof Timeouts>): Timeouts => ({
  headersTimeout: toMilliseconds(options.headersTimeout ?? defaults.headersTimeout),
  bodyTimeout: toMilliseconds(options.bodyTimeout ?? defaults.bodyTimeout)
})

/**
 * Layer that sends requests with undici and these options. With `proxy`, it fails with `ConfigError` if `proxy` is
 * invalid.
 *
 * @example
 * import * as NodeTransport from "@countersign/node/NodeTransport"
 *
 * const TransportLive = NodeTransport.layerWith({ connections: 8, headersTimeout: "5 seconds" })
 *
 * const ThroughProxy = NodeTransport.layerWith({
 *   proxy: { https: "http://proxy.example.com:3128", noProxy: ["internal.example.com", "10.0.0.0/8"] }
 * })
 *
 * @since 0.1.0
 * @category layers
 */
export function layerWith(options: Options): Layer.Layer<HttpClient.HttpClient>
export function layerWith(options: OptionsWithProxy): Layer.Layer<HttpClient.HttpClient, ConfigError>
export function layerWith(options: Options | OptionsWithProxy): Layer.Layer<HttpClient.HttpClient, ConfigError> {
  return Layer.scoped(HttpClient.HttpClient, options.proxy === undefined ? makeWithAgent(options) : make(options))
}

/**
 * Layer that sends requests with undici and the default options.
 *
 * @example
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as NodeTransport from "@countersign/node/NodeTransport"
 * import * as Effect from "effect/Effect"
 *
 * const program = HttpClient.get("https://api.example.com/status").pipe(
 *   Effect.flatMap((response) => response.text),
 *   Effect.provide(NodeTransport.layer)
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = layerWith({})

/**
 * Makes an `HttpClient` like {@link make}, with the proxies of the environment variables, read through `Config`.
 *
 * | URL | variables: the first that is set, also if it is empty | how |
 * |---|---|---|
 * | `http:` | `http_proxy`, `HTTP_PROXY`, `all_proxy`, `ALL_PROXY` | the proxy forwards the request ([RFC 9112 §3.2.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2)) |
 * | `https:` | `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` | through a tunnel ([RFC 9110 §9.3.6](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6)), in HTTP/1.1 or HTTP/2 |
 * | hosts that bypass the proxies | `no_proxy`, `NO_PROXY` | directly |
 *
 * An empty value means no proxy. If `REQUEST_METHOD` is set, `HTTP_PROXY` in capitals is ignored: in a CGI program it is a
 * header field of the request (httpoxy, [CVE-2016-5385](https://nvd.nist.gov/vuln/detail/CVE-2016-5385)). Proxies must be
 * `http:` or `https:`. SOCKS is not supported.
 *
 * The entries of `NO_PROXY` are separated by commas or blanks. Each may have a port:
 *
 * | entry | bypasses |
 * |---|---|
 * | `example.com`, `.example.com`, `*.example.com` | that host and all hosts below it, as in curl and Python |
 * | `192.0.2.1`, `::1`, `[::1]` | that address, however the URL writes it |
 * | `10.0.0.0/8`, `fd00::/8` | the addresses of the network in CIDR notation; host names are not resolved |
 * | `example.com:8080`, `[::1]:8080`, `10.0.0.0/8:8080` | the same on that port only |
 * | `*` | every host |
 *
 * Loopback addresses are not excluded by default.
 *
 * Making the client fails with `ConfigError` for an invalid proxy URL or entry. The error names the variable and the entry,
 * and never contains the URL of a proxy.
 *
 * A request fails with the reason `ProxyFailed` if the proxy cannot be reached, opens no tunnel, or responds to a forwarded
 * request with 407. `TransportError.proxy` contains the origin of the proxy and its status. Nothing was sent to the
 * request's origin. The client does not retry a 407 or a 403 of the proxy. Other statuses of a forwarding proxy cannot be
 * distinguished from those of the origin, and are responses.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeProxyEnv = (
  options: ProxyOptions = {}
): Effect.Effect<HttpClient.HttpClient, ConfigError, Scope.Scope> =>
  Effect.flatMap(readProxyEnv, (proxies) => makeWithProxies(options, proxies))

/**
 * Layer that sends requests with undici through the proxies of the environment variables, with these options.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProxyEnvWith = (options: ProxyOptions): Layer.Layer<HttpClient.HttpClient, ConfigError> =>
  Layer.scoped(HttpClient.HttpClient, makeProxyEnv(options))

/**
 * Layer that sends requests with undici through the proxies of the environment variables.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProxyEnv: Layer.Layer<HttpClient.HttpClient, ConfigError> = layerProxyEnvWith({})
