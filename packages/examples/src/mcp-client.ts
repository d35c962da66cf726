/** MCP client: starts with the URL of an MCP server, signs the user in and lists the server's tools. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as ProtectedResource from "@countersign/auth/ProtectedResource"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Registration from "@countersign/auth/Registration"
import * as ApiClient from "@countersign/client/ApiClient"
import * as SignIn from "@countersign/node/SignIn"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export class Mcp extends ApiClient.Tag("app/Mcp")<Mcp, TokenSourceError>() {}

const Tools = Schema.Struct({
  jsonrpc: Schema.Literal("2.0"),
  id: Schema.Number,
  result: Schema.Struct({ tools: Schema.Array(Schema.Struct({ name: Schema.String })) })
})

// #region client
/** The metadata of this program, for a server that registers clients. */
const wanted: Registration.Metadata = {
  client_name: "an MCP client in a terminal",
  redirect_uris: ["http://127.0.0.1/callback"],
  grant_types: ["authorization_code", "refresh_token"],
  token_endpoint_auth_method: "none"
}

/**
 * The client at the authorization server of an MCP server. `documentUrl` is the URL of this program's client ID metadata
 * document, for servers that support these. Without it, the program is registered. Store the result.
 */
export const clientOf = (url: string, documentUrl?: string) =>
  Effect.gen(function* () {
    // The 401 of the MCP server, and its metadata (RFC 9728).
    const { issuer, resource, scopes } = yield* ProtectedResource.discover(url)
    const known =
      documentUrl === undefined
        ? Registration.toClient(yield* Registration.register({ issuer }, wanted))
        : { issuer, clientId: documentUrl, clientAuthentication: ClientAuthentication.none }
    // `resource` goes into the sign-in and into every refresh (RFC 8707).
    const client: RefreshToken.Options = { ...known, resource, scopes }
    return client
  })

/** API client of the MCP server. Call `SignIn.withBrowser(client)` first: it stores the token. */
export const mcpLayer = (url: string, client: RefreshToken.Options) =>
  Mcp.layer({ baseUrl: url, auth: RefreshToken.layer(client) })

export const tools = Effect.gen(function* () {
  const mcp = yield* Mcp
  const { result } = yield* mcp.post("", {
    headers: { accept: "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18" },
    json: { jsonrpc: "2.0", id: 1, method: "tools/list" },
    schema: Tools
  })
  return result.tools.map(({ name }) => name)
})

export const program = (url: string, documentUrl?: string) =>
  Effect.gen(function* () {
    const client = yield* clientOf(url, documentUrl)
    yield* SignIn.withBrowser(client)
    return yield* Effect.provide(tools, mcpLayer(url, client))
  })
// #endregion
