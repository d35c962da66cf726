import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Http from "node:http"

type Params = Record<string, string>

/** Response of the token endpoint. Tests read single fields. */
interface Answer {
  readonly access_token: string
  readonly refresh_token: string
  readonly [name: string]: unknown
}

const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` })

const post = (params: Params, headers: Params = basic("client", "secret")) =>
  Effect.gen(function* () {
    const { tokenEndpoint } = yield* OAuthServer.OAuthServer
    const body = HttpBody.text(new URLSearchParams(params).toString(), "application/x-www-form-urlencoded")
    const request = HttpClientRequest.post(tokenEndpoint, { headers, body })
    return yield* Effect.flatMap(HttpClient.HttpClient, (client) => client.execute(request))
  })

const answer = (params: Params, headers?: Params) =>
  // The cast avoids a schema per test. A missing field fails the test that reads it.
  Effect.flatMap(post(params, headers), (response) => Effect.map(response.json, (json) => json as Answer))

const credentials = answer({ grant_type: "client_credentials" })

const refresh = (token: string, more: Params = {}) =>
  answer({ grant_type: "refresh_token", refresh_token: token, ...more })

const resource = (token: string, query = "") =>
  Effect.gen(function* () {
    const server = yield* OAuthServer.OAuthServer
    const response = yield* HttpClient.get(server.resource + query, { headers: { authorization: `Bearer ${token}` } })
    return response.status
  })

const memory =
  (options?: OAuthServer.Options) =>
  <A, E>(effect: Effect.Effect<A, E, OAuthServer.OAuthServer | HttpClient.HttpClient>) =>
    Effect.provide(effect, OAuthServer.layerMemory(options))

const port = OAuthServer.layer({ refreshTokens: true }).pipe(
  Layer.provide(NodeHttpServer.layer(() => Http.createServer(), { port: 0, host: "127.0.0.1" })),
  Layer.provideMerge(NodeHttpClient.layerUndici)
)

describe.each([
  ["on a real port", port],
  ["in memory", OAuthServer.layerMemory({ refreshTokens: true })]
] as const)("OAuthServer %s", (_, layer) => {
  it.effect("publishes its metadata, with its actual issuer, at both well-known URLs", () =>
    Effect.gen(function* () {
      const { issuer, tokenEndpoint } = yield* OAuthServer.OAuthServer
      for (const name of ["oauth-authorization-server", "openid-configuration"]) {
        const json = yield* (yield* HttpClient.get(`${issuer}/.well-known/${name}`)).json
        expect(json).toMatchObject({ issuer, token_endpoint: tokenEndpoint })
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("issues tokens for client credentials that the resource accepts, and refreshes them", () =>
    Effect.gen(function* () {
      const first = yield* credentials
      expect(first).toMatchObject({ token_type: "Bearer", expires_in: 3600 })
      expect(yield* resource(first.access_token)).toBe(200)
      const second = yield* refresh(first.refresh_token)
      expect(yield* resource(second.access_token)).toBe(200)
      expect(second.refresh_token).not.toBe(first.refresh_token)
      const { refreshCalls, requests, tokenCalls } = yield* OAuthServer.OAuthServer
      expect([yield* tokenCalls, yield* refreshCalls, (yield* requests).length]).toEqual([2, 1, 4])
    }).pipe(Effect.provide(layer))
  )
})

describe("OAuthServer metadata", () => {
  it.effect("lists existing endpoints only and every supported grant", () =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      // The cast avoids a schema. Another document fails the test.
      const metadata = (yield* (yield* HttpClient.get(`${issuer}/.well-known/openid-configuration`)).json) as Answer
      const endpoints = Object.entries(metadata).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name))
      expect(endpoints).toHaveLength(9)
      for (const [, url] of endpoints) expect((yield* HttpClient.get(String(url))).status).not.toBe(404)
      const grants = metadata["grant_types_supported"] as ReadonlyArray<string>
      expect(grants).toHaveLength(6)
      for (const grant_type of grants) {
        expect((yield* answer({ grant_type }))["error"]).not.toBe("unsupported_grant_type")
      }
    }).pipe(memory())
  )

  const hostile = FastCheck.dictionary(
    FastCheck.constantFrom(
      ...["grant_type", "client_id", "redirect_uri", "request_uri", "code", "client_assertion", "assertion", "token"],
      ...["client_assertion_type", "resource", "scope", "response_type", "code_challenge", "device_code", "user_code"]
    ),
    FastCheck.oneof(
      FastCheck.string({ unit: "binary" }),
      FastCheck.constantFrom(
        "client",
        "e30.e30.e30",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "http://127.0.0.1"
      ),
      FastCheck.tuple(FastCheck.jsonValue(), FastCheck.jsonValue()).map((parts) =>
        [...parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")), "AA"].join(".")
      )
    )
  )
  it.effect.prop(
    "responds without a 500 to any form and proof",
    [hostile, hostile],
    ([form, proof]) =>
      Effect.gen(function* () {
        const { issuer } = yield* OAuthServer.OAuthServer
        const encoded = new URLSearchParams(form).toString()
        const dpop = Object.values(proof).find((value) => /^[\w.-]+$/.test(value)) ?? "x"
        const paths = [
          "token",
          "par",
          "device_authorization",
          "introspect",
          "revoke",
          "authorize",
          "device",
          "register"
        ]
        for (const path of paths) {
          const body = HttpBody.text(encoded, "application/x-www-form-urlencoded")
          const headers = path === "device_authorization" ? {} : { ...basic("client", "secret"), dpop }
          const response = yield* HttpClient.post(`${issuer}/${path}`, { headers, body })
          expect(response.status).toBeLessThan(500)
        }
        expect((yield* HttpClient.get(`${issuer}/authorize?${encoded}`)).status).toBeLessThan(500)
      }).pipe(memory()),
    { fastCheck: { numRuns: 20 } }
  )
})

describe("OAuthServer client authentication", () => {
  it.effect("decodes both form-encoded halves of Basic credentials", () =>
    Effect.gen(function* () {
      const encoded = basic(encodeURIComponent("a:b"), encodeURIComponent("ü+ %").replaceAll("%20", "+"))
      expect(yield* answer({ grant_type: "client_credentials" }, encoded)).toHaveProperty("access_token")
    }).pipe(memory({ clients: { "a:b": "ü+ %" } }))
  )

  it.effect("accepts credentials in the body, unless the header has some or client_id differs", () =>
    Effect.gen(function* () {
      const params = { grant_type: "client_credentials", client_id: "client", client_secret: "secret" }
      expect(yield* answer(params, {})).toHaveProperty("access_token")
      expect(yield* answer(params)).toMatchObject({ error: "invalid_request" })
      const named = (client_id: string) => answer({ grant_type: "client_credentials", client_id })
      expect(yield* named("client")).toHaveProperty("access_token")
      expect(yield* named("other")).toMatchObject({ error: "invalid_request" })
    }).pipe(memory())
  )

  it.effect("rejects unknown, wrong, malformed and missing credentials with 401 and a challenge", () =>
    Effect.gen(function* () {
      const wrong = [basic("client", "x"), basic("x", "secret"), basic("%", "%"), { authorization: "Basic !" }, {}]
      for (const headers of wrong) {
        const response = yield* post({ grant_type: "client_credentials" }, headers)
        expect(response.status).toBe(401)
        expect(response.headers).toMatchObject({
          "www-authenticate": 'Basic realm="token"',
          "cache-control": "no-store"
        })
        expect(yield* response.json).toMatchObject({ error: "invalid_client" })
      }
    }).pipe(memory())
  )
})

describe("OAuthServer token endpoint", () => {
  const cases: ReadonlyArray<readonly [string, Params, string]> = [
    ["a missing grant_type", {}, "invalid_request"],
    ["an unknown grant_type", { grant_type: "password" }, "unsupported_grant_type"],
    ["a missing refresh token", { grant_type: "refresh_token" }, "invalid_request"],
    ["an unknown refresh token", { grant_type: "refresh_token", refresh_token: "x" }, "invalid_grant"],
    ["an unknown scope", { grant_type: "client_credentials", scope: "read admin" }, "invalid_scope"]
  ]
  it.effect.each(cases)("rejects %s with its error code", ([, params, error]) =>
    Effect.gen(function* () {
      const response = yield* post(params)
      expect([response.status, response.headers["cache-control"]]).toEqual([400, "no-store"])
      expect(yield* response.json).toMatchObject({ error })
    }).pipe(memory({ scopes: ["read", "write"] }))
  )

  it.effect("rejects bodies that are no form, have repeated parameters or exceed 64 KiB", () =>
    Effect.gen(function* () {
      const { tokenEndpoint } = yield* OAuthServer.OAuthServer
      const send = (body: HttpBody.HttpBody) =>
        HttpClient.post(tokenEndpoint, { headers: basic("client", "secret"), body })
      const form = (text: string) => HttpBody.text(text, "application/x-www-form-urlencoded")
      const json = yield* send(HttpBody.unsafeJson({ grant_type: "client_credentials" }))
      expect(yield* json.json).toMatchObject({ error: "invalid_request" })
      const twice = yield* send(form("grant_type=client_credentials&grant_type=client_credentials"))
      expect(yield* twice.json).toMatchObject({ error: "invalid_request" })
      expect((yield* send(form("x".repeat(70_000)))).status).toBe(413)
    }).pipe(memory())
  )
})

describe("OAuthServer lifetimes", () => {
  it.effect("accepts an access token until its exact end, and rounds expires_in down", () =>
    Effect.gen(function* () {
      const token = yield* credentials
      expect(token["expires_in"]).toBe(1)
      yield* TestClock.adjust(1499)
      expect(yield* resource(token.access_token)).toBe(200)
      yield* TestClock.adjust(1)
      expect(yield* resource(token.access_token)).toBe(401)
    }).pipe(memory({ accessTokenLifetime: 1500 }))
  )

  it.effect("omits expires_in with expiresIn: false", () =>
    Effect.gen(function* () {
      expect(Object.keys(yield* credentials)).toEqual(["access_token", "token_type"])
    }).pipe(memory({ expiresIn: false }))
  )

  it.effect("rejects access tokens after revokeAccessTokens, and still refreshes", () =>
    Effect.gen(function* () {
      const { revokeAccessTokens, issueTokens } = yield* OAuthServer.OAuthServer
      const token = yield* issueTokens({ clientId: "client", scope: "read" })
      yield* revokeAccessTokens
      expect(yield* resource(token.access_token)).toBe(401)
      const next = yield* refresh(token.refresh_token ?? "")
      expect(yield* resource(next.access_token)).toBe(200)
    }).pipe(memory())
  )
})

describe("OAuthServer rotation", () => {
  it.effect("revokes the family of a reused refresh token, and no other family", () =>
    Effect.gen(function* () {
      const [first, other] = [yield* credentials, yield* credentials]
      const second = yield* refresh(first.refresh_token)
      expect(yield* refresh(first.refresh_token)).toMatchObject({ error: "invalid_grant" })
      expect(yield* refresh(second.refresh_token)).toMatchObject({ error: "invalid_grant" })
      expect(yield* resource(second.access_token)).toBe(401)
      expect(yield* resource(other.access_token)).toBe(200)
      expect(yield* (yield* OAuthServer.OAuthServer).revokedFamilies).toBe(1)
    }).pipe(memory({ refreshTokens: true }))
  )

  it.effect("keeps the refresh token valid and omits it from responses without rotation", () =>
    Effect.gen(function* () {
      const token = yield* credentials
      for (let i = 0; i < 3; i++) {
        const next = yield* refresh(token.refresh_token)
        expect(next).not.toHaveProperty("refresh_token")
        expect(yield* resource(next.access_token)).toBe(200)
      }
    }).pipe(memory({ refreshTokens: true, rotation: false }))
  )

  it.effect("accepts a used refresh token within reuseGrace", () =>
    Effect.gen(function* () {
      const token = yield* credentials
      yield* refresh(token.refresh_token)
      yield* TestClock.adjust("9 seconds")
      expect(yield* refresh(token.refresh_token)).toHaveProperty("refresh_token")
      yield* TestClock.adjust("1 second")
      expect(yield* refresh(token.refresh_token)).toMatchObject({ error: "invalid_grant" })
    }).pipe(memory({ refreshTokens: true, reuseGrace: "10 seconds" }))
  )

  it.effect("rejects the refresh token of another client without revoking it", () =>
    Effect.gen(function* () {
      const { revokedFamilies, issueTokens } = yield* OAuthServer.OAuthServer
      const { refresh_token: token = "" } = yield* issueTokens({ clientId: "a" })
      const params = { grant_type: "refresh_token", refresh_token: token }
      expect(yield* answer(params, basic("b", "2"))).toMatchObject({ error: "invalid_grant" })
      expect(yield* answer(params, basic("a", "1"))).toHaveProperty("access_token")
      expect(yield* revokedFamilies).toBe(0)
    }).pipe(memory({ clients: { a: "1", b: "2" } }))
  )

  it.effect("narrows the scope of one access token and never widens it", () =>
    Effect.gen(function* () {
      const { issueTokens } = yield* OAuthServer.OAuthServer
      const { refresh_token: token = "" } = yield* issueTokens({ clientId: "client", scope: "read write" })
      expect(yield* refresh(token, { scope: "admin" })).toMatchObject({ error: "invalid_scope" })
      const narrow = yield* refresh(token, { scope: "read" })
      expect(yield* resource(narrow.access_token, "?scope=write")).toBe(403)
      const wide = yield* refresh(narrow.refresh_token)
      expect(yield* resource(wide.access_token, "?scope=write")).toBe(200)
    }).pipe(memory())
  )

  it.effect.prop(
    "accepts the newest token until one is reused, in any order of uses",
    [FastCheck.array(FastCheck.nat(5), { minLength: 1, maxLength: 12 })],
    ([picks]) =>
      Effect.gen(function* () {
        const { revokedFamilies, issueTokens } = yield* OAuthServer.OAuthServer
        const { refresh_token: first = "" } = yield* issueTokens({ clientId: "client" })
        const issued = [first]
        let dead = false
        for (const pick of picks) {
          const at = pick % issued.length
          const next = yield* refresh(issued[at] ?? "")
          dead ||= at !== issued.length - 1
          expect("error" in next).toBe(dead)
          if (!dead) issued.push(next.refresh_token)
        }
        expect(yield* revokedFamilies).toBe(dead ? 1 : 0)
      }).pipe(memory())
  )
})

describe("OAuthServer faults option", () => {
  it.effect("applies faults in order, then responds itself, and counts all calls", () =>
    Effect.gen(function* () {
      const { tokenCalls } = yield* OAuthServer.OAuthServer
      const first = yield* post({ grant_type: "client_credentials" })
      expect([first.status, first.headers["retry-after"]]).toEqual([429, "2"])
      const second = yield* post({ grant_type: "client_credentials" })
      expect([second.status, second.headers["content-type"], yield* second.text]).toEqual([200, "text/html", "<html>"])
      expect(yield* credentials).toHaveProperty("access_token")
      expect((yield* post({ grant_type: "client_credentials" })).status).toBe(403)
      expect(yield* tokenCalls).toBe(4)
    }).pipe(
      memory({
        faults: [
          OAuthServer.fault(429, "", { "retry-after": "2" }),
          OAuthServer.fault(200, "<html>"),
          undefined,
          OAuthServer.fault(403)
        ]
      })
    )
  )

  it.effect("selects a fault by grant and time with a function", () =>
    Effect.gen(function* () {
      const { refresh_token: token = "" } = yield* (yield* OAuthServer.OAuthServer).issueTokens({ clientId: "client" })
      const params = { grant_type: "refresh_token", refresh_token: token }
      expect((yield* post({ grant_type: "client_credentials" })).status).toBe(200)
      expect((yield* post(params)).status).toBe(500)
      yield* TestClock.adjust("1 minute")
      expect((yield* post(params)).status).toBe(200)
    }).pipe(
      memory({
        faults: ({ at, grantType }) =>
          grantType === "refresh_token" && at < 60_000 ? OAuthServer.fault(500) : undefined
      })
    )
  )

  it.effect("rotates the token of a lost response, so that a retry is a reuse", () =>
    Effect.gen(function* () {
      const { revokedFamilies, issueTokens } = yield* OAuthServer.OAuthServer
      const { refresh_token: token = "" } = yield* issueTokens({ clientId: "client" })
      expect((yield* post({ grant_type: "refresh_token", refresh_token: token })).status).toBe(502)
      expect(yield* refresh(token)).toMatchObject({ error: "invalid_grant" })
      expect(yield* revokedFamilies).toBe(1)
    }).pipe(memory({ faults: [OAuthServer.lostResponse(OAuthServer.fault(502))] }))
  )
})

describe("OAuthServer /resource", () => {
  it.effect("distinguishes a missing token, an invalid token and a missing scope", () =>
    Effect.gen(function* () {
      const { issuer, resource, issueTokens } = yield* OAuthServer.OAuthServer
      const { access_token } = yield* issueTokens({ clientId: "client", scope: "read" })
      const metadata = `resource_metadata="${issuer}/.well-known/oauth-protected-resource/resource"`
      const challenge = (query: string, headers: Params) =>
        Effect.map(HttpClient.get(resource + query, { headers }), (response) => [
          response.status,
          response.headers["www-authenticate"]
        ])
      expect(yield* challenge("", {})).toEqual([401, `Bearer ${metadata}`])
      expect(yield* challenge("", { authorization: "Bearer x" })).toEqual([
        401,
        `Bearer error="invalid_token", ${metadata}`
      ])
      const authorization = `Bearer ${access_token}`
      expect(yield* challenge("?scope=read", { authorization })).toEqual([200, undefined])
      expect(yield* challenge("?scope=write", { authorization })).toEqual([
        403,
        `Bearer error="insufficient_scope", scope="write", ${metadata}`
      ])
    }).pipe(memory())
  )
})
