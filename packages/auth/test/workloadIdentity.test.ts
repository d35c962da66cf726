/** Tokens of the platform of a process as credentials: each use reads the token again, and keeps what is still valid. */
import * as AwsCredentials from "@countersign/auth/AwsCredentials"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import type { TokenSourceError } from "@countersign/auth/Errors"
import { TokenError } from "@countersign/auth/Errors"
import * as GitHubActions from "@countersign/auth/GitHubActions"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as Entra from "@countersign/auth/providers/Entra"
import * as Google from "@countersign/auth/providers/Google"
import * as TokenExchange from "@countersign/auth/TokenExchange"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import type * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as jose from "jose"
import { allRenderings } from "./support/allRenderings.js"

const { respond } = MockClient

const actions = "https://actions.test/token"
const client = { issuer: "https://auth.test", clientId: "client", tokenEndpoint: "https://auth.test/token" }

type Live = Layer.Layer<
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  unknown,
  HttpClient.HttpClient | TokenStore.TokenStore
>

const token = GitHubActions.idToken({ audience: "test" })

const subject = TokenExchange.fromJwt(token)

const withClientAssertion = (make: (authentication: ClientAuthentication.ClientAuthentication) => Live): Live =>
  Layer.unwrapEffect(Effect.map(ClientAuthentication.clientAssertion(token), make))

/** Each use, and the parameter with the token. */
const uses: ReadonlyArray<readonly [string, string, Live]> = [
  [
    "the subject of a token exchange",
    "subject_token",
    TokenExchange.layer({ ...client, clientAuthentication: ClientAuthentication.none, subject })
  ],
  [
    "the actor of a token exchange",
    "actor_token",
    TokenExchange.layer({
      ...client,
      clientAuthentication: ClientAuthentication.none,
      subject: Effect.succeed({ token: Redacted.make("user"), type: TokenExchange.tokenTypes.accessToken }),
      actor: subject
    })
  ],
  ["the assertion of the JWT bearer grant", "assertion", JwtBearer.layer({ ...client, assertion: token })],
  [
    "a client assertion",
    "client_assertion",
    withClientAssertion((clientAuthentication) => ClientCredentials.layer({ ...client, clientAuthentication }))
  ],
  [
    "the subject of Google's token exchange",
    "subject_token",
    TokenExchange.layer(Google.workloadIdentity({ audience: "//iam.googleapis.com/pool", token, scopes: ["a", "b"] }))
  ]
]

/** Id tokens that rotate, and access tokens for an hour. `sourceOf` replaces the id token with this number. */
const platform = (sourceOf: (index: number) => MockClient.Step | undefined = () => undefined) => {
  let reads = 0
  let grants = 0
  return ({ url }: MockClient.Sent): MockClient.Step => {
    if (url.startsWith(actions)) {
      reads += 1
      return sourceOf(reads) ?? respond(200, { value: `canary.payload.${reads}` })
    }
    grants += 1
    return respond(200, { access_token: `access-${grants}`, token_type: "Bearer", expires_in: 3600 })
  }
}

const variables = ConfigProvider.fromMap(
  new Map([
    ["ACTIONS_ID_TOKEN_REQUEST_URL", actions],
    ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary-request"]
  ])
)

/** A token source over the platform, with the forms that it sends. */
const sourceOf = (live: Live, script: MockClient.Script) =>
  Effect.gen(function* () {
    const { client: transport, mock } = yield* MockClient.make(script)
    const built = yield* Layer.build(live).pipe(
      Effect.provideService(HttpClient.HttpClient, transport),
      Effect.provide(TokenStore.layerMemory),
      Effect.withConfigProvider(variables)
    )
    const source = Context.get(built, TokenSource.TokenSource)
    const forms = Effect.map(mock.sent, (sent) =>
      sent.flatMap(({ body }) => (body === undefined ? [] : [Object.fromEntries(new URLSearchParams(body))]))
    )
    const get = Effect.map(source.get, ({ token }) => Redacted.value(token.accessToken))
    return { get, forms, mock }
  })

const setMinute = (minutes: number) => TestClock.setTime(minutes * 60_000)

describe("a token of the platform", () => {
  it.scoped.each(uses)("rotates with each token request as %s", ([, parameter, live]) =>
    Effect.gen(function* () {
      const { forms, get } = yield* sourceOf(live, platform())
      expect([yield* get, yield* get]).toEqual(["access-1", "access-1"])
      yield* setMinute(61)
      expect(yield* get).toBe("access-2")
      expect((yield* forms).map((form) => form[parameter])).toEqual(["canary.payload.1", "canary.payload.2"])
    })
  )

  it.scoped.each(uses)("keeps a valid access token while it cannot be read, as %s", ([, parameter, live]) =>
    Effect.gen(function* () {
      const outages = [respond(503), respond(200, "<html>"), respond(403)]
      const { forms, get } = yield* sourceOf(
        live,
        platform((index) => outages[index - 2])
      )
      yield* get
      // Each read in the refresh window fails, and nothing is sent to the authorization server.
      for (const minute of [57, 58, 59]) {
        yield* setMinute(minute)
        expect(yield* get).toBe("access-1")
        yield* TestClock.adjust("1 second")
      }
      expect(yield* forms).toHaveLength(1)
      yield* setMinute(61)
      expect(yield* get).toBe("access-2")
      expect((yield* forms).map((form) => form[parameter])).toEqual(["canary.payload.1", "canary.payload.5"])
    })
  )

  it.scoped.each(uses)("fails typed without a valid access token, and appears in no error, as %s", ([, , live]) =>
    Effect.gen(function* () {
      const { forms, get } = yield* sourceOf(
        live,
        platform(() => respond(403, "canary"))
      )
      const error = yield* Effect.flip(get)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected" })
      expect(error.message).toContain("GitHub Actions answered 403")
      expect(allRenderings(error)).not.toContain("canary")
      expect(yield* forms).toEqual([])
    })
  )

  it.scoped("rotates with each request to STS of AWS", () =>
    Effect.gen(function* () {
      const { client: transport, mock } = yield* MockClient.make(({ url }, index) =>
        url.startsWith(actions)
          ? respond(200, { value: `canary.payload.${index}` })
          : respond(
              200,
              `<Credentials><AccessKeyId>ASIA${index}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${new Date((index + 1) * 3_600_000).toISOString()}</Expiration></Credentials>`
            )
      )
      const source = yield* AwsCredentials.webIdentity({ roleArn: "arn:aws:iam::1:role/a", token }).pipe(
        Effect.provideService(HttpClient.HttpClient, transport),
        Effect.withConfigProvider(variables)
      )
      yield* source.get
      yield* setMinute(121)
      yield* source.get
      const tokens = (yield* mock.sent).flatMap(({ body }) =>
        body === undefined ? [] : [new URLSearchParams(body).get("WebIdentityToken")]
      )
      expect(tokens).toEqual(["canary.payload.0", "canary.payload.2"])
    })
  )
})

