import * as ApiKey from "@countersign/auth/ApiKey"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as RateLimit from "@countersign/client/RateLimit"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { allRenderings } from "./support/allRenderings.js"
import { ok } from "./support/client.js"

const location = ApiKey.header("x-key")
const redacted = (names: string) => [...names].map((name) => Redacted.make(`canary-${name}`))
const [a, b, c] = [Redacted.make("canary-a"), Redacted.make("canary-b"), Redacted.make("canary-c")]

/** A client over scripted responses, which depend on the letter of the key. */
const clientOf = (auth: Auth.Service, answer: (key: string) => MockClient.Step, options: object = {}) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(({ headers }) => answer(headers["x-key"]?.slice(7) ?? ""))
    const api = yield* Effect.provideService(
      ApiClient.make({ baseUrl: "https://api.test", retry: false, ...options, auth }),
      HttpClient.HttpClient,
      client
    )
    const used = Effect.map(mock.sent, (all) => all.map(({ headers }) => headers["x-key"]?.slice(7) ?? "").join(""))
    return { api, mock, used }
  })

const limited = (seconds?: number) =>
  MockClient.respond(429, "slow", seconds === undefined ? {} : { "retry-after": String(seconds) })

/** A source of keys, and a count of its readings. */
const makeSource = (initial: string) => {
  const source = { names: initial, reads: 0, fails: false, takes: 0 }
  const keys = Effect.suspend(() => {
    source.reads++
    return source.fails && source.reads > 1
      ? Effect.fail(new Error("canary-z in the message"))
      : Effect.as(source.takes === 0 ? Effect.void : Effect.sleep(source.takes), redacted(source.names))
  })
  return { source, keys }
}

describe("ApiKey.poolEffect", () => {
  it.effect("reads the keys again when all are rejected, and sends the request with the new one", () =>
    Effect.gen(function* () {
      const { keys, source } = makeSource("ab")
      const auth = yield* ApiKey.poolEffect({ location, keys })
      const { api, used } = yield* clientOf(auth, (key) => (key === "c" ? ok : MockClient.respond(401)))
      source.names = "cb"
      yield* api.get("/")
      yield* api.get("/")
      expect(yield* used).toBe("abcc")
      expect(source.reads).toBe(2)
    })
  )

  it.effect("reads once for 50 concurrent rejections", () =>
    Effect.gen(function* () {
      const { keys, source } = makeSource("a")
      const auth = yield* ApiKey.poolEffect({ location, keys })
      source.names = "b"
      source.takes = 1000
      const { api, used } = yield* clientOf(auth, (key) =>
        MockClient.delay("10 millis", key === "b" ? ok : MockClient.respond(401))
      )
      const calls = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 50 }, () => api.get("/")),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(calls)
      expect(yield* used).toBe("a".repeat(50) + "b".repeat(50))
      expect(source.reads).toBe(2)
    })
  )

  it.effect("reads again after readInterval only, and tries each key once for a request", () =>
    Effect.gen(function* () {
      const { keys, source } = makeSource("ab")
      const auth = yield* ApiKey.poolEffect({ location, keys, readInterval: "1 minute" })
      const { api, used } = yield* clientOf(auth, () => MockClient.respond(401))
      expect((yield* Effect.flip(api.get("/")))._tag).toBe("Unauthorized")
      expect([yield* used, source.reads]).toEqual(["ab", 2])
      yield* TestClock.adjust("59 seconds")
      yield* Effect.flip(api.get("/"))
      expect(source.reads).toBe(2)
      yield* TestClock.adjust("1 seconds")
      yield* Effect.flip(api.get("/"))
      expect(source.reads).toBe(3)
    })
  )

  it.effect("keeps the keys when a reading fails or finds none, and logs no key", () =>
    Effect.gen(function* () {
      const { keys, source } = makeSource("a")
      const auth = yield* ApiKey.poolEffect({ location, keys, readInterval: 0 })
      let accepted = false
      const { api, used } = yield* clientOf(auth, () => (accepted ? ok : MockClient.respond(401)))
      source.fails = true
      expect((yield* Effect.flip(api.get("/")))._tag).toBe("Unauthorized")
      source.fails = false
      source.names = ""
      expect((yield* Effect.flip(api.get("/")))._tag).toBe("Unauthorized")
      accepted = true
      yield* api.get("/")
      expect(yield* used).toBe("aaa")
    }).pipe(
      withLogs((logs) => {
        expect(logs).toHaveLength(2)
        expect(logs.join("\n")).toContain("The pool keeps its keys")
        expect(logs.join("\n")).not.toContain("canary")
      })
    )
  )

  it.effect("ends the wait for a reading at the deadline of the call, and uses the keys in later calls", () =>
    Effect.gen(function* () {
      const { keys, source } = makeSource("a")
      const auth = yield* ApiKey.poolEffect({ location, keys })
      source.names = "b"
      source.takes = 20_000
      const { api, used } = yield* clientOf(auth, (key) => (key === "b" ? ok : MockClient.respond(401)), {
        timeout: { call: "5 seconds" }
      })
      const first = yield* Effect.fork(Effect.flip(api.get("/")))
      yield* TestClock.adjust("5 seconds")
      expect((yield* Fiber.join(first))._tag).toBe("Timeout")
      yield* TestClock.adjust("15 seconds")
      yield* api.get("/")
      expect([yield* used, source.reads]).toEqual(["ab", 2])
    })
  )

  it.effect("fails with the error of the first reading", () =>
    Effect.gen(function* () {
      const failing = ApiKey.poolEffect({ location, keys: Effect.fail("no store" as const) })
      expectTypeOf(failing).toEqualTypeOf<Effect.Effect<Auth.Service, "no store">>()
      expect(yield* Effect.flip(failing)).toBe("no store")
      const empty = yield* Effect.flip(
        Effect.provide(Auth.Auth, ApiKey.layerPoolEffect({ location, keys: Effect.succeed([]) }))
      )
      expect(empty).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
    })
  )

  it.effect("reads the keys from the configuration, and again when they are rejected", () =>
    Effect.gen(function* () {
      const values = new Map([["KEYS", "canary-a,canary-b"]])
      const live = ApiKey.layerPoolConfig({ location, keys: Config.array(Config.redacted(), "KEYS") })
      expectTypeOf(live).toEqualTypeOf<Layer.Layer<Auth.Auth, ConfigError.ConfigError | InvalidRequest>>()
      // A provider that reads its values each time, as one that reads mounted files does.
      const provider = ConfigProvider.make({
        load: (config) => Effect.suspend(() => ConfigProvider.fromMap(values).load(config)),
        flattened: ConfigProvider.fromMap(values).flattened
      })
      const auth = yield* Effect.withConfigProvider(Effect.provide(Auth.Auth, live), provider)
      const { api, used } = yield* clientOf(auth, (key) => (key === "c" ? ok : MockClient.respond(401)))
      values.set("KEYS", "canary-c")
      yield* api.get("/")
      expect(yield* used).toBe("abc")
    })
  )
})

