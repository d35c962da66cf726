import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Http from "node:http"

/** Response of the token endpoint. Tests read single fields. */
interface Answer {
  readonly access_token: string
  readonly refresh_token: string
  readonly [name: string]: unknown
}

const authorization = `Basic ${btoa("client:secret")}`

const refresh = (token: string) =>
  Effect.gen(function* () {
    const { tokenEndpoint } = yield* OAuthServer.OAuthServer
    const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: token })
    const body = HttpBody.text(form.toString(), "application/x-www-form-urlencoded")
    const response = yield* HttpClient.post(tokenEndpoint, { headers: { authorization }, body })
    // The cast avoids a schema per test. A missing field fails the test that reads it.
    return (yield* response.json) as Answer
  })

const resource = (token: string) =>
  Effect.gen(function* () {
    const server = yield* OAuthServer.OAuthServer
    return yield* HttpClient.get(server.resource, { headers: { authorization: `Bearer ${token}` } })
  })

const status = (token: string) => Effect.map(resource(token), (response) => response.status)

const session = Effect.map(
  Effect.flatMap(OAuthServer.OAuthServer, ({ issueTokens }) => issueTokens({ clientId: "client" })),
  ({ access_token, refresh_token = "" }) => ({ access_token, refresh_token })
)

const outcomes = Effect.map(
  Effect.flatMap(OAuthServer.OAuthServer, ({ calls }) => calls),
  (calls) => calls.map(({ outcome }) => outcome)
)

/** Refreshes one token several times concurrently. */
const refreshConcurrently = (token: string, times: number) =>
  Effect.all(
    Array.from({ length: times }, () => refresh(token)),
    { concurrency: "unbounded" }
  )

const onPort = (options: OAuthServer.Options) =>
  OAuthServer.layer(options).pipe(
    Layer.provide(NodeHttpServer.layer(() => Http.createServer(), { port: 0, host: "127.0.0.1" })),
    Layer.provideMerge(NodeHttpClient.layerUndici)
  )

const memory =
  (options?: OAuthServer.Options) =>
  <A, E>(effect: Effect.Effect<A, E, OAuthServer.OAuthServer | HttpClient.HttpClient>) =>
    Effect.provide(effect, OAuthServer.layerMemory(options))

describe.each([
  ["on a real port", onPort],
  ["in memory", OAuthServer.layerMemory]
] as const)("OAuthServer concurrent refreshes, %s", (_, layer) => {
  it.effect("accepts the first use and revokes the family at the second without a grace", () =>
    Effect.gen(function* () {
      const { families, revokedFamilies } = yield* OAuthServer.OAuthServer
      const { access_token, refresh_token } = yield* session
      const answers = yield* refreshConcurrently(refresh_token, 20)
      expect([...(yield* outcomes)].sort()).toEqual([
        ...Array.from({ length: 18 }, () => "invalid_grant"),
        "refreshed",
        "reused"
      ])
      const winner = answers.find((answer) => "access_token" in answer)
      expect(yield* status(winner?.access_token ?? "")).toBe(401)
      expect(yield* status(access_token)).toBe(401)
      expect(yield* refresh(winner?.refresh_token ?? "")).toMatchObject({ error: "invalid_grant" })
      expect([yield* revokedFamilies, (yield* families).length]).toEqual([1, 1])
    }).pipe(Effect.provide(layer({})))
  )

  it.effect.each([
    ["another", 20],
    ["same", 1]
  ] as const)("returns %s refresh token within the grace, %i in total, all valid", ([reuseResponse, count]) =>
    Effect.gen(function* () {
      const { refresh_token } = yield* session
      const answers = yield* refreshConcurrently(refresh_token, 20)
      expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(count)
      for (const { access_token } of answers) expect(yield* status(access_token)).toBe(200)
      expect((yield* outcomes).filter((outcome) => outcome === "replayed")).toHaveLength(19)
      expect(yield* (yield* OAuthServer.OAuthServer).revokedFamilies).toBe(0)
    }).pipe(Effect.provide(layer({ reuseGrace: "10 seconds", reuseResponse })))
  )
})

