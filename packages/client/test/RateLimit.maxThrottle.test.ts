/** Tests of the `maxThrottle` option: a response throttles a client for at most that time. One probe follows. */
import type { RateLimited } from "@countersign/client/Errors"
import * as RateLimit from "@countersign/client/RateLimit"
import * as Timeout from "@countersign/client/Timeout"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { api, failure, get, run, requestTimes, transport } from "./support/mockApi.js"
import { setTime } from "./support/testClock.js"

const { delay, fail, respond } = MockClient
const hour = 3_600_000
const ok = respond(200, "ok")
const yearLongThrottle = respond(429, "", { "retry-after": String(365 * 86_400) })

/** A client one hour (maxThrottle) after its first response, which had a `retry-after` of one year. */
const afterMaxThrottle = (script: MockClient.Script, options: RateLimit.ThrottleOptions = {}) =>
  Effect.gen(function* () {
    const service = RateLimit.throttle(options)
    const { client, mock } = yield* transport((request, index) =>
      index === 0
        ? yearLongThrottle
        : typeof script === "function"
          ? script(request, index - 1)
          : (script[index - 1] ?? ok)
    )
    const throttled = RateLimit.policy(service)(client)
    yield* throttled.execute(get())
    yield* setTime(hour)
    return { throttled, mock, service }
  })

const sendConcurrently = (size: number, send: Effect.Effect<unknown, unknown>) =>
  Effect.forEach(Array.from({ length: size }), () => Effect.exit(send), { concurrency: "unbounded" })

const timesAfterMaxThrottle = (mock: { readonly sent: Effect.Effect<ReadonlyArray<{ readonly at: number }>> }) =>
  Effect.map(mock.sent, (sent) => sent.slice(1).map(({ at }) => at - hour))

describe("RateLimit maxThrottle option", () => {
  const begin = Date.UTC(2026, 10, 22, 12)
  const excessive: Readonly<Record<string, MockClient.Headers>> = {
    "retry-after of a year": { "retry-after": String(365 * 86_400) },
    "retry-after of 400 digits": { "retry-after": "9".repeat(400) },
    "retry-after at the end of the year 9999": { "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" },
    "retry-after 50 years after the Date of the response": {
      "retry-after": HttpDate.format(begin),
      date: HttpDate.format(begin - 50 * 365 * 86_400_000)
    },
    "retry-after-ms as an epoch of the year 2255": { "retry-after-ms": "9007199254740" },
    "retry-after-ms of 30 years": { "retry-after-ms": "999999999999" },
    "RateLimit with a huge reset time": { ratelimit: '"p";r=0;t=999999999999999' },
    "X-RateLimit with a reset in 31 years": { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "999999999" },
    "X-RateLimit as an epoch of the year 2100": { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800" }
  }

  it.effect.each(Object.entries(excessive))("limits the throttle to one hour for %s, for any status", ([, headers]) =>
    Effect.gen(function* () {
      for (const status of [200, 301, 400, 403, 404, 408, 413, 425, 429, 500, 502, 503, 504, 520, 529, 599]) {
        for (const service of [RateLimit.throttle(), RateLimit.throttleOnExhausted()]) {
          yield* setTime(begin)
          const client = yield* api([respond(status, "", headers), ok], { rateLimit: service })
          yield* Effect.exit(run(client.api.get("/x")))
          yield* setTime(begin + hour)
          const [first, ...more] = yield* requestTimes(client.mock)
          expect({ status, first, more }).toEqual({ status, first: begin, more: [] })
          expect((yield* run(client.api.get("/x"))).status).toBe(200)
        }
      }
    })
  )

  it.effect("sets the retryAt of throttled requests, to the millisecond", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([yearLongThrottle, ok])
      const throttled = RateLimit.policy(RateLimit.throttle())(client)
      yield* throttled.execute(get())
      for (const at of [0, 1, hour - 60_001]) {
        yield* setTime(at)
        const error = (yield* failure(throttled.execute(get()))) as RateLimited
        expect(error).toMatchObject({ _tag: "RateLimited", source: "throttle", status: 429 })
        expect(DateTime.toEpochMillis(error.retryAt!)).toBe(hour)
      }
      yield* setTime(hour - 60_000)
      yield* run(throttled.execute(get()))
      expect(yield* requestTimes(mock)).toEqual([0, hour])
    })
  )

  it.effect("limits the throttle to a configured time", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([respond(429, "", { "retry-after": "60" }), ok])
      const throttled = RateLimit.policy(RateLimit.throttle({ maxThrottle: "5 seconds" }))(client)
      yield* throttled.execute(get())
      yield* run(throttled.execute(get()))
      expect(yield* requestTimes(mock)).toEqual([0, 5000])
    })
  )
})

