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
import { chance, failure, get, promise, run, times, transport } from "./scripted.js"

const { delay, fail, respond } = MockClient
const ok = respond(200, "ok")
const limited = (seconds: number | string): MockClient.Step => respond(429, "", { "retry-after": String(seconds) })

/** A request's way from Retry to the transport, around one service. */
const client = (script: MockClient.Script, service: RateLimit.Service = RateLimit.throttle()) =>
  Effect.map(transport(script), ({ client: inner, mock }) => {
    const held = RateLimit.policy(service)(inner)
    return { mock, service, held, retrying: Retry.policy()(held) }
  })

/** Sends so many requests at once, after one that was refused. */
const crowd = (size: number, script: MockClient.Script, options?: RateLimit.ThrottleOptions) =>
  Effect.gen(function* () {
    const { held, mock, service } = yield* client(script, RateLimit.throttle(options))
    yield* held.execute(get())
    const all = Effect.forEach(Array.from({ length: size }), () => Effect.exit(held.execute(get())), {
      concurrency: "unbounded"
    })
    const exits = yield* run(all)
    const [first, ...at] = yield* times(mock)
    expect(first).toBe(0)
    return { at, exits, service }
  })

const within = (at: ReadonlyArray<number>, from: number, ms: number): number =>
  at.filter((t) => t >= from && t <= from + ms).length

