import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { json } from "../../httpServer/responses.js"
import { post, type Row } from "../../httpServer/router.js"
import { noStore, refuse, type Refusal } from "../http/oauthError.js"
import * as Behavior from "../profileBehavior.js"
import { clockOf, type Server } from "../serverState.js"
import * as Family from "../tokens/tokenFamily.js"
import * as Tokens from "../tokens/tokens.js"
import { authenticated, type Call } from "./authenticatedForm.js"

type Answer = Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal>

const told = (server: Server, { clientId, scope, ...subject }: Tokens.Subject) => ({
  active: true,
  iss: server.issuer,
  client_id: clientId,
  scope,
  sub: subject.user ?? clientId,
  aud: subject.audience,
  act: subject.actor === undefined ? undefined : { sub: subject.actor },
  cnf: subject.jkt === undefined ? undefined : { jkt: subject.jkt }
})

const describe = (server: Server, token: string, now: number) => {
  const found = Tokens.access(server.tokens, token, now)
  if (found !== undefined) {
    const seconds = (time: number) => Math.floor(clockOf(server, time) / 1000)
    const token_type = found.subject.jkt === undefined ? "Bearer" : "DPoP"
    const { expiresAt, mintedAt, subject } = found
    return { ...told(server, subject), token_type, iat: seconds(mintedAt), exp: seconds(expiresAt) }
  }
  const refresh = server.tokens.refresh.get(token)
  if (refresh === undefined || refresh.used !== undefined || refresh.family.ended !== undefined) {
    return { active: false }
  }
  const { boundTo: jkt, granted } = refresh.family
  return told(server, { ...granted, scope: refresh.scope, jkt })
}

/** Token introspection (RFC 7662 §2) for confidential clients. For an invalid token it returns only `active: false`. */
const introspect = ({ client, form, now, server }: Call): Answer => {
  if (client.public) return Effect.fail(refuse("invalid_client", "public clients must not introspect tokens"))
  const token = form.get("token")
  return token === undefined
    ? Effect.fail(refuse("invalid_request", "missing token"))
    : json(describe(server, token, now), { headers: noStore })
}

/** Token revocation (RFC 7009 §2). A refresh token revokes its family. An invalid token is no error. */
const revoke = ({ client, form, now, server }: Call): Answer =>
  Effect.suspend(() => {
    const { tokens } = server
    const token = form.get("token")
    if (token === undefined) return Effect.fail(refuse("invalid_request", "missing token"))
    const family = tokens.refresh.get(token)?.family
    const owner = family?.clientId ?? tokens.access.get(token)?.subject.clientId
    if (owner !== undefined && owner !== client.id) {
      return Effect.fail(refuse("invalid_request", "the token belongs to another client"))
    }
    tokens.access.delete(token)
    if (family !== undefined) Family.end(family, { by: "client", at: now, accessTokens: "dead" })
    return Behavior.revoked(server.profile)
  })

export const routes = (server: Server): ReadonlyArray<Row> => [
  post("/introspect", authenticated(server, introspect)),
  post("/revoke", authenticated(server, revoke))
]