describe("OAuthServer reuseGrace option", () => {
  const reuseResponses = ["another", "same"] as const

  it.effect.each(reuseResponses)("ends when the replacement token (%s) is used", (reuseResponse) =>
    Effect.gen(function* () {
      const { refresh_token } = yield* session
      yield* refresh(refresh_token)
      const second = yield* refresh(refresh_token)
      const third = yield* refresh(second.refresh_token)
      expect(yield* refresh(refresh_token)).toMatchObject({ error: "invalid_grant" })
      expect(yield* status(third.access_token)).toBe(401)
      expect(yield* outcomes).toEqual(["refreshed", "replayed", "refreshed", "reused"])
    }).pipe(memory({ reuseGrace: "10 seconds", reuseResponse }))
  )

  it.effect("counts from the first use", () =>
    Effect.gen(function* () {
      const { refresh_token } = yield* session
      for (let second = 0; second < 10; second++) {
        expect(yield* refresh(refresh_token)).toHaveProperty("refresh_token")
        yield* TestClock.adjust("1 second")
      }
      expect(yield* refresh(refresh_token)).toMatchObject({ error: "invalid_grant" })
      const { families } = yield* OAuthServer.OAuthServer
      expect(yield* families).toMatchObject([{ refreshTokens: 11, ended: { by: "reuse", at: 10_000 } }])
    }).pipe(memory({ reuseGrace: "10 seconds" }))
  )

  it.effect.prop(
    "keeps the session of a client that repeats refreshes and continues with the last response",
    [FastCheck.array(FastCheck.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }), FastCheck.boolean()],
    ([repeats, isSame]) =>
      Effect.gen(function* () {
        let token = (yield* session).refresh_token
        for (const times of repeats) {
          const answers = yield* refreshConcurrently(token, times)
          token = answers.at(-1)?.refresh_token ?? ""
        }
        expect(yield* (yield* OAuthServer.OAuthServer).revokedFamilies).toBe(0)
      }).pipe(memory({ reuseGrace: "1 second", reuseResponse: isSame ? "same" : "another" }))
  )
})

describe("OAuthServer access tokens", () => {
  it.effect.each([
    ["exact", 0.04],
    ["seconds", 0],
    [true, 0],
    [false, undefined]
  ] as const)("accepts a token for 40 ms with expiresIn %s, which sends %s", ([expiresIn, expires]) =>
    Effect.gen(function* () {
      const token = yield* refresh((yield* session).refresh_token)
      expect(token["expires_in"]).toBe(expires)
      yield* TestClock.adjust(39)
      expect(yield* status(token.access_token)).toBe(200)
      yield* TestClock.adjust(1)
      expect(yield* status(token.access_token)).toBe(401)
    }).pipe(memory({ accessTokenLifetime: 40, expiresIn }))
  )

  it.effect("rejects a new token until replicationDelay has passed", () =>
    Effect.gen(function* () {
      const { access_token } = yield* session
      yield* TestClock.adjust(1999)
      const response = yield* resource(access_token)
      expect(response.status).toBe(401)
      expect(response.headers["www-authenticate"]).toContain('Bearer error="invalid_token"')
      yield* TestClock.adjust(1)
      expect(yield* status(access_token)).toBe(200)
    }).pipe(memory({ replicationDelay: "2 seconds" }))
  )
})

