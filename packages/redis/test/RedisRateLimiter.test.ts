/** The rate limiter: the same results as the limiter in memory, shared counts, and outages. */
import * as RateLimiter from "@countersign/client/RateLimiter"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RateLimitEvents from "@countersign/redis/RateLimitEvents"
import * as RedisRateLimiter from "@countersign/redis/RedisRateLimiter"
import * as RedisServer from "@countersign/testing/RedisServer"
import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Consume from "../src/internal/rateLimiter/consume.js"
import { eventually, scoped } from "./support/records.js"
import { command, hasRedis, newPrefix, plainClient, serverOfFile } from "./support/server.js"

/** A script that stores a value as MessagePack, the format of the limiter. */
const pack = (value: string): string => `redis.call('SET', KEYS[1], cmsgpack.pack(${value}))`

const algorithms = ["fixed-window", "sliding-window", "token-bucket"] as const

/** The result or the error as data. */
const summary = (
  effect: Effect.Effect<RateLimiter.ConsumeResult, RateLimiter.RateLimiterError | Consume.UnusableKey>
): Effect.Effect<unknown> =>
  Effect.map(Effect.either(effect), (result) =>
    Either.match(result, {
      onLeft: (error) =>
        error._tag === "RateLimiterError" && error.reason === "Exceeded"
          ? ["exceeded", Duration.toMillis(error.retryAfter), error.remaining]
          : ["failed", error.message],
      onRight: ({ delay, remaining, resetAfter }) => [
        Duration.toMillis(delay),
        remaining,
        Duration.toMillis(resetAfter)
      ]
    })
  )

/** A limiter in memory, with a time that the test sets. */
const inMemory = (now: () => number) => {
  let record: { readonly state: ReadonlyArray<number>; readonly expires: number } | undefined
  return Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, {
    update: (_key, change) =>
      Effect.sync(() => {
        const changed = change(record !== undefined && now() < record.expires ? record.state : [], now())
        record = changed
        return changed
      })
  })
}

const Requests = Schema.Struct({
  algorithm: Schema.Literal(...algorithms),
  limit: Schema.Int.pipe(Schema.between(1, 20)),
  windowMs: Schema.Union(
    Schema.Int.pipe(Schema.between(1, 300)),
    Schema.Literal(1, 64, 65, 1000, 3_600_000, 86_400_000)
  ),
  requests: Schema.Array(
    Schema.Struct({
      after: Schema.Union(
        Schema.Int.pipe(Schema.between(0, 3)),
        Schema.Int.pipe(Schema.between(0, 400)),
        Schema.Literal(999, 70_000)
      ),
      tokens: Schema.Union(Schema.Literal(1), Schema.Int.pipe(Schema.between(0, 21)), Schema.Literal(0.5)),
      onExceeded: Schema.Literal("delay", "fail")
    })
  ).pipe(Schema.minItems(5), Schema.maxItems(30))
})