describe("RateLimit probe after maxThrottle", () => {
  it.effect("sends one request first and admits the others gradually after a success", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* afterMaxThrottle((_, index) =>
        index === 0 ? delay("3 seconds", ok) : delay("1 minute", ok)
      )
      const exits = yield* run(sendConcurrently(50, throttled.execute(get())))
      expect(exits.every(Exit.isSuccess)).toBe(true)
      const [probe, ...others] = yield* timesAfterMaxThrottle(mock)
      expect(probe).toBe(0)
      expect(others).toHaveLength(49)
      expect(Math.min(...others)).toBe(3000)
      expect(others.filter((at) => at <= 3100).length).toBeLessThanOrEqual(5)
      expect(Math.max(...others)).toBeLessThan(4500)
    })
  )

  it.effect("throttles again when the probe is limited, as long as its response asks", () =>
    Effect.gen(function* () {
      const limited = respond(429, "", { "retry-after": "10" })
      const { throttled, mock } = yield* afterMaxThrottle((_, index) => (index === 0 ? delay("1 second", limited) : ok))
      yield* run(sendConcurrently(3, throttled.execute(get())))
      const [probe, ...others] = yield* timesAfterMaxThrottle(mock)
      expect([probe, Math.min(...others)]).toEqual([0, 11_000])
    })
  )

  it.effect("throttles for another hour when the probe is limited for a year", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* afterMaxThrottle([yearLongThrottle, yearLongThrottle, ok], {
        maxWait: "1 day"
      })
      for (let n = 0; n < 3; n++) yield* run(throttled.execute(get()))
      expect(yield* timesAfterMaxThrottle(mock)).toEqual([0, hour, 2 * hour])
    })
  )

  const failures: ReadonlyArray<readonly [string, MockClient.Step]> = [
    ["a connection reset", delay("1 second", fail("ECONNRESET"))],
    ["a 500", delay("1 second", respond(500))],
    ["a 503 without retry-after", delay("1 second", respond(503))]
  ]
  it.effect.each(failures)("sends another probe after %s, one at a time", ([, step]) =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* afterMaxThrottle((_, index) => (index < 3 ? step : ok))
      yield* run(sendConcurrently(4, throttled.execute(get())))
      expect(yield* timesAfterMaxThrottle(mock)).toEqual([0, 1000, 2000, 3000])
    })
  )

  it.effect("sends another probe after an interrupted one and after a timed-out one", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* afterMaxThrottle((_, index) => (index < 2 ? MockClient.never : ok))
      const probe = yield* Effect.fork(throttled.execute(get()))
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      const bounded = Effect.delay(Timeout.call("2 seconds")(throttled).execute(get()), "1 second")
      const rest = Effect.all([Effect.exit(bounded), Effect.delay(throttled.execute(get()), "1500 millis")], {
        concurrency: 2
      })
      yield* run(Effect.zipRight(Effect.delay(Fiber.interrupt(probe), "1 second"), Effect.void))
      yield* run(rest)
      expect(yield* timesAfterMaxThrottle(mock)).toEqual([0, 2000, 4000])
    })
  )

  it.effect("fails waiting requests after maxWait while the probe is pending", () =>
    Effect.gen(function* () {
      const { throttled } = yield* afterMaxThrottle(() => MockClient.never, { maxWait: "5 seconds" })
      yield* Effect.fork(throttled.execute(get()))
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      const error = yield* failure(throttled.execute(get()))
      expect(error).toMatchObject({ _tag: "RateLimited", source: "throttle" })
      expect((yield* TestClock.currentTimeMillis) - hour).toBeLessThanOrEqual(5002)
    })
  )

  it.effect("fails other requests at once with onExceeded: fail", () =>
    Effect.gen(function* () {
      const { throttled, mock } = yield* afterMaxThrottle(() => delay("1 second", ok), { onExceeded: "fail" })
      const [probe, other] = yield* run(
        Effect.all([Effect.exit(throttled.execute(get())), Effect.exit(throttled.execute(get()))], { concurrency: 2 })
      )
      expect([probe._tag, other._tag]).toEqual(["Success", "Failure"])
      expect(yield* timesAfterMaxThrottle(mock)).toEqual([0])
    })
  )

  it.effect("admits nested requests of the probe to the same origin", () =>
    Effect.gen(function* () {
      const service = RateLimit.throttle()
      const script: MockClient.Script = ({ url }, index) => (index === 0 ? yearLongThrottle : respond(200, url))
      const { client, mock } = yield* transport(script)
      const throttled = RateLimit.policy(service)(client)
      yield* throttled.execute(get())
      yield* setTime(hour)
      const signed = RateLimit.policy(service)(
        Object.assign({}, client, {
          execute: (request: HttpClientRequest.HttpClientRequest) =>
            Effect.zipRight(throttled.execute(get("/token")), client.execute(request))
        })
      )
      yield* run(Timeout.call("10 seconds")(signed).execute(get()))
      expect(yield* timesAfterMaxThrottle(mock)).toEqual([0, 0])
    })
  )
})

