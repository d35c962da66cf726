/** Logs endpoints of an authorization server at other origins. They are allowed, but should be visible. */
import * as Redact from "@countersign/protocol/Redact"
import * as Effect from "effect/Effect"
import type * as oauth from "oauth4webapi"

/** Endpoints that receive tokens, codes and secrets, and the source of keys. */
const names = [
  "token_endpoint",
  "authorization_endpoint",
  "device_authorization_endpoint",
  "introspection_endpoint",
  "jwks_uri",
  "pushed_authorization_request_endpoint",
  "registration_endpoint",
  "revocation_endpoint"
] as const

const isCrossOrigin = (url: string, origin: string): boolean => URL.canParse(url) && new URL(url).origin !== origin

/** Logs the endpoints that are not at the issuer's origin, except those of `before`, which are logged already. */
export const logCrossOriginEndpoints = (
  server: oauth.AuthorizationServer,
  issuer: URL,
  before: oauth.AuthorizationServer | undefined
): Effect.Effect<void> => {
  const crossOrigin = names.flatMap((name) => {
    const url = server[name]
    return url !== undefined && url !== before?.[name] && isCrossOrigin(url, issuer.origin)
      ? [`${name} ${Redact.url(url)}`]
      : []
  })
  return crossOrigin.length === 0
    ? Effect.void
    : Effect.logInfo(
        `The authorization server ${issuer.origin} has endpoints at other origins: ${crossOrigin.join(", ")}`
      )
}
