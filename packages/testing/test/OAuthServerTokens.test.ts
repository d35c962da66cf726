import { describe, expect, it } from "@effect/vitest"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Client from "./support/oauthClient.js"

const redirectUris = ["https://app.test/callback"]
const clients = { web: { secret: "secret", redirectUris }, other: "secret", cli: { redirectUris } }

const memory = (options: OAuthServer.Options = {}) => Client.memory({ clients, ...options })

const signIn = (scope = "read write") =>
  Effect.flatMap(OAuthServer.OAuthServer, (server) =>
    Effect.map(server.issueTokens({ clientId: "web", scope }), ({ access_token, refresh_token = "" }) => ({
      access_token,
      refresh_token
    }))
  )

const introspect = (token: string, headers?: Client.Params) =>
  Effect.map(Client.post("/introspect", { token }, headers), ({ json }) => json)

const status = (token: string) => Effect.map(Client.resource(token), (response) => response.status)

describe("OAuthServer introspection", () => {
  it.effect("describes a valid token and returns only active: false for an expired or unknown one", () =>
    Effect.gen(function* () {
      const { access_token, refresh_token } = yield* signIn()
      const described = { active: true, iss: "https://oauth.test", client_id: "web", scope: "read write", sub: "user" }
      expect(yield* introspect(access_token, Client.basic("other"))).toEqual({
        ...described,
        token_type: "Bearer",
        iat: 0,
        exp: 3600
      })
      expect(yield* introspect(refresh_token)).toEqual(described)
      yield* TestClock.adjust("1 hour")
      for (const token of [access_token, "x"]) expect(yield* introspect(token)).toEqual({ active: false })
    }).pipe(memory())
  )

  it.effect("reports a used refresh token as inactive", () =>
    Effect.gen(function* () {
      const { refresh_token } = yield* signIn()
      yield* Client.token({ grant_type: "refresh_token", refresh_token })
      expect(yield* introspect(refresh_token)).toEqual({ active: false })
    }).pipe(memory())
  )

  it.effect("requires a confidential client and a token", () =>
    Effect.gen(function* () {
      const form = { token: (yield* signIn()).access_token, client_id: "cli" }
      expect(yield* Client.post("/introspect", form, {})).toMatchObject({ status: 401 })
      expect(yield* Client.post("/introspect", { token: form.token }, {})).toMatchObject({ status: 401 })
      expect((yield* Client.post("/introspect", {})).json).toMatchObject({ error: "invalid_request" })
    }).pipe(memory())
  )
})

describe("OAuthServer revocation", () => {
  it.effect("revokes an access token alone and a refresh token with its family", () =>
    Effect.gen(function* () {
      const { findFamily } = yield* OAuthServer.OAuthServer
      const { access_token, refresh_token } = yield* signIn()
      expect((yield* Client.post("/revoke", { token: access_token })).status).toBe(200)
      expect(yield* status(access_token)).toBe(401)
      const next = yield* Client.token({ grant_type: "refresh_token", refresh_token })
      expect(yield* status(next.access_token)).toBe(200)
      expect((yield* Client.post("/revoke", { token: next.refresh_token })).status).toBe(200)
      expect(yield* status(next.access_token)).toBe(401)
      expect(yield* findFamily(refresh_token)).toMatchObject({ ended: { by: "client" } })
    }).pipe(memory())
  )

  it.effect("accepts an unknown token and rejects the token of another client", () =>
    Effect.gen(function* () {
      const { access_token, refresh_token } = yield* signIn()
      const answer = yield* Client.post("/revoke", { token: "x" })
      expect([answer.status, answer.text]).toEqual([200, ""])
      for (const token of [access_token, refresh_token]) {
        expect((yield* Client.post("/revoke", { token }, Client.basic("other"))).json["error"]).toBe("invalid_request")
      }
      expect(yield* status(access_token)).toBe(200)
    }).pipe(memory())
  )
})

const type = (name: string) => `urn:ietf:params:oauth:token-type:${name}`

const exchange = (subject_token: string, more: Client.Params = {}, headers?: Client.Params) =>
  Client.token(
    {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token,
      subject_token_type: type("access_token"),
      ...more
    },
    headers
  )

