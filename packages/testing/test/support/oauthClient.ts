/** Requests of tests to the authorization server: forms, signed JWTs, and redirects of a browser. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Effect from "effect/Effect"

export type Params = Record<string, string>

/** Response of an endpoint. Tests read single fields. */
export interface Json {
  readonly access_token: string
  readonly refresh_token: string
  readonly id_token: string
  readonly device_code: string
  readonly user_code: string
  readonly request_uri: string
  readonly client_id: string
  readonly client_secret: string
  readonly [name: string]: unknown
}

export const basic = (id: string, secret = "secret"): Params => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` })

export const memory =
  (options?: OAuthServer.Options) =>
  <A, E>(effect: Effect.Effect<A, E, OAuthServer.OAuthServer | HttpClient.HttpClient>): Effect.Effect<A, E> =>
    Effect.provide(effect, OAuthServer.layerMemory(options))

/** Sends a form. Returns status and JSON of the response. */
export const post = (path: string, params: Params | URLSearchParams, headers: Params = basic("web")) =>
  Effect.gen(function* () {
    const { issuer } = yield* OAuthServer.OAuthServer
    const body = HttpBody.text(new URLSearchParams(params).toString(), "application/x-www-form-urlencoded")
    const response = yield* HttpClient.post(`${issuer}${path}`, { headers, body })
    const text = yield* response.text
    // The cast avoids a schema per test. A missing field fails the test that reads it.
    const json = JSON.parse(text.startsWith("{") ? text : "{}") as Json
    return { status: response.status, headers: response.headers, text, json }
  })

export const token = (params: Params | URLSearchParams, headers?: Params) =>
  Effect.map(post("/token", params, headers), ({ json }) => json)

export const resource = (access_token: string, headers: Params = { authorization: `Bearer ${access_token}` }) =>
  Effect.gen(function* () {
    const server = yield* OAuthServer.OAuthServer
    return yield* HttpClient.get(server.resource, { headers })
  })

/** Verifier and challenge of RFC 7636 Appendix B. */
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
export const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

export const request: Params = {
  response_type: "code",
  client_id: "web",
  redirect_uri: "https://app.test/callback",
  code_challenge: challenge,
  code_challenge_method: "S256",
  state: "s"
}

/** Opens the authorization endpoint like a browser. Returns the page, or the parameters of the redirect. */
export const authorize = (params: Params | URLSearchParams) =>
  Effect.gen(function* () {
    const { issuer } = yield* OAuthServer.OAuthServer
    const { headers, status, text } = yield* HttpClient.get(`${issuer}/authorize?${new URLSearchParams(params)}`)
    const location = headers["location"]
    const sent: Params = location === undefined ? {} : Object.fromEntries(new URL(location).searchParams)
    return { status, location, sent, page: yield* text }
  })

export const redeem = (code: string | undefined, more: Params = {}, headers?: Params) =>
  token(
    {
      grant_type: "authorization_code",
      code: code ?? "",
      redirect_uri: "https://app.test/callback",
      code_verifier: verifier,
      ...more
    },
    headers
  )

export const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")

/** A key that signs JWTs with any header and claims. */
export const keyPairFor = (algorithm: {
  readonly name: string
  readonly hash?: string
  readonly namedCurve?: string
  readonly saltLength?: number
  readonly modulusLength?: number
  readonly publicExponent?: Uint8Array
}) =>
  Effect.promise(async () => {
    // The overloads of `generateKey` distinguish pairs from single keys by a literal algorithm name. This one is a string.
    const { privateKey, publicKey } = (await crypto.subtle.generateKey(algorithm, true, [
      "sign",
      "verify"
    ])) as CryptoKeyPair
    const { crv, e, kty, n, x, y } = await crypto.subtle.exportKey("jwk", publicKey)
    const members = Object.entries({ crv, e, kty, n, x, y }).filter(([, value]) => value !== undefined)
    const jwk: OAuthServer.Jwk = Object.fromEntries(members)
    return {
      jwk,
      sign: (header: object, claims: object) => {
        const signed = `${encode(header)}.${encode(claims)}`
        return Effect.map(
          Effect.promise(() => crypto.subtle.sign(algorithm, privateKey, new TextEncoder().encode(signed))),
          (signature) => `${signed}.${Buffer.from(signature).toString("base64url")}`
        )
      }
    }
  })

/** An ES256 key. The header has `alg` by default. */
export const keyPair = Effect.map(
  keyPairFor({ name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }),
  ({ jwk, sign }) => ({ jwk, sign: (header: object, claims: object) => sign({ alg: "ES256", ...header }, claims) })
)

export const claimsOf = (jwt: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(jwt.split(".")[1]!, "base64url").toString())
