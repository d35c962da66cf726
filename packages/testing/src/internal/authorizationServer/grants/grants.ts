import * as Effect from "effect/Effect"
import * as Client from "../clients/client.js"
import { refuse } from "../http/oauthError.js"
import * as IdToken from "../tokens/idToken.js"
import * as Code from "./authorizationCode.js"
import * as Device from "./deviceCode.js"
import * as JwtBearer from "./jwtBearer.js"
import * as Rotation from "./refreshToken.js"
import * as Target from "./scopeAndAudience.js"
import * as Exchange from "./tokenExchange.js"
import { type Asked, type Grant, issue } from "./tokenRequest.js"

const clientCredentials = (asked: Asked): Grant =>
  Effect.gen(function* () {
    const { client, form, server } = asked
    if (client.public) return yield* refuse("unauthorized_client", "public clients must not use this grant type")
    const scope = yield* Target.scopeOf(server.settings, form)
    const audience = yield* Target.audienceOf(server.settings, form)
    return issue(asked, { scope, audience }, server.settings.refreshTokens).response
  })

const descriptions = {
  invalid_grant: "the refresh token is unknown, revoked or used",
  invalid_scope: "scope exceeds the granted scope",
  invalid_target: "resource exceeds the granted resources"
}

const refreshToken = ({ client, entry, form, jkt, server }: Asked): Grant =>
  Effect.gen(function* () {
    const { settings, tokens } = server
    const token = form.get("refresh_token")
    if (token === undefined) return yield* refuse("invalid_request", "missing refresh_token")
    const audience = yield* Target.audienceOf(settings, form)
    const presented = {
      token,
      clientId: client.id,
      scope: form.get("scope"),
      audience,
      claims: form.get("claims"),
      jkt
    }
    const exchange = Rotation.refresh(tokens, settings, presented, entry.at)
    entry.outcome = exchange.outcome
    entry.presented = tokens.refresh.get(token)?.id
    if ("response" in exchange) {
      entry.given = exchange.given.id
      const { user } = exchange.given.family.granted
      return yield* IdToken.attach(server, exchange.response, { clientId: client.id, user, now: entry.at })
    }
    const error = exchange.outcome === "reused" ? "invalid_grant" : exchange.outcome
    return yield* refuse(error, descriptions[error])
  })

const grants: ReadonlyMap<string, (asked: Asked) => Grant> = new Map([
  ["client_credentials", clientCredentials],
  ["refresh_token", refreshToken],
  ["authorization_code", Code.grant],
  [Device.grantType, Device.grant],
  [JwtBearer.grantType, JwtBearer.grant],
  [Exchange.grantType, Exchange.grant]
])

export const supported: ReadonlyArray<string> = [...grants.keys()]

/** Executes the grant that the form requests. */
export const grant = (asked: Asked): Grant => {
  const type = asked.form.get("grant_type")
  if (type === undefined) return Effect.fail(refuse("invalid_request", "missing grant_type"))
  const run = grants.get(type)
  if (run === undefined)
    return Effect.fail(refuse("unsupported_grant_type", "grant_type is not in grant_types_supported"))
  return Client.mayUse(asked.client, type)
    ? run(asked)
    : Effect.fail(refuse("unauthorized_client", "the client must not use this grant type"))
}