describe.skipIf(!hasRedis)("RedisRateLimiter", () => {
  const server = serverOfFile()

  it.live("decides as the limiter in memory for any requests at any times", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const redis = yield* plainClient(server().port)
        const samples = FastCheck.sample(Arbitrary.make(Requests), { numRuns: 250, seed: 7 })
        for (const { algorithm, limit, requests, windowMs } of samples) {
          // Later than the server's time, so that no key expires while the test uses it.
          let now = 4_000_000_000_000
          const memory = yield* inMemory(() => now)
          const place = Consume.place({ redis, prefix: newPrefix(), timeoutMs: 60_000 })
          for (const { after, onExceeded, tokens } of requests) {
            now += after
            const options = { key: "key", algorithm, limit, window: windowMs, onExceeded, tokens }
            expect(yield* summary(Consume.consume(place, options, now))).toEqual(
              yield* summary(memory.consume(options))
            )
          }
        }
      })
    )
  )

  /** A limiter that does not count alone on a busy machine, unless the test sets a shorter timeout. */
  const limiter = (options: RedisRateLimiter.Options, url = server().url) =>
    Effect.flatMap(RedisClient.make({ url, commandTimeout: "1 minute" }), (redis) =>
      Effect.provideService(RedisRateLimiter.make({ timeout: "1 minute", ...options }), RedisClient.RedisClient, redis)
    )

  it.live.each(algorithms)("admits no more than the limit for two clients together with %s", (algorithm) =>
    Effect.scoped(
      Effect.gen(function* () {
        const prefix = newPrefix()
        const clients = yield* Effect.all([limiter({ prefix }), limiter({ prefix })])
        const results = yield* Effect.forEach(
          Array.from({ length: 100 }, (_, index) => clients[index % 2]!),
          (one) => Effect.either(one.consume({ key: "a", limit: 10, window: "1 minute", algorithm })),
          { concurrency: "unbounded" }
        )
        expect(results.filter(Either.isRight)).toHaveLength(10)
        for (const result of results.filter(Either.isLeft)) {
          expect(result.left).toMatchObject({ reason: "Exceeded", key: "a", limit: 10, remaining: 0 })
        }
      })
    )
  )

  scoped("stores one key for a limit, which expires, and no text of the key", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const one = yield* limiter({ prefix })
      for (const algorithm of algorithms) {
        yield* one.consume({ key: "https://example.com user", limit: 10, window: "1 minute", algorithm })
      }
      const keys = (yield* command(server().port, "KEYS", `${prefix}*`)) as ReadonlyArray<string>
      expect(keys).toHaveLength(3)
      for (const key of keys) {
        expect(key).not.toContain("example")
        expect(Number(yield* command(server().port, "PTTL", key))).toSatisfy((ms: number) => ms > 0 && ms <= 64_000)
      }
    })
  )

  scoped("separates limits with other numbers, and keys that differ only in unpaired surrogates", () =>
    Effect.gen(function* () {
      const one = yield* limiter({ prefix: newPrefix() })
      for (const key of ["\ud800", "\ud801", "�", ""]) {
        for (const limit of [1, 2]) {
          expect((yield* one.consume({ key, limit, window: "1 minute" })).remaining).toBe(limit - 1)
        }
      }
    })
  )

  scoped("rejects more tokens than the limit, and NaN, without a request", () =>
    Effect.gen(function* () {
      const one = yield* limiter({ prefix: newPrefix() })
      for (const tokens of [11, Number.NaN]) {
        const error = yield* Effect.flip(one.consume({ key: "a", limit: 10, window: "1 minute", tokens }))
        expect(error).toMatchObject({ reason: "Exceeded", retryAfter: Duration.minutes(1) })
      }
    })
  )

  const invalid: ReadonlyArray<readonly [RedisRateLimiter.Options, string]> = [
    [{ prefix: "a{b}" }, '`prefix` is "a{b}". Set one without braces'],
    [JSON.parse('{ "onUnavailable": "open" }'), '`onUnavailable` is "open". Set "local" or "fail"'],
    [{ processes: 0 }, "`processes` of `RedisRateLimiter` is 0. Set a whole number from 1."],
    [{ processes: Number.NaN }, "`processes` of `RedisRateLimiter` is NaN"],
    [{ timeout: 0 }, "`timeout` is 0. Set a positive, finite duration"],
    [{ timeout: Infinity }, "`timeout` is Infinity"]
  ]
  it.each(invalid)("rejects the options %j", async (options, message) => {
    await expect(Effect.runPromise(Effect.scoped(limiter(options)))).rejects.toThrow(message)
  })

  scoped("counts alone while Redis hangs, waits for one timeout per second, and logs the start and the end once", () =>
    Effect.gen(function* () {
      const messages: Array<string> = []
      const logger = Logger.make(({ message }) => void messages.push(String(message)))
      const one = yield* RedisServer.make()
      yield* Effect.gen(function* () {
        const limits = yield* limiter({ prefix: newPrefix(), processes: 2, timeout: "200 millis" }, one.url)
        const ask = limits.consume({ key: "a", limit: 4, window: "1 hour" })
        expect((yield* ask).remaining).toBe(3)
        yield* one.suspend
        const [took, results] = yield* Effect.timed(Effect.all(Array.from({ length: 4 }, () => Effect.either(ask))))
        expect(Duration.toMillis(took)).toBeLessThan(1_000)
        expect(results.map(Either.isRight)).toEqual([true, true, false, false])
        yield* one.resume
        yield* Effect.sleep("1100 millis")
        expect((yield* eventually(ask)).remaining).toBeLessThan(3)
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      expect(messages).toEqual([
        "Rate limits of this process apply, because Redis is unavailable. " +
          "The rate limit store failed: Redis: no response within `timeout` (200ms)",
        "Shared rate limits apply again."
      ])
    })
  )

  it.live.each(["local", "fail"] as const)("publishes one start and one end of each outage with %s", (onUnavailable) =>
    Effect.scoped(
      Effect.gen(function* () {
        const one = yield* RedisServer.make()
        const events = yield* RateLimitEvents.make
        const found = yield* Effect.fork(Stream.runCollect(Stream.take(events.stream, 4)))
        const limits = yield* Effect.provideService(
          limiter({ prefix: newPrefix(), onUnavailable, timeout: "200 millis" }, one.url),
          RateLimitEvents.RateLimitEvents,
          events
        )
        const ask = limits.consume({ key: "a", limit: 1000, window: "1 hour" })
        const many = Effect.all(
          Array.from({ length: 50 }, () => Effect.either(ask)),
          { concurrency: "unbounded" }
        )
        yield* ask
        for (let outage = 0; outage < 2; outage++) {
          yield* one.suspend
          const [took, results] = yield* Effect.timed(Effect.all([many, many, many]))
          expect(results.flat().every(onUnavailable === "local" ? Either.isRight : Either.isLeft)).toBe(true)
          // Only the first requests wait for the timeout, which is 200 ms.
          expect(Duration.toMillis(took)).toBeLessThan(1_000)
          yield* one.resume
          yield* Effect.sleep("1100 millis")
          yield* eventually(ask)
        }
        const [first, second, third, fourth] = Chunk.toReadonlyArray(yield* Fiber.join(found))
        expect([first?._tag, second?._tag, third?._tag, fourth?._tag]).toEqual([
          "Degraded",
          "Restored",
          "Degraded",
          "Restored"
        ])
        expect(first).toMatchObject({ error: { reason: "StoreError", message: expect.stringContaining("`timeout`") } })
        expect(second).toMatchObject({ since: first?.at })
      })
    )
  )

  scoped("fails with a typed error while Redis is down if onUnavailable is fail", () =>
    Effect.gen(function* () {
      const one = yield* RedisServer.make()
      const limits = yield* limiter({ prefix: newPrefix(), onUnavailable: "fail" }, one.url)
      yield* one.kill
      yield* Effect.sleep("100 millis")
      const error = yield* Effect.flip(limits.consume({ key: "a", limit: 4, window: "1 hour" }))
      expect(error).toMatchObject({ _tag: "RateLimiterError", reason: "StoreError" })
      yield* one.restart
      expect((yield* eventually(limits.consume({ key: "a", limit: 4, window: "1 hour" }))).remaining).toBe(3)
    })
  )

  const others: ReadonlyArray<
    readonly [name: string, message: string, change: (key: string) => readonly [string, ...Array<string>]]
  > = [
    ["another type", "WRONGTYPE", (key: string) => ["RPUSH", key, "s3cr3t"]],
    ["a text", "another format", (key: string) => ["SET", key, "s3cr3t"]],
    ["an empty text", "another format", (key: string) => ["SET", key, ""]],
    ["a map", "another format", (key: string) => ["EVAL", pack("{ a = 1 }"), "1", key]],
    ["a list of texts", "another format", (key: string) => ["EVAL", pack("{ 'a', 'b', 'c', 'd', 'e' }"), "1", key]],
    ["a boolean", "another format", (key: string) => ["EVAL", pack("false"), "1", key]]
  ]
  it.live.each(others)("fails for a key with data of %s alone, and leaves them as they are", ([, message, change]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const prefix = newPrefix()
        const events = yield* RateLimitEvents.make
        const one = yield* Effect.provideService(limiter({ prefix }), RateLimitEvents.RateLimitEvents, events)
        const consume = (key: string) => one.consume({ key, limit: 4, window: "1 hour" })
        yield* consume("a")
        const [key = ""] = (yield* command(server().port, "KEYS", `${prefix}*`)) as ReadonlyArray<string>
        yield* command(server().port, "DEL", key)
        yield* command(server().port, ...change(key))
        const before = yield* command(server().port, "DUMP", key)
        const failed = yield* Effect.flip(consume("a"))
        expect(failed).toMatchObject({ reason: "StoreError", message: expect.stringContaining(message) })
        expect(failed.message).not.toContain("s3cr3t")
        expect(yield* command(server().port, "DUMP", key)).toEqual(before)
        // Another limit is still that of all processes, also right after it.
        yield* consume("b")
        expect((yield* (yield* limiter({ prefix })).consume({ key: "b", limit: 4, window: "1 hour" })).remaining).toBe(
          2
        )
      })
    )
  )
})
