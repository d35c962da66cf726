import type * as Effect from "effect/Effect"
import type { Client } from "../clients/client.js"
import type { Form } from "../http/form.js"
import type { Refusal } from "../http/oauthError.js"
import type { Server } from "../serverState.js"
import type { Entry } from "../tokenCallLog.js"
import * as Tokens from "../tokens/tokens.js"

export type Grant = Effect.Effect<Tokens.TokenResponse, Refusal>

/** A request for a token by a client that has shown who it is. */
export interface Asked {
  readonly server: Server
  readonly client: Client
  readonly form: Form
  /** The thumbprint of the key that the client has proved, which its tokens are bound to. */
  readonly jkt: string | undefined
  /** Where it is written down what became of the grant. */
  readonly entry: Entry
}

/**
 * Issues tokens, bound to the client's key if there is one, and writes that down. It runs in one go. `audience` are the
 * resources of the access token, where they are not all that was granted.
 */
export const issue = (
  { client, entry, form, jkt, server }: Asked,
  granted: Omit<Tokens.Subject, "clientId" | "jkt">,
  refreshable: boolean,
  audience?: ReadonlyArray<string>
): ReturnType<typeof Tokens.issue> => {
  const subject = { ...granted, clientId: client.id, jkt, claims: form.get("claims") }
  // The refresh token of a client that shows no secret is as good as its key (RFC 9449 §5).
  const options = { refreshable, now: entry.at, boundTo: client.public ? jkt : undefined, audience }
  const issued = Tokens.issue(server.tokens, server.settings, subject, options)
  entry.outcome = "issued"
  entry.given = issued.given?.id
  return issued
}
