/** The shared throttle: one 429 makes the requests of all processes wait, with a maximum, and without waits for Redis. */
import type * as RateLimit from "@countersign/client/RateLimit"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisRateLimit from "@countersign/redis/RedisRateLimit"
import * as RedisServer from "@countersign/testing/RedisServer"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { eventually, scoped } from "./support/records.js"
import { command, hasRedis, newPrefix, serverOfFile } from "./support/server.js"

const request = HttpClientRequest.get("https://api.example.com/orders?secret=s3cr3t")

const respond = (
  service: RateLimit.Service,
  status: number,
  headers: Readonly<Record<string, string>>,
  to = request
): Effect.Effect<void> =>
  service.onResponse(to, HttpClientResponse.fromWeb(to, new Response(null, { status, headers })))

/** Milliseconds until requests are sent: 0 without a throttle. */
const throttledFor = (service: RateLimit.Service, of = request): Effect.Effect<number> =>
  Effect.map(Effect.either(service.acquire(of, {})), (result) =>
    Either.match(result, {
      onLeft: ({ retryAfter }) => (retryAfter === undefined ? -1 : Duration.toMillis(retryAfter)),
      onRight: () => 0
    })
  )

/** Succeeds with the wait as soon as requests wait. */
const untilThrottled = (service: RateLimit.Service, of = request) =>
  eventually(
    Effect.filterOrFail(
      throttledFor(service, of),
      (ms) => ms > 0,
      () => "no request waits" as const
    )
  )

const settled = Effect.sleep("300 millis")

