import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as Dpop from "@countersign/auth/Dpop"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as jose from "jose"
import { conversation, granted, issuer } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"

const { respond } = MockClient

const at = 1_700_000_000
/** At least 32 bytes, as HS256 requires of a key. */
const secret = Redacted.make("canary-secret-of-32-bytes-at-least")

const pair = await jose.generateKeyPair("ES256")
const privateKey: ClientAuthentication.PrivateKey = { key: pair.privateKey, kid: "k1" }

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

type Authentication = OAuth2.Client["clientAuthentication"]

/** The token requests of a client with this authentication, and the result. */
const sentBy = (
  clientAuthentication: Authentication,
  { script = [granted()], ...options }: Partial<OAuth2.Client> & { readonly script?: MockClient.Script } = {}
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(at * 1000)
    const { mock, server } = yield* conversation(script, {
      clientSecret: undefined,
      clientAuthentication,
      ...options
    })
    const result = yield* Effect.either(server.clientCredentials({}))
    const sent = (yield* mock.sent).filter(({ method }) => method === "POST")
    return {
      result,
      authorizations: sent.map(({ headers }) => headers["authorization"]),
      forms: sent.map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
    }
  })

const asClient = { grant_type: "client_credentials", client_id: "client" }
const unnamed = { grant_type: "client_credentials" }

