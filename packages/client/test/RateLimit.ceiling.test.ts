/** No answer throttles a client for longer than the ceiling; then one probe finds out whether it is over. */
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
import { api, failure, get, run, times, transport } from "./scripted.js"

const { delay, fail, respond } = MockClient
const hour = 3_600_000
const ok = respond(200, "ok")
const year = respond(429, "", { "retry-after": String(365 * 86_400) })

/** A client that was answered that it may come back in a year, an hour later. */
const atCeiling = (script: MockClient.Script, options: RateLimit.ThrottleOptions = {}) =>
  Effect.gen(function* () {
    const service = RateLimit.throttle(options)
    const { client, mock } = yield* transport((request, index) =>
      index === 0 ? year : typeof script === "function" ? script(request, index - 1) : (script[index - 1] ?? ok)
    )
    const held = RateLimit.policy(service)(client)
    yield* held.execute(get())
    yield* TestClock.setTime(hour)
    return { held, mock, service }
  })

const crowd = (size: number, send: Effect.Effect<unknown, unknown>) =>
  Effect.forEach(Array.from({ length: size }), () => Effect.exit(send), { concurrency: "unbounded" })

const after = (mock: { readonly sent: Effect.Effect<ReadonlyArray<{ readonly at: number }>> }) =>
  Effect.map(mock.sent, (sent) => sent.slice(1).map(({ at }) => at - hour))

describe("the ceiling", () => {
  const begin = Date.UTC(2026, 10, 22, 12)
  const absurd: Readonly<Record<string, MockClient.Headers>> = {
    "a year": { "retry-after": String(365 * 86_400) },
    "as many digits as fit": { "retry-after": "9".repeat(400) },
    "the end of the calendar": { "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" },
    "a date that is 50 years from the server's own": {
      "retry-after": HttpDate.format(begin),
      date: HttpDate.format(begin - 50 * 365 * 86_400_000)
    },
    "an epoch in milliseconds of the year 2255": { "retry-after-ms": "9007199254740" },
    "milliseconds of 30 years": { "retry-after-ms": "999999999999" },
    "RateLimit for ever": { ratelimit: '"p";r=0;t=999999999999999' },
    "X-RateLimit for 31 years": { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "999999999" },
    "X-RateLimit as an epoch of the year 2100": { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800" }
  }

  it.effect.each(Object.entries(absurd))("holds for %s, for whatever status", ([, headers]) =>
    Effect.gen(function* () {
      for (const status of [200, 301, 400, 403, 404, 408, 413, 425, 429, 500, 502, 503, 504, 520, 529, 599]) {
        for (const service of [RateLimit.throttle(), RateLimit.throttleOnExhausted()]) {
          yield* TestClock.setTime(begin)
          const client = yield* api([respond(status, "", headers), ok], { rateLimit: service })
          yield* Effect.exit(run(client.api.get("/x")))
          yield* TestClock.setTime(begin + hour)
          const [first, ...more] = yield* times(client.mock)
          expect({ status, first, more }).toEqual({ status, first: begin, more: [] })
          expect((yield* run(client.api.get("/x"))).status).toBe(200)
        }
      }
    })
  )

  it.effect("is what the errors of those that are held say, until the millisecond", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([year, ok])
      const held = RateLimit.policy(RateLimit.throttle())(client)
      yield* held.execute(get())
      for (const at of [0, 1, hour - 60_001]) {
        yield* TestClock.setTime(at)
        const error = (yield* failure(held.execute(get()))) as RateLimited
        expect(error).toMatchObject({ _tag: "RateLimited", source: "throttle", status: 429 })
        expect(DateTime.toEpochMillis(error.retryAt!)).toBe(hour)
      }
      yield* TestClock.setTime(hour - 60_000)
      yield* run(held.execute(get()))
      expect(yield* times(mock)).toEqual([0, hour])
    })
  )

  it.effect("is the caller's", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([respond(429, "", { "retry-after": "60" }), ok])
      const held = RateLimit.policy(RateLimit.throttle({ maxThrottle: "5 seconds" }))(client)
      yield* held.execute(get())
      yield* run(held.execute(get()))
      expect(yield* times(mock)).toEqual([0, 5000])
    })
  )
})

