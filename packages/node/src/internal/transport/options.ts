/** The options of the transport. */
import type * as Duration from "effect/Duration"
import type { Tls } from "../connection/tls.js"
import type { ProxySettings, ProxyUrl } from "./proxyOptions.js"

/**
 * Options of a transport: timeouts, limits, certificates, and the proxy. An infinite duration removes a timeout. undici
 * checks its clock about once a second, so timeouts end up to one second late. Use `Timeout` of the client for exact
 * ones.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Maximum number of connections to one origin. Default: no maximum. */
  readonly connections?: number | undefined
  /**
   * Timeout for opening a connection, TLS included. Default: 10 seconds. Within this time all addresses of a host name
   * are tried, concurrently ([RFC 8305](https://www.rfc-editor.org/rfc/rfc8305)).
   */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * Timeout from the end of the request to the end of the response's header section. Default: 5 minutes, so that
   * `timeout.exchange` of an `ApiClient` (30 seconds) decides.
   */
  readonly headersTimeout?: Duration.DurationInput | undefined
  /** Timeout between two parts of the response body. Default: 5 minutes. `idle` of `api.open` replaces it. */
  readonly bodyTimeout?: Duration.DurationInput | undefined
  /**
   * How long an idle connection is kept. Default: 4 seconds, because common servers close theirs after 5. By default
   * the `Keep-Alive` of a server replaces it, minus 2 seconds, up to ten minutes.
   */
  readonly keepAliveTimeout?: Duration.DurationInput | undefined
  /** Maximum size of a response's header section in bytes. Default: 16 KiB. */
  readonly maxHeaderSize?: number | undefined
  /**
   * Maximum number of concurrent requests over one connection. Default: 1 over HTTP/1.1, and 100 over HTTP/2, or the
   * server's maximum if it is lower. Over HTTP/1.1, only requests that may be sent twice are pipelined, and each
   * response waits for those before it.
   */
  readonly pipelining?: number | undefined
  /**
   * Offers HTTP/2 ([RFC 9113](https://www.rfc-editor.org/rfc/rfc9113)) to https servers in the TLS handshake. Default:
   * false. All other options apply to both protocols. Over HTTP/2, `maxHeaderSize` counts 32 bytes more per field.
   */
  readonly allowH2?: boolean | undefined
  /**
   * Smallest length in bytes of a body that waits for the server: the request has `Expect: 100-continue`
   * ([RFC 9110 §10.1.1](https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1)). An early response, such as a 413 or a 401,
   * then costs no upload. The body is sent after a 100, or after a second without a response. Default: no body waits.
   *
   * Bodies of unknown length do not wait, and none do over HTTP/1.1 with `pipelining` above 1.
   */
  readonly expectContinue?: number | undefined
  /**
   * Trusted certificates and the client certificate. If they are invalid, each https request fails before it is sent,
   * with a `TransportError` of the reason `Tls`. Its `detail` names the option.
   */
  readonly tls?: Tls | undefined
  /**
   * Path of a Unix socket that all connections use, whatever the host of the URL is. If it cannot be connected to,
   * requests fail with a `TransportError` of the reason `ConnectionRefused`. Its `detail` names the path.
   */
  readonly socketPath?: string | undefined
  /**
   * Decides whether to connect to an IP address. Use it for URLs from untrusted sources (SSRF). It is called for each
   * address of the host name, or for the address in the URL, before a connection is opened. `false` rejects the
   * address.
   *
   * IPv4 addresses are passed in dotted form. An IPv6 address that contains an IPv4 address (mapped, compatible, NAT64,
   * 6to4, Teredo) is rejected if either of the two is. `0.0.0.0` and `::` are rejected if the loopback address is.
   *
   * If no address is left, the request fails with a `TransportError` of the reason `AddressBlocked` and the code
   * `ERR_COUNTERSIGN_ADDRESS_BLOCKED`. Nothing was sent, and it is not retried. A function that throws rejects the
   * address, and its error is the `cause`.
   */
  readonly allowAddress?: ((address: string, host: string) => boolean) | undefined
  /** Called with the origin when a connection was opened, for example to count connections. */
  readonly onConnect?: ((origin: string) => void) | undefined
  /** The proxy: see {@link OptionsWithProxy}. */
  readonly proxy?: undefined
}

/**
 * Options of a transport that sends through proxies. `allowAddress` and `socketPath` are excluded: the proxy resolves
 * host names, so this client cannot check addresses.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxyOptions extends Omit<Options, "allowAddress" | "socketPath"> {
  /** Not available with a proxy, which resolves host names itself. */
  readonly allowAddress?: undefined
  /** Not available with a proxy. */
  readonly socketPath?: undefined
}

/**
 * Options of a transport with the proxy: one for all URLs, or one per scheme and the hosts that bypass them.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionsWithProxy extends Omit<ProxyOptions, "proxy"> {
  /** The URL of one proxy for all URLs, or the proxies per scheme and the hosts that bypass them. */
  readonly proxy: ProxyUrl | ProxySettings | undefined
}
