import type * as Effect from "effect/Effect"
import type { Client } from "../clients/client.js"
import type { Form } from "../http/form.js"
import type { Refusal } from "../http/oauthError.js"
import type { Server } from "../serverState.js"
import type { Entry } from "../tokenCallLog.js"
import * as Tokens from "../tokens/tokens.js"

export type Grant = Effect.Effect<Tokens.TokenResponse, Refusal>

/** A token request of an authenticated client. */
export interface Asked {
  readonly server: Server
  readonly client: Client
  readonly form: Form
  /** Thumbprint of the key in the DPoP proof. Tokens are bound to it. */
  readonly jkt: string | undefined
  /** Log entry of the call. */
  readonly entry: Entry
}

/**
 * Issues tokens, bound to the proved key if there is one, and logs them. It runs synchronously. `audience` are the resources
 * of the access token, if they are fewer than granted.
 */
export const issue = (
  { client, entry, form, jkt, server }: Asked,
  granted: Omit<Tokens.Subject, "clientId" | "jkt">,
  refreshable: boolean,
  audience?: ReadonlyArray<string>
): ReturnType<typeof Tokens.issue> => {
  const subject = { ...granted, clientId: client.id, jkt, claims: form.get("claims") }
  // The refresh token of a public client is bound to the key too (RFC 9449 §5).
  const options = { refreshable, now: entry.at, boundTo: client.public ? jkt : undefined, audience }
  const issued = Tokens.issue(server.tokens, server.settings, subject, options)
  entry.outcome = "issued"
  entry.given = issued.given?.id
  return issued
}
