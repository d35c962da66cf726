/**
 * The transport for Node: connections that are reused, and that end in time.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { ProxyDispatcher } from "./internal/proxy/proxyDispatcher.js"
import type { Proxies } from "./internal/proxy/proxyEnv.js"
import { proxyEnv } from "./internal/proxy/proxyEnv.js"
import { proxyOption } from "./internal/proxy/proxyOption.js"
import * as Agent from "./internal/transport/agent.js"
import { makeConnector, milliseconds } from "./internal/transport/agent.js"
import { makeDispatcher } from "./internal/transport/owningDispatcher.js"
import type { Bounds } from "./internal/transport/undiciHttpClient.js"
import { overDispatcher } from "./internal/transport/undiciHttpClient.js"

/**
 * The certificates that a transport trusts. Certificates are always verified: give one's own authority as `ca`.
 *
 * @since 0.1.0
 * @category models
 */
export interface TlsTrust {
  /** Certificates to trust, in PEM, in place of those that Node trusts. They apply to proxies too. */
  readonly ca?: string | ReadonlyArray<string> | undefined
  readonly origins?: undefined
  readonly cert?: undefined
  readonly key?: undefined
  readonly passphrase?: undefined
  readonly servername?: undefined
}

/**
 * A client certificate for mutual TLS, and the origins that it is shown to. To every other origin, such as the target of a
 * redirect, and to a proxy, the transport connects without it.
 *
 * Specification: [RFC 8446 §4.4.2](https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2).
 *
 * @since 0.1.0
 * @category models
 */
export interface TlsIdentity extends Omit<TlsTrust, "origins" | "cert" | "key" | "passphrase" | "servername"> {
  /**
   * The origins that `cert` is shown to and for which `servername` holds: https URLs, of which scheme, host and port
   * count. Name the API's, and the authorization server's where the certificate authenticates the client there. Where one
   * of them is not an https URL, each https request fails with a `TransportError` whose reason is `Tls`, unsent.
   */
  readonly origins: ReadonlyArray<string>
  /** The certificate, with its chain, in PEM. */
  readonly cert?: string | undefined
  /** The private key of `cert`, in PEM. */
  readonly key?: Redacted.Redacted | undefined
  /** The passphrase of an encrypted `key`. */
  readonly passphrase?: Redacted.Redacted | undefined
  /** The name in the server's certificate, where it is not the host of the URL. */
  readonly servername?: string | undefined
}

/**
 * The certificates of a transport. Only `ca` can be given without `origins`: a client certificate without the origins that it
 * is for does not compile, because a redirect could lead it anywhere.
 *
 * @since 0.1.0
 * @category models
 */
export type Tls = TlsTrust | TlsIdentity

/**
 * The bounds of a transport. An infinite duration takes a bound away. undici looks at its clock about once a second, so
 * timeouts end up to a second late; use `Timeout` of the client where that matters.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Most connections to one origin at a time; as many as there are requests when left out. */
  readonly connections?: number | undefined
  /**
   * Until a connection is established, TLS included: 10 seconds. All addresses of a name are tried within this time, side by
   * side ([RFC 8305](https://www.rfc-editor.org/rfc/rfc8305)).
   */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /** From the end of the request to the last header of its answer: 30 seconds. */
  readonly headersTimeout?: Duration.DurationInput | undefined
  /** Between two pieces of the answer's body: 30 seconds. */
  readonly bodyTimeout?: Duration.DurationInput | undefined
  /**
   * How long an idle connection is kept at most. When left out, 4 seconds, less than the 5 after which common servers
   * close theirs; or 2 less than a server's `Keep-Alive` says, and never more than ten minutes.
   */
  readonly keepAliveTimeout?: Duration.DurationInput | undefined
  /** Most bytes of an answer's headers: 16 KiB. */
  readonly maxHeaderSize?: number | undefined
  /**
   * Most requests at a time over one connection: 1 over HTTP/1.1, where only requests that may be sent twice are
   * pipelined and each response waits for those before it; 100 over HTTP/2, or less if the server allows less.
   */
  readonly pipelining?: number | undefined
  /**
   * Whether https servers may choose HTTP/2 ([RFC 9113](https://www.rfc-editor.org/rfc/rfc9113)) in the TLS handshake:
   * no. All other options apply to both protocols. `maxHeaderSize` counts 32 bytes more per field over HTTP/2.
   */
  readonly allowH2?: boolean | undefined
  /**
   * Certificates and keys. Where they cannot be used, each https request fails with a `TransportError` of the reason `Tls`,
   * unsent, whose `detail` names the option.
   */
  readonly tls?: Tls | undefined
  /**
   * Connects to this Unix socket, whatever the host of a URL is. A path that cannot be connected to is a `TransportError` of
   * the reason `ConnectionRefused`, whose `detail` names it.
   */
  readonly socketPath?: string | undefined
  /**
   * Called before a connection is opened, for each address of the host name, or for the address in the URL: `false`
   * rejects it. IPv4 addresses are given in dotted form. An IPv6 address that stands for or embeds an IPv4 address
   * (mapped, compatible, NAT64, 6to4, Teredo) is rejected if either of the two is, and `0.0.0.0` and `::` are rejected
   * if the loopback address is. Where no address is left, the
   * request fails with the code `ERR_COUNTERSIGN_ADDRESS`, which is a `TransportError` of the reason `AddressRefused`:
   * nothing was sent, and it is not retried. A function that throws rejects the address, and its error is the `cause`. Use
   * this for URLs that others supply.
   */
  readonly allowAddress?: ((address: string, host: string) => boolean) | undefined
  /** Called with the origin whenever a connection was opened, for a counter. */
  readonly onConnect?: ((origin: string) => void) | undefined
  /** See {@link OptionsWithProxy}. */
  readonly proxy?: undefined
}

