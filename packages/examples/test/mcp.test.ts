/** The MCP client, against an authorization server of `testing` and an MCP server that it protects. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Browser from "@countersign/node/Browser"
import * as SignIn from "@countersign/node/SignIn"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as McpClient from "../src/mcp-client.js"

const answer = { jsonrpc: "2.0", id: 1, result: { tools: [{ name: "echo" }] } }

/**
 * An MCP server at the resource of the authorization server: a valid token is accepted. `forms` gets the token requests.
 */
const speakingMcp = (forms: Array<Record<string, string>>) =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) =>
      HttpClient.make((request) => {
        const { body, method, url } = request
        if (url.endsWith("/token") && body._tag === "Uint8Array") {
          forms.push(Object.fromEntries(new URLSearchParams(new TextDecoder().decode(body.body))))
        }
        return Effect.map(client.execute(request), (response) =>
          method === "POST" && url.endsWith("/resource") && response.status === 200
            ? HttpClientResponse.fromWeb(request, Response.json(answer))
            : response
        )
      })
    )
  )

/** The browser of a user with a session at the server. */
const browser = Layer.effect(
  Browser.Browser,
  Effect.map(HttpClient.HttpClient, (client) => ({
    open: (url: string) =>
      client.get(url).pipe(
        Effect.flatMap(({ headers }) => Effect.promise(() => fetch(headers["location"] ?? ""))),
        Effect.orDie,
        Effect.asVoid
      )
  }))
)

const world = (options: OAuthServer.Options, forms: Array<Record<string, string>> = []) =>
  Layer.merge(browser, speakingMcp(forms)).pipe(
    Layer.provideMerge(
      Layer.merge(OAuthServer.layerMemory({ subject: "ada", scopes: ["read"], ...options }), TokenStore.layerMemory)
    )
  )

const documentUrl = "https://app.test/client.json"

const documented = {
  clients: { [documentUrl]: { public: true, redirectUris: ["http://127.0.0.1/callback"] } }
}

describe("mcp-client.ts", () => {
  it.live.each<readonly [string, string | undefined, OAuthServer.Options, number]>([
    ["registers", undefined, {}, 1],
    ["uses its client ID metadata document", documentUrl, documented, 0]
  ])("%s, signs in and lists the tools", ([_, document, options, registrations]) =>
    Effect.gen(function* () {
      const { requests, resource } = yield* OAuthServer.OAuthServer
      expect(yield* McpClient.program(resource, document)).toEqual(["echo"])
      const paths = (yield* requests).map(({ method, path }) => `${method} ${path.split("?", 1).join()}`)
      expect(paths.slice(0, 2)).toEqual(["GET /resource", "GET /.well-known/oauth-protected-resource/resource"])
      expect(paths.filter((path) => path === "POST /register")).toHaveLength(registrations)
    }).pipe(Effect.provide(world(options)))
  )

  it.live("names the resource in the sign-in and in every refresh", () => {
    const forms: Array<Record<string, string>> = []
    return Effect.gen(function* () {
      const { requests, resource, revokeAccessTokens } = yield* OAuthServer.OAuthServer
      const client = { ...(yield* McpClient.clientOf(resource, documentUrl)), propagationDelay: 0 }
      yield* SignIn.withBrowser(client)
      yield* Effect.gen(function* () {
        for (let round = 0; round < 3; round++) {
          expect(yield* McpClient.tools).toEqual(["echo"])
          yield* revokeAccessTokens
        }
      }).pipe(Effect.provide(McpClient.mcpLayer(resource, client)))
      expect(forms.map((form) => [form["grant_type"], form["resource"]])).toEqual([
        ["authorization_code", resource],
        ["refresh_token", resource],
        ["refresh_token", resource]
      ])
      const authorize = (yield* requests).find(({ path }) => path.startsWith("/authorize"))
      expect(new URL(authorize?.path ?? "", resource).searchParams.get("resource")).toBe(resource)
    }).pipe(Effect.provide(world(documented, forms)))
  })
})