describe.each([
  ["on a real port", onPort],
  ["in memory", OAuthServer.layerMemory]
] as const)("OAuthServer clockOffset option, %s", (_, layer) => {
  it.effect.each([
    [0, "Thu, 01 Jan 1970 12:00:00 GMT"],
    [3_600_000, "Thu, 01 Jan 1970 13:00:00 GMT"],
    [-3_600_000, "Thu, 01 Jan 1970 11:00:00 GMT"]
  ] as const)("shifts Date by %i ms and keeps token lifetimes", ([clockOffset, date]) =>
    Effect.gen(function* () {
      yield* TestClock.adjust("12 hours")
      const { access_token } = yield* session
      const { issuer } = yield* OAuthServer.OAuthServer
      const answers = [yield* resource(access_token), yield* resource("x"), yield* HttpClient.get(`${issuer}/none`)]
      expect(answers.map((answer) => [answer.status, answer.headers["date"]])).toEqual([
        [200, date],
        [401, date],
        [404, date]
      ])
      yield* TestClock.adjust("1 hour")
      expect(yield* status(access_token)).toBe(401)
    }).pipe(Effect.provide(layer({ clockOffset })))
  )
})

describe("OAuthServer service", () => {
  it.effect("logs calls with grant, time and outcome, without secrets", () =>
    Effect.gen(function* () {
      const { calls, families } = yield* OAuthServer.OAuthServer
      const first = yield* session
      yield* TestClock.adjust("1 second")
      const second = yield* refresh(first.refresh_token)
      yield* refresh("unknown")
      yield* refresh(first.refresh_token)
      const common = { grantType: "refresh_token", faulty: false, at: 1000 }
      const [zero, one] = [0, 1].map((number) => ({ family: 0, number }))
      expect(yield* calls).toEqual([
        { ...common, index: 0, outcome: "refreshed", presented: zero, given: one },
        { ...common, index: 1, outcome: "invalid_grant", presented: undefined, given: undefined },
        { ...common, index: 2, outcome: "reused", presented: zero, given: undefined }
      ])
      expect(JSON.stringify([yield* calls, yield* families])).not.toMatch(/[0-9a-f]{16}/)
      expect(second.access_token).toMatch(/[0-9a-f]{16}/)
    }).pipe(memory())
  )

  it.effect("finds a family by any of its tokens, with its state", () =>
    Effect.gen(function* () {
      const { families, findFamily } = yield* OAuthServer.OAuthServer
      yield* session
      const first = yield* session
      const second = yield* refresh(first.refresh_token)
      const state = { id: 1, clientId: "client", ended: undefined, refreshTokens: 2, unused: [1], accessTokens: 2 }
      for (const token of [first.access_token, first.refresh_token, second.access_token, second.refresh_token]) {
        expect(yield* findFamily(token)).toEqual(state)
      }
      expect(yield* findFamily("x")).toBeUndefined()
      yield* TestClock.adjust("1 hour")
      expect(yield* families).toMatchObject([{ id: 0 }, { ...state, accessTokens: 0 }])
    }).pipe(memory())
  )

  it.effect("revokes a family with or without its access tokens", () =>
    Effect.gen(function* () {
      const { families, revokedFamilies, revokeFamily } = yield* OAuthServer.OAuthServer
      const [dead, half, well] = [yield* session, yield* session, yield* session]
      yield* revokeFamily(0)
      yield* revokeFamily(1, { accessTokens: "alive" })
      yield* revokeFamily(7)
      expect(yield* refresh(dead.refresh_token)).toMatchObject({ error: "invalid_grant" })
      expect(yield* refresh(half.refresh_token)).toMatchObject({ error: "invalid_grant" })
      const statuses = Effect.all([dead, half, well].map(({ access_token }) => status(access_token)))
      expect(yield* statuses).toEqual([401, 200, 200])
      yield* revokeFamily(1)
      expect(yield* statuses).toEqual([401, 401, 200])
      expect(yield* refresh(well.refresh_token)).toHaveProperty("access_token")
      expect((yield* families).map(({ ended }) => ended?.by)).toEqual(["administrator", "administrator", undefined])
      expect(yield* revokedFamilies).toBe(0)
    }).pipe(memory())
  )
})