describe("one 429", () => {
  it.effect("holds a thousand requests until the time comes, lets a tenth of them in first, and all of them soon", () =>
    Effect.gen(function* () {
      const { at, exits } = yield* crowd(1000, (_, index) => (index === 0 ? limited(5) : delay("50 millis", ok)))
      expect(exits.every(Exit.isSuccess)).toBe(true)
      expect(at).toHaveLength(1000)
      expect(Math.min(...at)).toBe(5000)
      expect(within(at, 5000, 100)).toBeGreaterThan(50)
      expect(within(at, 5000, 100)).toBeLessThanOrEqual(100)
      // Good answers come after 50 ms: it goes faster than the ramp.
      expect(Math.max(...at)).toBeLessThan(5700)
    })
  )

  it.effect("where no answer comes to say that it may go faster, all are in after about a second", () =>
    Effect.gen(function* () {
      const { at } = yield* crowd(200, (_, index) => (index === 0 ? limited(5) : delay("1 minute", ok)))
      expect(within(at, 5000, 100)).toBeLessThanOrEqual(20)
      for (const t of [5000, 5200, 5500, 5800]) expect(within(at, t, 99)).toBeLessThanOrEqual(24)
      expect(Math.max(...at)).toBeLessThan(6200)
    })
  )

  it.effect("lets those in first who came first", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* client((_, index) => (index === 0 ? limited(1) : ok))
      yield* held.execute(get())
      const paths = Array.from({ length: 50 }, (_, index) => `/${index}`)
      yield* run(Effect.forEach(paths, (path) => held.execute(get(path)), { concurrency: "unbounded" }))
      const sent = (yield* mock.sent).slice(1).map(({ url }) => url.slice(url.lastIndexOf("/")))
      expect(sent).toEqual(paths)
    })
  )

  it.effect("whoever comes while others are let in comes after them", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* client((_, index) => (index === 0 ? limited(1) : delay("1 minute", ok)))
      yield* held.execute(get())
      const early = Effect.forEach(Array.from({ length: 30 }), () => held.execute(get("/early")), {
        concurrency: "unbounded"
      })
      const late = [1001, 1010, 1099, 1101, 1200].map((ms) => Effect.delay(held.execute(get("/late")), ms))
      yield* run(Effect.all([early, Effect.all(late, { concurrency: "unbounded" })], { concurrency: "unbounded" }))
      const sent = (yield* mock.sent).slice(1).map(({ url }) => url.slice(url.lastIndexOf("/")))
      expect(sent).toEqual([...Array.from({ length: 30 }, () => "/early"), ...late.map(() => "/late")])
    })
  )

  it.effect("a tenth is of those who wait, however many were refused with the first", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* client((_, index) => (index < 100 ? delay("10 millis", limited(1)) : ok))
      const refused = Effect.forEach(Array.from({ length: 100 }), () => held.execute(get()), {
        concurrency: "unbounded"
      })
      const waiting = Effect.forEach(Array.from({ length: 20 }), () => held.execute(get()), {
        concurrency: "unbounded"
      })
      yield* run(Effect.all([refused, Effect.delay(waiting, "20 millis")], { concurrency: "unbounded" }))
      const at = (yield* times(mock)).slice(100)
      expect(at).toHaveLength(20)
      expect(within(at, 1010, 100)).toBeLessThanOrEqual(2)
    })
  )

  it.effect("from one to a hundred, never more than a tenth come in the first 100 ms, or one", () =>
    Effect.gen(function* () {
      for (const size of [1, 2, 9, 10, 19, 25, 99, 100]) {
        yield* TestClock.setTime(0)
        const { at } = yield* crowd(size, (_, index) => (index === 0 ? limited(1) : delay("5 millis", ok)))
        expect(at).toHaveLength(size)
        expect(Math.min(...at)).toBe(1000)
        expect(within(at, 1000, 100), String(size)).toBeLessThanOrEqual(Math.max(1, Math.floor(size / 10)))
        expect(Math.max(...at), String(size)).toBeLessThan(2300)
      }
    })
  )

  it.effect("closes the gate again for those who still wait, and nobody starves", () =>
    Effect.gen(function* () {
      const script: MockClient.Script = (_, index) => (index === 0 ? limited(2) : index === 51 ? limited(10) : ok)
      const { at, exits } = yield* crowd(500, script)
      expect(exits.every(Exit.isSuccess)).toBe(true)
      const again = at[50] ?? 0
      expect(at.filter((t) => t > again && t < again + 10_000)).toEqual([])
      const rest = at.filter((t) => t >= again + 10_000)
      expect(rest.length).toBeGreaterThanOrEqual(400)
      expect(within(rest, again + 10_000, 100)).toBeLessThanOrEqual(Math.floor(rest.length / 10) + 1)
      expect(Math.max(...rest)).toBeLessThan(again + 12_000)
    })
  )

  it.effect("a 429 that comes while it is held moves the time, but never nearer", () =>
    Effect.gen(function* () {
      const answers = [limited(5), limited(20), limited(1)].map((step, index) => delay(`${index + 1} seconds`, step))
      const { held, mock } = yield* client([...answers, ok])
      const first = Effect.forEach([1, 2, 3], () => held.execute(get()), { concurrency: "unbounded" })
      yield* run(Effect.all([first, Effect.delay(held.execute(get()), "1001 millis")], { concurrency: "unbounded" }))
      expect(yield* times(mock)).toEqual([0, 0, 0, 22_000])
    })
  )

  it.effect("holds other requests of that origin only", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* client([limited(5), ok, ok])
      yield* held.execute(get())
      yield* held.execute(HttpClientRequest.get("https://other.test/"))
      expect(yield* times(mock)).toEqual([0, 0])
      yield* run(held.execute(HttpClientRequest.get("https://API.test:443/y")))
      expect(yield* times(mock)).toEqual([0, 0, 5000])
    })
  )

  it.effect("holds one account only where requests say whose they are", () =>
    Effect.gen(function* () {
      const account = (request: HttpClientRequest.HttpClientRequest) => request.headers["x-account"] ?? ""
      const { held, mock } = yield* client([limited(5), ok, ok], RateLimit.throttle({ account }))
      const as = (name: string) => HttpClientRequest.setHeader(get(), "x-account", name)
      yield* held.execute(as("a"))
      yield* held.execute(as("b"))
      yield* run(held.execute(as("a")))
      expect(yield* times(mock)).toEqual([0, 0, 5000])
    })
  )

  it.effect("holds what shares the service", () =>
    Effect.gen(function* () {
      const one = yield* client([limited(5)])
      const other = yield* client([ok], one.service)
      yield* one.held.execute(get())
      yield* run(other.held.execute(get()))
      expect(yield* times(other.mock)).toEqual([5000])
    })
  )
})

