import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as RateLimit from "@countersign/client/RateLimit"
import * as RateLimiter from "@countersign/client/RateLimiter"
import * as Timeline from "@countersign/client/Timeline"
import * as Timeout from "@countersign/client/Timeout"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { failure, get, runPromise, run, requestTimes, transport } from "./support/mockApi.js"

const { delay, respond } = MockClient
const ok = () => respond(200, "ok")

const client = (options: RateLimit.Options, script: MockClient.Script = ok) =>
  Effect.gen(function* () {
    const { client: inner, mock } = yield* transport(script)
    const service = yield* Effect.provide(RateLimit.RateLimit, RateLimit.layerMemory(options))
    return { mock, limited: RateLimit.policy(service)(inner) }
  })

const twoPerSecond: RateLimit.Limit = { limit: 2, window: "1 second", algorithm: "fixed-window" }

const sendConcurrently = (
  limited: { readonly execute: (r: HttpClientRequest.HttpClientRequest) => Effect.Effect<unknown, unknown> },
  size: number
) =>
  Effect.forEach(
    Array.from({ length: size }, (_, index) => index),
    (index) => limited.execute(get(`/${index}`)),
    { concurrency: "unbounded" }
  )

describe("RateLimit limits option", () => {
  it.effect("queues requests beyond the limit and sends them in order of arrival", () =>
    Effect.gen(function* () {
      const { limited, mock } = yield* client({ limits: [twoPerSecond] })
      yield* run(sendConcurrently(limited, 7))
      expect(yield* requestTimes(mock)).toEqual([0, 0, 1000, 1000, 2000, 2000, 3000])
      const paths = (yield* mock.sent).map(({ url }) => url.slice(url.lastIndexOf("/")))
      expect(paths).toEqual(["/0", "/1", "/2", "/3", "/4", "/5", "/6"])
    })
  )

  it.effect("counts each origin separately, unless the limit has a key", () =>
    Effect.gen(function* () {
      const other = HttpClientRequest.get("https://other.test/")
      const perOrigin = yield* client({ limits: [twoPerSecond], onExceeded: "fail" })
      yield* sendConcurrently(perOrigin.limited, 2)
      yield* perOrigin.limited.execute(other)
      const perKey = yield* client({ limits: [{ ...twoPerSecond, key: "all" }], onExceeded: "fail" })
      yield* sendConcurrently(perKey.limited, 2)
      expect(yield* Effect.flip(perKey.limited.execute(other))).toMatchObject({
        _tag: "RateLimited",
        source: "clientLimit"
      })
    })
  )

  it.effect("counts separately per key function result", () =>
    Effect.gen(function* () {
      const limits = [
        { ...twoPerSecond, limit: 1, key: (request: HttpClientRequest.HttpClientRequest) => request.method }
      ]
      const { limited, mock } = yield* client({ limits })
      const all = [
        get(),
        HttpClientRequest.post("https://api.test/"),
        get(),
        HttpClientRequest.post("https://api.test/")
      ]
      yield* run(Effect.forEach(all, (request) => limited.execute(request), { concurrency: "unbounded" }))
      expect(yield* requestTimes(mock)).toEqual([0, 0, 1000, 1000])
    })
  )

  it.effect("fails at once with retryAt and without sending, with onExceeded: fail", () =>
    Effect.gen(function* () {
      const { limited, mock } = yield* client({ limits: [twoPerSecond], onExceeded: "fail" })
      yield* sendConcurrently(limited, 2)
      yield* TestClock.adjust(300)
      const error = yield* Effect.flip(limited.execute(get()))
      expect(error).toMatchObject({
        _tag: "RateLimited",
        source: "clientLimit",
        status: 429,
        retryAt: DateTime.unsafeMake(1000)
      })
      expect(error.message).toContain("was not sent: a rate limit of this client is reached. Try again in 700ms")
      expect(yield* mock.sent).toHaveLength(2)
    })
  )

  it.effect("fails at once when the wait would exceed the call deadline or maxWait", () =>
    Effect.gen(function* () {
      const { limited, mock } = yield* client({ limits: [twoPerSecond], maxWait: "4 seconds" })
      const bounded = Timeout.call("900 millis")(limited)
      yield* run(sendConcurrently(limited, 2))
      expect(yield* failure(bounded.execute(get()))).toMatchObject({ _tag: "RateLimited", source: "clientLimit" })
      expect(yield* TestClock.currentTimeMillis).toBe(0)
      // Two per second for four seconds, starting with the next window: 8 are sent. The last window is estimated, so few
      // others wait.
      const exits = Array.from({ length: 100 }, () =>
        Effect.flatMap(Effect.either(limited.execute(get())), ({ _tag }) =>
          Effect.map(TestClock.currentTimeMillis, (at) => `${_tag} ${at}`)
        )
      )
      const ended = yield* run(Effect.all(exits, { concurrency: "unbounded" }))
      expect(ended.filter((exit) => exit.startsWith("Right"))).toHaveLength(8)
      expect(ended.filter((exit) => exit === "Left 0").length).toBeGreaterThanOrEqual(88)
      expect(yield* mock.sent).toHaveLength(10)
    })
  )

  it.effect("consumes no permit of a long window while waiting for a short one, in any order of limits", () =>
    Effect.gen(function* () {
      const long: RateLimit.Limit = { limit: 4, window: "1 hour" }
      for (const limits of [
        [long, twoPerSecond],
        [twoPerSecond, long]
      ]) {
        yield* TestClock.setTime(0)
        const { limited, mock } = yield* client({ limits })
        yield* run(sendConcurrently(limited, 4))
        expect(yield* requestTimes(mock)).toEqual([0, 0, 1000, 1000])
      }
    })
  )

  it.effect("passes the turn of an interrupted request to the next", () =>
    Effect.gen(function* () {
      const { limited, mock } = yield* client({ limits: [twoPerSecond] })
      yield* sendConcurrently(limited, 2)
      const fibers = yield* Effect.forEach([1, 2, 3, 4], () => Effect.fork(limited.execute(get())))
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      yield* Fiber.interruptAll(fibers.slice(0, 3))
      yield* run(Effect.all([Fiber.join(fibers[3]!), limited.execute(get())]))
      expect(yield* requestTimes(mock)).toEqual([0, 0, 1000, 1000])
    })
  )

  it.effect("sends requests when the store fails", () =>
    Effect.gen(function* () {
      const failingStore = { update: () => Effect.fail(new RateLimiter.RateLimitStoreError({ detail: "gone" })) }
      const limiter = yield* Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, failingStore)
      const service = yield* Effect.provideService(
        RateLimit.make({ limits: [twoPerSecond] }),
        RateLimiter.RateLimiter,
        limiter
      )
      const { client: inner, mock } = yield* transport(ok)
      yield* sendConcurrently(RateLimit.policy(service)(inner), 5)
      expect(yield* mock.sent).toHaveLength(5)
    })
  )

  it.effect("records in the timeline which requests waited", () =>
    Effect.gen(function* () {
      const { limited } = yield* client({ limits: [twoPerSecond] })
      yield* sendConcurrently(limited, 2)
      const { events } = yield* run(Timeline.record(limited.execute(get())))
      expect(events.slice(0, 2)).toEqual([
        { _tag: "Throttled", at: 0, ms: 1000 },
        { _tag: "Admitted", at: 1000, ms: 1000 }
      ])
      yield* TestClock.adjust("5 seconds")
      const later = yield* run(Timeline.record(limited.execute(get())))
      expect(later.events.map(({ _tag }) => _tag)).not.toContain("Throttled")
    })
  )
})

