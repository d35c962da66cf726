import { describe, expect, it } from "@effect/vitest"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Client from "./support/oauthClient.js"

const clients = {
  web: "secret",
  tv: {},
  robot: { secret: "secret", grantTypes: ["client_credentials"] }
}

const memory = (options: OAuthServer.Options = {}) => Client.memory({ clients, ...options })

const startDevice = Effect.map(
  Client.post("/device_authorization", { client_id: "tv", scope: "openid read" }, {}),
  ({ json }) => json
)

const poll = (device_code: string, client_id = "tv") =>
  Client.token({ grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code, client_id }, {})

const error = (device_code: string) => Effect.map(poll(device_code), (answer) => answer["error"])

describe("OAuthServer device authorization", () => {
  it.effect("issues a user code, and tokens after the user approved", () =>
    Effect.gen(function* () {
      const { approveDevice } = yield* OAuthServer.OAuthServer
      const answer = yield* startDevice
      const { device_code, user_code } = answer
      expect(user_code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
      expect(answer).toMatchObject({
        verification_uri: "https://oauth.test/device",
        verification_uri_complete: `https://oauth.test/device?user_code=${user_code}`,
        expires_in: 600,
        interval: 5
      })
      expect(yield* error(device_code)).toBe("authorization_pending")
      expect(yield* approveDevice(user_code, { subject: "ada" })).toBe(true)
      yield* TestClock.adjust("5 seconds")
      const tokens = yield* poll(device_code)
      expect(tokens).toMatchObject({ scope: "openid read", refresh_token: expect.any(String) })
      expect(Client.claimsOf(tokens.id_token)).toMatchObject({ sub: "ada", aud: "tv" })
      yield* TestClock.adjust("5 seconds")
      expect(yield* error(device_code)).toBe("invalid_grant")
    }).pipe(memory())
  )

  it.effect("adds five seconds to the interval for each early poll", () =>
    Effect.gen(function* () {
      const { device_code } = yield* startDevice
      expect(yield* error(device_code)).toBe("authorization_pending")
      yield* TestClock.adjust(4999)
      expect(yield* error(device_code)).toBe("slow_down")
      yield* TestClock.adjust(9999)
      expect(yield* error(device_code)).toBe("slow_down")
      yield* TestClock.adjust(14_999)
      expect(yield* error(device_code)).toBe("slow_down")
      yield* TestClock.adjust(20_000)
      expect(yield* error(device_code)).toBe("authorization_pending")
    }).pipe(memory())
  )

  it.effect("issues no tokens to an early poll, even after the approval", () =>
    Effect.gen(function* () {
      const { device_code, user_code } = yield* startDevice
      yield* poll(device_code)
      yield* (yield* OAuthServer.OAuthServer).approveDevice(user_code)
      expect(yield* error(device_code)).toBe("slow_down")
      yield* TestClock.adjust("10 seconds")
      expect(yield* poll(device_code)).toHaveProperty("access_token")
    }).pipe(memory())
  )

  it.effect("reports a denial and an expired device code", () =>
    Effect.gen(function* () {
      const { approveDevice, denyDevice } = yield* OAuthServer.OAuthServer
      const [first, second] = [yield* startDevice, yield* startDevice]
      expect(yield* denyDevice(first.user_code)).toBe(true)
      expect(yield* approveDevice(first.user_code)).toBe(false)
      expect(yield* error(first.device_code)).toBe("access_denied")
      yield* TestClock.adjust(59_999)
      expect(yield* error(second.device_code)).toBe("authorization_pending")
      yield* TestClock.adjust(1)
      expect(yield* error(second.device_code)).toBe("expired_token")
      expect(yield* approveDevice(second.user_code)).toBe(false)
    }).pipe(memory({ device: { lifetime: "1 minute", interval: "1 second" } }))
  )

  it.effect("rejects a device code of another client and an unknown one", () =>
    Effect.gen(function* () {
      const { device_code, user_code } = yield* startDevice
      yield* (yield* OAuthServer.OAuthServer).approveDevice(user_code)
      const form = { grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code }
      expect(yield* Client.token(form)).toMatchObject({ error: "invalid_grant" })
      expect(yield* error("x")).toBe("invalid_grant")
      expect(yield* poll(device_code)).toHaveProperty("access_token")
    }).pipe(memory())
  )

  it.effect("rejects a client without the grant, a missing secret and an unknown scope", () =>
    Effect.gen(function* () {
      const ask = (params: Client.Params, headers: Client.Params) =>
        Effect.map(Client.post("/device_authorization", params, headers), ({ json, status }) => [status, json["error"]])
      expect(yield* ask({}, Client.basic("robot"))).toEqual([400, "unauthorized_client"])
      expect(yield* ask({ client_id: "web" }, {})).toEqual([401, "invalid_client"])
      expect(yield* ask({ client_id: "tv", scope: "admin" }, {})).toEqual([400, "invalid_scope"])
    }).pipe(memory({ scopes: ["read"] }))
  )

  it.effect("accepts the user code on its page once", () =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      const { device_code, user_code } = yield* startDevice
      const page = yield* HttpClient.get(`${issuer}/device?user_code=${user_code}"><script>`)
      expect(yield* page.text).not.toContain("<script>")
      const press = Effect.map(Client.post("/device", { user_code, decision: "approve" }, {}), ({ status }) => status)
      expect([yield* press, yield* press]).toEqual([200, 400])
      expect(yield* poll(device_code)).toHaveProperty("access_token")
    }).pipe(memory())
  )
})
