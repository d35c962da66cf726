/** MCP client: starts with the URL of an MCP server, signs the user in, and calls a tool. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as ProtectedResource from "@countersign/auth/ProtectedResource"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Registration from "@countersign/auth/Registration"
import * as ApiClient from "@countersign/client/ApiClient"
import type { OpenResponse } from "@countersign/client/OpenResponse"
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as SignIn from "@countersign/node/SignIn"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { ParseError } from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

export class Mcp extends ApiClient.Tag("app/Mcp")<Mcp, TokenSourceError>() {}

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
// #endregion

// #region messages
const Message = Schema.Struct({
  jsonrpc: Schema.Literal("2.0"),
  id: Schema.optional(Schema.Unknown),
  result: Schema.optional(Schema.Unknown),
  error: Schema.optional(Schema.Struct({ code: Schema.Number, message: Schema.String }))
})

type Message = typeof Message.Type

export class McpError extends Data.TaggedError("McpError")<{ readonly code: number; readonly message: string }> {}

/** The messages of a response: one as JSON, or several as an event stream. The server chooses. */
const messagesOf = (
  response: OpenResponse
): Stream.Stream<Message, ServerEvents.StreamError<undefined> | ParseError> =>
  response.headers["content-type"]?.startsWith("text/event-stream") === true
    ? Stream.map(ServerEvents.fromResponse(response, { schema: Message }), ({ data }) => data)
    : Stream.decodeText(response.stream).pipe(
        Stream.mkString,
        Effect.flatMap(Schema.decode(Schema.parseJson(Message))),
        Stream.fromEffect
      )

type Fields = Readonly<Record<string, string>>

const accept = { accept: "application/json, text/event-stream" }

/** Sends a request. Returns its result, and the header fields of the response. */
const request = <A, I>(session: Fields, method: string, params: object, schema: Schema.Schema<A, I>) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const json = { jsonrpc: "2.0", id: 1, method, params }
    const response = yield* mcp.open("", { method: "POST", headers: { ...accept, ...session }, json })
    const answers = Stream.filter(messagesOf(response), ({ id }) => id === json.id)
    const { error, result } = yield* Effect.flatten(Stream.runHead(answers))
    if (error !== undefined) return yield* new McpError(error)
    return { result: yield* Schema.decodeUnknown(schema)(result), headers: response.headers }
  }).pipe(Effect.scoped)
// #endregion

// #region session
const Initialized = Schema.Struct({ protocolVersion: Schema.String })
const Tools = Schema.Struct({ tools: Schema.Array(Schema.Struct({ name: Schema.String })) })
const Content = Schema.Struct({ content: Schema.Array(Schema.Struct({ text: Schema.String })) })

/** Opens a session. Returns the header fields of its requests. */
const initialize = Effect.gen(function* () {
  const mcp = yield* Mcp
  const { headers, result } = yield* request(
    {},
    "initialize",
    { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "example", version: "1.0.0" } },
    Initialized
  )
  const id = headers["mcp-session-id"]
  const session = { "mcp-protocol-version": result.protocolVersion, ...(id !== undefined && { "mcp-session-id": id }) }
  yield* mcp.post("", {
    headers: { ...accept, ...session },
    json: { jsonrpc: "2.0", method: "notifications/initialized" }
  })
  return session
})

export const tools = Effect.gen(function* () {
  const { result } = yield* request(yield* initialize, "tools/list", {}, Tools)
  return result.tools.map(({ name }) => name)
})

export const callTool = (name: string, values: object) =>
  Effect.gen(function* () {
    const { result } = yield* request(yield* initialize, "tools/call", { name, arguments: values }, Content)
    return result.content.map(({ text }) => text).join()
  })
// #endregion

// #region program
/** Signs the user in for the further scopes that a 403 of the server names. */
const signInFor = (client: RefreshToken.Options, scope: string) => {
  const wider = { ...client, scopes: [...new Set([...(client.scopes ?? []), ...scope.split(" ")])] }
  return Effect.as(SignIn.withBrowser(wider), wider)
}

export const program = (url: string, documentUrl?: string) =>
  Effect.gen(function* () {
    const client = yield* clientOf(url, documentUrl)
    yield* SignIn.withBrowser(client)
    const names = yield* Effect.provide(tools, mcpLayer(url, client))

    const echo = (signedIn: RefreshToken.Options) =>
      Effect.provide(callTool("echo", { text: "hello" }), mcpLayer(url, signedIn))
    const text = yield* echo(client).pipe(
      Effect.catchTag("Forbidden", (error) =>
        error.scope === undefined ? Effect.fail(error) : Effect.flatMap(signInFor(client, error.scope), echo)
      )
    )
    return [...names, text]
  })
// #endregion
