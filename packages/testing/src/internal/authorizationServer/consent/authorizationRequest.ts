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
 * The client and its address. What is wrong with these is told to the user and not by a redirect, which would make this
 * server one that sends users anywhere (RFC 6749 §4.1.2.1).
 */
export const destination = ({ clients }: Server, form: Form): Effect.Effect<Destination, Refusal> => {
  const client = clients.get(form.get("client_id") ?? "")
  if (client === undefined) return Effect.fail(refuse("invalid_request", "an unknown client"))
  const redirectUri = form.get("redirect_uri")
  return redirectUri !== undefined && Client.isRegistered(client, redirectUri)
    ? Effect.succeed({ client, redirectUri, state: form.get("state") })
    : Effect.fail(refuse("invalid_request", "redirect_uri is none of those that are registered for the client"))
}

/** 43 characters: SHA-256 in base64url. */
const isChallenge = (text: string): boolean => /^[\w-]{43}$/.test(text)

/** What is wrong with the proof of possession of the code (RFC 7636 §4.3); `plain` is none (RFC 9700 §2.1.1). */
const flawOfPkce = ({ settings }: Server, form: Form): string | undefined => {
  const challenge = form.get("code_challenge")
  if (challenge === undefined) {
    const isMissing = settings.pkce === "required" || form.has("code_challenge_method")
    return isMissing ? "code_challenge is missing" : undefined
  }
  return form.get("code_challenge_method") === "S256" && isChallenge(challenge)
    ? undefined
    : "code_challenge_method has to be S256, and code_challenge 43 characters"
}

const flaw = (server: Server, { client }: Destination, form: Form): Refusal | undefined => {
  if (!Client.mayUse(client, "authorization_code")) {
    return refuse("unauthorized_client", "the client may not ask for codes")
  }
  const type = form.get("response_type")
  if (type === undefined) return refuse("invalid_request", "response_type is missing")
  if (type !== "code") return refuse("unsupported_response_type", "response_type has to be code")
  const pkce = flawOfPkce(server, form)
  return pkce === undefined ? undefined : refuse("invalid_request", pkce)
}

/** The whole request; what is wrong with it goes back to the client. */
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
