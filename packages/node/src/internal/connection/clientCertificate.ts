/** Selects the connections that use the client certificate. */
import * as Origin from "@countersign/protocol/Origin"
import type { Connector } from "./connector.js"
import type { Tls } from "./tls.js"

/** The client certificate has no valid origins. Nothing is sent over TLS. */
class MissingOrigins extends Error {
  override readonly name: string = "MissingOrigins"
  readonly code: string = "ERR_COUNTERSIGN_TLS_ORIGINS"
  readonly syscall: string = "connect"
}

const hasIdentity = (tls: Tls): boolean =>
  tls.origins !== undefined || tls.cert !== undefined || tls.key !== undefined || tls.servername !== undefined

/** The origins as a set. Undefined if the list is empty, or contains a URL that is not https. */
const parseOrigins = (urls: ReadonlyArray<string> | undefined): ReadonlySet<string> | undefined => {
  const origins = (urls ?? []).map(Origin.of)
  return origins.length > 0 && origins.every((origin) => origin.startsWith("https://")) ? new Set(origins) : undefined
}

/**
 * Selects the connector of each connection: with the client certificate to its `origins`, without it to all others.
 * Each connector has its own cache of TLS sessions, so that no session with the certificate is resumed without it.
 *
 * @param makeIdentityConnector - makes the connector with the certificate.
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
      queueMicrotask(() => callback(new MissingOrigins("tls.origins must be a list of https URLs"), null))
    }
  }
  const identityConnector = makeIdentityConnector(tls)
  // `host` contains the port, and the brackets of an IPv6 address.
  return (target, callback) =>
    (origins.has(Origin.of(`${target.protocol}//${target.host ?? ""}`)) ? identityConnector : defaultConnector)(
      target,
      callback
    )
}
