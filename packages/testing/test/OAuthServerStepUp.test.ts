import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as TestClock from "effect/TestClock"
import { memory, post } from "./support/oauthClient.js"

const clients = { clients: { web: { secret: "secret", redirectUris: ["https://app.test/cb"] } } } as const

const server = memory({ ...clients, pkce: "optional" })

/** Signs the user in with further parameters. */
const signIn = (more: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const { issuer } = yield* OAuthServer.OAuthServer
    const query = { response_type: "code", client_id: "web", redirect_uri: "https://app.test/cb", ...more }
    const { headers } = yield* HttpClient.get(`${issuer}/authorize?${new URLSearchParams(query).toString()}`)
    const code = new URL(headers["location"] ?? "").searchParams.get("code") ?? ""
    const grant = { grant_type: "authorization_code", code, redirect_uri: "https://app.test/cb" }
    return (yield* post("/token", grant)).json
  })

/** Status of the resource for a token, and its challenge without `resource_metadata`. */
const resourceStatus = (token: string, query: string) =>
  Effect.gen(function* () {
    const { issuer } = yield* OAuthServer.OAuthServer
    const request = HttpClientRequest.bearerToken(HttpClientRequest.get(`${issuer}/resource?${query}`), token)
    const { headers, status } = yield* HttpClient.execute(request)
    return [status, headers["www-authenticate"]?.split(", resource_metadata", 1).join()]
  })

const insufficient = 'Bearer error="insufficient_user_authentication"'

describe("OAuthServer /resource step-up challenges", () => {
  it.effect("requires the acr of the query", () =>
    Effect.gen(function* () {
      const weak = yield* signIn()
      const strong = yield* signIn({ acr_values: "gold silver", scope: "openid" })
      expect(yield* resourceStatus(weak.access_token, "acr=gold")).toEqual([401, `${insufficient}, acr_values="gold"`])
      expect(yield* resourceStatus(strong.access_token, "acr=gold")).toEqual([200, undefined])
      expect(yield* resourceStatus(strong.access_token, "acr=silver")).toEqual([
        401,
        `${insufficient}, acr_values="silver"`
      ])
      const [, payload = ""] = strong.id_token.split(".")
      expect(JSON.parse(Either.getOrThrow(Encoding.decodeBase64UrlString(payload)))).toMatchObject({ acr: "gold" })
    }).pipe(server)
  )

  it.effect("requires a recent sign-in with max_age, and a refresh is none", () =>
    Effect.gen(function* () {
      const { access_token: token, refresh_token: refresh } = yield* signIn()
      yield* TestClock.adjust("60 seconds")
      expect(yield* resourceStatus(token, "max_age=60")).toEqual([200, undefined])
      yield* TestClock.adjust("1 seconds")
      expect(yield* resourceStatus(token, "max_age=60")).toEqual([401, `${insufficient}, max_age="60"`])
      const { json } = yield* post("/token", { grant_type: "refresh_token", refresh_token: refresh })
      expect(yield* resourceStatus(json.access_token, "max_age=60")).toEqual([401, `${insufficient}, max_age="60"`])
      const { json: service } = yield* post("/token", { grant_type: "client_credentials" })
      expect(yield* resourceStatus(service.access_token, "max_age=60")).toEqual([401, `${insufficient}, max_age="60"`])
    }).pipe(server)
  )

  it.effect("requires the claims parameter in the token request of any grant", () =>
    Effect.gen(function* () {
      const claims = '{"access_token":{"nbf":{"essential":true}}}'
      const query = `claims=${Encoding.encodeBase64Url(claims)}`
      const { access_token: token, refresh_token: refresh } = yield* signIn()
      const challenge = `Bearer error="insufficient_claims", claims="${Encoding.encodeBase64Url(claims)}"`
      expect(yield* resourceStatus(token, query)).toEqual([401, challenge])
      const { json } = yield* post("/token", { grant_type: "refresh_token", refresh_token: refresh, claims })
      expect(yield* resourceStatus(json.access_token, query)).toEqual([200, undefined])
      const { json: service } = yield* post("/token", { grant_type: "client_credentials", claims })
      expect(yield* resourceStatus(service.access_token, query)).toEqual([200, undefined])
    }).pipe(server)
  )

  it.effect("removes header syntax of the query from challenges", () =>
    Effect.gen(function* () {
      const { access_token: token } = yield* signIn()
      const hostile = encodeURIComponent('x"\r\nset-cookie: a=b')
      for (const name of ["acr", "max_age", "scope", "claims"]) {
        const [status, challenge] = yield* resourceStatus(token, `${name}=${hostile}`)
        expect([name, status]).toEqual([name, name === "scope" ? 403 : 401])
        expect(String(challenge)).not.toMatch(/[\r\n]|x"/)
      }
    }).pipe(server)
  )
})
