/** Finds the authorization server from the 401 of an API, as clients of MCP servers do. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as ProtectedResource from "@countersign/auth/ProtectedResource"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Registration from "@countersign/auth/Registration"
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as SignIn from "@countersign/node/SignIn"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Resource = Schema.Struct({ sub: Schema.String, scope: Schema.String })

// #region discover
/** The client id at the server, or a newly registered client. Store the registration: it is needed for later runs. */
const clientAt = (issuer: string, clientId?: string) =>
  clientId === undefined
    ? Effect.map(Registration.register({ issuer }, wanted), Registration.toClient)
    : Effect.succeed({ issuer, clientId, clientAuthentication: ClientAuthentication.none })

const wanted: Registration.Metadata = {
  client_name: "a program in a terminal",
  redirect_uris: ["http://127.0.0.1/callback"],
  grant_types: ["authorization_code", "refresh_token"],
  token_endpoint_auth_method: "none"
}

const call = (url: string) =>
  Effect.gen(function* () {
    const auth = yield* Auth.tag<TokenSourceError>()
    const api = yield* ApiClient.make({ baseUrl: url, auth })
    return yield* api.get("", { schema: Resource })
  })

/** Signs the user in at the API's authorization server and calls the API. */
export const program = (url: string, clientId?: string) =>
  Effect.gen(function* () {
    const { issuer, resource, scopes } = yield* ProtectedResource.discover(url)
    const client: RefreshToken.Options = { ...(yield* clientAt(issuer, clientId)), resource, scopes }
    yield* SignIn.withBrowser(client)
    const { scope, sub } = yield* Effect.provide(call(url), RefreshToken.layer(client))
    return `${sub} may ${scope}`
  })
// #endregion
