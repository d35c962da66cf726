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

describe("introspection", () => {
  it.effect("tells what a token is for, and of an expired or unknown one nothing but that it is dead", () =>
    Effect.gen(function* () {
      const { access_token, refresh_token } = yield* signIn()
      const told = { active: true, iss: "https://oauth.test", client_id: "web", scope: "read write", sub: "user" }
      expect(yield* introspect(access_token, Client.basic("other"))).toEqual({
        ...told,
        token_type: "Bearer",
        iat: 0,
        exp: 3600
      })
      expect(yield* introspect(refresh_token)).toEqual(told)
      yield* TestClock.adjust("1 hour")
      for (const token of [access_token, "x"]) expect(yield* introspect(token)).toEqual({ active: false })
    }).pipe(memory())
  )

  it.effect("a refresh token that was used is dead", () =>
    Effect.gen(function* () {
      const { refresh_token } = yield* signIn()
      yield* Client.token({ grant_type: "refresh_token", refresh_token })
      expect(yield* introspect(refresh_token)).toEqual({ active: false })
    }).pipe(memory())
  )

  it.effect("answers nobody who shows no secret, and asks for the token", () =>
    Effect.gen(function* () {
      const form = { token: (yield* signIn()).access_token, client_id: "cli" }
      expect(yield* Client.post("/introspect", form, {})).toMatchObject({ status: 401 })
      expect(yield* Client.post("/introspect", { token: form.token }, {})).toMatchObject({ status: 401 })
      expect((yield* Client.post("/introspect", {})).json).toMatchObject({ error: "invalid_request" })
    }).pipe(memory())
  )
})

