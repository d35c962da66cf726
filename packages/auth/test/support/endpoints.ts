import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as Introspection from "@countersign/auth/Introspection"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as Revocation from "@countersign/auth/Revocation"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { issuer, metadata } from "./oauth.js"

const code = { device_code: "canary-device", user_code: "U", verification_uri: issuer, expires_in: 60, interval: 1 }

const refreshToken = Redacted.make("canary-refresh-1")

/** The endpoints at which a client authenticates. */
export const endpoints = [
  "token",
  "device_authorization",
  "introspection",
  "pushed_authorization_request",
  "revocation"
] as const

export type Endpoint = (typeof endpoints)[number]

export const urls = (path: string) =>
  Object.fromEntries(endpoints.map((name) => [`${name}_endpoint`, `${issuer}${path}/${name}`]))

/** Sends one request to each endpoint. */
export const asking: Readonly<
  Record<Endpoint, (client: OAuth2.Client) => Effect.Effect<unknown, unknown, HttpClient.HttpClient>>
> = {
  token: (client) => Effect.flatMap(OAuth2.make(client), ({ refresh }) => refresh(refreshToken)),
  device_authorization: (client) => Effect.flatMap(DeviceCode.make(client), ({ start }) => start),
  introspection: (client) => Effect.flatMap(Introspection.make(client), ({ introspect }) => introspect(refreshToken)),
  pushed_authorization_request: (client) =>
    Effect.flatMap(AuthorizationCode.make({ ...client, redirectUri: "https://app.test/", usePar: true }), ({ start }) =>
      start()
    ),
  revocation: (client) => Effect.flatMap(Revocation.make(client), ({ revoke }) => revoke(refreshToken))
}

/** Sends a request to an endpoint of a server with these metadata. Returns the request and the result. */
export const asked = (endpoint: Endpoint, more: object, options: Partial<OAuth2.Client>) =>
  Effect.gen(function* () {
    const answer = { ...code, active: false, request_uri: "urn:x", access_token: "canary-a" }
    const all = { authorization_endpoint: `${issuer}/authorize`, ...urls(""), ...more }
    const { client: http, mock } = yield* MockClient.make(({ url }) =>
      url.includes("/.well-known/") ? metadata(all) : MockClient.respond(200, answer)
    )
    const own: OAuth2.Client = { issuer, clientId: "client", ...options }
    const exit = yield* Effect.either(Effect.provideService(asking[endpoint](own), HttpClient.HttpClient, http))
    const posts = (yield* mock.sent).filter(({ method }) => method === "POST")
    const form = Object.fromEntries(new URLSearchParams(posts.at(-1)?.body))
    return { exit, form, paths: posts.map(({ url }) => url.replace(issuer, "")), headers: posts.at(-1)?.headers ?? {} }
  })
