/** The options of proxies. */
import type * as Redacted from "effect/Redacted"

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
  /** Hosts that are reached without a proxy, in the form of the entries of `NO_PROXY`: see `makeProxyEnv`. */
  readonly noProxy?: ReadonlyArray<string> | undefined
}
