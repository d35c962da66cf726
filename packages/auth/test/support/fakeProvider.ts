import type { TokenSourceError } from "@countersign/auth/Errors"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as OAuth2 from "@countersign/auth/OAuth2"
import type { TokenSource } from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import type { Auth } from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"

/** The response of an imitated provider to the n-th request for a URL without its query. */
export type FakeProvider = (url: string, n: number, sent: MockClient.Sent) => MockClient.Step

export const withFakeProvider = (answer: FakeProvider) =>
  Effect.map(
    Effect.suspend(() => {
      const asked = new Map<string, number>()
      return MockClient.make((sent) => {
        const [url = ""] = sent.url.split("?")
        const n = (asked.get(url) ?? 0) + 1
        asked.set(url, n)
        return answer(url, n, sent)
      })
    }),
    ({ client, mock }) => {
      const posts = Effect.map(mock.sent, (sent) => sent.filter(({ method }) => method === "POST"))
      return {
        mock,
        posts,
        /** The form bodies of the POST requests. */
        forms: Effect.map(posts, (sent) =>
          sent.map(({ body }) => Object.fromEntries(new URLSearchParams(String(body ?? ""))))
        ),
        within: Effect.provideService(HttpClient.HttpClient, client)
      }
    }
  )

/** Signs a user in. Returns the authorization URL and the effect that completes the sign-in. */
export const signIn = (options: Omit<AuthorizationCode.Options, "redirectUri">) =>
  Effect.gen(function* () {
    const redirectUri = "https://app.test/callback"
    const { start, complete } = yield* AuthorizationCode.make({ ...options, redirectUri })
    const transaction = yield* start()
    const page = new URL(transaction.url)
    const back = new URLSearchParams({ code: "canary-code", state: transaction.state })
    return { page, query: Object.fromEntries(page.searchParams), end: complete(transaction, back) }
  })

/** Refreshes a token. */
export const refreshing = (options: OAuth2.Client) =>
  Effect.flatMap(OAuth2.make(options), ({ refresh }) => refresh(Redacted.make("canary-refresh-1")))

/** Calls `https://api.test/x` with the tokens of a grant. */
export const callingStored = <E, R>(grant: Layer.Layer<Auth<TokenSourceError> | TokenSource, E, R>) => {
  class Api extends ApiClient.Tag("test/Api")<Api, TokenSourceError>() {}
  return Effect.flatMap(Api, (api) => api.get("/x")).pipe(
    Effect.provide(Api.layer({ baseUrl: "https://api.test", auth: grant }))
  )
}

/** {@link callingStored} with an empty token store. */
export const calling = <E, R>(grant: Layer.Layer<Auth<TokenSourceError> | TokenSource, E, R>) =>
  callingStored(Layer.provide(grant, TokenStore.layerMemory))

export const clientSecret = Redacted.make("canary-secret")

/** A successful token response. */
export const granted = { access_token: "canary-access", token_type: "Bearer", expires_in: 3600 }

/** A provider that publishes OpenID Connect metadata only, and issues a token. */
export const publishing = (issuer: string, at: string) => {
  const metadata = { issuer, authorization_endpoint: `${at}authorize`, token_endpoint: `${at}token` }
  return withFakeProvider((url) => {
    if (url === `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`)
      return MockClient.respond(200, metadata)
    if (url === metadata.token_endpoint) return MockClient.respond(200, granted)
    return url.startsWith("https://api.test") ? MockClient.respond(200, {}) : MockClient.respond(404, "")
  })
}

const pair = await jose.generateKeyPair("RS256")
const jwk = { ...(await jose.exportJWK(pair.publicKey)), kid: "k", use: "sig", alg: "RS256" }

/** The JWK Set that verifies {@link idToken}. */
export const keys: MockClient.Step = MockClient.respond(200, { keys: [jwk] })

/** An ID token issued at the start of the test clock, valid for one hour. */
export const idToken = (claims: jose.JWTPayload): Effect.Effect<string> =>
  Effect.promise(() =>
    new jose.SignJWT({ sub: "ada", iat: 0, exp: 3600, ...claims })
      .setProtectedHeader({ alg: "RS256", kid: "k" })
      .sign(pair.privateKey)
  )

/** Signs a user in with an ID token that has these claims and the nonce of the sign-in. */
export const signInAs = (
  imitation: (answer: () => MockClient.Step) => ReturnType<typeof withFakeProvider>,
  options: Omit<AuthorizationCode.Options, "redirectUri">,
  claims: jose.JWTPayload
) =>
  Effect.gen(function* () {
    let answer: MockClient.Step = MockClient.respond(500, "")
    const { within } = yield* imitation(() => answer)
    const { end, query } = yield* within(signIn(options))
    const token = yield* idToken({ aud: options.clientId, nonce: query["nonce"], ...claims })
    answer = MockClient.respond(200, { ...granted, id_token: token })
    return yield* end
  })