describe("which answers hold", () => {
  const second = (answer: MockClient.Step) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(0)
      const { held, mock } = yield* client([answer, ok])
      yield* held.execute(get())
      yield* run(held.execute(get()))
      return (yield* times(mock))[1]
    })

  it.effect("a 429 by the first of the fields that is there, and a 503 that says when to come back", () =>
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

  it.effect("a 403 with Retry-After, or of which nothing remains", () =>
    Effect.gen(function* () {
      const spent = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" }
      const challenge = { "www-authenticate": 'Bearer error="insufficient_scope", scope="admin"' }
      expect(yield* second(respond(403, "", { "retry-after": "3", ...spent }))).toBe(3000)
      expect(yield* second(respond(403, "", { "retry-after-ms": "1500" }))).toBe(1500)
      expect(yield* second(respond(403, "", spent))).toBe(9000)
      expect(yield* second(respond(403, "", { "x-rate-limit-remaining": "0", "x-rate-limit-reset": "9" }))).toBe(9000)
      expect(yield* second(respond(403, "", { "ratelimit-remaining": "0", "ratelimit-reset": "9" }))).toBe(9000)
      expect(yield* second(respond(403, "", { ratelimit: '"p";r=0;t=4' }))).toBe(4000)
      expect(yield* second(respond(403, "", { "x-ratelimit-remaining": "0" }))).toBe(1000)
      expect(yield* second(respond(403, "", { "retry-after": "3", ...challenge }))).toBe(3000)
      expect(yield* second(respond(403, "", { ...spent, ...challenge }))).toBe(0)
    })
  )

  it.effect("not a 503 that does not, another status, or a time that has come", () =>
    Effect.gen(function* () {
      const headers = { "retry-after": "9", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" }
      expect(yield* second(respond(503, "", { "x-ratelimit-reset": "9" }))).toBe(0)
      for (const status of [200, 202, 301, 404, 413, 500]) expect(yield* second(respond(status, "", headers))).toBe(0)
      expect(yield* second(respond(529, "", { "x-ratelimit-reset": "9" }))).toBe(0)
      expect(yield* second(respond(403, "", { "x-ratelimit-remaining": "1", "x-ratelimit-reset": "9" }))).toBe(0)
      expect(yield* second(respond(403, "", { "x-ratelimit-reset": "9" }))).toBe(0)
      expect(yield* second(limited(0))).toBe(0)
    })
  )

  it.effect("a 429 without a time holds for a second, then two, then four; a burst of them is one", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* client((_, index) => (index < 5 ? delay("10 millis", respond(429)) : ok))
      yield* run(Effect.forEach([1, 2, 3], () => held.execute(get()), { concurrency: "unbounded" }))
      for (let n = 0; n < 3; n++) yield* run(held.execute(get()))
      const [, , , a = 0, b = 0, c = 0] = yield* times(mock)
      expect([a, b, c]).toEqual([1010, 3020, 7030])
    })
  )

  it.effect("when it is over, it is forgotten", () =>
    Effect.gen(function* () {
      const { held, service } = yield* client([limited(1), ok])
      expect(service.active).toBe(false)
      yield* held.execute(get())
      expect(service.active).toBe(true)
      yield* TestClock.setTime(2000)
      yield* held.execute(get())
      expect(service.active).toBe(false)
    })
  )
})

describe("the one who got the 429", () => {
  it.effect("comes back when the time comes, and does not wait again", () =>
    Effect.gen(function* () {
      const { mock, retrying } = yield* client([limited(5), ok])
      yield* run(retrying.execute(get())).pipe(chance(0))
      expect(yield* times(mock)).toEqual([0, 5000])
    })
  )

  it.effect("is admitted in its turn among a hundred others", () =>
    Effect.gen(function* () {
      const { mock, retrying } = yield* client((_, index) => (index === 0 ? limited(5) : delay("5 millis", ok)))
      const refused = retrying.execute(get("/refused"))
      const others = Effect.forEach(Array.from({ length: 100 }), () => retrying.execute(get()), {
        concurrency: "unbounded"
      })
      yield* run(Effect.all([refused, Effect.delay(others, "10 millis")], { concurrency: "unbounded" })).pipe(chance(0))
      const back = (yield* mock.sent).filter(({ url }) => url.endsWith("/refused")).map(({ at }) => at)
      expect(back[1]).toBeGreaterThanOrEqual(5000)
      expect(back[1]).toBeLessThan(6100)
    })
  )

  it.effect("a hundred that got one each come back as gradually as if they had waited", () =>
    Effect.gen(function* () {
      const { mock, retrying } = yield* client((_, index) => (index < 100 ? delay("10 millis", limited(5)) : ok))
      const all = Effect.forEach(Array.from({ length: 100 }), () => retrying.execute(get()), {
        concurrency: "unbounded"
      })
      yield* run(all).pipe(chance(0))
      const at = (yield* times(mock)).slice(100)
      expect(at).toHaveLength(100)
      expect(Math.min(...at)).toBe(5010)
      expect(within(at, 5010, 100)).toBeGreaterThan(5)
      expect(within(at, 5010, 100)).toBeLessThanOrEqual(10)
      expect(Math.max(...at)).toBeLessThan(6300)
    })
  )
})

