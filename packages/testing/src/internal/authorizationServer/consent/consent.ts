import * as Secret from "../../randomSecret.js"
import type { Server } from "../serverState.js"
import type { Approval, Authorization, Destination } from "./authorization.js"

/** Back to the client, with the name of this server (RFC 9207 §2) and the state that it sent. */
export const back = (
  { issuer, profile, settings }: Server,
  { redirectUri, state }: Destination,
  params: Readonly<Record<string, string | undefined>>
): string => {
  // Most providers do not send `iss`. A profile whose provider does has it in its settings.
  const all = { ...params, state, iss: profile === undefined ? issuer : undefined, ...settings.overrides.redirect }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(all)) if (value !== undefined) query.set(name, value)
  return `${redirectUri}${redirectUri.includes("?") ? "&" : "?"}${query.toString()}`
}

/** Where a user goes who has approved: to the client, with a code. */
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
  back(server, authorization, { error: "access_denied", error_description: "the user said no" })

/** Takes a request off the list of those that wait for a decision. */
export const take = ({ asked }: Server, id: string): Authorization | undefined => {
  const authorization = asked.get(id)
  asked.delete(id)
  return authorization
}
