/** The options of the transport. */
import type * as Duration from "effect/Duration"
import type { Tls } from "../connection/tls.js"
import type { ProxySettings, ProxyUrl } from "../proxy/options.js"

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
   * request fails with the code `ERR_COUNTERSIGN_ADDRESS_BLOCKED`, which is a `TransportError` of the reason `AddressBlocked`:
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