describe("the probe", () => {
  it.effect("is one; after a good answer the others come gradually", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* atCeiling((_, index) =>
        index === 0 ? delay("3 seconds", ok) : delay("1 minute", ok)
      )
      const exits = yield* run(crowd(50, held.execute(get())))
      expect(exits.every(Exit.isSuccess)).toBe(true)
      const [probe, ...others] = yield* after(mock)
      expect(probe).toBe(0)
      expect(others).toHaveLength(49)
      expect(Math.min(...others)).toBe(3000)
      expect(others.filter((at) => at <= 3100).length).toBeLessThanOrEqual(5)
      expect(Math.max(...others)).toBeLessThan(4500)
    })
  )

  it.effect("that is limited again throttles again, for as long as it says", () =>
    Effect.gen(function* () {
      const limited = respond(429, "", { "retry-after": "10" })
      const { held, mock } = yield* atCeiling((_, index) => (index === 0 ? delay("1 second", limited) : ok))
      yield* run(crowd(3, held.execute(get())))
      const [probe, ...others] = yield* after(mock)
      expect([probe, Math.min(...others)]).toEqual([0, 11_000])
    })
  )

  it.effect("that is told to come back in a year throttles for an hour more", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* atCeiling([year, year, ok], { maxWait: "1 day" })
      for (let n = 0; n < 3; n++) yield* run(held.execute(get()))
      expect(yield* after(mock)).toEqual([0, hour, 2 * hour])
    })
  )

  const unanswered: ReadonlyArray<readonly [string, MockClient.Step]> = [
    ["fails", delay("1 second", fail("ECONNRESET"))],
    ["is answered by a 500", delay("1 second", respond(500))],
    ["is answered by a 503 without a time", delay("1 second", respond(503))]
  ]
  it.effect.each(unanswered)("that %s leaves its place to the next, one at a time", ([, step]) =>
    Effect.gen(function* () {
      const { held, mock } = yield* atCeiling((_, index) => (index < 3 ? step : ok))
      yield* run(crowd(4, held.execute(get())))
      expect(yield* after(mock)).toEqual([0, 1000, 2000, 3000])
    })
  )

  it.effect("that is interrupted, or takes too long, leaves its place to the next", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* atCeiling((_, index) => (index < 2 ? MockClient.never : ok))
      const probe = yield* Effect.fork(held.execute(get()))
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      const bounded = Effect.delay(Timeout.call("2 seconds")(held).execute(get()), "1 second")
      const rest = Effect.all([Effect.exit(bounded), Effect.delay(held.execute(get()), "1500 millis")], {
        concurrency: 2
      })
      yield* run(Effect.zipRight(Effect.delay(Fiber.interrupt(probe), "1 second"), Effect.void))
      yield* run(rest)
      expect(yield* after(mock)).toEqual([0, 2000, 4000])
    })
  )

  it.effect("is not waited for any longer than a request waits at most", () =>
    Effect.gen(function* () {
      const { held } = yield* atCeiling(() => MockClient.never, { maxWait: "5 seconds" })
      yield* Effect.fork(held.execute(get()))
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      const error = yield* failure(held.execute(get()))
      expect(error).toMatchObject({ _tag: "RateLimited", source: "throttle" })
      expect((yield* TestClock.currentTimeMillis) - hour).toBeLessThanOrEqual(5002)
    })
  )

  it.effect("lets those fail at once that are not to wait", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* atCeiling(() => delay("1 second", ok), { onExceeded: "fail" })
      const [probe, other] = yield* run(
        Effect.all([Effect.exit(held.execute(get())), Effect.exit(held.execute(get()))], { concurrency: 2 })
      )
      expect([probe._tag, other._tag]).toEqual(["Success", "Failure"])
      expect(yield* after(mock)).toEqual([0])
    })
  )

  it.effect("may ask the same origin for a token itself", () =>
    Effect.gen(function* () {
      const service = RateLimit.throttle()
      const script: MockClient.Script = ({ url }, index) => (index === 0 ? year : respond(200, url))
      const { client, mock } = yield* transport(script)
      const held = RateLimit.policy(service)(client)
      yield* held.execute(get())
      yield* TestClock.setTime(hour)
      const signed = RateLimit.policy(service)(
        Object.assign({}, client, {
          execute: (request: HttpClientRequest.HttpClientRequest) =>
            Effect.zipRight(held.execute(get("/token")), client.execute(request))
        })
      )
      yield* run(Timeout.call("10 seconds")(signed).execute(get()))
      expect(yield* after(mock)).toEqual([0, 0])
    })
  )
})

describe("the key", () => {
  it.effect("throttles one route where the caller says so, and every route otherwise", () =>
    Effect.gen(function* () {
      for (const [options, expected] of [
        [{}, [0, 5000, 5000]],
        [{ key: RateLimit.perRoute }, [0, 0, 0]]
      ] as const) {
        yield* TestClock.setTime(0)
        const { client, mock } = yield* transport([respond(429, "", { "retry-after": "5" }), ok, ok])
        const held = RateLimit.policy(RateLimit.throttle(options))(client)
        yield* held.execute(get("/search?q=1"))
        yield* run(held.execute(get("/users?q=1")))
        yield* run(held.execute(HttpClientRequest.post("https://api.test/v1/search")))
        const at = yield* times(mock)
        expect(at.slice(0, 2)).toEqual(expected.slice(0, 2))
        if (options !== undefined && "key" in options) expect(at).toEqual(expected)
      }
    })
  )

  it.effect("throttles the same route with another query", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([respond(429, "", { "retry-after": "5" }), ok])
      const held = RateLimit.policy(RateLimit.throttle({ key: RateLimit.perRoute }))(client)
      yield* held.execute(get("/search?q=1"))
      yield* run(held.execute(get("/search?q=2#x")))
      expect(yield* times(mock)).toEqual([0, 5000])
    })
  )

  it.effect("stands beside the account and the origin", () =>
    Effect.gen(function* () {
      const account = (request: HttpClientRequest.HttpClientRequest) => request.headers["x-account"] ?? ""
      const service = RateLimit.throttle({ account, key: () => "one" })
      const { client, mock } = yield* transport([respond(429, "", { "retry-after": "5" }), ok, ok, ok])
      const held = RateLimit.policy(service)(client)
      const as = (name: string, url = "https://api.test/x") =>
        HttpClientRequest.get(url).pipe(HttpClientRequest.setHeader("x-account", name))
      yield* held.execute(as("a"))
      yield* held.execute(as("b"))
      yield* held.execute(as("a", "https://other.test/x"))
      yield* run(held.execute(as("a")))
      expect(yield* times(mock)).toEqual([0, 0, 0, 5000])
    })
  )

  it.effect("is remembered for so many at most", () =>
    Effect.gen(function* () {
      const service = RateLimit.throttle({ key: RateLimit.perRoute, maxKeys: 16 })
      const { client, mock } = yield* transport((_, index) => (index < 100 ? year : ok))
      const held = RateLimit.policy(service)(client)
      for (let n = 0; n < 100; n++) yield* held.execute(get(`/${n}`))
      yield* held.execute(get("/0"))
      expect(yield* mock.sent).toHaveLength(101)
      expect(yield* failure(held.execute(get("/99")))).toMatchObject({ source: "throttle" })
    })
  )
})