describe("OAuthServer token exchange", () => {
  it.effect("issues a token for another target, for the same user, with at most the same scope and the actor", () =>
    Effect.gen(function* () {
      const { access_token } = yield* signIn()
      const actor = yield* Client.token({ grant_type: "client_credentials" }, Client.basic("other"))
      const more = { actor_token: actor.access_token, actor_token_type: type("access_token") }
      const params = { ...more, scope: "read", audience: "billing", resource: "https://api.test/" }
      const answer = yield* exchange(access_token, params, Client.basic("other"))
      expect(answer).toMatchObject({ issued_token_type: type("access_token"), token_type: "Bearer", scope: "read" })
      expect(answer).not.toHaveProperty("refresh_token")
      expect(yield* introspect(answer.access_token)).toMatchObject({
        client_id: "other",
        sub: "user",
        act: { sub: "other" },
        aud: ["https://api.test/", "billing"]
      })
      expect(yield* status(answer.access_token)).toBe(401)
    }).pipe(memory())
  )

  const wrong: ReadonlyArray<readonly [string, Client.Params, string]> = [
    ["an unknown token", { subject_token: "x" }, "invalid_request"],
    ["an unsupported subject_token_type", { subject_token_type: type("saml2") }, "invalid_request"],
    ["an actor_token_type without actor_token", { actor_token_type: type("access_token") }, "invalid_request"],
    ["an unsupported requested_token_type", { requested_token_type: type("id_token") }, "invalid_request"],
    ["more scope than the token has", { scope: "read admin" }, "invalid_scope"],
    ["an unknown resource", { resource: "https://evil.test/" }, "invalid_target"]
  ]
  it.effect.each(wrong)("rejects %s", ([, params, error]) =>
    Effect.gen(function* () {
      const { access_token } = yield* signIn()
      expect(yield* exchange(access_token, params)).toMatchObject({ error })
    }).pipe(memory({ resources: ["https://api.test/"] }))
  )

  it.effect("rejects an expired subject token and a public client", () =>
    Effect.gen(function* () {
      const { access_token } = yield* signIn()
      expect(yield* exchange(access_token, { client_id: "cli" }, {})).toMatchObject({ error: "unauthorized_client" })
      yield* TestClock.adjust("1 hour")
      expect(yield* exchange(access_token)).toMatchObject({ error: "invalid_request" })
    }).pipe(memory())
  )
})

describe("OAuthServer resource parameter", () => {
  const here = "https://oauth.test/resource"
  const there = "https://api.test/"

  it.effect("issues a token that only the requested resource accepts", () =>
    Effect.gen(function* () {
      const ask = (resource: string) =>
        Effect.map(Client.token({ grant_type: "client_credentials", resource }), (answer) => answer.access_token)
      expect(yield* status(yield* ask(here))).toBe(200)
      expect(yield* status(yield* ask(there))).toBe(401)
      expect(yield* introspect(yield* ask(there))).toMatchObject({ aud: [there] })
    }).pipe(memory())
  )

  it.effect("issues a token per requested resource of one sign-in, and none for others", () =>
    Effect.gen(function* () {
      const params = Object.entries(Client.request)
      const { sent } = yield* Client.authorize(
        new URLSearchParams([...params, ["resource", here], ["resource", there]])
      )
      const first = yield* Client.redeem(sent["code"], { resource: there })
      expect(yield* introspect(first.access_token)).toMatchObject({ aud: [there] })
      const next = (token: string, resource: string) =>
        Client.token({ grant_type: "refresh_token", refresh_token: token, resource })
      expect(yield* next(first.refresh_token, "https://third.test/")).toMatchObject({ error: "invalid_target" })
      const second = yield* next(first.refresh_token, here)
      expect(yield* status(second.access_token)).toBe(200)
    }).pipe(memory())
  )

  it.effect("rejects a code exchange for a resource outside of the authorization request", () =>
    Effect.gen(function* () {
      const { sent } = yield* Client.authorize({ ...Client.request, resource: here })
      expect(yield* Client.redeem(sent["code"], { resource: there })).toMatchObject({ error: "invalid_target" })
    }).pipe(memory())
  )
})

describe("OAuthServer pushed authorization requests", () => {
  const push = (params: Client.Params = {}, headers?: Client.Params) =>
    Client.post("/par", { ...Client.request, ...params }, headers)

  it.effect("accepts a request_uri once", () =>
    Effect.gen(function* () {
      const { json, status } = yield* push()
      expect([status, json["expires_in"]]).toEqual([201, 60])
      const named = { client_id: "web", request_uri: json.request_uri }
      const { sent } = yield* Client.authorize(named)
      expect(sent["state"]).toBe("s")
      expect(yield* Client.redeem(sent["code"])).toHaveProperty("access_token")
      expect((yield* Client.authorize(named)).status).toBe(400)
    }).pipe(memory({ pushedRequests: "required" }))
  )

  it.effect("rejects a request_uri after a minute or of another client", () =>
    Effect.gen(function* () {
      const { request_uri } = (yield* push()).json
      expect((yield* Client.authorize({ client_id: "cli", request_uri })).status).toBe(400)
      yield* TestClock.adjust("1 minute")
      expect((yield* Client.authorize({ client_id: "web", request_uri })).status).toBe(400)
    }).pipe(memory())
  )

  it.effect("rejects invalid requests and clients when they push", () =>
    Effect.gen(function* () {
      const error = (params: Client.Params, headers?: Client.Params) =>
        Effect.map(push(params, headers), ({ json, status }) => [status, json["error"]])
      expect(yield* error({ redirect_uri: "https://evil.test/" })).toEqual([400, "invalid_request"])
      expect(yield* error({ code_challenge_method: "plain" })).toEqual([400, "invalid_request"])
      expect(yield* error({ request_uri: "urn:x" })).toEqual([400, "invalid_request"])
      expect(yield* error({ client_id: "cli" })).toEqual([400, "invalid_request"])
      expect(yield* error({}, Client.basic("web", "wrong"))).toEqual([401, "invalid_client"])
    }).pipe(memory())
  )

  it.effect("rejects other requests with pushedRequests: required, and publishes that", () =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      expect(yield* Client.authorize(Client.request)).toMatchObject({ status: 400, location: undefined })
      const metadata = yield* (yield* HttpClient.get(`${issuer}/.well-known/openid-configuration`)).json
      expect(metadata).toMatchObject({ require_pushed_authorization_requests: true })
    }).pipe(memory({ pushedRequests: "required" }))
  )
})

