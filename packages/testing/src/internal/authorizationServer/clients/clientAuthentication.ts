import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Request from "../../httpServer/requestReader.js"
import type { Form } from "../http/form.js"
import { refuse, type Refusal } from "../http/oauthError.js"
import * as Behavior from "../profileBehavior.js"
import type { Server } from "../serverState.js"
import * as Assertion from "./assertion.js"
import type { Client } from "./client.js"

type Authenticated = Effect.Effect<Client, Refusal>

/** Decodes one half of form-encoded credentials; `undefined` if it is malformed. */
const formDecode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return undefined
  }
}

const unknown = refuse("invalid_client", "unknown client or wrong secret")

/** Authenticates with a secret. */
const bySecret = ({ clients }: Server, id: string | undefined, secret: string | undefined): Authenticated => {
  const client = id === undefined ? undefined : clients.get(id)
  return client?.secret === undefined || client.secret !== secret ? Effect.fail(unknown) : Effect.succeed(client)
}

/** Authenticates a public client. */
const byName = ({ clients }: Server, id: string | undefined): Authenticated => {
  const client = id === undefined ? undefined : clients.get(id)
  return client?.public === true ? Effect.succeed(client) : Effect.fail(unknown)
}

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/** `private_key_jwt` and `client_secret_jwt` (RFC 7523 §2.2, OpenID Connect Core §9). Each JWT is accepted once. */
const byAssertion = (server: Server, form: Form, now: number): Authenticated => {
  if (form.get("client_assertion_type") !== jwtBearer) {
    return Effect.fail(refuse("invalid_client", "client_assertion_type must be jwt-bearer"))
  }
  const refused = (flaw: string) => refuse("invalid_client", `client_assertion: ${flaw}`)
  return Assertion.read(server, form.get("client_assertion") ?? "", { now, secret: true }).pipe(
    Effect.mapError(refused),
    Effect.flatMap((assertion) => {
      if (assertion.subject !== assertion.client.id) return Effect.fail(refused("sub differs from iss"))
      if (assertion.jti === undefined) return Effect.fail(refused("missing jti"))
      return Assertion.isUnused(server, assertion)
        ? Effect.succeed(assertion.client)
        : Effect.fail(refused("jti was used before"))
    })
  )
}

const byWhatItShows = (
  server: Server,
  request: HttpServerRequest.HttpServerRequest,
  form: Form,
  now: number
): Authenticated => {
  if (request.headers["authorization"] !== undefined) {
    const pair = Request.basic(request) ?? []
    const [id, secret] = Behavior.isRaw(server.profile) ? pair : pair.map(formDecode)
    return bySecret(server, id, secret)
  }
  if (form.has("client_assertion")) return byAssertion(server, form, now)
  return form.has("client_secret")
    ? bySecret(server, form.get("client_id"), form.get("client_secret"))
    : byName(server, form.get("client_id"))
}

/** Authenticates the client with exactly one method: secret (Basic or body), JWT, or `client_id` of a public client. */
export const authenticate = (
  server: Server,
  request: HttpServerRequest.HttpServerRequest,
  form: Form,
  now: number
): Authenticated => {
  const ways = [request.headers["authorization"], form.get("client_secret"), form.get("client_assertion")]
  if (ways.filter((way) => way !== undefined).length > 1) {
    return Effect.fail(refuse("invalid_request", "more than one client authentication method"))
  }
  const named = form.get("client_id")
  return Effect.filterOrFail(
    byWhatItShows(server, request, form, now),
    ({ id }) => named === undefined || named === id,
    () => refuse("invalid_request", "client_id differs from the authenticated client")
  )
}
