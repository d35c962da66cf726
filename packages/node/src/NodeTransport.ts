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
import * as Agent from "./internal/agent.js"
import { makeConnector, milliseconds } from "./internal/agent.js"
import { makeDispatcher } from "./internal/dispatcher.js"
import { Proxied } from "./internal/proxied.js"
import { proxyEnv } from "./internal/proxyEnv.js"
import type { Bounds } from "./internal/sending.js"
import { overDispatcher } from "./internal/sending.js"

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
  /** Until a connection stands, TLS included: 10 seconds. */
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
  /** Certificates and keys. */
  readonly tls?: Tls | undefined
  /** Connects to this Unix socket, whatever the host of a URL is. */
  readonly socketPath?: string | undefined
  /**
   * Called before a connection is opened, for each address of the host name, or for the address in the URL: `false`
   * rejects it. IPv4 addresses are given in dotted form. An IPv6 address that stands for or embeds an IPv4 address
   * (mapped, compatible, NAT64, 6to4, Teredo) is rejected if either of the two is, and `0.0.0.0` and `::` are rejected
   * if the loopback address is. Where no address is left, the
   * request fails with the code `ERR_COUNTERSIGN_ADDRESS`, which is a `TransportError` of the reason `AddressRefused`:
   * nothing was sent, and nothing will be by another attempt. For URLs that come from somebody else.
   */
  readonly allowAddress?: ((address: string, host: string) => boolean) | undefined
  /** Called with the origin whenever a connection was opened, for a counter. */
  readonly onConnect?: ((origin: string) => void) | undefined
}

/**
 * What {@link Options} are when they are left out.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: typeof Agent.defaults = Agent.defaults

/**
 * A client on undici. It follows no redirects and keeps no cookies. Its connections live as long as the scope; when
 * that closes, what is under way is cut.
 *
 * Fails like every transport of platform: `RequestError` with reason `Transport`, or `ResponseError` for a body that
 * breaks off; the cause carries undici's code, e.g. `UND_ERR_HEADERS_TIMEOUT`.
 * The fragment of a URL is not sent: [RFC 9110 §4.2.5](https://www.rfc-editor.org/rfc/rfc9110#section-4.2.5).
 *
 * @param options - bounds in time and size.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => makeDispatcher(options, (allowH2) => makeConnector({ ...options, allowH2 }))),
    (dispatcher) => Effect.promise(() => dispatcher.destroy())
  ).pipe(Effect.map((dispatcher) => overDispatcher(dispatcher, boundsOf(options))))

const boundsOf = (options: Options): Bounds => ({
  headersTimeout: milliseconds(options.headersTimeout ?? defaults.headersTimeout),
  bodyTimeout: milliseconds(options.bodyTimeout ?? defaults.bodyTimeout)
})

/**
 * {@link make} as a Layer, with bounds of your own.
 *
 * @example
 * import * as NodeTransport from "@countersign/node/NodeTransport"
 *
 * const TransportLive = NodeTransport.layerWith({ connections: 8, headersTimeout: "5 seconds" })
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (options: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.scoped(HttpClient.HttpClient, make(options))

/**
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = layerWith({})

/**
 * The bounds of a transport that may send through proxies. It is the proxy there that looks names up, and its address
 * is most often a private one: `allowAddress` would promise what it cannot hold.
 *
 * @since 0.1.0
 * @category models
 */
export type ProxyOptions = Omit<Options, "allowAddress" | "socketPath">

/**
 * {@link make}, through the proxies that the configuration names: `HTTP_PROXY` for http URLs, which it is asked to
 * forward, and `HTTPS_PROXY` for https URLs, through a tunnel ([RFC 9110 §9.3.6](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6)).
 * Hosts that `NO_PROXY` lists have none: names, which hold for what is below them, and addresses, with a port or
 * without, between commas; `*` is all of them. Lower-case names of the three go first. A proxy's URL may hold a name
 * and a password; they are sent to it, and to nobody else.
 *
 * A proxy that gives no tunnel fails like a connection that is refused (`ECONNREFUSED`, nothing sent); one that
 * refuses to forward gives its answer, e.g. a 407, as that of the origin.
 *
 * Fails with `ConfigError` for a proxy whose URL is none, or is neither http nor https.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeProxyEnv = (
  options: ProxyOptions = {}
): Effect.Effect<HttpClient.HttpClient, ConfigError, Scope.Scope> =>
  Effect.flatMap(proxyEnv, (proxies) =>
    Effect.acquireRelease(
      Effect.sync(() => new Proxied(options, proxies)),
      (proxied) => Effect.promise(() => proxied.destroy())
    )
  ).pipe(Effect.map((proxied) => overDispatcher(proxied, boundsOf(options))))

/**
 * {@link makeProxyEnv} as a Layer, with bounds of your own.
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
