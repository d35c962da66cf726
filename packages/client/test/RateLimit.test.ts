import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { RateLimited } from "@countersign/client/Errors"
import * as RateLimit from "@countersign/client/RateLimit"
import * as Retry from "@countersign/client/Retry"
import * as Timeline from "@countersign/client/Timeline"
import * as Timeout from "@countersign/client/Timeout"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { rateLimitsOf } from "../src/internal/rateLimit/rateLimits.js"
import { withJitter, failure, get, runPromise, run, requestTimes, transport } from "./support/mockApi.js"

const { delay, fail, respond } = MockClient
const ok = respond(200, "ok")
const tooManyRequests = (seconds: number | string): MockClient.Step =>
  respond(429, "", { "retry-after": String(seconds) })

/** A client with Retry around the rate limit policy around the transport. */
const client = (script: MockClient.Script, service: RateLimit.Service = RateLimit.throttle()) =>
  Effect.map(transport(script), ({ client: inner, mock }) => {
    const throttled = RateLimit.policy(service)(inner)
    return { mock, service, throttled, retrying: Retry.policy()(throttled) }
  })

/** Sends `size` concurrent requests after one that got the first response. */
const sendAfterFirst = (size: number, script: MockClient.Script, options?: RateLimit.ThrottleOptions) =>
  Effect.gen(function* () {
    const { throttled, mock, service } = yield* client(script, RateLimit.throttle(options))
    yield* throttled.execute(get())
    const all = Effect.forEach(Array.from({ length: size }), () => Effect.exit(throttled.execute(get())), {
      concurrency: "unbounded"
    })
    const exits = yield* run(all)
    const [first, ...at] = yield* requestTimes(mock)
    expect(first).toBe(0)
    return { at, exits, service }
  })

const countWithin = (at: ReadonlyArray<number>, from: number, ms: number): number =>
  at.filter((t) => t >= from && t <= from + ms).length