/**
 * The URL of a proxy, `http:` or `https:`, such as `http://proxy.example.com:3128`. It may hold a user name and a
 * password, percent-encoded; use `Redacted` then. They are sent to the proxy and to no origin
 * ([RFC 9110 §11.7.2](https://www.rfc-editor.org/rfc/rfc9110#section-11.7.2)).
 *
 * @since 0.1.0
 * @category models
 */
export type ProxyUrl = string | URL | Redacted.Redacted<string | URL>

/**
 * Proxies by the scheme of the request's URL, and the hosts that are reached without one.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxySettings {
  /** The proxy for `http:` URLs, which forwards the requests. None when left out. */
  readonly http?: ProxyUrl | undefined
  /** The proxy for `https:` URLs, through a tunnel of which the proxy sees the host and the port only. None when left out. */
  readonly https?: ProxyUrl | undefined
  /** Hosts that are reached without a proxy, in the form of the entries of `NO_PROXY`: see {@link makeProxyEnv}. */
  readonly noProxy?: ReadonlyArray<string> | undefined
}

/**
 * The options of a transport that sends through proxies. `allowAddress` and `socketPath` are excluded: the proxy
 * resolves host names, so that this client cannot check addresses.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxyOptions extends Omit<Options, "allowAddress" | "socketPath"> {
  readonly allowAddress?: undefined
  readonly socketPath?: undefined
}

/**
 * {@link ProxyOptions} with the proxy: one for all URLs, or one for each scheme with the hosts that bypass them.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionsWithProxy extends Omit<ProxyOptions, "proxy"> {
  readonly proxy: ProxyUrl | ProxySettings | undefined
}

/**
 * What {@link Options} are when they are left out.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: typeof Agent.defaults = Agent.defaults

/**
 * A client over HTTP/1.1, by undici, and with `allowH2` over HTTP/2. It follows no redirects and keeps no cookies. Its connections live as long as the scope; when
 * that closes, what is under way is cut.
 *
 * Fails like every transport of platform: `RequestError` with reason `Transport`, or `ResponseError` for a body that
 * breaks off; the cause carries undici's code, e.g. `UND_ERR_HEADERS_TIMEOUT`.
 * The fragment of a URL is not sent: [RFC 9110 §4.2.5](https://www.rfc-editor.org/rfc/rfc9110#section-4.2.5).
 *
 * With `proxy`, requests are sent as {@link makeProxyEnv} says, and making the client fails with `ConfigError` for an
 * invalid proxy URL or an invalid entry of `noProxy`. Without it, no proxy is used, whatever the environment says.
 *
 * @param options - bounds in time and size, certificates, and the proxy.
 * @since 0.1.0
 * @category constructors
 */
