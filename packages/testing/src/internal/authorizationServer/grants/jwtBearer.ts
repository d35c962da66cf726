import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Assertion from "../clients/assertion.js"
import type { Client } from "../clients/client.js"
import { authenticate } from "../clients/clientAuthentication.js"
import type { Form } from "../http/form.js"
import { refuse, type Refusal } from "../http/oauthError.js"
import type { Server } from "../serverState.js"
import * as Target from "./scopeAndAudience.js"
import { type Asked, type Grant, issue } from "./tokenRequest.js"

export const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"

const read = (server: Server, form: Form, now: number): Effect.Effect<Assertion.Assertion, Refusal> =>
  Effect.mapError(Assertion.read(server, form.get("assertion") ?? "", { now, secret: false }), (flaw) =>
    refuse("invalid_grant", `assertion: ${flaw}`)
  )

/**
 * Authenticates the client of a token request. For this grant, a client that sends only the assertion is identified by the
 * key that signed it (RFC 7523 §3.1).
 */
export const authenticateOrSigned = (
  server: Server,
  request: HttpServerRequest.HttpServerRequest,
  form: Form,
  now: number
): Effect.Effect<Client, Refusal> => {
  const shown = request.headers["authorization"] ?? form.get("client_id") ?? form.get("client_assertion")
  return form.get("grant_type") === grantType && shown === undefined
    ? Effect.map(read(server, form, now), ({ client }) => client)
    : authenticate(server, request, form, now)
}

/** JWT bearer grant (RFC 7523 §2.1): an access token for a JWT about a user, signed with a registered key of the client. */
export const grant = (asked: Asked): Grant =>
  Effect.gen(function* () {
    const { client, entry, form, server } = asked
    const assertion = yield* read(server, form, entry.at)
    if (assertion.client.id !== client.id)
      return yield* refuse("invalid_grant", "assertion: iss differs from the authenticated client")
    const scope = yield* Target.scopeOf(server.settings, form)
    const audience = yield* Target.audienceOf(server.settings, form)
    if (!Assertion.isUnused(server, assertion)) return yield* refuse("invalid_grant", "assertion: jti was used before")
    return issue(asked, { scope, audience, user: assertion.subject }, false).response
  })