describe("RateLimit.throttle", () => {
  it.effect("delays a thousand requests after a 429, then admits a tenth in 100 ms and the rest within a second", () =>
    Effect.gen(function* () {
      const { at, exits } = yield* sendAfterFirst(1000, (_, index) =>
        index === 0 ? tooManyRequests(5) : delay("50 millis", ok)
      )
      expect(exits.every(Exit.isSuccess)).toBe(true)
      expect(at).toHaveLength(1000)
      expect(Math.min(...at)).toBe(5000)
      expect(countWithin(at, 5000, 100)).toBeGreaterThan(50)
      expect(countWithin(at, 5000, 100)).toBeLessThanOrEqual(100)
      // Successful responses arrive after 50 ms and speed up the admission.
      expect(Math.max(...at)).toBeLessThan(5700)
    })
  )

  it.effect("admits all requests over about a second when no response arrives", () =>
    Effect.gen(function* () {
      const { at } = yield* sendAfterFirst(200, (_, index) =>
        index === 0 ? tooManyRequests(5) : delay("1 minute", ok)
      )
      expect(countWithin(at, 5000, 100)).toBeLessThanOrEqual(20)
      for (const t of [5000, 5200, 5500, 5800]) expect(countWithin(at, t, 99)).toBeLessThanOrEqual(24)
      expect(Math.max(...at)).toBeLessThan(6200)
    })
  )

  it.effect("admits requests in order of arrival", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* client((_, index) => (index === 0 ? tooManyRequests(1) : ok))
      yield* throttled.execute(get())
      const paths = Array.from({ length: 50 }, (_, index) => `/${index}`)
      yield* run(Effect.forEach(paths, (path) => throttled.execute(get(path)), { concurrency: "unbounded" }))
      const sent = (yield* mock.sent).slice(1).map(({ url }) => url.slice(url.lastIndexOf("/")))
      expect(sent).toEqual(paths)
    })
  )

  it.effect("admits later requests after those that already wait", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* client((_, index) =>
        index === 0 ? tooManyRequests(1) : delay("1 minute", ok)
      )
      yield* throttled.execute(get())
      const early = Effect.forEach(Array.from({ length: 30 }), () => throttled.execute(get("/early")), {
        concurrency: "unbounded"
      })
      const late = [1001, 1010, 1099, 1101, 1200].map((ms) => Effect.delay(throttled.execute(get("/late")), ms))
      yield* run(Effect.all([early, Effect.all(late, { concurrency: "unbounded" })], { concurrency: "unbounded" }))
      const sent = (yield* mock.sent).slice(1).map(({ url }) => url.slice(url.lastIndexOf("/")))
      expect(sent).toEqual([...Array.from({ length: 30 }, () => "/early"), ...late.map(() => "/late")])
    })
  )

  it.effect("admits a tenth of the waiting requests first, regardless of the number of 429 responses", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* client((_, index) =>
        index < 100 ? delay("10 millis", tooManyRequests(1)) : ok
      )
      const rejected = Effect.forEach(Array.from({ length: 100 }), () => throttled.execute(get()), {
        concurrency: "unbounded"
      })
      const waiting = Effect.forEach(Array.from({ length: 20 }), () => throttled.execute(get()), {
        concurrency: "unbounded"
      })
      yield* run(Effect.all([rejected, Effect.delay(waiting, "20 millis")], { concurrency: "unbounded" }))
      const at = (yield* requestTimes(mock)).slice(100)
      expect(at).toHaveLength(20)
      expect(countWithin(at, 1010, 100)).toBeLessThanOrEqual(2)
    })
  )

  it.effect("admits at most a tenth, or one, in the first 100 ms for 1 to 100 requests", () =>
    Effect.gen(function* () {
      for (const size of [1, 2, 9, 10, 19, 25, 99, 100]) {
        yield* TestClock.setTime(0)
        const { at } = yield* sendAfterFirst(size, (_, index) =>
          index === 0 ? tooManyRequests(1) : delay("5 millis", ok)
        )
        expect(at).toHaveLength(size)
        expect(Math.min(...at)).toBe(1000)
        expect(countWithin(at, 1000, 100), String(size)).toBeLessThanOrEqual(Math.max(1, Math.floor(size / 10)))
        expect(Math.max(...at), String(size)).toBeLessThan(2300)
      }
    })
  )

  it.effect("throttles again on a further 429 and admits all remaining requests afterwards", () =>
    Effect.gen(function* () {
      const script: MockClient.Script = (_, index) =>
        index === 0 ? tooManyRequests(2) : index === 51 ? tooManyRequests(10) : ok
      const { at, exits } = yield* sendAfterFirst(500, script)
      expect(exits.every(Exit.isSuccess)).toBe(true)
      const again = at[50] ?? 0
      expect(at.filter((t) => t > again && t < again + 10_000)).toEqual([])
      const rest = at.filter((t) => t >= again + 10_000)
      expect(rest.length).toBeGreaterThanOrEqual(400)
      expect(countWithin(rest, again + 10_000, 100)).toBeLessThanOrEqual(Math.floor(rest.length / 10) + 1)
      expect(Math.max(...rest)).toBeLessThan(again + 12_000)
    })
  )

  it.effect("moves the end of the throttle with a later 429, but never earlier", () =>
    Effect.gen(function* () {
      const answers = [tooManyRequests(5), tooManyRequests(20), tooManyRequests(1)].map((step, index) =>
        delay(`${index + 1} seconds`, step)
      )
      const { throttled, mock } = yield* client([...answers, ok])
      const first = Effect.forEach([1, 2, 3], () => throttled.execute(get()), { concurrency: "unbounded" })
      yield* run(
        Effect.all([first, Effect.delay(throttled.execute(get()), "1001 millis")], { concurrency: "unbounded" })
      )
      expect(yield* requestTimes(mock)).toEqual([0, 0, 0, 22_000])
    })
  )

  it.effect("throttles the origin of the 429 only", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* client([tooManyRequests(5), ok, ok])
      yield* throttled.execute(get())
      yield* throttled.execute(HttpClientRequest.get("https://other.test/"))
      expect(yield* requestTimes(mock)).toEqual([0, 0])
      yield* run(throttled.execute(HttpClientRequest.get("https://API.test:443/y")))
      expect(yield* requestTimes(mock)).toEqual([0, 0, 5000])
    })
  )

  it.effect("throttles the account of the 429 only, with the account option", () =>
    Effect.gen(function* () {
      const account = (request: HttpClientRequest.HttpClientRequest) => request.headers["x-account"] ?? ""
      const { throttled, mock } = yield* client([tooManyRequests(5), ok, ok], RateLimit.throttle({ account }))
      const as = (name: string) => HttpClientRequest.setHeader(get(), "x-account", name)
      yield* throttled.execute(as("a"))
      yield* throttled.execute(as("b"))
      yield* run(throttled.execute(as("a")))
      expect(yield* requestTimes(mock)).toEqual([0, 0, 5000])
    })
  )

  it.effect("throttles all clients that share the service", () =>
    Effect.gen(function* () {
      const one = yield* client([tooManyRequests(5)])
      const other = yield* client([ok], one.service)
      yield* one.throttled.execute(get())
      yield* run(other.throttled.execute(get()))
      expect(yield* requestTimes(other.mock)).toEqual([5000])
    })
  )
})

