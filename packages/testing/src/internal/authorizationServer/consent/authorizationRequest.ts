import * as Effect from "effect/Effect"
import * as Client from "../clients/client.js"
import * as Target from "../grants/scopeAndAudience.js"
import type { Form } from "../http/form.js"
import { refuse, type Refusal } from "../http/oauthError.js"
import * as Behavior from "../profileBehavior.js"
import type { Server } from "../serverState.js"
import type { Authorization, Destination } from "./authorization.js"

export type { Authorization } from "./authorization.js"

/**
 * Validates client and redirect URI. Problems with these are shown to the user. A redirect would make this server an open
 * redirector (RFC 6749 §4.1.2.1).
 */
export const destination = ({ clients }: Server, form: Form): Effect.Effect<Destination, Refusal> => {
  const client = clients.get(form.get("client_id") ?? "")
  if (client === undefined) return Effect.fail(refuse("invalid_request", "unknown client"))
  const redirectUri = form.get("redirect_uri")
  return redirectUri !== undefined && Client.isRegistered(client, redirectUri)
    ? Effect.succeed({ client, redirectUri, state: form.get("state") })
    : Effect.fail(refuse("invalid_request", "redirect_uri is not registered for the client"))
}

/** 43 characters: SHA-256 in base64url. */
const isChallenge = (text: string): boolean => /^[\w-]{43}$/.test(text)

/** The problem of the PKCE parameters (RFC 7636 §4.3), or `undefined`. `plain` is rejected (RFC 9700 §2.1.1). */
const flawOfPkce = ({ settings }: Server, form: Form): string | undefined => {
  const challenge = form.get("code_challenge")
  if (challenge === undefined) {
    const isMissing = settings.pkce === "required" || form.has("code_challenge_method")
    return isMissing ? "missing code_challenge" : undefined
  }
  return form.get("code_challenge_method") === "S256" && isChallenge(challenge)
    ? undefined
    : "code_challenge_method must be S256, and code_challenge must have 43 characters"
}

const flaw = (server: Server, { client }: Destination, form: Form): Refusal | undefined => {
  if (!Client.mayUse(client, "authorization_code")) {
    return refuse("unauthorized_client", "the client must not use this grant type")
  }
  const type = form.get("response_type")
  if (type === undefined) return refuse("invalid_request", "missing response_type")
  if (type !== "code") return refuse("unsupported_response_type", "response_type must be code")
  const pkce = flawOfPkce(server, form)
  return pkce === undefined ? undefined : refuse("invalid_request", pkce)
}

/** Validates the rest of the request. Problems are reported to the client by redirect. */
export const check = (server: Server, to: Destination, form: Form): Effect.Effect<Authorization, Refusal> =>
  Effect.gen(function* () {
    const wrong = flaw(server, to, form)
    if (wrong !== undefined) return yield* wrong
    return {
      ...to,
      scope: yield* Target.scopeOf(server.settings, form),
      nonce: form.get("nonce"),
      acr: form
        .get("acr_values")
        ?.split(" ")
        .find((acr) => acr !== ""),
      challenge: form.get("code_challenge"),
      audience: yield* Target.audienceOf(server.settings, form),
      jkt: form.get("dpop_jkt"),
      isOffline: Behavior.isOffline(server.profile, form)
    }
  })