describe("who cannot wait", () => {
  const heldFor = (seconds: number, options: RateLimit.ThrottleOptions, call?: Duration.DurationInput) =>
    Effect.gen(function* () {
      const { held, mock } = yield* client([limited(seconds), ok], RateLimit.throttle(options))
      yield* held.execute(get())
      const bounded = call === undefined ? held : Timeout.call(call)(held)
      const error = yield* failure(bounded.execute(get()))
      expect(yield* TestClock.currentTimeMillis).toBe(0)
      expect(yield* times(mock)).toEqual([0])
      return error
    })

  it.effect("fails at once when the gate opens after the deadline", () =>
    Effect.gen(function* () {
      const error = (yield* heldFor(5, {}, "5 seconds")) as RateLimited
      expect(error).toMatchObject({ _tag: "RateLimited", source: "throttle", status: 429, method: "GET" })
      expect(error.retryAt).toEqual(DateTime.unsafeMake(5000))
      expect(error.message).toBe(
        "GET https://api.test/v1/x was not sent: the server answered another request with 429. Try again in 5s, at 1970-01-01T00:00:05.000Z."
      )
      expect(error.response).toBeUndefined()
    })
  )

  it.effect("fails at once when the wait is longer than the caller has patience for", () =>
    Effect.gen(function* () {
      expect(yield* heldFor(61, {})).toMatchObject({ _tag: "RateLimited", source: "throttle" })
      expect(yield* heldFor(3, { maxWait: "2 seconds" })).toMatchObject({ source: "throttle" })
      expect(yield* heldFor(1e9, {})).toMatchObject({ source: "throttle" })
    })
  )

  it.effect("fails at once when the caller chose to", () =>
    Effect.gen(function* () {
      expect(yield* heldFor(1, { onExceeded: "fail" })).toMatchObject({ _tag: "RateLimited", source: "throttle" })
    })
  )

  it.effect("fails as soon as a later 429 makes the wait too long, while others wait on", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* client([delay("10 millis", limited(5)), delay("1 second", limited(30)), ok])
      const hurried = Timeout.call("20 seconds")(held).execute(get())
      const failedAt = Effect.flatMap(Effect.flip(hurried), () => TestClock.currentTimeMillis)
      const both = Effect.all([held.execute(get()), held.execute(get())], { concurrency: "unbounded" })
      const later = [Effect.delay(failedAt, "20 millis"), Effect.delay(held.execute(get()), "30 millis")] as const
      const [, [at]] = yield* run(
        Effect.all([both, Effect.all(later, { concurrency: "unbounded" })], { concurrency: "unbounded" })
      )
      expect(at).toBe(1000)
      expect(yield* times(mock)).toEqual([0, 0, 31_000])
    })
  )

  it.effect("waits longer than a timer of the platform can, where the caller says so", () =>
    Effect.gen(function* () {
      const month = 30 * 86_400
      const { held, mock } = yield* client(
        [limited(month), ok],
        RateLimit.throttle({ maxWait: "60 days", maxThrottle: "60 days" })
      )
      yield* held.execute(get())
      yield* run(held.execute(get()))
      expect(yield* times(mock)).toEqual([0, month * 1000])
    })
  )

  it.live("is let go when it is interrupted, and leaves no timer behind", () =>
    Effect.gen(function* () {
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
      const { held, mock } = yield* client([limited(5), ok])
      yield* held.execute(get())
      const before = timers()
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(held.execute(get())))
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      expect(timers()).toBe(before + 1)
      yield* Fiber.interruptAll(fibers)
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      expect(timers()).toBe(before)
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("whoever comes after all have gone is looked after", () =>
    Effect.gen(function* () {
      const { held, mock } = yield* client([limited(5), ok])
      yield* held.execute(get())
      const fiber = yield* Effect.fork(held.execute(get()))
      for (let n = 0; n < 10; n++) yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      yield* run(held.execute(get()))
      expect(yield* times(mock)).toEqual([0, 5000])
    })
  )
})