describe("RateLimit.throttle, responses that throttle", () => {
  const second = (answer: MockClient.Step) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(0)
      const { throttled, mock } = yield* client([answer, ok])
      yield* throttled.execute(get())
      yield* run(throttled.execute(get()))
      return (yield* requestTimes(mock))[1]
    })

  it.effect("reads the first present field of a 429, and retry-after of 503 and 529", () =>
    Effect.gen(function* () {
      const date = HttpDate.format(0)
      expect(yield* second(respond(429, "", { "retry-after-ms": "1500", "retry-after": "9" }))).toBe(1500)
      expect(yield* second(respond(429, "", { "retry-after": HttpDate.format(7000), date }))).toBe(7000)
      expect(yield* second(respond(429, "", { ratelimit: '"p";r=0;t=4', "x-ratelimit-reset": "9" }))).toBe(4000)
      expect(yield* second(respond(429, "", { "x-ratelimit-reset": "9" }))).toBe(9000)
      expect(yield* second(respond(503, "", { "retry-after": "3" }))).toBe(3000)
      expect(yield* second(respond(529, "", { "retry-after": "3" }))).toBe(3000)
    })
  )

  it.effect("throttles after a 403 with retry-after or without remaining requests, unless it lacks a scope", () =>
    Effect.gen(function* () {
      const exhausted = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" }
      const challenge = { "www-authenticate": 'Bearer error="insufficient_scope", scope="admin"' }
      expect(yield* second(respond(403, "", { "retry-after": "3", ...exhausted }))).toBe(3000)
      expect(yield* second(respond(403, "", { "retry-after-ms": "1500" }))).toBe(1500)
      expect(yield* second(respond(403, "", exhausted))).toBe(9000)
      expect(yield* second(respond(403, "", { "x-rate-limit-remaining": "0", "x-rate-limit-reset": "9" }))).toBe(9000)
      expect(yield* second(respond(403, "", { "ratelimit-remaining": "0", "ratelimit-reset": "9" }))).toBe(9000)
      expect(yield* second(respond(403, "", { ratelimit: '"p";r=0;t=4' }))).toBe(4000)
      expect(yield* second(respond(403, "", { "x-ratelimit-remaining": "0" }))).toBe(1000)
      expect(yield* second(respond(403, "", { "retry-after": "3", ...challenge }))).toBe(3000)
      expect(yield* second(respond(403, "", { ...exhausted, ...challenge }))).toBe(0)
    })
  )

  it.effect("ignores a 503 without retry-after, other statuses and past times", () =>
    Effect.gen(function* () {
      const headers = { "retry-after": "9", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" }
      expect(yield* second(respond(503, "", { "x-ratelimit-reset": "9" }))).toBe(0)
      for (const status of [200, 202, 301, 404, 413, 500]) expect(yield* second(respond(status, "", headers))).toBe(0)
      expect(yield* second(respond(529, "", { "x-ratelimit-reset": "9" }))).toBe(0)
      expect(yield* second(respond(403, "", { "x-ratelimit-remaining": "1", "x-ratelimit-reset": "9" }))).toBe(0)
      expect(yield* second(respond(403, "", { "x-ratelimit-reset": "9" }))).toBe(0)
      expect(yield* second(tooManyRequests(0))).toBe(0)
    })
  )

  it.effect("throttles for 1, 2 and 4 seconds after 429 responses without a time, once per burst", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* client((_, index) => (index < 5 ? delay("10 millis", respond(429)) : ok))
      yield* run(Effect.forEach([1, 2, 3], () => throttled.execute(get()), { concurrency: "unbounded" }))
      for (let n = 0; n < 3; n++) yield* run(throttled.execute(get()))
      const [, , , a = 0, b = 0, c = 0] = yield* requestTimes(mock)
      expect([a, b, c]).toEqual([1010, 3020, 7030])
    })
  )

  it.effect("becomes inactive after the throttle ends", () =>
    Effect.gen(function* () {
      const { throttled, service } = yield* client([tooManyRequests(1), ok])
      const isActive = () => rateLimitsOf(service)?.isActive()
      expect(isActive()).toBe(false)
      yield* throttled.execute(get())
      expect(isActive()).toBe(true)
      yield* TestClock.setTime(2000)
      yield* throttled.execute(get())
      expect(isActive()).toBe(false)
    })
  )
})