const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`

describe("client_secret_basic", () => {
  it.effect.each<readonly [string, string]>([
    // The example of RFC 6749 appendix B.
    [" %&+£€", "+%25%26%2B%C2%A3%E2%82%AC"],
    ["a:b", "a%3Ab"],
    ["a/b=c?d#e", "a%2Fb%3Dc%3Fd%23e"],
    ["A-Z_0.9~*'!()", "A%2DZ%5F0%2E9%7E%2A%27%21%28%29"],
    ["😀", "%F0%9F%98%80"],
    ["simple", "simple"]
  ])("form-encodes %s as client id and as secret before they are joined", ([text, encoded]) =>
    Effect.gen(function* () {
      const authentication = ClientAuthentication.clientSecretBasic(Redacted.make(text))
      const { authorizations, forms } = yield* sentBy(authentication, { clientId: text })
      expect(authorizations).toEqual([basic(`${encoded}:${encoded}`)])
      expect(forms).toEqual([unnamed])
      const decoded = new URLSearchParams(`secret=${encoded}`).get("secret")
      expect(decoded).toBe(text)
    })
  )

  it.effect("authenticates by default when there is a secret, and by its name", () =>
    Effect.gen(function* () {
      const byDefault = yield* sentBy(undefined, { clientSecret: secret })
      const byName = yield* sentBy("client_secret_basic", { clientSecret: secret })
      const expected = [basic("client:canary%2Dsecret%2Dof%2D32%2Dbytes%2Dat%2Dleast")]
      expect([byDefault.authorizations, byName.authorizations]).toEqual([expected, expected])
    })
  )

  it.effect.each([" %&+£€", "a:b", "simple"])("sends the secret %s unencoded by clientSecretBasicUnencoded", (text) =>
    Effect.gen(function* () {
      const authentication = ClientAuthentication.clientSecretBasicUnencoded(Redacted.make(text))
      const { authorizations, forms } = yield* sentBy(authentication)
      expect(authorizations).toEqual([basic(`client:${text}`)])
      expect(forms).toEqual([unnamed])
    })
  )
})

describe("client_secret_post", () => {
  it.effect.each<readonly [string, Authentication, Partial<OAuth2.Client>]>([
    ["as a value", ClientAuthentication.clientSecretPost(Redacted.make(" %&+£€")), {}],
    ["by its name", "client_secret_post", { clientSecret: Redacted.make(" %&+£€") }]
  ])("sends client_id and secret in the body, and no authorization header (%s)", ([_, authentication, options]) =>
    Effect.gen(function* () {
      const { authorizations, forms } = yield* sentBy(authentication, options)
      expect(authorizations).toEqual([undefined])
      expect(forms).toEqual([{ ...asClient, client_secret: " %&+£€" }])
    })
  )
})

const rows = [
  {
    method: "client_secret_jwt",
    make: (options?: ClientAuthentication.AssertionOptions) => ClientAuthentication.clientSecretJwt(secret, options),
    header: { alg: "HS256" },
    key: new TextEncoder().encode(Redacted.value(secret))
  },
  {
    method: "private_key_jwt",
    make: (options?: ClientAuthentication.AssertionOptions) => ClientAuthentication.privateKeyJwt(privateKey, options),
    header: { alg: "ES256", kid: "k1" },
    key: pair.publicKey
  }
]

describe.each(rows)("$method", ({ header, key, make, method }) => {
  const verified = (form: Readonly<Record<string, string>> | undefined, now = at) =>
    Effect.promise(() =>
      jose.jwtVerify(form?.["client_assertion"] ?? "", key, {
        currentDate: new Date(now * 1000),
        requiredClaims: ["jti"]
      })
    )

  it.effect("sends an assertion for the issuer, valid for 60 seconds, and no secret", () =>
    Effect.gen(function* () {
      const { authorizations, forms } = yield* sentBy(make())
      expect(make().method).toBe(method)
      const [{ client_assertion: assertion = "", ...form } = {}] = forms
      expect(form).toEqual({ ...asClient, client_assertion_type: assertionType })
      expect(authorizations).toEqual([undefined])
      const { payload, protectedHeader } = yield* verified({ client_assertion: assertion })
      expect(protectedHeader).toEqual(header)
      expect(payload).toEqual({
        iss: "client",
        sub: "client",
        aud: issuer,
        iat: at,
        nbf: at,
        exp: at + 60,
        jti: expect.stringMatching(/^.{22,}$/) as string
      })
    })
  )

  it.effect("takes the audience from the metadata's issuer, and the times from the server's clock", () =>
    Effect.gen(function* () {
      const hour = 3600
      const date = { date: new Date((at + hour) * 1000).toUTCString() }
      const published = respond(200, { issuer: `${issuer}/`, token_endpoint: `${issuer}/token` }, date)
      const { forms } = yield* sentBy(make(), { tokenEndpoint: undefined, script: [published, granted()] })
      const { payload } = yield* verified(forms[0], at + hour)
      expect(payload).toMatchObject({ aud: `${issuer}/`, iat: at + hour, nbf: at + hour, exp: at + hour + 60 })
    })
  )

  it.effect("uses the configured audience", () =>
    Effect.gen(function* () {
      const { forms } = yield* sentBy(make({ audience: `${issuer}/token` }))
      expect((yield* verified(forms[0])).payload.aud).toBe(`${issuer}/token`)
    })
  )

  it.effect("signs a new assertion for each request, also after use_dpop_nonce", () =>
    Effect.gen(function* () {
      const wanted = respond(400, { error: "use_dpop_nonce" }, { "dpop-nonce": "n1" })
      const bound = granted({ token_type: "DPoP" })
      const { forms, result } = yield* sentBy(make(), {
        script: [wanted, bound],
        dpop: yield* Dpop.generateKey
      })
      expect(result._tag).toBe("Right")
      expect(forms).toHaveLength(2)
      const jtis = yield* Effect.forEach(forms, (form) => Effect.map(verified(form), ({ payload }) => payload.jti))
      expect(new Set(jtis).size).toBe(2)
    })
  )

  it.effect("signs a new assertion for each call", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at * 1000)
      const { mock, server } = yield* conversation([granted(), granted()], { clientAuthentication: make() })
      yield* server.clientCredentials({})
      yield* TestClock.adjust("5 seconds")
      yield* server.clientCredentials({})
      const forms = (yield* mock.sent).map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
      const said = yield* Effect.forEach(forms, (form) => Effect.map(verified(form, at + 5), ({ payload }) => payload))
      expect(said.map(({ iat }) => iat)).toEqual([at, at + 5])
      expect(said[0]?.jti).not.toBe(said[1]?.jti)
    })
  )
})

describe("private_key_jwt", () => {
  it.effect.each(["RS256", "PS384", "ES512", "Ed25519"])("signs with the algorithm of its key: %s", (alg) =>
    Effect.gen(function* () {
      const other = yield* Effect.promise(() => jose.generateKeyPair(alg))
      const { forms } = yield* sentBy(ClientAuthentication.privateKeyJwt({ key: other.privateKey }))
      const assertion = forms[0]?.["client_assertion"] ?? ""
      const { protectedHeader } = yield* Effect.promise(() =>
        jose.jwtVerify(assertion, other.publicKey, { currentDate: new Date(at * 1000) })
      )
      expect(protectedHeader).toEqual({ alg })
    })
  )

  it.effect("fails with Rejected when the key cannot sign, and sends no request", () =>
    Effect.gen(function* () {
      const { forms, result } = yield* sentBy(ClientAuthentication.privateKeyJwt({ key: pair.publicKey }))
      expect(result).toMatchObject({ _tag: "Left", left: { _tag: "TokenError", reason: "Rejected" } })
      expect(forms).toEqual([])
    })
  )
})

describe("none and tls_client_auth", () => {
  it.effect.each([
    ["none", ClientAuthentication.none],
    ["tls_client_auth", ClientAuthentication.tlsClientAuth]
  ] as const)("sends client_id alone by %s", ([method, authentication]) =>
    Effect.gen(function* () {
      const { authorizations, forms } = yield* sentBy(authentication)
      expect(authentication.method).toBe(method)
      expect(authorizations).toEqual([undefined])
      expect(forms).toEqual([asClient])
    })
  )

  it.effect("sends client_id alone by none, although there is a secret", () =>
    Effect.gen(function* () {
      const { authorizations, forms } = yield* sentBy(ClientAuthentication.none, { clientSecret: secret })
      expect([authorizations, forms]).toEqual([[undefined], [asClient]])
    })
  )
})

const all: ReadonlyArray<readonly [string, ClientAuthentication.ClientAuthentication]> = [
  ["secretBasic", ClientAuthentication.clientSecretBasic(secret)],
  ["secretBasicInterop", ClientAuthentication.clientSecretBasicUnencoded(secret)],
  ["secretPost", ClientAuthentication.clientSecretPost(secret)],
  ["secretJwt", ClientAuthentication.clientSecretJwt(secret)],
  ["privateKeyJwt", ClientAuthentication.privateKeyJwt(privateKey)],
  ["none", ClientAuthentication.none],
  ["tls", ClientAuthentication.tlsClientAuth]
]

describe.each(all)("%s", (_, authentication) => {
  it("prints the method only", () => {
    expect(JSON.stringify(authentication)).toBe(`{"method":"${authentication.method}"}`)
    expect(allRenderings(authentication)).not.toContain("canary-")
    expect(allRenderings({ client: { clientAuthentication: authentication } })).not.toContain("CryptoKey")
    expect(Reflect.ownKeys(authentication)).toEqual(["method"])
  })

  it.effect("hides the secret when an error response repeats it", () =>
    Effect.gen(function* () {
      const said = respond(401, {
        error: "invalid_client",
        error_description: `no ${Redacted.value(secret)} ${basic(`client:${Redacted.value(secret)}`)}`
      })
      const { result } = yield* sentBy(authentication, { script: [said] })
      expect(result).toMatchObject({ _tag: "Left", left: { reason: "Rejected", error: "invalid_client" } })
      const knowsIt = !["private_key_jwt", "none", "tls_client_auth"].includes(authentication.method)
      if (knowsIt) expect(allRenderings(result)).not.toContain("canary-")
    })
  )

  it.effect("rejects a copy of the authentication as InvalidRequest", () =>
    Effect.gen(function* () {
      const copy = { ...authentication }
      const error = yield* Effect.flip(sentBy(copy))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
    })
  )
})
