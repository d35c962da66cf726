/** The options of proxies. */
import type * as Redacted from "effect/Redacted"

/**
 * The URL of a proxy, `http:` or `https:`, such as `http://proxy.example.com:3128`. It may contain a user name and a
 * password, percent-encoded. Use `Redacted` for such a URL. The credentials are sent to the proxy only
 * ([RFC 9110 §11.7.2](https://www.rfc-editor.org/rfc/rfc9110#section-11.7.2)).
 *
 * @since 0.1.0
 * @category models
 */
export type ProxyUrl = string | URL | Redacted.Redacted<string | URL>

/**
 * The proxies for each URL scheme, and the hosts that bypass them.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxySettings {
  /** The proxy for `http:` URLs. It forwards the requests. Default: none. */
  readonly http?: ProxyUrl | undefined
  /** The proxy for `https:` URLs. It opens a tunnel, and sees only the host and the port. Default: none. */
  readonly https?: ProxyUrl | undefined
  /** Hosts that bypass the proxies, in the format of the entries of `NO_PROXY`: see `makeProxyEnv`. Default: none. */
  readonly noProxy?: ReadonlyArray<string> | undefined
}