describe("the timeline", () => {
  it.effect("tells who was held, for how long, and when it was admitted", () =>
    Effect.gen(function* () {
      const { held } = yield* client([limited(5), ok])
      yield* held.execute(get())
      const { events } = yield* run(Timeline.record(held.execute(get())))
      expect(events.filter(({ _tag }) => _tag === "Throttled" || _tag === "Admitted")).toEqual([
        { _tag: "Throttled", at: 0, ms: 5000 },
        { _tag: "Admitted", at: 5000, ms: 5000 }
      ])
    })
  )
})

describe("learning", () => {
  const second = (status: number, headers: Record<string, string>) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(0)
      const { held, mock } = yield* client([respond(status, "", headers), ok], RateLimit.throttleOnExhausted())
      yield* held.execute(get())
      yield* run(held.execute(get()))
      return (yield* times(mock))[1]
    })

  it.effect("an answer that says that nothing remains holds before there is a 429", () =>
    Effect.gen(function* () {
      const none = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" }
      expect(yield* second(200, none)).toBe(9000)
      expect(yield* second(404, { ratelimit: '"p";r=0;t=4', ...none })).toBe(4000)
      expect(yield* second(200, { "retry-after": "3", ratelimit: '"p";r=0;t=4' })).toBe(3000)
    })
  )

  it.effect("one that says that something remains, or nothing of what remains, does not", () =>
    Effect.gen(function* () {
      expect(yield* second(200, { "x-ratelimit-remaining": "1", "x-ratelimit-reset": "9" })).toBe(0)
      expect(yield* second(200, { "x-ratelimit-reset": "9" })).toBe(0)
      expect(yield* second(202, { "retry-after": "9" })).toBe(0)
      expect(yield* second(200, { "x-ratelimit-remaining": "0" })).toBe(0)
    })
  )
})

describe("memory", () => {
  it("of many origins that hold, those at whose gate somebody waits are remembered longest", () =>
    promise(
      Effect.gen(function* () {
        const { held, mock } = yield* client(
          (request) => (request.url.endsWith("/first") ? limited(50) : ok),
          RateLimit.throttle({ maxKeys: 16 })
        )
        const to = (n: number, path: string) => held.execute(HttpClientRequest.get(`https://h${n}.test${path}`))
        yield* to(0, "/first")
        const waiting = yield* Effect.fork(to(0, "/then"))
        yield* Effect.yieldNow()
        for (let n = 1; n < 200; n++) yield* to(n, "/first")
        // The oldest of those without anybody waiting is forgotten, the newest is not.
        yield* to(1, "/then")
        yield* run(Effect.all([to(199, "/then"), to(0, "/also")], { concurrency: "unbounded" }))
        yield* Fiber.join(waiting)
        const then = (yield* mock.sent).filter(({ url }) => !url.endsWith("/first")).map(({ at, url }) => ({ at, url }))
        expect(then.find(({ url }) => url === "https://h1.test/then")?.at).toBe(0)
        expect(then.find(({ url }) => url === "https://h199.test/then")?.at).toBe(50_000)
        expect(then.find(({ url }) => url === "https://h0.test/also")?.at).toBeGreaterThanOrEqual(50_000)
      })
    ))

  it.effect("a send that fails says nothing about the limit", () =>
    Effect.gen(function* () {
      const { held, service } = yield* client([fail("ECONNRESET")])
      yield* Effect.exit(held.execute(get()))
      expect(service.active).toBe(false)
    })
  )
})
