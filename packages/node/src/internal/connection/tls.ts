/** The TLS options of connections. */
import type * as Redacted from "effect/Redacted"

/**
 * The certificates that a transport trusts. Server certificates are always verified. Set `ca` for a private certificate
 * authority.
 *
 * @since 0.1.0
 * @category models
 */
export interface TlsTrust {
  /** Trusted CA certificates in PEM, instead of those that Node trusts. They apply to proxies too. */
  readonly ca?: string | ReadonlyArray<string> | undefined
  /** Only with a client certificate: see {@link TlsIdentity}. */
  readonly origins?: undefined
  /** Only with `origins`: see {@link TlsIdentity}. */
  readonly cert?: undefined
  /** Only with `origins`: see {@link TlsIdentity}. */
  readonly key?: undefined
  /** Only with `origins`: see {@link TlsIdentity}. */
  readonly passphrase?: undefined
  /** Only with `origins`: see {@link TlsIdentity}. */
  readonly servername?: undefined
}

/**
 * A client certificate for mutual TLS, and the origins that receive it. To every other origin, such as the target of a
 * redirect, and to a proxy, the transport connects without the certificate.
 *
 * Specification: [RFC 8446 §4.4.2](https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2).
 *
 * @since 0.1.0
 * @category models
 */
export interface TlsIdentity extends Omit<TlsTrust, "origins" | "cert" | "key" | "passphrase" | "servername"> {
  /**
   * The origins that receive `cert` and that `servername` applies to: https URLs, of which scheme, host and port count.
   * Add the origin of the API, and that of the authorization server if the certificate authenticates the client there.
   *
   * If one of them is not an https URL, each https request fails before it is sent, with a `TransportError` of the
   * reason `Tls`.
   */
  readonly origins: ReadonlyArray<string>
  /** The client certificate and its chain, in PEM. */
  readonly cert?: string | undefined
  /** The private key of `cert`, in PEM. */
  readonly key?: Redacted.Redacted | undefined
  /** The passphrase of an encrypted `key`. */
  readonly passphrase?: Redacted.Redacted | undefined
  /** The name in the server's certificate. Default: the host of the URL. */
  readonly servername?: string | undefined
}

/**
 * The trusted certificates of a transport, and its client certificate. A client certificate without `origins` does not
 * compile, because a redirect could send it to any host.
 *
 * @since 0.1.0
 * @category models
 */
export type Tls = TlsTrust | TlsIdentity