describe("RateLimit key option", () => {
  it.effect("throttles all routes by default and one route with perRoute", () =>
    Effect.gen(function* () {
      for (const [options, expected] of [
        [{}, [0, 5000, 5000]],
        [{ key: RateLimit.perRoute }, [0, 0, 0]]
      ] as const) {
        yield* setTime(0)
        const { client, mock } = yield* transport([respond(429, "", { "retry-after": "5" }), ok, ok])
        const throttled = RateLimit.policy(RateLimit.throttle(options))(client)
        yield* throttled.execute(get("/search?q=1"))
        yield* run(throttled.execute(get("/users?q=1")))
        yield* run(throttled.execute(HttpClientRequest.post("https://api.test/v1/search")))
        const at = yield* requestTimes(mock)
        expect(at.slice(0, 2)).toEqual(expected.slice(0, 2))
        if (options !== undefined && "key" in options) expect(at).toEqual(expected)
      }
    })
  )

  it.effect("ignores the query with perRoute", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([respond(429, "", { "retry-after": "5" }), ok])
      const throttled = RateLimit.policy(RateLimit.throttle({ key: RateLimit.perRoute }))(client)
      yield* throttled.execute(get("/search?q=1"))
      yield* run(throttled.execute(get("/search?q=2#x")))
      expect(yield* requestTimes(mock)).toEqual([0, 5000])
    })
  )

  it.effect("separates throttles by origin and account in addition", () =>
    Effect.gen(function* () {
      const account = (request: HttpClientRequest.HttpClientRequest) => request.headers["x-account"] ?? ""
      const service = RateLimit.throttle({ account, key: () => "one" })
      const { client, mock } = yield* transport([respond(429, "", { "retry-after": "5" }), ok, ok, ok])
      const throttled = RateLimit.policy(service)(client)
      const as = (name: string, url = "https://api.test/x") =>
        HttpClientRequest.get(url).pipe(HttpClientRequest.setHeader("x-account", name))
      yield* throttled.execute(as("a"))
      yield* throttled.execute(as("b"))
      yield* throttled.execute(as("a", "https://other.test/x"))
      yield* run(throttled.execute(as("a")))
      expect(yield* requestTimes(mock)).toEqual([0, 0, 0, 5000])
    })
  )

  it.effect("forgets the oldest keys beyond maxKeys", () =>
    Effect.gen(function* () {
      const service = RateLimit.throttle({ key: RateLimit.perRoute, maxKeys: 16 })
      const { client, mock } = yield* transport((_, index) => (index < 100 ? yearLongThrottle : ok))
      const throttled = RateLimit.policy(service)(client)
      for (let n = 0; n < 100; n++) yield* throttled.execute(get(`/${n}`))
      yield* throttled.execute(get("/0"))
      expect(yield* mock.sent).toHaveLength(101)
      expect(yield* failure(throttled.execute(get("/99")))).toMatchObject({ source: "throttle" })
    })
  )
})
