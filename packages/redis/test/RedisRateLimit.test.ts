/** Limits and throttle of one Layer: two clients, as two processes have them, count together and wait together. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisRateLimit from "@countersign/redis/RedisRateLimit"
import * as MockClient from "@countersign/testing/MockClient"
import * as RedisServer from "@countersign/testing/RedisServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { eventually, scoped } from "./support/records.js"
import { command, hasRedis, newPrefix, serverOfFile } from "./support/server.js"

const hour = { limit: 4, window: "1 hour" } as const
const slowDown = MockClient.respond(429, "", { "retry-after": "5" })

describe.skipIf(!hasRedis)("RedisRateLimit.layer", () => {
  const server = serverOfFile()

  /** A client with a connection of its own. `api.get` fails at once when it would wait. */
  const open = (
    { limiter, throttle, ...options }: RedisRateLimit.Options,
    prefix: string,
    script: MockClient.Script = () => MockClient.respond(200, "ok"),
    url = server().url
  ) =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make(script)
      const rateLimit = RedisRateLimit.layer({
        onExceeded: "fail",
        throttle: throttle === false ? false : { onExceeded: "fail", prefix: `${prefix}throttle:`, ...throttle },
        limiter: { prefix: `${prefix}limit:`, timeout: "5 seconds", ...limiter },
        ...options
      }).pipe(Layer.provide(RedisClient.layer({ url })))
      const api = yield* ApiClient.make({ baseUrl: "https://api.test", auth: Auth.none, retry: false, rateLimit }).pipe(
        Effect.provideService(HttpClient.HttpClient, client)
      )
      // The connection for messages is open soon after.
      yield* Effect.sleep("300 millis")
      return {
        call: Effect.map(api.get("/x"), ({ status }) => status),
        requests: Effect.map(mock.sent, (sent) => sent.length)
      }
    })

  scoped("counts the requests of two clients together", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const [first, second] = yield* Effect.all([open({ limits: [hour] }, prefix), open({ limits: [hour] }, prefix)])
      expect(yield* Effect.all([first.call, second.call, first.call, first.call])).toEqual([200, 200, 200, 200])
      for (const { call } of [first, second]) {
        expect(yield* Effect.flip(call)).toMatchObject({ _tag: "RateLimited", source: "clientLimit" })
      }
      expect([yield* first.requests, yield* second.requests]).toEqual([3, 1])
    })
  )

  scoped("throttles the second client after a 429 that the first receives, and counts nothing meanwhile", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const limits = [{ limit: 1000, window: "1 hour" }] as const
      const first = yield* open({ limits }, prefix, () => slowDown)
      const second = yield* open({ limits }, prefix)
      expect(yield* second.call).toBe(200)
      yield* Effect.flip(first.call)
      const throttled = { _tag: "RateLimited", source: "throttle" }
      expect(yield* eventually(Effect.flip(second.call))).toMatchObject(throttled)
      const [limit = ""] = [yield* command(server().port, "KEYS", `${prefix}limit:*`)].flat().map(String)
      const counted = yield* command(server().port, "DUMP", limit)
      for (let call = 0; call < 5; call++) expect(yield* Effect.flip(second.call)).toMatchObject(throttled)
      expect(counted).not.toBeNull()
      expect(yield* command(server().port, "DUMP", limit)).toEqual(counted)
    })
  )

  scoped("makes waiting requests of the second client wait for the throttle too", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const limits = [{ limit: 1, window: "600 millis" }] as const
      const first = yield* open({ limits: [] }, prefix, () => MockClient.respond(429, "", { "retry-after": "2" }))
      const second = yield* open({ limits, onExceeded: "wait", throttle: { onExceeded: "wait" } }, prefix)
      yield* second.call
      const waiting = Effect.timed(second.call)
      const [[took]] = yield* Effect.all([waiting, Effect.delay(Effect.flip(first.call), "100 millis")], {
        concurrency: "unbounded"
      })
      // Its limit has capacity after 600 ms.
      expect(Duration.toMillis(took)).toBeGreaterThan(2_000)
    })
  )

  scoped("shares no throttle with throttle: false", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const first = yield* open({ limits: [], throttle: false }, prefix, () => slowDown)
      yield* Effect.flip(first.call)
      expect(yield* Effect.flip(first.call)).toMatchObject({ source: "server" })
      expect(yield* command(server().port, "KEYS", `${prefix}*`)).toEqual([])
    })
  )

  scoped("throttles its own client when nothing remains, with useRemainingHeaders", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const exhausted = () => MockClient.respond(200, "", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "5" })
      const first = yield* open({ limits: [], useRemainingHeaders: true }, prefix, exhausted)
      const second = yield* open({ limits: [] }, prefix)
      expect(yield* first.call).toBe(200)
      expect(yield* Effect.flip(first.call)).toMatchObject({ source: "throttle" })
      yield* Effect.sleep("300 millis")
      expect(yield* second.call).toBe(200)
    })
  )

  scoped("applies the throttle and the limits of each client while Redis is down, and the shared ones after it", () =>
    Effect.gen(function* () {
      const one = yield* RedisServer.make()
      const prefix = newPrefix()
      const options = { limits: [hour], limiter: { processes: 2 } } as const
      let status = 200
      const script = () => (status === 429 ? slowDown : MockClient.respond(status))
      const first = yield* open(options, prefix, script, one.url)
      const second = yield* open(options, prefix, undefined, one.url)
      yield* one.kill
      for (const { call } of [first, second]) {
        // Half of the limit each.
        expect(yield* Effect.all([call, call])).toEqual([200, 200])
        expect(yield* Effect.flip(call)).toMatchObject({ source: "clientLimit" })
      }
      // A client of its own: its 429 may be sent as soon as the server is back.
      const throttled = yield* open({ ...options, limits: [] }, newPrefix(), script, one.url)
      status = 429
      expect(yield* Effect.flip(throttled.call)).toMatchObject({ source: "server" })
      expect(yield* Effect.flip(throttled.call)).toMatchObject({ source: "throttle" })
      expect(yield* Effect.flip(second.call)).toMatchObject({ source: "clientLimit" })

      yield* one.restart
      yield* Effect.sleep("2 seconds")
      // The server is empty, so the whole limit is free.
      const calls = Effect.all([first.call, second.call].map(Effect.either))
      status = 200
      expect((yield* calls).map(({ _tag }) => _tag)).toEqual(["Right", "Right"])
      expect((yield* calls).map(({ _tag }) => _tag)).toEqual(["Right", "Right"])
      expect((yield* calls).map(({ _tag }) => _tag)).toEqual(["Left", "Left"])
    })
  )
})