describe("RateLimit.throttle within Retry", () => {
  it.effect("sends the retry of the throttled request at the end of the throttle, without a second wait", () =>
    Effect.gen(function* () {
      const { mock, retrying } = yield* client([tooManyRequests(5), ok])
      yield* run(retrying.execute(get())).pipe(withJitter(0))
      expect(yield* requestTimes(mock)).toEqual([0, 5000])
    })
  )

  it.effect("admits the retry in turn among a hundred other requests", () =>
    Effect.gen(function* () {
      const { mock, retrying } = yield* client((_, index) => (index === 0 ? tooManyRequests(5) : delay("5 millis", ok)))
      const rejected = retrying.execute(get("/refused"))
      const others = Effect.forEach(Array.from({ length: 100 }), () => retrying.execute(get()), {
        concurrency: "unbounded"
      })
      yield* run(Effect.all([rejected, Effect.delay(others, "10 millis")], { concurrency: "unbounded" })).pipe(
        withJitter(0)
      )
      const back = (yield* mock.sent).filter(({ url }) => url.endsWith("/refused")).map(({ at }) => at)
      expect(back[1]).toBeGreaterThanOrEqual(5000)
      expect(back[1]).toBeLessThan(6100)
    })
  )

  it.effect("admits a hundred retries as gradually as waiting requests", () =>
    Effect.gen(function* () {
      const { mock, retrying } = yield* client((_, index) =>
        index < 100 ? delay("10 millis", tooManyRequests(5)) : ok
      )
      const all = Effect.forEach(Array.from({ length: 100 }), () => retrying.execute(get()), {
        concurrency: "unbounded"
      })
      yield* run(all).pipe(withJitter(0))
      const at = (yield* requestTimes(mock)).slice(100)
      expect(at).toHaveLength(100)
      expect(Math.min(...at)).toBe(5010)
      expect(countWithin(at, 5010, 100)).toBeGreaterThan(5)
      expect(countWithin(at, 5010, 100)).toBeLessThanOrEqual(10)
      expect(Math.max(...at)).toBeLessThan(6300)
    })
  )
})