describe.skipIf(!hasRedis)("RedisRateLimit.throttle", () => {
  const server = serverOfFile()

  /** A throttle as each process has one. */
  const open = (options: RedisRateLimit.ThrottleOptions, url = server().url) =>
    Effect.tap(
      Effect.flatMap(RedisClient.make({ url }), (redis) =>
        Effect.provideService(
          RedisRateLimit.throttle({ onExceeded: "fail", ...options }),
          RedisClient.RedisClient,
          redis
        )
      ),
      () => settled
    )

  scoped("throttles the requests of the other processes after a 429, for as long as the server asked", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const [first, second, third] = yield* Effect.all([open({ prefix }), open({ prefix }), open({ prefix })])
      expect(yield* throttledFor(second)).toBe(0)
      yield* respond(first, 429, { "retry-after": "5" })
      for (const one of [first, second, third]) {
        const ms = yield* untilThrottled(one)
        expect(ms).toBeGreaterThan(4_000)
        expect(ms).toBeLessThanOrEqual(5_000)
      }
      expect(yield* throttledFor(second, HttpClientRequest.get("https://other.example.com/"))).toBe(0)
    })
  )

  scoped("ends the throttle of the other processes", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const [first, second] = yield* Effect.all([open({ prefix }), open({ prefix })])
      yield* respond(first, 429, { "retry-after-ms": "700" })
      yield* untilThrottled(second)
      yield* Effect.sleep("900 millis")
      expect(yield* throttledFor(second)).toBe(0)
      expect(yield* command(server().port, "EXISTS", `${prefix}active`)).toBe(0)
    })
  )

  scoped("shares 1 s for a 429 without a time", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const [first, second] = yield* Effect.all([open({ prefix }), open({ prefix })])
      yield* respond(first, 429, {})
      expect(yield* untilThrottled(second)).toBeLessThanOrEqual(1_000)
    })
  )

  scoped("throttles other processes for maxSharedThrottle at most, and its own for as long as the server asked", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const [first, second] = yield* Effect.all([
        open({ prefix, maxSharedThrottle: "2 seconds" }),
        open({ prefix, maxSharedThrottle: "2 seconds" })
      ])
      yield* respond(first, 429, { "retry-after": "600" })
      expect(yield* untilThrottled(second)).toBeLessThanOrEqual(2_000)
      // After a lost connection the process reads the throttles of all processes, also its own.
      yield* command(server().port, "CLIENT", "KILL", "TYPE", "pubsub")
      yield* settled
      expect(yield* throttledFor(first)).toBeGreaterThan(590_000)
    })
  )

  scoped("limits a throttle of a process with a larger maxSharedThrottle", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const [first, second] = yield* Effect.all([
        open({ prefix, maxSharedThrottle: "1 hour" }),
        open({ prefix, maxSharedThrottle: "2 seconds" })
      ])
      yield* respond(first, 429, { "retry-after": "600" })
      expect(yield* untilThrottled(second)).toBeLessThanOrEqual(2_000)
    })
  )

  scoped("throttles a process that starts during a throttle for the rest of it", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      yield* respond(yield* open({ prefix }), 429, { "retry-after": "5" })
      yield* Effect.sleep("500 millis")
      const ms = yield* untilThrottled(yield* open({ prefix }))
      expect(ms).toBeGreaterThan(3_000)
      expect(ms).toBeLessThan(4_600)
    })
  )

  scoped("reads the throttles that were sent while the connection for messages was lost", () =>
    Effect.gen(function* () {
      const one = yield* RedisServer.make()
      const prefix = newPrefix()
      const [first, second] = yield* Effect.all([open({ prefix }, one.url), open({ prefix }, one.url)])
      yield* command(one.port, "CLIENT", "KILL", "TYPE", "pubsub")
      yield* respond(first, 429, { "retry-after": "5" })
      expect(yield* untilThrottled(second)).toBeGreaterThan(2_000)
    })
  )

  scoped("separates accounts, and sends a hash of their names only", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const account = ({ headers }: HttpClientRequest.HttpClientRequest) => headers["account"] ?? ""
      const [first, second] = yield* Effect.all([open({ prefix, account }), open({ prefix, account })])
      const ada = HttpClientRequest.setHeader(request, "account", "ada-canary")
      const bob = HttpClientRequest.setHeader(request, "account", "bob-canary")
      yield* respond(first, 429, { "retry-after": "5" }, ada)
      expect(yield* untilThrottled(second, ada)).toBeGreaterThan(0)
      expect(yield* throttledFor(second, bob)).toBe(0)
      const stored = JSON.stringify(yield* command(server().port, "ZRANGE", `${prefix}active`, "0", "-1"))
      expect(stored).toContain("https://api.example.com")
      expect(stored).not.toMatch(/canary|s3cr3t|orders/)
    })
  )

  scoped("shares no throttle for 403 and 503, and none for a time that has passed", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const [first, second] = yield* Effect.all([open({ prefix }), open({ prefix })])
      yield* respond(first, 503, { "retry-after": "5" })
      yield* respond(first, 403, { "retry-after": "5" })
      yield* respond(second, 429, { "retry-after": "0" })
      yield* settled
      expect(yield* throttledFor(first)).toBeGreaterThan(0)
      expect(yield* throttledFor(second)).toBe(0)
    })
  )

  scoped("ignores messages and members that are no throttles", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      yield* command(server().port, "ZADD", `${prefix}active`, "9999999999999", "garbage")
      const one = yield* open({ prefix })
      const hash = "x".repeat(22)
      const messages = ["", "a", "a 1000", `a -1 ${hash} https://api.example.com`, `a 1000 ${hash} javascript:alert(1)`]
      for (const message of [
        ...messages,
        `a 1000 ${hash} https://api.example.com/path`,
        `a 1000 short https://a.com`
      ]) {
        yield* command(server().port, "PUBLISH", `${prefix}active`, message)
      }
      yield* settled
      expect(yield* throttledFor(one)).toBe(0)
    })
  )

  scoped("throttles its own process without a wait while Redis hangs", () =>
    Effect.gen(function* () {
      const one = yield* RedisServer.make()
      const service = yield* open({ prefix: newPrefix() }, one.url)
      yield* one.suspend
      const [took] = yield* Effect.timed(respond(service, 429, { "retry-after": "5" }))
      expect(Duration.toMillis(took)).toBeLessThan(200)
      expect(yield* throttledFor(service)).toBeGreaterThan(4_000)
      yield* one.kill
    })
  )
})