/** Collects the messages of an effect's log. */
const withLogs =
  (check: (logs: ReadonlyArray<string>) => void) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<void, E, R> => {
    const logs: Array<string> = []
    const logger = Logger.make(({ cause, message }) => void logs.push(allRenderings(message) + allRenderings(cause)))
    return Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)).pipe(
      Effect.zipRight(Effect.sync(() => check(logs)))
    )
  }

describe("ApiKey.pool strategies", () => {
  it.effect("sends the first key to the end with sticky, and the keys in turn with roundRobin", () =>
    Effect.gen(function* () {
      for (const [strategy, expected] of [
        ["sticky", "aaaaa"],
        ["roundRobin", "abcab"],
        ["leastThrottled", "abcab"]
      ] as const) {
        const auth = yield* ApiKey.pool({ location, keys: [a, b, c], strategy })
        const { api, used } = yield* clientOf(auth, () => ok)
        for (let n = 0; n < 5; n++) yield* api.get("/")
        expect(yield* used).toBe(expected)
      }
    })
  )

  it.effect("skips a rejected key for 30 seconds with roundRobin", () =>
    Effect.gen(function* () {
      const auth = yield* ApiKey.pool({ location, keys: [a, b, c], strategy: "roundRobin" })
      const { api, used } = yield* clientOf(auth, (key) => (key === "b" ? MockClient.respond(401) : ok))
      for (let n = 0; n < 4; n++) yield* api.get("/")
      expect(yield* used).toBe("abcac")
      yield* TestClock.adjust("30 seconds")
      yield* api.get("/")
      yield* api.get("/")
      expect(yield* used).toBe("abcacabc")
    })
  )

  it.effect("switches back to the old key after a response that expiredWhen names", () =>
    Effect.gen(function* () {
      const pool = yield* ApiKey.pool({ location, keys: [a, b] })
      const { api, used } = yield* clientOf(Auth.withExpired(pool, { status: 403 }), (key) =>
        key === "b" ? ok : MockClient.respond(403)
      )
      yield* api.get("/")
      yield* api.get("/")
      expect(yield* used).toBe("abb")
    })
  )
})

