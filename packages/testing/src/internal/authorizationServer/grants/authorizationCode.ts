import * as Effect from "effect/Effect"
import * as Client from "../clients/client.js"
import type { Code } from "../consent/authorization.js"
import { refuse, type Refusal } from "../http/oauthError.js"
import type { Server } from "../serverState.js"
import * as IdToken from "../tokens/idToken.js"
import { sha256 } from "../tokens/jwt.js"
import * as Family from "../tokens/tokenFamily.js"
import * as Target from "./scopeAndAudience.js"
import { type Asked, type Grant, issue } from "./tokenRequest.js"

/** Revokes the tokens of a reused code, because another party has the code too (RFC 6749 §4.1.2). */
const revoke = ({ tokens }: Server, { gave }: Code, now: number): void => {
  if (gave === undefined) return
  tokens.access.delete(gave.accessToken)
  if (gave.refreshToken !== undefined) {
    Family.end(gave.refreshToken.family, { by: "code", at: now, accessTokens: "dead" })
  }
}

/** The problem of a code exchange, or `undefined`. `hashed` is the hash of the verifier. */
const flaw = (code: Code, { entry, form, jkt }: Asked, hashed: string | undefined): Refusal | undefined => {
  const { challenge, jkt: boundTo, redirectUri } = code.authorization
  if (entry.at >= code.expiresAt) return refuse("invalid_grant", "the code expired")
  if (form.get("redirect_uri") !== redirectUri)
    return refuse("invalid_grant", "redirect_uri differs from the authorization request")
  // A verifier without a challenge shows that another party removed the challenge from the request (RFC 9700 §4.8.2).
  if (hashed !== challenge) return refuse("invalid_grant", "code_verifier does not match code_challenge")
  const isBound = boundTo === undefined || boundTo === jkt
  return isBound ? undefined : refuse("invalid_dpop_proof", "the key differs from the authorization request")
}

/** The resources of the token: those of the authorization request, or some of them. */
const narrowed = (
  code: Code,
  audience: ReadonlyArray<string> | undefined
): Effect.Effect<ReadonlyArray<string> | undefined, Refusal> => {
  const { audience: granted } = code.authorization
  if (granted === undefined || audience === undefined) return Effect.succeed(audience ?? granted)
  return audience.every((resource) => granted.includes(resource))
    ? Effect.succeed(audience)
    : Effect.fail(refuse("invalid_target", "resource exceeds the authorization request"))
}

/** Marks a code as used. No step waits, so that of concurrent uses one is the first. */
const use = (asked: Asked, hashed: string | undefined): Effect.Effect<Code, Refusal> =>
  Effect.suspend(() => {
    const { client, entry, form, server } = asked
    const code = server.codes.get(form.get("code") ?? "")
    if (code === undefined || code.authorization.client.id !== client.id) {
      return Effect.fail(refuse("invalid_grant", "unknown code"))
    }
    if (code.used) {
      revoke(server, code, entry.at)
      return Effect.fail(refuse("invalid_grant", "the code was used before"))
    }
    code.used = true
    return flaw(code, asked, hashed) ?? Effect.succeed(code)
  })

/** `authorization_code` grant (RFC 6749 §4.1.3). A code is used up by its first use, even a failed one. */
export const grant = (asked: Asked): Grant =>
  Effect.gen(function* () {
    const { client, entry, form, server } = asked
    const verifier = form.get("code_verifier")
    const audience = yield* Target.audienceOf(server.settings, form)
    const code = yield* use(asked, verifier === undefined ? undefined : yield* sha256(verifier))
    const { scope, user } = code
    const { acr, nonce } = code.authorization
    const signIn = { acr, at: code.expiresAt - server.settings.codeLifetime }
    const granted = { scope, user, audience: code.authorization.audience ?? audience, signIn }
    const wanted = yield* narrowed(code, audience)
    const refreshable = code.authorization.isOffline && Client.mayUse(client, "refresh_token")
    const { given, response } = issue(asked, granted, refreshable, wanted)
    code.gave = { accessToken: response.access_token, refreshToken: given }
    return yield* IdToken.attach(server, response, { clientId: client.id, user, nonce, acr, now: entry.at })
  })
