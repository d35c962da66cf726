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

/** A code that comes again is one that somebody else has, too: what it gave is dead (RFC 6749 §4.1.2). */
const revoke = ({ tokens }: Server, { gave }: Code, now: number): void => {
  if (gave === undefined) return
  tokens.access.delete(gave.accessToken)
  if (gave.refreshToken !== undefined) {
    Family.end(gave.refreshToken.family, { by: "code", at: now, accessTokens: "dead" })
  }
}

/** What is wrong with the use of a code; `hashed` is the verifier's. */
const flaw = (code: Code, { entry, form, jkt }: Asked, hashed: string | undefined): Refusal | undefined => {
  const { challenge, jkt: boundTo, redirectUri } = code.authorization
  if (entry.at >= code.expiresAt) return refuse("invalid_grant", "the code has expired")
  if (form.get("redirect_uri") !== redirectUri)
    return refuse("invalid_grant", "redirect_uri is not that of the request")
  // A verifier without a challenge tells that somebody has taken the challenge out of the request (RFC 9700 §4.8.2).
  if (hashed !== challenge) return refuse("invalid_grant", "code_verifier does not fit to code_challenge")
  const isBound = boundTo === undefined || boundTo === jkt
  return isBound ? undefined : refuse("invalid_dpop_proof", "the key is not that of the request")
}

/** The resources that a token is for: what the user was asked for, or some of it. */
const narrowed = (
  code: Code,
  audience: ReadonlyArray<string> | undefined
): Effect.Effect<ReadonlyArray<string> | undefined, Refusal> => {
  const { audience: granted } = code.authorization
  if (granted === undefined || audience === undefined) return Effect.succeed(audience ?? granted)
  return audience.every((resource) => granted.includes(resource))
    ? Effect.succeed(audience)
    : Effect.fail(refuse("invalid_target", "a resource that was not asked for"))
}

/** The code of a client; no step of it waits, so that of two uses at the same time one is the first. */
const use = (asked: Asked, hashed: string | undefined): Effect.Effect<Code, Refusal> =>
  Effect.suspend(() => {
    const { client, entry, form, server } = asked
    const code = server.codes.get(form.get("code") ?? "")
    if (code === undefined || code.authorization.client.id !== client.id) {
      return Effect.fail(refuse("invalid_grant", "the code is unknown"))
    }
    if (code.used) {
      revoke(server, code, entry.at)
      return Effect.fail(refuse("invalid_grant", "the code was used already"))
    }
    code.used = true
    return flaw(code, asked, hashed) ?? Effect.succeed(code)
  })

/** `authorization_code` (RFC 6749 §4.1.3): one use a code, right or wrong. */
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
