/** Digest against servers that accept each nonce once, or a few times. */
import * as Basic from "@countersign/auth/Basic"
import * as Digest from "@countersign/auth/Digest"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { clientOf } from "./support/client.js"
import type { Settings } from "./support/digestServer.js"
import { DigestServer } from "./support/digestServer.js"

const credentials = { username: "ada", password: Redacted.make("canary-password") }

const setUp = (settings: Partial<Settings>, options: Partial<Digest.Options> = {}) => {
  const server = new DigestServer(settings)
  return Effect.map(clientOf(Digest.make({ ...credentials, ...options }), server.script), ({ api }) => ({
    api,
    server
  }))
}

/** A server that sends another nonce with each accepted request. */
const withNextNonces = (settings: Partial<Settings>): DigestServer => {
  const server: DigestServer = new DigestServer({ ...settings, info: () => `nextnonce="${server.nextNonce()}"` })
  return server
}

const atOnce = <A, E>(calls: number, call: Effect.Effect<A, E>) =>
  Effect.all(
    Array.from({ length: calls }, () => call),
    { concurrency: "unbounded" }
  )

const count = (server: DigestServer, status: number): number => server.statuses.filter((one) => one === status).length

describe("Digest.make", () => {
  it.effect.each([
    [20, true],
    [20, false],
    [100, true],
    [100, false],
    [1000, false]
  ] as const)("signs each replay with the nonce of its own 401: %d calls, one-time nonces (stale: %s)", (settings) =>
    Effect.gen(function* () {
      const [calls, saysStale] = settings
      const { api, server } = yield* setUp({ uses: 1, saysStale })
      yield* atOnce(calls, api.get("/"))
      // Requests share the first nonce until its second use is rejected. Each other nonce is used once, so none is rejected.
      expect([...server.rejections.keys()]).toEqual(["", "nonce-1"])
      expect(count(server, 401)).toBe(calls)
      expect(count(server, 200)).toBe(calls)
    })
  )

  it.effect.each([true, false])(
    "gets one 401 for each call in sequence with one-time nonces (stale: %s)",
    (saysStale) =>
      Effect.gen(function* () {
        const { api, server } = yield* setUp({ uses: 1, saysStale })
        for (let n = 0; n < 4; n++) yield* api.get("/")
        expect(server.statuses).toEqual([401, 200, 401, 200, 401, 200, 401, 200])
      })
  )

  it.effect.each([true, false])("uses a nonce as often as the server accepts it: 5 times (stale: %s)", (saysStale) =>
    Effect.gen(function* () {
      const { api, server } = yield* setUp({ uses: 5, saysStale })
      for (let n = 0; n < 11; n++) yield* api.get("/")
      const five = [200, 200, 200, 200, 200]
      expect(server.statuses).toEqual([401, ...five, 401, ...five, 401, 200])
      for (let round = 0; round < 3; round++) yield* atOnce(100, api.get("/"))
      expect(count(server, 200)).toBe(311)
    })
  )

  it.effect("does not take an unproved nonce for a wrong password if the accepted response is the last", () =>
    Effect.gen(function* () {
      const server = new DigestServer({ uses: 1, saysStale: false })
      const { api } = yield* clientOf(Digest.make(credentials), (sent) => {
        const step = server.script(sent)
        return server.statuses.at(-1) === 200 ? MockClient.delay("1 second", step) : step
      })
      const calls = yield* Effect.fork(atOnce(20, api.get("/")))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(calls)
      expect(count(server, 200)).toBe(20)
    })
  )

  it.effect("keeps each `nextnonce` for one call, so that later calls get no 401", () =>
    Effect.gen(function* () {
      const server = withNextNonces({ uses: 1 })
      const { api } = yield* clientOf(Digest.make(credentials), server.script)
      yield* atOnce(20, api.get("/"))
      expect(count(server, 401)).toBe(20)
      for (let round = 0; round < 3; round++) yield* atOnce(20, api.get("/"))
      expect(count(server, 401)).toBe(20)
    })
  )

  it.effect("keeps at most 100 spare nonces", () =>
    Effect.gen(function* () {
      const server = withNextNonces({ uses: 1 })
      const { api } = yield* clientOf(Digest.make(credentials), server.script)
      yield* atOnce(150, api.get("/"))
      const before = count(server, 401)
      yield* atOnce(150, api.get("/"))
      // 100 calls use a spare nonce, and 50 share one.
      expect(count(server, 401) - before).toBe(49)
      expect(count(server, 200)).toBe(300)
    })
  )

  it.effect("gets a nonce without credentials if other calls use up those of its 401", () =>
    Effect.gen(function* () {
      const server = withNextNonces({ uses: 1, perClient: true })
      const { api } = yield* clientOf(Digest.make(credentials), server.script)
      yield* atOnce(50, api.get("/"))
      const before = count(server, 401)
      for (let round = 0; round < 20; round++) yield* atOnce(50, api.get("/"))
      expect(count(server, 200)).toBe(1050)
      expect(count(server, 401) - before).toBeLessThan(100)
    })
  )

  it.effect("sends each count of a nonce once if several challenges have the same nonce", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Digest.make(credentials), ({ headers }) =>
        headers["authorization"]?.includes('nonce="b"') === true
          ? MockClient.respond(200, {})
          : MockClient.respond(401, "", {
              "www-authenticate": `Digest realm="r", nonce="${headers["authorization"] ? "b" : "a"}", qop="auth", algorithm=SHA-256`
            })
      )
      yield* atOnce(20, api.get("/"))
      const sent = (yield* mock.sent).map(
        ({ headers }) => /nonce="b".*(nc=\w+)/.exec(headers["authorization"] ?? "")?.[1]
      )
      const counts = sent.filter((one) => one !== undefined)
      expect(counts).toHaveLength(20)
      expect(new Set(counts).size).toBe(20)
    })
  )

  it.effect("fails after one nonce of its own if the password is wrong, also when each 401 has a new nonce", () =>
    Effect.gen(function* () {
      const { api, server } = yield* setUp({ uses: 1, saysStale: false }, { password: Redacted.make("wrong") })
      const outcomes = yield* atOnce(20, Effect.flip(api.get("/")))
      expect(new Set(outcomes.map(({ _tag }) => _tag))).toEqual(new Set(["Unauthorized"]))
      // One without credentials, 20 with the shared nonce, and 20 with the nonce of the call's own 401.
      expect(server.statuses).toHaveLength(41)
      yield* Effect.flip(api.get("/"))
      expect(server.statuses).toHaveLength(43)
    })
  )

  it.effect("signs a body that can be read once with the shared nonce after another path was rejected", () =>
    Effect.gen(function* () {
      const server = new DigestServer({ saysStale: false })
      const { api } = yield* clientOf(Digest.make(credentials), (sent) => {
        const step = server.script(sent)
        if (!sent.url.endsWith("/denied")) return step
        const challenge = `Digest realm="api", nonce="denied-${server.statuses.length}", qop="auth", algorithm=SHA-256, opaque="o"`
        return MockClient.respond(401, "", { "www-authenticate": challenge })
      })
      yield* api.get("/")
      expect(yield* Effect.flip(api.get("/denied"))).toMatchObject({ _tag: "Unauthorized" })
      const before = server.statuses.length
      yield* api.post("/", { body: HttpBody.stream(Stream.make(new Uint8Array(3))) })
      expect(server.statuses.slice(before)).toEqual([200])
    })
  )

  it.effect("bounds the requests of each call if the server calls every nonce stale", () =>
    Effect.gen(function* () {
      const { api, server } = yield* setUp({ uses: 0 })
      yield* atOnce(20, Effect.flip(api.get("/")))
      expect(server.statuses.length).toBeLessThanOrEqual(100)
    })
  )
})

describe("Auth.negotiate", () => {
  it.effect.each([1, 5])("signs each replay with the nonce of its own 401, if a nonce has %d uses", (uses) =>
    Effect.gen(function* () {
      const server = new DigestServer({ uses, saysStale: false })
      const auth = Auth.negotiate([Digest.make(credentials), Basic.make(credentials)])
      const { api } = yield* clientOf(auth, server.script)
      for (let round = 0; round < 3; round++) yield* atOnce(50, api.get("/"))
      expect(count(server, 200)).toBe(150)
    })
  )
})
