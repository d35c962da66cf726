import * as Secret from "../../randomSecret.js"
import type { Server } from "../serverState.js"
import type { Approval, Authorization, Destination } from "./authorization.js"

/** The redirect URL to the client, with `iss` (RFC 9207 §2) and `state`. */
export const back = (
  { issuer, profile, settings }: Server,
  { redirectUri, state }: Destination,
  params: Readonly<Record<string, string | undefined>>
): string => {
  // Most providers do not send `iss`. The profiles of the others set it.
  const all = { ...params, state, iss: profile === undefined ? issuer : undefined, ...settings.overrides.redirect }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(all)) if (value !== undefined) query.set(name, value)
  return `${redirectUri}${redirectUri.includes("?") ? "&" : "?"}${query.toString()}`
}

/** Approves a request. Returns the redirect URL with a code. */
export const approve = (
  server: Server,
  authorization: Authorization,
  approval: Approval & { readonly now: number }
): string => {
  const code = Secret.random()
  server.codes.set(code, {
    authorization,
    user: approval.subject ?? server.settings.subject,
    scope: approval.scope ?? authorization.scope,
    expiresAt: approval.now + server.settings.codeLifetime,
    used: false,
    gave: undefined
  })
  return back(server, authorization, { code })
}

export const deny = (server: Server, authorization: Authorization): string =>
  back(server, authorization, { error: "access_denied", error_description: "the user denied the request" })

/** Removes a request from the pending ones. */
export const take = ({ asked }: Server, id: string): Authorization | undefined => {
  const authorization = asked.get(id)
  asked.delete(id)
  return authorization
}
