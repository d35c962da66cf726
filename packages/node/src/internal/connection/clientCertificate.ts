/** Where the client certificate of TLS connections is shown. */
import * as Origin from "@countersign/protocol/Origin"
import type { Connector } from "./connector.js"
import type { Tls } from "./tls.js"

/** The client certificate has no origins that it could be shown to. Nothing is sent over TLS until it has. */
class MissingOrigins extends Error {
  override readonly name: string = "MissingOrigins"
  readonly code: string = "ERR_COUNTERSIGN_TLS_ORIGINS"
  readonly syscall: string = "connect"
}

const hasIdentity = (tls: Tls): boolean =>
  tls.origins !== undefined || tls.cert !== undefined || tls.key !== undefined || tls.servername !== undefined

/** The origins as a set; undefined where there are none, or where one of them is not an https URL. */
const parseOrigins = (urls: ReadonlyArray<string> | undefined): ReadonlySet<string> | undefined => {
  const origins = (urls ?? []).map(Origin.of)
  return origins.length > 0 && origins.every((origin) => origin.startsWith("https://")) ? new Set(origins) : undefined
}

/**
 * Selects the connector of a connection: `own` to the `origins` of a client certificate, `other` to all others. The two
 * have caches of TLS sessions of their own, so that no session is resumed where the certificate is not shown.
 *
 * @param makeIdentityConnector - makes the connector that shows the certificate.
 */
export const selectConnector = (
  tls: Tls | undefined,
  defaultConnector: Connector,
  makeIdentityConnector: (tls: Tls) => Connector
): Connector => {
  if (tls === undefined || !hasIdentity(tls)) return defaultConnector
  const origins = parseOrigins(tls.origins)
  if (origins === undefined) {
    return (target, callback) => {
      if (target.protocol !== "https:") return defaultConnector(target, callback)
      queueMicrotask(() => callback(new MissingOrigins("tls.origins names no https origin"), null))
    }
  }
  const identityConnector = makeIdentityConnector(tls)
  // `host` has the port, and the brackets of an IPv6 address.
  return (target, callback) =>
    (origins.has(Origin.of(`${target.protocol}//${target.host ?? ""}`)) ? identityConnector : defaultConnector)(
      target,
      callback
    )
}