export function make(options?: Options): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope>
export function make(options: OptionsWithProxy): Effect.Effect<HttpClient.HttpClient, ConfigError, Scope.Scope>
export function make(
  options: Options | OptionsWithProxy = {}
): Effect.Effect<HttpClient.HttpClient, ConfigError, Scope.Scope> {
  return options.proxy === undefined
    ? overAgent(options)
    : Effect.flatMap(proxyOption(options.proxy), (proxies) => overProxies(options, proxies))
}

const overAgent = (options: Omit<Options, "proxy">): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => makeDispatcher(options, (allowH2) => makeConnector({ ...options, allowH2 }))),
    (dispatcher) => Effect.promise(() => dispatcher.destroy())
  ).pipe(Effect.map((dispatcher) => overDispatcher(dispatcher, boundsOf(options))))

const overProxies = (
  options: Omit<ProxyOptions, "proxy">,
  proxies: Proxies
): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new ProxyDispatcher(options, proxies)),
    (dispatcher) => Effect.promise(() => dispatcher.destroy())
  ).pipe(Effect.map((dispatcher) => overDispatcher(dispatcher, boundsOf(options))))

const boundsOf = (options: Pick<Options, keyof Bounds>): Bounds => ({
  headersTimeout: milliseconds(options.headersTimeout ?? defaults.headersTimeout),
  bodyTimeout: milliseconds(options.bodyTimeout ?? defaults.bodyTimeout)
})

/**
 * {@link make} as a Layer, with options. With `proxy`, building the Layer fails with `ConfigError` if that is invalid.
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
  return Layer.scoped(HttpClient.HttpClient, options.proxy === undefined ? overAgent(options) : make(options))
}

/**
 * {@link make} as a Layer, with the default options.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = layerWith({})

/**
 * {@link make}, with the proxies that the environment names, read through `Config`.
 *
 * | URL | variables: the first that is set, also if it is empty | how |
 * |---|---|---|
 * | `http:` | `http_proxy`, `HTTP_PROXY`, `all_proxy`, `ALL_PROXY` | the proxy forwards the request ([RFC 9112 §3.2.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2)) |
 * | `https:` | `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` | through a tunnel ([RFC 9110 §9.3.6](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6)), in HTTP/1.1 or HTTP/2 |
 * | hosts that bypass the proxies | `no_proxy`, `NO_PROXY` | directly |
 *
 * An empty value means no proxy. Where `REQUEST_METHOD` is set, `HTTP_PROXY` in capitals is ignored: in a CGI program it
 * is a header field of the request (httpoxy, [CVE-2016-5385](https://nvd.nist.gov/vuln/detail/CVE-2016-5385)).
 * Proxies are `http:` or `https:`; there is no SOCKS.
 *
 * The entries of `NO_PROXY` have commas or blanks between them, and may have a port each:
 *
 * | entry | bypasses |
 * |---|---|
 * | `example.com`, `.example.com`, `*.example.com` | that host and all hosts below it, as in curl and Python |
 * | `192.0.2.1`, `::1`, `[::1]` | that address, however the URL writes it |
 * | `10.0.0.0/8`, `fd00::/8` | the addresses of the network in CIDR notation; host names are not resolved |
 * | `example.com:8080`, `[::1]:8080`, `10.0.0.0/8:8080` | the same on that port only |
 * | `*` | every host |
 *
 * Loopback addresses are not excluded by themselves.
 *
 * Building fails with `ConfigError` for a proxy URL or an entry that is invalid. The error names the variable and the
 * entry, and never shows a proxy's URL.
 *
 * A request fails with the reason `ProxyFailed` if the proxy cannot be reached, opens no tunnel, or answers a forwarded
 * request with 407. `TransportError.proxy` has the proxy's origin and status, and nothing was sent to the origin. The
 * client does not retry a 407 or a 403 of the proxy. Other statuses of a proxy that forwards cannot be distinguished from
 * the origin's, and are responses.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeProxyEnv = (
  options: ProxyOptions = {}
): Effect.Effect<HttpClient.HttpClient, ConfigError, Scope.Scope> =>
  Effect.flatMap(proxyEnv, (proxies) => overProxies(options, proxies))

/**
 * {@link makeProxyEnv} as a Layer, with options.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProxyEnvWith = (options: ProxyOptions): Layer.Layer<HttpClient.HttpClient, ConfigError> =>
  Layer.scoped(HttpClient.HttpClient, makeProxyEnv(options))

/**
 * {@link makeProxyEnv} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProxyEnv: Layer.Layer<HttpClient.HttpClient, ConfigError> = layerProxyEnvWith({})