describe("RateLimit limits with throttle", () => {
  const slowDown = delay("10 millis", respond(429, "", { "retry-after": "5" }))

  it.effect("counts throttled requests when they are sent", () =>
    Effect.gen(function* () {
      const { limited, mock } = yield* client({ limits: [twoPerSecond] }, (_, index) =>
        index === 0 ? slowDown : respond(200)
      )
      yield* run(
        Effect.all([sendConcurrently(limited, 1), Effect.delay(sendConcurrently(limited, 6), 20)], {
          concurrency: "unbounded"
        })
      )
      const at = (yield* requestTimes(mock)).slice(1)
      expect(at).toHaveLength(6)
      expect(Math.min(...at)).toBeGreaterThanOrEqual(5010)
      for (const t of at) expect(at.filter((u) => u >= t && u < t + 500).length).toBeLessThanOrEqual(2)
    })
  )

  it.effect("applies a 429 to requests that already wait for a limit", () =>
    Effect.gen(function* () {
      const { limited, mock } = yield* client({ limits: [twoPerSecond] }, (_, index) =>
        index === 0 ? slowDown : respond(200)
      )
      yield* run(sendConcurrently(limited, 6))
      const at = (yield* requestTimes(mock)).slice(2)
      expect(Math.min(...at)).toBeGreaterThanOrEqual(5010)
      expect(Math.max(...at)).toBeLessThan(8000)
    })
  )

  it.effect("waits for a throttle of its own, before and after a wait for a limit", () =>
    Effect.gen(function* () {
      const throttle = RateLimit.throttle()
      const other = RateLimit.policy(throttle)((yield* transport([slowDown])).client)
      const shared = yield* client({ limits: [{ ...twoPerSecond, limit: 1 }], throttle })
      const own = { ...throttle }
      const external = yield* client({ limits: [{ ...twoPerSecond, limit: 1 }], throttle: own })
      const calls = [shared, external].flatMap(({ limited }) => [limited.execute(get()), limited.execute(get())])
      yield* run(Effect.all([...calls, Effect.delay(other.execute(get()), 500)], { concurrency: "unbounded" }))
      for (const { mock } of [shared, external]) {
        const [first, second = 0] = yield* requestTimes(mock)
        expect(first).toBe(0)
        expect(second).toBeGreaterThanOrEqual(5_500)
      }
    })
  )

  it.effect("starts a throttle of its own with the responses of its requests", () =>
    Effect.gen(function* () {
      const throttle = RateLimit.throttle({ onExceeded: "fail" })
      const { limited } = yield* client({ limits: [], throttle }, () => slowDown)
      yield* run(limited.execute(get()))
      expect(yield* Effect.flip(throttle.acquire(get(), {}))).toMatchObject({ source: "throttle" })
    })
  )

  it.effect(
    "disables the throttle with throttle: false and reads remaining headers with useRemainingHeaders: true",
    () =>
      Effect.gen(function* () {
        const second = (options: RateLimit.Options, answer: MockClient.Step) =>
          Effect.gen(function* () {
            yield* TestClock.setTime(0)
            const { limited, mock } = yield* client(options, [answer, respond(200)])
            yield* run(limited.execute(get()))
            yield* run(limited.execute(get()))
            return (yield* requestTimes(mock))[1]
          })
        const exhausted = respond(200, "", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "3" })
        expect(yield* second({ limits: [], throttle: false }, slowDown)).toBe(10)
        expect(yield* second({ limits: [] }, slowDown)).toBe(5010)
        expect(yield* second({ limits: [] }, exhausted)).toBe(0)
        expect(yield* second({ limits: [], useRemainingHeaders: true }, exhausted)).toBe(3000)
      })
  )
})

