import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { asked, asking, endpoints, urls } from "./support/endpoints.js"
import { issuer, metadata } from "./support/oauth.js"

const { respond } = MockClient

const tls = { clientAuthentication: ClientAuthentication.tlsClientAuth }
const secret = { clientSecret: Redacted.make("canary-secret") }

describe("mtls_endpoint_aliases", () => {
  it.effect.each(endpoints)("replaces the %s endpoint for tls_client_auth only", (endpoint) =>
    Effect.gen(function* () {
      const aliases = { mtls_endpoint_aliases: urls("/mtls") }
      const paths = yield* Effect.forEach([tls, secret], (options) => asked(endpoint, aliases, options))
      expect(paths.map((sent) => sent.paths)).toEqual([[`/mtls/${endpoint}`], [`/${endpoint}`]])
    })
  )

  it.effect.each<readonly [string, unknown]>([
    ["missing", undefined],
    ["null", null],
    ["a string", "https://auth.test/mtls"],
    ["a list", ["https://auth.test/mtls"]],
    ["empty", {}],
    ["without a value", { token_endpoint: null, revocation_endpoint: "" }],
    [
      "those of other endpoints",
      { userinfo_endpoint: "https://auth.test/u", authorization_endpoint: "https://x.test/" }
    ]
  ])("keeps the endpoints when the aliases are %s", ([_, aliases]) =>
    Effect.gen(function* () {
      for (const endpoint of endpoints) {
        const { exit, paths } = yield* asked(endpoint, { mtls_endpoint_aliases: aliases }, tls)
        expect([exit._tag, paths]).toEqual(["Right", [`/${endpoint}`]])
      }
    })
  )

  it.effect.each(["http://auth.test/token", "ftp://auth.test/token", "/token", "javascript:alert(1)"])(
    "rejects the token endpoint alias %s before a request is sent",
    (alias) =>
      Effect.gen(function* () {
        const { exit, paths } = yield* asked("token", { mtls_endpoint_aliases: { token_endpoint: alias } }, tls)
        expect(paths).toEqual([])
        expect(exit).toMatchObject({ left: { reason: "InvalidResponse", sent: "no" } })
      })
  )

  it.effect("rejects a plain http alias for revocation, and sends no request", () =>
    Effect.gen(function* () {
      const aliases = { mtls_endpoint_aliases: { revocation_endpoint: "http://auth.test/revoke" } }
      const { exit, paths } = yield* asked("revocation", aliases, tls)
      expect([exit._tag, paths]).toEqual(["Left", []])
    })
  )
})

/** The client authentication method of a recorded request. */
const methodOf = ({
  form,
  headers
}: {
  readonly form: Record<string, string>
  readonly headers: Record<string, string>
}) => {
  if (headers["authorization"]?.startsWith("Basic ")) return "client_secret_basic"
  if (form["client_assertion"] !== undefined) return "client_secret_jwt"
  return form["client_secret"] === undefined ? "none" : "client_secret_post"
}

describe("client authentication method", () => {
  it.effect.each<readonly [unknown, string]>([
    [undefined, "client_secret_basic"],
    [null, "client_secret_basic"],
    [[], "client_secret_basic"],
    ["client_secret_post", "client_secret_post"],
    [[7, null], "client_secret_basic"],
    [["client_secret_basic"], "client_secret_basic"],
    [["client_secret_post", "client_secret_basic"], "client_secret_basic"],
    [["client_secret_post"], "client_secret_post"],
    [["none", "private_key_jwt", "client_secret_post"], "client_secret_post"],
    [["client_secret_jwt", "client_secret_post"], "client_secret_jwt"],
    [["private_key_jwt", "tls_client_auth"], "client_secret_basic"],
    [["toString", "__proto__"], "client_secret_basic"]
  ])("reads the supported methods %o, and selects %s for a client secret", ([methods, expected]) =>
    Effect.gen(function* () {
      for (const endpoint of endpoints) {
        const sent = yield* asked(endpoint, { token_endpoint_auth_methods_supported: methods }, secret)
        expect([endpoint, sent.exit._tag, methodOf(sent)]).toEqual([endpoint, "Right", expected])
      }
    })
  )

  it.effect.each(["introspection", "revocation"] as const)(
    "reads the supported methods of the %s endpoint, not those of the token endpoint",
    (endpoint) =>
      Effect.gen(function* () {
        const lists = {
          token_endpoint_auth_methods_supported: ["client_secret_basic"],
          [`${endpoint}_endpoint_auth_methods_supported`]: ["client_secret_post"]
        }
        const sent = yield* Effect.forEach([endpoint, "token"] as const, (name) => asked(name, lists, secret))
        expect(sent.map(methodOf)).toEqual(["client_secret_post", "client_secret_basic"])
      })
  )

  it.effect.each(["client_secret_basic", "client_secret_post", "client_secret_jwt"] as const)(
    "uses the configured method %s, whatever methods the metadata list",
    (clientAuthentication) =>
      Effect.gen(function* () {
        const lists = { token_endpoint_auth_methods_supported: ["none", "client_secret_post"] }
        expect(methodOf(yield* asked("token", lists, { ...secret, clientAuthentication }))).toBe(clientAuthentication)
      })
  )

  it.effect.each<readonly [MockClient.Step, ReadonlyArray<string>, ReadonlyArray<string>]>([
    [
      respond(401, { error: "invalid_client" }),
      ["private_key_jwt"],
      ["client_secret_basic", "private_key_jwt", "`clientAuthentication`"]
    ],
    [
      respond(401, "", { "www-authenticate": "Basic" }),
      ["private_key_jwt"],
      ["private_key_jwt", "`clientAuthentication`"]
    ],
    [respond(200, { error: "invalid_client" }), ["private_key_jwt"], ["private_key_jwt"]],
    [respond(400, { error: "invalid_client" }), ["client_secret_post"], ["authenticated with client_secret_post"]]
  ])("names the supported methods in the error after invalid_client", ([answer, methods, texts]) =>
    Effect.gen(function* () {
      const { client: http } = yield* MockClient.make(({ url }) =>
        url.includes("/.well-known/")
          ? metadata({ token_endpoint_auth_methods_supported: [...methods, "<b>\u001b[2J", "x".repeat(100)] })
          : answer
      )
      const options = { issuer, clientId: "client", ...secret }
      const error = yield* Effect.flip(Effect.provideService(asking.token(options), HttpClient.HttpClient, http))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: "invalid_client" })
      for (const text of texts) expect(String(error)).toContain(text)
      expect(String(error)).not.toMatch(/<b>|xxxx|canary/)
    })
  )
})
