import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import type { Algorithm } from "@countersign/auth/Jwt"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import { issuer, secret } from "./oauth.js"

export const redirectUri = "https://app.test/callback"

/** The metadata of a provider that supports all features of these tests. */
const provider = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  pushed_authorization_request_endpoint: `${issuer}/par`,
  jwks_uri: `${issuer}/jwks`,
  code_challenge_methods_supported: ["S256"],
  id_token_signing_alg_values_supported: ["ES256", "none", "HS256"],
  authorization_response_iss_parameter_supported: true
}

export const options: AuthorizationCode.Options = {
  issuer,
  clientId: "client",
  clientSecret: Redacted.make(secret),
  redirectUri,
  scopes: ["openid", "read"]
}

const pair = await jose.generateKeyPair("ES256", { extractable: true })
const stranger = await jose.generateKeyPair("ES256")
const jwk = { ...(await jose.exportJWK(pair.publicKey)), kid: "k", use: "sig" }

/** Changes to the token response, which has a token and a valid ID token by default. */
export interface ResponseOverrides {
  readonly claims?: Record<string, unknown>
  readonly alg?: Algorithm | "none"
  readonly signedBy?: "stranger"
  readonly header?: object
  readonly token?: object
  readonly idToken?: false | string
  /** How far the server's clock is ahead, in milliseconds. */
  readonly ahead?: number
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")

/** An ID token for the nonce, with the changes of `overrides`. */
const idTokenOf = async (nonce: string | undefined, nowMs: number, overrides: ResponseOverrides): Promise<string> => {
  const now = Math.floor(nowMs / 1000)
  const claims = { iss: issuer, sub: "ada", aud: "client", exp: now + 60, iat: now, nonce, ...overrides.claims }
  if (overrides.alg === "none") return `${base64({ alg: "none" })}.${base64(claims)}.`
  if (overrides.alg === "HS256") {
    const key = new TextEncoder().encode(JSON.stringify(jwk))
    return await new jose.SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(key)
  }
  const key = overrides.signedBy === "stranger" ? stranger.privateKey : pair.privateKey
  return await new jose.SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", kid: "k", ...overrides.header })
    .sign(key, { crit: { "urn:unknown": true } })
}

export const keys: MockClient.Step = MockClient.respond(200, { keys: [jwk] })

/** The same key with another kid. */
export const keysNamed = (kid: string): MockClient.Step => MockClient.respond(200, { keys: [{ ...jwk, kid }] })

export const answerOf = (nonce: string | undefined, overrides: ResponseOverrides = {}) =>
  Effect.gen(function* () {
    const now = (yield* Clock.currentTimeMillis) + (overrides.ahead ?? 0)
    const idToken = overrides.idToken ?? (yield* Effect.promise(() => idTokenOf(nonce, now, overrides)))
    const body = {
      access_token: "canary-access",
      token_type: "bearer",
      expires_in: 60,
      refresh_token: "canary-refresh",
      ...(idToken !== false && { id_token: idToken }),
      ...overrides.token
    }
    return MockClient.respond(200, body, { date: new Date(now).toUTCString() })
  })

type Routes = Readonly<Record<string, MockClient.Step>>

/** A client of a provider. `answering` changes the responses by path. */
export const signingIn = (more: Partial<AuthorizationCode.Options> = {}, metadata: object = {}) =>
  Effect.gen(function* () {
    let routes: Routes = {
      "/.well-known/oauth-authorization-server": MockClient.respond(200, { ...provider, ...metadata }),
      "/jwks": keys
    }
    const { client, mock } = yield* MockClient.make(
      ({ url }) => routes[new URL(url).pathname] ?? MockClient.respond(404, "nothing here")
    )
    const service = yield* Effect.provideService(
      AuthorizationCode.make({ ...options, ...more }),
      HttpClient.HttpClient,
      client
    )
    const paths = Effect.map(mock.sent, (sent) => sent.map(({ method, url }) => `${method} ${new URL(url).pathname}`))
    return {
      ...service,
      mock,
      posts: Effect.map(paths, (all) => all.filter((path) => path.startsWith("POST"))),
      answering: (changed: Routes) => void (routes = { ...routes, ...changed })
    }
  })

/** The callback URL of a transaction, with parameters changed or removed (`undefined`). */
export const callbackOf = (
  { state }: AuthorizationCode.Transaction,
  changed: Readonly<Record<string, string | undefined>> = {},
  at = redirectUri
) => {
  const url = new URL(at)
  for (const [name, value] of Object.entries({ code: "canary-code", state, iss: issuer, ...changed })) {
    if (value !== undefined) url.searchParams.append(name, value)
  }
  return url.href
}

/** A started sign-in, and the effect `end` that completes it. */
export const signedIn = (
  overrides: ResponseOverrides = {},
  more: Partial<AuthorizationCode.Options> = {},
  metadata: object = {}
) =>
  Effect.gen(function* () {
    const client = yield* signingIn(more, metadata)
    const transaction = yield* client.start()
    client.answering({ "/token": yield* answerOf(transaction.nonce, overrides) })
    return { ...client, transaction, end: client.complete(transaction, callbackOf(transaction)) }
  })