describe("RateLimit.throttle, waits that are too long", () => {
  const failureAfterThrottle = (seconds: number, options: RateLimit.ThrottleOptions, call?: Duration.DurationInput) =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* client([tooManyRequests(seconds), ok], RateLimit.throttle(options))
      yield* throttled.execute(get())
      const bounded = call === undefined ? throttled : Timeout.call(call)(throttled)
      const error = yield* failure(bounded.execute(get()))
      expect(yield* TestClock.currentTimeMillis).toBe(0)
      expect(yield* requestTimes(mock)).toEqual([0])
      return error
    })

  it.effect("fails at once when the throttle ends after the call deadline", () =>
    Effect.gen(function* () {
      const error = (yield* failureAfterThrottle(5, {}, "5 seconds")) as RateLimited
      expect(error).toMatchObject({ _tag: "RateLimited", source: "throttle", status: 429, method: "GET" })
      expect(error.retryAt).toEqual(DateTime.unsafeMake(5000))
      expect(error.message).toBe(
        "GET https://api.test/v1/x was not sent: the server answered another request with 429, so all requests to it wait. If it limits each route, use `RateLimit.perRoute`. Try again in 5s, at 1970-01-01T00:00:05.000Z."
      )
      expect(error.response).toBeUndefined()
    })
  )

  it.effect("fails at once when the wait exceeds maxWait", () =>
    Effect.gen(function* () {
      expect(yield* failureAfterThrottle(61, {})).toMatchObject({ _tag: "RateLimited", source: "throttle" })
      expect(yield* failureAfterThrottle(3, { maxWait: "2 seconds" })).toMatchObject({ source: "throttle" })
      expect(yield* failureAfterThrottle(1e9, {})).toMatchObject({ source: "throttle" })
    })
  )

  it.effect("fails at once with onExceeded: fail", () =>
    Effect.gen(function* () {
      expect(yield* failureAfterThrottle(1, { onExceeded: "fail" })).toMatchObject({
        _tag: "RateLimited",
        source: "throttle"
      })
    })
  )

  it.effect("fails as soon as a later 429 makes the wait too long, while other requests wait", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* client([
        delay("10 millis", tooManyRequests(5)),
        delay("1 second", tooManyRequests(30)),
        ok
      ])
      const withDeadline = Timeout.call("20 seconds")(throttled).execute(get())
      const failedAt = Effect.flatMap(Effect.flip(withDeadline), () => TestClock.currentTimeMillis)
      const both = Effect.all([throttled.execute(get()), throttled.execute(get())], { concurrency: "unbounded" })
      const later = [Effect.delay(failedAt, "20 millis"), Effect.delay(throttled.execute(get()), "30 millis")] as const
      const [, [at]] = yield* run(
        Effect.all([both, Effect.all(later, { concurrency: "unbounded" })], { concurrency: "unbounded" })
      )
      expect(at).toBe(1000)
      expect(yield* requestTimes(mock)).toEqual([0, 0, 31_000])
    })
  )

  it.effect("waits longer than the largest platform timer, with maxWait and maxThrottle", () =>
    Effect.gen(function* () {
      const month = 30 * 86_400
      const { throttled, mock } = yield* client(
        [tooManyRequests(month), ok],
        RateLimit.throttle({ maxWait: "60 days", maxThrottle: "60 days" })
      )
      yield* throttled.execute(get())
      yield* run(throttled.execute(get()))
      expect(yield* requestTimes(mock)).toEqual([0, month * 1000])
    })
  )

  it.live("removes interrupted requests and their timer", () =>
    Effect.gen(function* () {
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
      const { throttled, mock } = yield* client([tooManyRequests(5), ok])
      yield* throttled.execute(get())
      const before = timers()
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(throttled.execute(get())))
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      expect(timers()).toBe(before + 1)
      yield* Fiber.interruptAll(fibers)
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      expect(timers()).toBe(before)
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("admits a request that arrives after all waiting ones were interrupted", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* client([tooManyRequests(5), ok])
      yield* throttled.execute(get())
      const fiber = yield* Effect.fork(throttled.execute(get()))
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      yield* run(throttled.execute(get()))
      expect(yield* requestTimes(mock)).toEqual([0, 5000])
    })
  )
})

