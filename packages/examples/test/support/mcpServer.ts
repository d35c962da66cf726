/** An MCP server at `https://mcp.test/mcp`, in memory. Tokens come from an authorization server at `https://oauth.test`. */
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const url = "https://mcp.test/mcp"
const metadataUrl = "https://mcp.test/.well-known/oauth-protected-resource/mcp"

const metadata = {
  resource: url,
  authorization_servers: ["https://oauth.test"],
  scopes_supported: ["tools:read", "tools:call"]
}

/** The scope that a method needs. */
const scopeOf = (method: unknown) => (method === "tools/call" ? "tools:call" : "tools:read")

const textOf = ({ body }: HttpClientRequest.HttpClientRequest): string =>
  body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""

interface Call {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly name?: string; readonly arguments?: { readonly text?: string } }
}

const callOf = (request: HttpClientRequest.HttpClientRequest): Call =>
  textOf(request).startsWith("{") ? JSON.parse(textOf(request)) : {}

const refuse = (status: number, error: string, scope: string): Response => {
  const challenge = `Bearer ${error}scope="${scope}", resource_metadata="${metadataUrl}"`
  return new Response(null, { status, headers: { "www-authenticate": challenge } })
}

/** A notification before the answer, which each client must skip. */
const streamOf = (id: number | undefined, result: object): Response => {
  const messages = [
    { jsonrpc: "2.0", method: "notifications/progress", params: { progress: 1 } },
    { jsonrpc: "2.0", id, result }
  ]
  const body = messages.map((message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`).join("")
  return new Response(body, { headers: { "content-type": "text/event-stream" } })
}

/** Answers a request that is authorized. */
const answer = ({ id, method, params }: Call, headers: Readonly<Record<string, string | undefined>>): Response => {
  if (method === "initialize") {
    const result = { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "test" } }
    return Response.json({ jsonrpc: "2.0", id, result }, { headers: { "mcp-session-id": "session-1" } })
  }
  if (headers["mcp-session-id"] !== "session-1" || headers["mcp-protocol-version"] !== "2025-11-25") {
    return Response.json({ jsonrpc: "2.0", id, error: { code: -32600, message: "no session" } }, { status: 400 })
  }
  if (method === "notifications/initialized") return new Response(null, { status: 202 })
  if (method === "tools/list") return Response.json({ jsonrpc: "2.0", id, result: { tools: [{ name: "echo" }] } })
  if (method === "tools/call" && params?.name === "echo")
    return streamOf(id, { content: [{ type: "text", text: params.arguments?.text }] })
  return Response.json({ jsonrpc: "2.0", id, error: { code: -32602, message: "unknown tool" } })
}

interface Token {
  readonly active: boolean
  readonly scope?: string
  readonly aud?: ReadonlyArray<string>
}

/** Introspects the token of a request. It must be for this server, and have the scope (MCP, "Access Token Usage"). */
const authorize = (server: HttpClient.HttpClient, request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function* () {
    const call = callOf(request)
    const scope = scopeOf(call.method)
    const token = request.headers["authorization"]?.replace(/^Bearer /, "") ?? ""
    const introspection = HttpClientRequest.post("https://oauth.test/introspect").pipe(
      HttpClientRequest.basicAuth("mcp-server", "secret"),
      HttpClientRequest.bodyUrlParams({ token })
    )
    // A response of the embedded server.
    const found = (yield* Effect.flatMap(server.execute(introspection), ({ json }) => json)) as Token
    if (!found.active || found.aud?.includes(url) !== true) return refuse(401, "", "tools:read")
    if (found.scope?.split(" ").includes(scope) !== true) return refuse(403, 'error="insufficient_scope", ', scope)
    return answer(call, request.headers)
  })

/** What a request says, for the log: the JSON-RPC method, or the parameters of OAuth that MCP requires. */
const detailsOf = (request: HttpClientRequest.HttpClientRequest): ReadonlyArray<string> => {
  const { method = "" } = request.url === url ? callOf(request) : {}
  const form = new URLSearchParams(request.url.split("?")[1] ?? textOf(request))
  const names = ["grant_type", "code_challenge_method", "resource", "scope"]
  const shown = request.url === url ? [] : names.filter((name) => form.has(name))
  return [method, ...shown.map((name) => `${name}=${form.get(name)}`)].filter((text) => text !== "")
}

/** Both servers. `log` gets one line for each request of the client. */
export const layer = (options: OAuthServer.Options, log: Array<string> = []) =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (server) =>
      HttpClient.make((request) => {
        const response =
          request.url === url
            ? Effect.map(authorize(server, request), (web) => HttpClientResponse.fromWeb(request, web))
            : request.url === metadataUrl
              ? Effect.succeed(HttpClientResponse.fromWeb(request, Response.json(metadata)))
              : server.execute(request)
        return Effect.tap(response, ({ status }) => {
          log.push([request.method, request.url.split("?")[0], status, ...detailsOf(request)].join(" "))
        })
      })
    )
  ).pipe(
    Layer.provideMerge(
      OAuthServer.layerMemory({ subject: "ada", ...options, clients: { "mcp-server": "secret", ...options.clients } })
    )
  )