describe("Google.workloadIdentity", () => {
  it.scoped("sends the token to the Security Token Service, without a client", () =>
    Effect.gen(function* () {
      const [, , live] = uses[4] ?? expect.fail("five uses")
      const { forms, get, mock } = yield* sourceOf(live, platform())
      yield* get
      expect((yield* mock.sent)[1]).toMatchObject({ method: "POST", url: "https://sts.googleapis.com/v1/token" })
      expect((yield* mock.sent)[1]?.headers).not.toHaveProperty("authorization")
      expect(yield* forms).toEqual([
        {
          grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
          audience: "//iam.googleapis.com/pool",
          scope: "a b",
          requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
          subject_token: "canary.payload.1",
          subject_token_type: "urn:ietf:params:oauth:token-type:jwt"
        }
      ])
    })
  )
})

describe("ClientAuthentication.clientAssertion", () => {
  it.scoped("sends the token to Entra, after the metadata", () =>
    Effect.gen(function* () {
      const tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
      const issuer = `https://login.microsoftonline.com/${tenant}/v2.0`
      const live = withClientAssertion((clientAuthentication) =>
        ClientCredentials.layer({
          ...Entra.client({ tenant, clientId: "app", clientAuthentication }),
          scopes: [Entra.defaultScope("https://graph.microsoft.com")]
        })
      )
      const grant = platform()
      const { forms, get } = yield* sourceOf(live, (sent) =>
        sent.url.includes("/.well-known/") ? respond(200, { issuer, token_endpoint: `${issuer}/token` }) : grant(sent)
      )
      yield* get
      expect(yield* forms).toEqual([
        {
          grant_type: "client_credentials",
          scope: "https://graph.microsoft.com/.default",
          client_id: "app",
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: "canary.payload.1"
        }
      ])
    })
  )

  it.scoped("authenticates at a server that accepts each JWT once", () =>
    Effect.gen(function* () {
      const { privateKey, publicKey } = yield* Effect.promise(() => jose.generateKeyPair("ES256"))
      const keys = [yield* Effect.promise(() => jose.exportJWK(publicKey))]
      let count = 0
      const assertion = Effect.gen(function* () {
        const now = Math.floor((yield* TestClock.currentTimeMillis) / 1000)
        count += 1
        const jwt = new jose.SignJWT({ jti: String(count) })
          .setProtectedHeader({ alg: "ES256" })
          .setIssuer("client")
          .setSubject("client")
          .setAudience("https://oauth.test")
          .setIssuedAt(now)
          .setExpirationTime(now + 300)
        return Redacted.make(`${yield* Effect.promise(() => jwt.sign(privateKey))}\n`)
      })
      yield* Effect.gen(function* () {
        const clientAuthentication = yield* ClientAuthentication.clientAssertion(assertion)
        const built = yield* Layer.build(
          ClientCredentials.layer({ issuer: "https://oauth.test", clientId: "client", clientAuthentication })
        )
        const source = Context.get(built, TokenSource.TokenSource)
        yield* source.get
        yield* setMinute(61)
        yield* source.get
        const server = yield* OAuthServer.OAuthServer
        expect(yield* server.tokenCalls).toBe(2)
        expect(count).toBe(2)
      }).pipe(
        Effect.provide(
          Layer.merge(OAuthServer.layerMemory({ clients: { client: { jwks: { keys } } } }), TokenStore.layerMemory)
        )
      )
    })
  )

  it.scoped.each<readonly [string, Effect.Effect<Redacted.Redacted<string>, TokenError>, string]>([
    ["an empty token", Effect.succeed(Redacted.make(" \n")), "the client assertion is empty"],
    [
      "a source that demands a sign-in",
      Effect.fail(new TokenError({ reason: "ReauthorizationRequired", detail: "sign in again" })),
      "the client assertion is not available"
    ]
  ])("sends nothing for %s", ([, assertion, text]) =>
    Effect.gen(function* () {
      const live = Layer.unwrapEffect(
        Effect.map(ClientAuthentication.clientAssertion(assertion), (clientAuthentication) =>
          ClientCredentials.layer({ ...client, clientAuthentication })
        )
      )
      const { get, mock } = yield* sourceOf(live, platform())
      const error = yield* Effect.flip(get)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", sent: "no" })
      expect(error.message).toContain(text)
      expect(yield* mock.sent).toEqual([])
    })
  )
})
