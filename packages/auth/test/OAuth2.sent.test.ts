import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { client, conversation, granted, issuer } from "./support/oauth.js"
import { tokenCalls } from "./support/tokenCalls.js"

const { respond } = MockClient

const refreshToken = Redacted.make("canary-refresh-1")

/** More calls that send one request to the token endpoint. */
type Call = (options: OAuth2.Client) => Effect.Effect<unknown, unknown, HttpClient.HttpClient>

const calls: Readonly<Record<string, Call>> = {
  ...tokenCalls,
  "client credentials of the layer": (options: OAuth2.Client) =>
    Effect.flatMap(OAuth2.make(options), (server) => ClientCredentials.acquireToken(server, options)(Option.none())),
  "JWT bearer": (options: OAuth2.Client) =>
    Effect.map(
      Effect.flatMap(TokenSource.TokenSource, ({ get }) => get),
      ({ token }) => token
    ).pipe(
      Effect.provide(
        JwtBearer.layer({ ...options, assertion: Effect.succeed(Redacted.make("canary-assertion")) }).pipe(
          Layer.provide(TokenStore.layerMemory)
        )
      )
    )
}

const callOf = (name: string): Call => calls[name] ?? (() => Effect.dieMessage(`no call ${name}`))

const code = { device_code: "canary-device", user_code: "U", verification_uri: issuer, expires_in: 60, interval: 1 }

/** The form of the last token request that a call sends, and its text. */
const sentBy = (
  call: (options: OAuth2.Client) => Effect.Effect<unknown, unknown, HttpClient.HttpClient>,
  options: OAuth2.Client
) =>
  Effect.gen(function* () {
    const transport = yield* MockClient.make(({ url }) => (url.endsWith("/device") ? respond(200, code) : granted()))
    yield* Effect.provideService(call(options), HttpClient.HttpClient, transport.client)
    const bodies = (yield* transport.mock.sent)
      .filter(({ url }) => url.endsWith("/token"))
      .map(({ body }) => body ?? "")
    const text = bodies.at(-1) ?? ""
    return { text, form: Object.fromEntries(new URLSearchParams(text)) }
  })

const grantTypes: Readonly<Record<string, string>> = {
  refresh: "refresh_token",
  "client credentials": "client_credentials",
  "client credentials of the layer": "client_credentials",
  "another grant": "urn:test",
  "authorization code": "authorization_code",
  "device code": "urn:ietf:params:oauth:grant-type:device_code",
  "token exchange": "urn:ietf:params:oauth:grant-type:token-exchange",
  "JWT bearer": "urn:ietf:params:oauth:grant-type:jwt-bearer"
}

const resource = "https://api.test/"

describe("OAuth2 token request", () => {
  it.effect.each<readonly [string, object]>([
    ["refresh", { resource, scope: "read write" }],
    ["client credentials", {}],
    ["client credentials of the layer", { resource, scope: "read write" }],
    ["another grant", {}],
    ["authorization code", { resource }],
    ["device code", { resource }],
    ["token exchange", { resource, scope: "read write" }],
    ["JWT bearer", { resource, scope: "read write" }]
  ])("sends resource and scope of the options for %s as %o", ([name, expected]) =>
    Effect.gen(function* () {
      const options: OAuth2.Options = { ...client, resource, scopes: ["read", "write"] }
      const { form, text } = yield* sentBy(callOf(name), options)
      const { resource: sentResource, scope } = form
      expect({ ...(sentResource && { resource: sentResource }), ...(scope && { scope }) }).toEqual(expected)
      expect(text).not.toContain("+")
    })
  )

  it.effect.each(Object.keys(calls))("sends neither resource nor scope for %s without these options", (name) =>
    Effect.gen(function* () {
      const { form } = yield* sentBy(callOf(name), client)
      expect([form["resource"], form["scope"]]).toEqual([undefined, undefined])
    })
  )

  it.effect.each(Object.entries(grantTypes))(
    "sends for %s only the tokenParameters of its grant type",
    ([name, type]) =>
      Effect.gen(function* () {
        const others = Object.fromEntries(Object.values(grantTypes).map((other) => [other, { wrong: "1" }]))
        const tokenParameters = { ...others, [type]: { tenant: "a b" } }
        const { form, text } = yield* sentBy(callOf(name), { ...client, tokenParameters })
        expect([form["tenant"], form["wrong"], form["grant_type"]]).toEqual(["a b", undefined, type])
        expect(text).toContain("tenant=a%20b")
      })
  )

  it.effect("keeps its own parameters if tokenParameters have the same names", () =>
    Effect.gen(function* () {
      const tokenParameters = { client_credentials: { scope: "other", resource: "urn:other" } }
      const options = { ...client, tokenParameters, resource, scopes: ["read"] }
      const { form } = yield* sentBy(callOf("client credentials of the layer"), options)
      expect(form).toMatchObject({ scope: "read", resource })
    })
  )

  it.effect.each([
    ...["actor_token", "assertion", "client_assertion", "client_assertion_type", "client_id", "client_secret", "code"],
    ...["code_verifier", "device_code", "grant_type", "redirect_uri", "refresh_token", "subject_token"]
  ])("rejects %s in tokenParameters", (name) =>
    Effect.gen(function* () {
      const tokenParameters = { refresh_token: { [name]: "x" } }
      const error = yield* Effect.flip(conversation([], { tokenParameters }))
      expect(error).toMatchObject({ _tag: "InvalidRequest" })
      expect(error.message).toContain(`\`${name}\``)
    })
  )
})

describe("OAuth2 layers", () => {
  it.effect.each(["RefreshToken", "ClientCredentials"])("sends resource and scopes with every refresh of %s", (name) =>
    Effect.gen(function* () {
      const { client: http, mock } = yield* MockClient.make((_, n) =>
        granted({ refresh_token: `canary-refresh-${n + 2}` })
      )
      const options = { ...client, resource, scopes: ["read"] }
      const layer =
        name === "RefreshToken" ? RefreshToken.layer({ ...options, refreshToken }) : ClientCredentials.layer(options)
      yield* Effect.gen(function* () {
        const { get } = yield* TokenSource.TokenSource
        for (let round = 0; round < 3; round++) {
          yield* get
          yield* TestClock.adjust("2 minutes")
        }
      }).pipe(
        Effect.provide(
          Layer.provide(layer, Layer.merge(TokenStore.layerMemory, Layer.succeed(HttpClient.HttpClient, http)))
        )
      )
      const forms = (yield* mock.sent).map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
      expect(forms.length).toBeGreaterThanOrEqual(3)
      expect(forms.map((form) => [form["resource"], form["scope"]])).toEqual(forms.map(() => [resource, "read"]))
    })
  )

  it.effect("keeps the previous scope if a refresh response omits it", () =>
    Effect.gen(function* () {
      const { server } = yield* conversation([granted({ scope: "read write" }), granted()], { scopes: ["read"] })
      const mint = RefreshToken.acquireToken(server, refreshToken)
      const first = yield* mint(Option.none())
      const second = yield* mint(Option.some(first))
      expect([first.scope, second.scope]).toEqual(["read write", "read write"])
    })
  )
})
