import * as Effect from "effect/Effect"
import { refuse, type Refusal } from "../http/oauthError.js"
import * as Tokens from "../tokens/tokens.js"
import * as Rotation from "./refreshToken.js"
import * as Target from "./scopeAndAudience.js"
import { type Asked, type Grant, issue } from "./tokenRequest.js"

export const grantType = "urn:ietf:params:oauth:grant-type:token-exchange"

const accessToken = "urn:ietf:params:oauth:token-type:access_token"

/** Whom a token of the request is for: one of this server's access tokens, while it is good (RFC 8693 §2.1). */
const subjectOf = ({ entry, form, server }: Asked, name: string): Effect.Effect<Tokens.Subject, Refusal> => {
  if (form.get(`${name}_type`) !== accessToken) {
    return Effect.fail(refuse("invalid_request", `${name}_type has to be that of an access token`))
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

/** What the new token is for: resources, and names that only this server knows. */
const audienceOf = ({ form, server }: Asked): Effect.Effect<ReadonlyArray<string> | undefined, Refusal> =>
  Effect.map(Target.audienceOf(server.settings, form), (resources) => {
    const audience = [...(resources ?? []), ...(form.get("audience")?.split(" ") ?? [])]
    return audience.length === 0 ? undefined : audience
  })

/**
 * A token for another target, on behalf of the same user, with no more scope than before (RFC 8693). A token that is
 * bound to a key is exchanged with a proof of it.
 */
export const grant = (asked: Asked): Grant =>
  Effect.gen(function* () {
    const { client, form, jkt, server } = asked
    if (client.public) return yield* refuse("unauthorized_client", "anybody can take the name of the client")
    if ((form.get("requested_token_type") ?? accessToken) !== accessToken) {
      return yield* refuse("invalid_request", "requested_token_type has to be that of an access token")
    }
    const subject = yield* subjectOf(asked, "subject_token")
    if (subject.jkt !== undefined && subject.jkt !== jkt) {
      return yield* refuse("invalid_dpop_proof", "subject_token is bound to another key")
    }
    const actor = (yield* actorOf(asked)) ?? subject.actor
    const scope = (yield* Target.scopeOf(server.settings, form)) ?? subject.scope
    if (scope !== undefined && !Rotation.isWithin(scope, (subject.scope ?? "").split(" "))) {
      return yield* refuse("invalid_scope", "more than subject_token has")
    }
    const { user = subject.clientId } = subject
    const { response } = issue(asked, { scope, user, actor, audience: yield* audienceOf(asked) }, false)
    return { ...response, issued_token_type: accessToken }
  })