describe("RateLimit limits option, equal limits", () => {
  it.effect("counts a request once for two equal limits", () =>
    Effect.gen(function* () {
      const limits = [
        { limit: 1, window: "1 second", algorithm: "fixed-window" },
        { limit: 1, window: "1 second", algorithm: "fixed-window" }
      ] as const
      const { limited, mock } = yield* client({ limits })
      yield* run(Effect.all([limited.execute(get()), limited.execute(get())], { concurrency: "unbounded" }))
      expect(yield* requestTimes(mock)).toEqual([0, 1000])
    })
  )
})

describe("RateLimit limits, any arrival pattern", () => {
  const gaps = FastCheck.array(FastCheck.oneof(FastCheck.constant(0), FastCheck.nat(900)), { maxLength: 25 })
  const count = FastCheck.integer({ min: 1, max: 5 })
  const windowMs = FastCheck.integer({ min: 1, max: 900 })
  const limit = FastCheck.record({ limit: count, window: windowMs })

  it("never sends more than the limit in any interval of a window, and sends every request", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(gaps, FastCheck.array(limit, { minLength: 1, maxLength: 3 }), (pattern, limits) =>
        runPromise(
          Effect.gen(function* () {
            const { limited, mock } = yield* client({ limits, maxWait: "1 hour" })
            let at = 0
            const requests = pattern.map((gap) => Effect.delay(limited.execute(get()), (at += gap)))
            yield* run(Effect.all(requests, { concurrency: "unbounded" }))
            const sent = yield* requestTimes(mock)
            expect(sent).toHaveLength(pattern.length)
            for (const { limit, window } of limits) {
              for (const from of sent) {
                expect(sent.filter((t) => t >= from && t < from + window).length).toBeLessThanOrEqual(limit)
              }
            }
          })
        )
      ),
      { numRuns: 25 }
    ))
})