describe("RateLimit.throttle in the timeline", () => {
  it.effect("records the throttle time and the admission of a request", () =>
    Effect.gen(function* () {
      const { throttled } = yield* client([tooManyRequests(5), ok])
      yield* throttled.execute(get())
      const { events } = yield* run(Timeline.record(throttled.execute(get())))
      expect(events.filter(({ _tag }) => _tag === "Throttled" || _tag === "Admitted")).toEqual([
        { _tag: "Throttled", at: 0, ms: 5000 },
        { _tag: "Admitted", at: 5000, ms: 5000 }
      ])
    })
  )
})

describe("RateLimit.throttleOnExhausted", () => {
  const second = (status: number, headers: Record<string, string>) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(0)
      const { throttled, mock } = yield* client([respond(status, "", headers), ok], RateLimit.throttleOnExhausted())
      yield* throttled.execute(get())
      yield* run(throttled.execute(get()))
      return (yield* requestTimes(mock))[1]
    })

  it.effect("throttles after a response without remaining requests, before any 429", () =>
    Effect.gen(function* () {
      const none = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" }
      expect(yield* second(200, none)).toBe(9000)
      expect(yield* second(404, { ratelimit: '"p";r=0;t=4', ...none })).toBe(4000)
      expect(yield* second(200, { "retry-after": "3", ratelimit: '"p";r=0;t=4' })).toBe(3000)
    })
  )

  it.effect("ignores responses with remaining requests or without that information", () =>
    Effect.gen(function* () {
      expect(yield* second(200, { "x-ratelimit-remaining": "1", "x-ratelimit-reset": "9" })).toBe(0)
      expect(yield* second(200, { "x-ratelimit-reset": "9" })).toBe(0)
      expect(yield* second(202, { "retry-after": "9" })).toBe(0)
      expect(yield* second(200, { "x-ratelimit-remaining": "0" })).toBe(0)
    })
  )
})

describe("RateLimit.throttle memory", () => {
  it("forgets origins without waiting requests first, beyond maxKeys", () =>
    runPromise(
      Effect.gen(function* () {
        const { throttled, mock } = yield* client(
          (request) => (request.url.endsWith("/first") ? tooManyRequests(50) : ok),
          RateLimit.throttle({ maxKeys: 16 })
        )
        const to = (n: number, path: string) => throttled.execute(HttpClientRequest.get(`https://h${n}.test${path}`))
        yield* to(0, "/first")
        const waiting = yield* Effect.fork(to(0, "/then"))
        yield* Effect.yieldNow()
        for (let n = 1; n < 200; n++) yield* to(n, "/first")
        // Of the origins without waiting requests, the oldest is forgotten, and the newest is not.
        yield* to(1, "/then")
        yield* run(Effect.all([to(199, "/then"), to(0, "/also")], { concurrency: "unbounded" }))
        yield* Fiber.join(waiting)
        const then = (yield* mock.sent).filter(({ url }) => !url.endsWith("/first")).map(({ at, url }) => ({ at, url }))
        expect(then.find(({ url }) => url === "https://h1.test/then")?.at).toBe(0)
        expect(then.find(({ url }) => url === "https://h199.test/then")?.at).toBe(50_000)
        expect(then.find(({ url }) => url === "https://h0.test/also")?.at).toBeGreaterThanOrEqual(50_000)
      })
    ))

  it.effect("ignores requests that fail without a response", () =>
    Effect.gen(function* () {
      const { throttled, service } = yield* client([fail("ECONNRESET")])
      yield* Effect.exit(throttled.execute(get()))
      expect(rateLimitsOf(service)?.isActive()).toBe(false)
    })
  )
})