describe("ApiKey.pool with rate limits", () => {
  it.effect("stops all keys after a 429 by default", () =>
    Effect.gen(function* () {
      const auth = yield* ApiKey.pool({ location, keys: [a, b] })
      const { api, used } = yield* clientOf(auth, () => limited(600))
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "RateLimited", source: "server" })
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "RateLimited", source: "throttle" })
      expect(yield* used).toBe("a")
    })
  )

  it.effect("sends the request at once with another key, and later ones too until the throttle ends", () =>
    Effect.gen(function* () {
      const auth = yield* ApiKey.pool({ location, keys: [a, b], rateLimitScope: "key", strategy: "roundRobin" })
      let isLimited = true
      const { api, mock, used } = yield* clientOf(auth, (key) => (key === "a" && isLimited ? limited(600) : ok))
      yield* api.post("/", { json: { n: 1 } })
      yield* api.get("/")
      isLimited = false
      yield* TestClock.adjust("599 seconds")
      yield* api.get("/")
      expect(yield* used).toBe("abbb")
      yield* TestClock.adjust("1 seconds")
      yield* api.get("/")
      yield* api.get("/")
      expect(yield* used).toBe("abbbab")
      expect((yield* mock.sent).slice(0, 2).map(({ at, body }) => [at, body])).toEqual([
        [0, '{"n":1}'],
        [0, '{"n":1}']
      ])
    })
  )

  it.effect("fails when all keys are limited, with the time at which the first one can be used", () =>
    Effect.gen(function* () {
      const auth = yield* ApiKey.pool({ location, keys: [a, b], rateLimitScope: "key" })
      const { api, used } = yield* clientOf(auth, (key) => limited(key === "a" ? 100 : 600))
      const first = yield* Effect.flip(api.get("/"))
      expect(first).toMatchObject({ _tag: "RateLimited", source: "server", retryAt: { epochMillis: 100_000 } })
      const second = yield* Effect.flip(api.get("/"))
      expect(second).toMatchObject({ _tag: "RateLimited", source: "throttle", retryAt: { epochMillis: 100_000 } })
      expect(yield* used).toBe("ab")
      expect(allRenderings(first) + allRenderings(second)).not.toContain("canary")
    })
  )

  it.effect("waits for the first key that can be used when all are limited, and retries with it", () =>
    Effect.gen(function* () {
      const auth = yield* ApiKey.pool({ location, keys: [a, b], rateLimitScope: "key" })
      let count = 0
      const { api, mock, used } = yield* clientOf(auth, (key) => (count++ < 2 ? limited(key === "a" ? 10 : 30) : ok), {
        retry: {}
      })
      const call = yield* Effect.fork(api.get("/"))
      yield* TestClock.adjust("10 seconds")
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(call)
      expect(yield* used).toBe("aba")
      const at = (yield* mock.sent).map((sent) => sent.at)
      expect(at[2]).toBeGreaterThanOrEqual(10_000)
      expect(at[2]).toBeLessThan(12_000)
    })
  )

  it.effect("chooses the key that rested for the longest time with leastThrottled", () =>
    Effect.gen(function* () {
      const auth = yield* ApiKey.pool({ location, keys: [a, b, c], strategy: "leastThrottled" })
      const limits = new Map([
        ["a", 10],
        ["b", 5]
      ])
      const { api, used } = yield* clientOf(auth, (key) => {
        const seconds = limits.get(key)
        limits.delete(key)
        return seconds === undefined ? ok : limited(seconds)
      })
      yield* api.get("/")
      yield* TestClock.adjust("20 seconds")
      expect(yield* used).toBe("abc")
      limits.set("c", 60)
      yield* api.get("/")
      yield* api.get("/")
      expect(yield* used).toBe("abccbb")
    })
  )

  it.effect("doubles the wait of a key for each further 429 without Retry-After", () =>
    Effect.gen(function* () {
      const auth = yield* ApiKey.pool({ location, keys: [a, b], rateLimitScope: "key", strategy: "roundRobin" })
      const { api, used } = yield* clientOf(auth, (key) => (key === "a" ? limited() : ok))
      yield* api.get("/")
      yield* TestClock.adjust("1 seconds")
      yield* api.get("/")
      expect(yield* used).toBe("abab")
      yield* TestClock.adjust("1999 millis")
      yield* api.get("/")
      expect(yield* used).toBe("ababb")
      yield* TestClock.adjust("1 millis")
      yield* api.get("/")
      expect(yield* used).toBe("ababbab")
    })
  )

  it.effect("returns the 429 for a body that can be read once, and uses another key for the next call", () =>
    Effect.gen(function* () {
      const auth = yield* ApiKey.pool({ location, keys: [a, b], rateLimitScope: "key" })
      const { api, used } = yield* clientOf(auth, (key) => (key === "a" ? limited(600) : ok))
      const body = Stream.make(new Uint8Array([1]))
      expect((yield* Effect.flip(api.post("/", { body })))._tag).toBe("RateLimited")
      yield* api.get("/")
      expect(yield* used).toBe("ab")
    })
  )

  it.effect("passes no response to a throttle of the application while another key can be used", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const service: RateLimit.Service = {
        acquire: () => Effect.void,
        onResponse: (_, { status }) => Effect.sync(() => void seen.push(status))
      }
      const auth = yield* ApiKey.pool({ location, keys: [a, b], rateLimitScope: "key" })
      const { api } = yield* clientOf(auth, () => limited(600), { rateLimit: service })
      yield* Effect.flip(api.get("/"))
      expect(seen).toEqual([429])
    })
  )
})
