/** The TLS options of connections. */
import type * as Redacted from "effect/Redacted"

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