describe("OAuthServer dynamic registration", () => {
  const register = (metadata: unknown, headers: Client.Params = {}) =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      const body = HttpBody.text(typeof metadata === "string" ? metadata : JSON.stringify(metadata), "application/json")
      const response = yield* HttpClient.post(`${issuer}/register`, { headers, body })
      const text = yield* response.text
      // The cast avoids a schema per test. A missing field fails the test that reads it.
      return { status: response.status, json: JSON.parse(text === "" ? "{}" : text) as Client.Json }
    })

  it.effect("registers a client with a secret for the registered grants only", () =>
    Effect.gen(function* () {
      const { json, status } = yield* register({ redirect_uris: redirectUris, client_name: "App" })
      expect(status).toBe(201)
      expect(json).toMatchObject({
        client_name: "App",
        grant_types: ["authorization_code"],
        token_endpoint_auth_method: "client_secret_basic",
        client_secret_expires_at: 0
      })
      const { client_id, client_secret } = json
      const { sent } = yield* Client.authorize({ ...Client.request, client_id })
      const headers = Client.basic(client_id, client_secret)
      expect(yield* Client.redeem(sent["code"], {}, headers)).toHaveProperty("access_token")
      const others = yield* Client.token({ grant_type: "client_credentials" }, headers)
      expect(others).toMatchObject({ error: "unauthorized_client" })
    }).pipe(memory())
  )

  it.effect("registers a public client without a secret", () =>
    Effect.gen(function* () {
      const { json } = yield* register({ redirect_uris: redirectUris, token_endpoint_auth_method: "none" })
      expect(json).not.toHaveProperty("client_secret")
      const { client_id } = json
      const { sent } = yield* Client.authorize({ ...Client.request, client_id })
      expect(yield* Client.redeem(sent["code"], { client_id }, {})).toHaveProperty("access_token")
    }).pipe(memory())
  )

  const wrong: ReadonlyArray<readonly [string, unknown, string]> = [
    ["invalid JSON", "{", "invalid_client_metadata"],
    ["a list", [], "invalid_client_metadata"],
    ["an unknown method", { token_endpoint_auth_method: "x" }, "invalid_client_metadata"],
    [
      "private_key_jwt without jwks",
      { redirect_uris: redirectUris, token_endpoint_auth_method: "private_key_jwt" },
      "invalid_client_metadata"
    ],
    ["missing redirect_uris", {}, "invalid_redirect_uri"],
    ["a redirect_uri without TLS", { redirect_uris: ["http://app.test/"] }, "invalid_redirect_uri"],
    ["a redirect_uri with a fragment", { redirect_uris: ["https://app.test/#x"] }, "invalid_redirect_uri"],
    ["a javascript: redirect_uri", { redirect_uris: ["javascript:alert(1)"] }, "invalid_redirect_uri"]
  ]
  it.effect.each(wrong)("rejects %s", ([, metadata, error]) =>
    Effect.gen(function* () {
      const { json, status } = yield* register(metadata)
      expect([status, json["error"]]).toEqual([400, error])
    }).pipe(memory())
  )

  it.effect("requires the initial access token if there is one", () =>
    Effect.gen(function* () {
      const metadata = { redirect_uris: redirectUris }
      expect((yield* register(metadata)).status).toBe(401)
      expect((yield* register(metadata, { authorization: "Bearer let-me-in" })).status).toBe(201)
    }).pipe(memory({ initialAccessToken: "let-me-in" }))
  )
})

describe("OAuthServer protected resource metadata", () => {
  it.effect("links a 401 to the resource metadata, and these to the authorization server", () =>
    Effect.gen(function* () {
      const rejected = yield* Client.resource("", {})
      const [, url] = /^Bearer resource_metadata="([^"]+)"$/.exec(rejected.headers["www-authenticate"]!)!
      expect(url).toBe("https://oauth.test/.well-known/oauth-protected-resource/resource")
      expect(yield* (yield* HttpClient.get(url!)).json).toMatchObject({
        resource: "https://oauth.test/resource",
        authorization_servers: ["https://oauth.test"],
        scopes_supported: ["read"]
      })
      const root = yield* HttpClient.get("https://oauth.test/.well-known/oauth-protected-resource")
      expect(yield* root.json).toMatchObject({ resource: "https://oauth.test" })
    }).pipe(memory({ scopes: ["read"] }))
  )
})
