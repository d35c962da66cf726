import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import type * as Auth from "@countersign/client/Auth"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { afterAll, beforeAll, describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { allRenderings } from "./support/allRenderings.js"

const secret = "canary-secret:+%/~"

const clientOf = (client_id: string, token_endpoint_auth_method: OAuth2.SecretAuthMethod) => ({
  client_id,
  client_secret: secret,
  token_endpoint_auth_method,
  grant_types: ["client_credentials"],
  scope: "read",
  redirect_uris: [],
  response_types: []
})

const configuration = {
  clients: [clientOf("by-basic", "client_secret_basic"), clientOf("by-post", "client_secret_post")],
  cookies: { keys: ["of no use here"] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true }
  },
  scopes: ["read", "admin"],
  ttl: { ClientCredentials: 60 }
}

let issuer = ""
const server = Http.createServer()

// oidc-provider warns about Node 20, where it works, and about development keys and its development adapter.
const quiet = [vi.spyOn(console, "warn"), vi.spyOn(console, "info")]

beforeAll(async () => {
  for (const spy of quiet) spy.mockImplementation(() => undefined)
  const { default: Provider } = await import("oidc-provider")
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  // A TCP listener has an `AddressInfo`.
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  server.on("request", new Provider(issuer, configuration).callback())
})

afterAll(async () => {
  await new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })
  for (const spy of quiet) spy.mockRestore()
})

class Api extends ApiClient.Tag("test/Api")<Api, TokenSourceError>() {}

/** The client with its token source. Effect builds the Layer of both once. */
const withSource = <E, R>(auth: Layer.Layer<Auth.Auth<TokenSourceError> | TokenSource.TokenSource, E, R>) =>
  Layer.merge(Api.layer({ baseUrl: issuer, auth }), auth)

const live = (options: Partial<ClientCredentials.Options>) =>
  Layer.suspend(() =>
    withSource(
      ClientCredentials.layer({
        issuer,
        clientId: "by-basic",
        clientSecret: Redacted.make(secret),
        transport: OAuth2.dangerouslyAllowHttpOnLoopback,
        ...options
      })
    )
  ).pipe(Layer.provide(TokenStore.layerMemory), Layer.provide(NodeHttpClient.layerUndici))

/** Introspects the token of the source with the client authentication of the token endpoint. */
const introspected = Effect.gen(function* () {
  const { get } = yield* TokenSource.TokenSource
  const { token } = yield* get
  const form = new URLSearchParams({ token: Redacted.value(token.accessToken) })
  const auth = `Basic ${btoa(`by-basic:${encodeURIComponent(secret)}`)}`
  const response = yield* Effect.promise(() =>
    fetch(`${issuer}/token/introspection`, { method: "POST", body: form, headers: { authorization: auth } })
  )
  return { token, told: (yield* Effect.promise(() => response.json())) as unknown }
})

describe("ClientCredentials at oidc-provider", () => {
  it.live.each<readonly [OAuth2.SecretAuthMethod, string]>([
    ["client_secret_basic", "by-basic"],
    ["client_secret_post", "by-post"]
  ])("returns a token with the requested scope and lifetime by %s", ([clientAuthentication, clientId]) =>
    Effect.gen(function* () {
      const { token, told } = yield* introspected
      expect(token.expiresAt === undefined ? 0 : token.expiresAt - token.receivedAt).toBe(60_000)
      if (clientId === "by-basic") {
        expect(told).toMatchObject({ active: true, client_id: clientId, scope: "read", token_type: "Bearer" })
      }
    }).pipe(Effect.provide(live({ clientAuthentication, clientId, scopes: ["read"] })))
  )

  it.live("sends the token with an API call", () =>
    Effect.gen(function* () {
      const api = yield* Api
      const metadata = yield* api.get("/.well-known/openid-configuration", {
        schema: Schema.Struct({ issuer: Schema.String })
      })
      expect(metadata.issuer).toBe(issuer)
    }).pipe(Effect.provide(live({})))
  )

  it.live.each<OAuth2.SecretAuthMethod>(["client_secret_basic", "client_secret_post"])(
    "fails with invalid_client for a wrong secret by %s, and shows no secret",
    (clientAuthentication) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.flatMap(Api, (api) => api.get("/")))
        expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: "invalid_client" })
        expect(allRenderings(error)).not.toContain("canary")
      }).pipe(
        Effect.provide(
          live({
            clientAuthentication,
            clientId: clientAuthentication === "client_secret_post" ? "by-post" : "by-basic",
            clientSecret: Redacted.make("canary-wrong")
          })
        )
      )
  )

  it.live("fails with invalid_scope for a scope that the client may not request", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.flatMap(TokenSource.TokenSource, ({ get }) => get))
      expect(error).toMatchObject({ reason: "Rejected", error: "invalid_scope" })
    }).pipe(Effect.provide(live({ scopes: ["admin"] })))
  )
})
