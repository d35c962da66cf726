import * as Effect from "effect/Effect"
import { refuse, type Refusal } from "../http/oauthError.js"
import * as Tokens from "../tokens/tokens.js"
import * as Rotation from "./refreshToken.js"
import * as Target from "./scopeAndAudience.js"
import { type Asked, type Grant, issue } from "./tokenRequest.js"

export const grantType = "urn:ietf:params:oauth:grant-type:token-exchange"

const accessToken = "urn:ietf:params:oauth:token-type:access_token"

/** The subject of a token in the request, which must be a valid access token of this server (RFC 8693 §2.1). */
const subjectOf = ({ entry, form, server }: Asked, name: string): Effect.Effect<Tokens.Subject, Refusal> => {
  if (form.get(`${name}_type`) !== accessToken) {
    return Effect.fail(refuse("invalid_request", `${name}_type must be an access token`))
  }
  const found = Tokens.access(server.tokens, form.get(name) ?? "", entry.at)
  return found === undefined
    ? Effect.fail(refuse("invalid_request", `${name} is unknown or expired`))
    : Effect.succeed(found.subject)
}

const actorOf = (asked: Asked): Effect.Effect<string | undefined, Refusal> =>
  asked.form.has("actor_token") || asked.form.has("actor_token_type")
    ? Effect.map(subjectOf(asked, "actor_token"), ({ clientId, user }) => user ?? clientId)
    : Effect.succeed(undefined)

/** Targets of the new token: resources, and audiences, which may have any name. */
const audienceOf = ({ form, server }: Asked): Effect.Effect<ReadonlyArray<string> | undefined, Refusal> =>
  Effect.map(Target.audienceOf(server.settings, form), (resources) => {
    const audience = [...(resources ?? []), ...(form.get("audience")?.split(" ") ?? [])]
    return audience.length === 0 ? undefined : audience
  })

/**
 * Token exchange (RFC 8693): a token for another target, for the same user, with at most the same scope. A bound subject
 * token requires a proof of its key.
 */
export const grant = (asked: Asked): Grant =>
  Effect.gen(function* () {
    const { client, form, jkt, server } = asked
    if (client.public) return yield* refuse("unauthorized_client", "public clients must not use this grant type")
    if ((form.get("requested_token_type") ?? accessToken) !== accessToken) {
      return yield* refuse("invalid_request", "requested_token_type must be an access token")
    }
    const subject = yield* subjectOf(asked, "subject_token")
    if (subject.jkt !== undefined && subject.jkt !== jkt) {
      return yield* refuse("invalid_dpop_proof", "subject_token is bound to another key")
    }
    const actor = (yield* actorOf(asked)) ?? subject.actor
    const scope = (yield* Target.scopeOf(server.settings, form)) ?? subject.scope
    if (scope !== undefined && !Rotation.isWithin(scope, (subject.scope ?? "").split(" "))) {
      return yield* refuse("invalid_scope", "scope exceeds the scope of subject_token")
    }
    const { user = subject.clientId } = subject
    const { response } = issue(asked, { scope, user, actor, audience: yield* audienceOf(asked) }, false)
    return { ...response, issued_token_type: accessToken }
  })