describe("revocation", () => {
  it.effect("of an access token leaves the session, and of a refresh token ends it", () =>
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

  it.effect("of a token that nobody knows is no error; of another client's is one, and it stays good", () =>
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

describe("token exchange", () => {
  it.effect("gives a token for another target on behalf of the same user, with no more scope, and tells who acts", () =>
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
    ["a type that it does not take", { subject_token_type: type("saml2") }, "invalid_request"],
    ["an actor's type without its token", { actor_token_type: type("access_token") }, "invalid_request"],
    ["a wish for a type that it does not make", { requested_token_type: type("id_token") }, "invalid_request"],
    ["more scope than the token has", { scope: "read admin" }, "invalid_scope"],
    ["a target that it does not know", { resource: "https://evil.test/" }, "invalid_target"]
  ]
  it.effect.each(wrong)("with %s is refused", ([, params, error]) =>
    Effect.gen(function* () {
      const { access_token } = yield* signIn()
      expect(yield* exchange(access_token, params)).toMatchObject({ error })
    }).pipe(memory({ resources: ["https://api.test/"] }))
  )

  it.effect("takes no token that has expired, and no client that shows only its name", () =>
    Effect.gen(function* () {
      const { access_token } = yield* signIn()
      expect(yield* exchange(access_token, { client_id: "cli" }, {})).toMatchObject({ error: "unauthorized_client" })
      yield* TestClock.adjust("1 hour")
      expect(yield* exchange(access_token)).toMatchObject({ error: "invalid_request" })
    }).pipe(memory())
  )
})

describe("resource indicators", () => {
  const here = "https://oauth.test/resource"
  const there = "https://api.test/"

  it.effect("a token opens the resource that it was asked for, and no other", () =>
    Effect.gen(function* () {
      const ask = (resource: string) =>
        Effect.map(Client.token({ grant_type: "client_credentials", resource }), (answer) => answer.access_token)
      expect(yield* status(yield* ask(here))).toBe(200)
      expect(yield* status(yield* ask(there))).toBe(401)
      expect(yield* introspect(yield* ask(there))).toMatchObject({ aud: [there] })
    }).pipe(memory())
  )

  it.effect("one sign-in for two resources gives a token for each, and none for a third", () =>
    Effect.gen(function* () {
      const wanted = Object.entries(Client.request)
      const { sent } = yield* Client.authorize(
        new URLSearchParams([...wanted, ["resource", here], ["resource", there]])
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

  it.effect("a code gives no token for a resource that the user was not asked about", () =>
    Effect.gen(function* () {
      const { sent } = yield* Client.authorize({ ...Client.request, resource: here })
      expect(yield* Client.redeem(sent["code"], { resource: there })).toMatchObject({ error: "invalid_target" })
    }).pipe(memory())
  )
})

describe("pushed authorization requests", () => {
  const push = (params: Client.Params = {}, headers?: Client.Params) =>
    Client.post("/par", { ...Client.request, ...params }, headers)

  it.effect("a request that was pushed is opened by its name, once", () =>
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

  it.effect("it is over after a minute, and worth nothing to another client", () =>
    Effect.gen(function* () {
      const { request_uri } = (yield* push()).json
      expect((yield* Client.authorize({ client_id: "cli", request_uri })).status).toBe(400)
      yield* TestClock.adjust("1 minute")
      expect((yield* Client.authorize({ client_id: "web", request_uri })).status).toBe(400)
    }).pipe(memory())
  )

  it.effect("what is wrong with it is told when it is pushed, and by whom, too", () =>
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

  it.effect("where they are required, the authorization endpoint takes no other, and the metadata say so", () =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      expect(yield* Client.authorize(Client.request)).toMatchObject({ status: 400, location: undefined })
      const metadata = yield* (yield* HttpClient.get(`${issuer}/.well-known/openid-configuration`)).json
      expect(metadata).toMatchObject({ require_pushed_authorization_requests: true })
    }).pipe(memory({ pushedRequests: "required" }))
  )
})

describe("dynamic registration", () => {
  const register = (metadata: unknown, headers: Client.Params = {}) =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      const body = HttpBody.text(typeof metadata === "string" ? metadata : JSON.stringify(metadata), "application/json")
      const response = yield* HttpClient.post(`${issuer}/register`, { headers, body })
      const text = yield* response.text
      // The cast spares each test a schema; a field that is not there fails the test that reads it.
      return { status: response.status, json: JSON.parse(text === "" ? "{}" : text) as Client.Json }
    })

  it.effect("gives a client a name and a secret, and keeps it to what it has registered", () =>
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

  it.effect("gives a public client no secret", () =>
    Effect.gen(function* () {
      const { json } = yield* register({ redirect_uris: redirectUris, token_endpoint_auth_method: "none" })
      expect(json).not.toHaveProperty("client_secret")
      const { client_id } = json
      const { sent } = yield* Client.authorize({ ...Client.request, client_id })
      expect(yield* Client.redeem(sent["code"], { client_id }, {})).toHaveProperty("access_token")
    }).pipe(memory())
  )

  const wrong: ReadonlyArray<readonly [string, unknown, string]> = [
    ["no JSON", "{", "invalid_client_metadata"],
    ["a list", [], "invalid_client_metadata"],
    ["an unknown method", { token_endpoint_auth_method: "x" }, "invalid_client_metadata"],
    [
      "a key that is needed and missing",
      { redirect_uris: redirectUris, token_endpoint_auth_method: "private_key_jwt" },
      "invalid_client_metadata"
    ],
    ["no redirect_uris", {}, "invalid_redirect_uri"],
    ["a redirect_uri without TLS", { redirect_uris: ["http://app.test/"] }, "invalid_redirect_uri"],
    ["a redirect_uri with a fragment", { redirect_uris: ["https://app.test/#x"] }, "invalid_redirect_uri"],
    ["a redirect_uri that is a program", { redirect_uris: ["javascript:alert(1)"] }, "invalid_redirect_uri"]
  ]
  it.effect.each(wrong)("refuses %s", ([, metadata, error]) =>
    Effect.gen(function* () {
      const { json, status } = yield* register(metadata)
      expect([status, json["error"]]).toEqual([400, error])
    }).pipe(memory())
  )

  it.effect("asks for the initial access token where there is one", () =>
    Effect.gen(function* () {
      const metadata = { redirect_uris: redirectUris }
      expect((yield* register(metadata)).status).toBe(401)
      expect((yield* register(metadata, { authorization: "Bearer let-me-in" })).status).toBe(201)
    }).pipe(memory({ initialAccessToken: "let-me-in" }))
  )
})

describe("protected resource metadata", () => {
  it.effect("a bare 401 leads to the resource's metadata, and these to the authorization server", () =>
    Effect.gen(function* () {
      const refused = yield* Client.resource("", {})
      const [, url] = /^Bearer resource_metadata="([^"]+)"$/.exec(refused.headers["www-authenticate"]!)!
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
