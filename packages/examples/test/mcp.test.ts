/** The MCP client, against an MCP server and the authorization server of `testing`. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Browser from "@countersign/node/Browser"
import * as SignIn from "@countersign/node/SignIn"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as McpClient from "../src/mcp-client.js"
import * as McpServer from "./support/mcpServer.js"
import { expectShown } from "./support/shownOutput.js"

const { url } = McpServer

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

const world = (options: OAuthServer.Options, log: Array<string> = []) =>
  browser.pipe(Layer.provideMerge(Layer.merge(McpServer.layer(options, log), TokenStore.layerMemory)))

const documentUrl = "https://app.test/client.json"

const documented = {
  clients: { [documentUrl]: { public: true, redirectUris: ["http://127.0.0.1/callback"] } }
}

describe("mcp-client.ts", () => {
  it.live("finds the server, registers, signs in, lists the tools, and calls one with a further scope", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      expect(yield* McpClient.program(url)).toEqual(["echo", "hello"])
      expectShown("mcp-client.ts", log.join("\n"))
    }).pipe(Effect.provide(world({}, log)))
  })

  it.live("uses its client ID metadata document and registers nothing", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      expect(yield* McpClient.program(url, documentUrl)).toEqual(["echo", "hello"])
      expect(log.filter((line) => line.includes("/register"))).toEqual([])
    }).pipe(Effect.provide(world(documented, log)))
  })

  it.live("names the resource in the sign-in and in every refresh", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      const { revokeAccessTokens } = yield* OAuthServer.OAuthServer
      const client = { ...(yield* McpClient.clientOf(url, documentUrl)), propagationDelay: 0 }
      yield* SignIn.withBrowser(client)
      yield* Effect.gen(function* () {
        for (let round = 0; round < 3; round++) {
          expect(yield* McpClient.tools).toEqual(["echo"])
          yield* revokeAccessTokens
        }
      }).pipe(Effect.provide(McpClient.mcpLayer(url, client)))
      const named = log.filter((line) => /\/(?:authorize|token) /.test(line))
      expect(named.map((line) => [line.split(" ")[1], line.includes(` resource=${url}`)])).toEqual([
        ["https://oauth.test/authorize", true],
        ["https://oauth.test/token", true],
        ["https://oauth.test/token", true],
        ["https://oauth.test/token", true]
      ])
    }).pipe(Effect.provide(world(documented, log)))
  })

  it.live("fails with the error of the server for an unknown tool", () =>
    Effect.gen(function* () {
      const client = { ...(yield* McpClient.clientOf(url, documentUrl)), scopes: ["tools:read", "tools:call"] }
      yield* SignIn.withBrowser(client)
      const error = yield* McpClient.callTool("none", {}).pipe(
        Effect.provide(McpClient.mcpLayer(url, client)),
        Effect.flip
      )
      expect(error).toMatchObject({ _tag: "McpError", code: -32602 })
    }).pipe(Effect.provide(world(documented)))
  )
})
