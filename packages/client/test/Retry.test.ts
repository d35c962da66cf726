import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Auth from "@countersign/client/Auth"
import type { RateLimited, Unavailable } from "@countersign/client/Errors"
import * as RequestBody from "@countersign/client/RequestBody"
import * as Retry from "@countersign/client/Retry"
import * as Timeline from "@countersign/client/Timeline"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, base, chance, failure, get, promise, run, times, transport } from "./scripted.js"

const { delay, fail, never, respond, respondStream, truncated } = MockClient
const ok = respond(200, { ok: true })
const always = (step: MockClient.Step) => () => step

describe("one count for all failures of a request", () => {
  const failures: Record<string, MockClient.Step> = {
    "408": respond(408),
    "425": respond(425, "early"),
    "429": respond(429, "slow down"),
    "500": respond(500, "oops"),
    "502": respond(502),
    "503": respond(503, "busy"),
    "504": respond(504),
    reset: fail("ECONNRESET"),
    refused: fail("ECONNREFUSED"),
    unresolved: fail("EAI_AGAIN"),
    "headers timeout": fail("UND_ERR_HEADERS_TIMEOUT"),
    unknown: fail("E_SOMETHING"),
    silence: never,
    truncated: truncated(200, '{"ok":'),
    "stopped body": respondStream(200, Stream.never)
  }

  it("times: n makes n + 1 sends, whatever mixture of failures", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.integer({ min: 0, max: 5 }),
        FastCheck.array(FastCheck.constantFrom(...Object.keys(failures)), { minLength: 6, maxLength: 6 }),
        (n, mixture) =>
          promise(
            Effect.gen(function* () {
              const client = yield* api((_, index) => failures[mixture[index]!]!, {
                retry: Retry.exponential({ times: n }),
                timeout: { exchange: "2 seconds", call: false }
              })
              yield* failure(client.api.get("/x"))
              expect(yield* client.mock.sent).toHaveLength(n + 1)
            })
          )
      ),
      { numRuns: 12 }
    ))

  it.effect("the answer after n failures is given out when n retries are allowed", () =>
    Effect.gen(function* () {
      const client = yield* api([fail("ECONNRESET"), respond(503), truncated(200, "hal"), respond(200, "whole")], {
        retry: Retry.exponential({ times: 3 })
      })
      const response = yield* run(client.api.get("/x"))
      expect(yield* response.text).toBe("whole")
    })
  )

  it.effect("the replay of a 401 is no attempt", () =>
    Effect.gen(function* () {
      let token = 1
      const auth: Auth.Service = {
        sign: (request) =>
          Effect.sync(() => ({
            request: HttpClientRequest.setHeader(request, "authorization", `T${token}`),
            credential: token
          })),
        onRejected: () => Effect.sync(() => ++token > 0)
      }
      const client = yield* api(
        [respond(503), respond(401), respond(503), respond(401), respond(503), respond(401), respond(503)],
        { auth, retry: Retry.exponential({ times: 3 }) }
      )
      const error = yield* failure(client.api.get("/x"))
      expect(error).toMatchObject({ _tag: "Unavailable", status: 503 })
      // 503 · 401 503 · 401 503 · 401 503: four attempts, each of which may replay once.
      expect(yield* client.mock.sent).toHaveLength(7)
    })
  )

  it.effect("a redirect's target has a count of its own", () =>
    Effect.gen(function* () {
      const hop = respond(302, "", { location: "/v1/y" })
      const client = yield* api([respond(503), respond(503), hop, respond(503), respond(503), ok])
      const response = yield* run(client.api.get("/x"))
      expect(response.status).toBe(200)
      expect(yield* client.mock.sent).toHaveLength(6)
    })
  )

  it.effect("retry: false sends once", () =>
    Effect.gen(function* () {
      const client = yield* api(always(respond(503)), { retry: false })
      expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "Unavailable" })
      expect(yield* client.mock.sent).toHaveLength(1)
    })
  )

  it.effect("a status that is not on the list is sent once; one that the caller lists is retried", () =>
    Effect.gen(function* () {
      for (const status of [400, 404, 409, 501, 505]) {
        const client = yield* api(always(respond(status)))
        yield* failure(client.api.get("/x"))
        expect(yield* client.mock.sent, String(status)).toHaveLength(1)
      }
      const client = yield* api(always(respond(404)), { retry: { statuses: [404] } })
      expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "Unavailable", status: 404 })
      expect(yield* client.mock.sent).toHaveLength(3)
    })
  )

  it.effect("a refused certificate and an answer that is not HTTP are not tried again", () =>
    Effect.gen(function* () {
      for (const code of ["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "HPE_INVALID_CONSTANT"]) {
        const client = yield* api(always(fail(code)))
        expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "TransportError", code })
        expect(yield* client.mock.sent, code).toHaveLength(1)
      }
    })
  )
})

describe("when sends happen", () => {
  const sendTimes = (script: MockClient.Script, schedule: Retry.RetrySchedule = Retry.backoff) =>
    Effect.gen(function* () {
      const client = yield* api(script, { retry: schedule, timeout: { call: false } })
      yield* Effect.exit(run(client.api.get("/x")))
      return yield* times(client.mock)
    })

  it.effect("the default waits up to 50 ms, then up to 100 ms", () =>
    Effect.gen(function* () {
      expect(yield* sendTimes(always(respond(503))).pipe(chance(1))).toEqual([0, 50, 150])
    })
  )

  it.effect("jitter is full: any share of the bound, down to nothing", () =>
    Effect.gen(function* () {
      expect(yield* sendTimes(always(respond(503))).pipe(chance(0.5))).toEqual([0, 25, 75])
      yield* TestClock.setTime(0)
      expect(yield* sendTimes(always(respond(503))).pipe(chance(0))).toEqual([0, 0, 0])
    })
  )

  it.effect("a part of a millisecond is rounded up, never down", () =>
    Effect.gen(function* () {
      expect(yield* sendTimes(always(respond(503))).pipe(chance(0.501))).toEqual([0, 26, 77])
    })
  )

  it.effect("after a 429 the first bound is one second", () =>
    Effect.gen(function* () {
      expect(yield* sendTimes(always(respond(429))).pipe(chance(1))).toEqual([0, 1000, 3000])
    })
  )

  it.effect("no bound is longer than the cap, and a thousand retries do not overflow", () =>
    Effect.gen(function* () {
      const at = yield* sendTimes(always(fail("ECONNRESET")), Retry.exponential({ times: 12 })).pipe(chance(1))
      expect(at.slice(1).map((t, i) => t - at[i]!)).toEqual([
        50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000, 20000
      ])
    })
  )

  it.effect("the bounds are the caller's", () =>
    Effect.gen(function* () {
      const schedule = Retry.exponential({
        times: 3,
        baseDelay: "1 second",
        throttledBaseDelay: "10 seconds",
        maxDelay: "30 seconds"
      })
      const script = [respond(503), respond(429), respond(429), respond(200)]
      expect(yield* sendTimes(script, schedule).pipe(chance(1))).toEqual([0, 1000, 21_000, 51_000])
    })
  )

  it.effect("any Schedule will do, and its end is the end of the retries", () =>
    Effect.gen(function* () {
      const schedule = Schedule.spaced("400 millis").pipe(Schedule.upTo("1 second"))
      expect(yield* sendTimes(always(respond(503)), schedule)).toEqual([0, 400, 800, 1200])
    })
  )

  it.effect("a wait of more than 2^31-1 ms ends when it should", () =>
    Effect.gen(function* () {
      const month = Duration.toMillis("30 days")
      expect(yield* sendTimes(always(respond(503)), Schedule.fromDelays("30 days"))).toEqual([0, month])
    })
  )
})

describe("Retry-After", () => {
  const second = (headers: MockClient.Headers, status = 503, share = 0) =>
    Effect.gen(function* () {
      const client = yield* api([respond(status, "", headers), ok])
      yield* run(client.api.get("/x"))
      return (yield* times(client.mock))[1]
    }).pipe(chance(share))

  it.effect("in each spelling it is waited for, to the millisecond", () =>
    Effect.gen(function* () {
      for (const status of [429, 503]) {
        const spellings: ReadonlyArray<readonly [MockClient.Headers, number]> = [
          [{ "retry-after": "3" }, 3000],
          [{ "retry-after": "0.25" }, 250],
          [{ "retry-after-ms": "1234" }, 1234],
          [{ "retry-after": HttpDate.format(7000) }, 7000],
          [{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2" }, 2000]
        ]
        for (const [headers, expected] of spellings) {
          yield* TestClock.setTime(0)
          expect(yield* second(headers, status), JSON.stringify(headers)).toBe(expected)
        }
      }
    })
  )

  it.effect("jitter comes on top, up to a tenth of what was asked for", () =>
    Effect.gen(function* () {
      expect(yield* second({ "retry-after": "10" }, 429, 1)).toBe(11_000)
    })
  )

  it.effect("a backoff that is longer than what was asked for stays as it is", () =>
    Effect.gen(function* () {
      expect(yield* second({ "retry-after": "0.5" }, 429, 1)).toBe(1000)
    })
  )

  it("is never undercut, whatever the schedule and the chance", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.integer({ min: 0, max: 59_000 }),
        FastCheck.double({ min: 0, max: 1, noNaN: true }),
        FastCheck.constantFrom(429, 503, 408, 500),
        (asked, share, status) =>
          promise(
            Effect.gen(function* () {
              const at = yield* second({ "retry-after-ms": String(asked) }, status, share)
              expect(at).toBeGreaterThanOrEqual(asked)
              expect(at).toBeLessThanOrEqual(Math.max(asked * 1.1, 1000) + 1)
            })
          )
      ),
      { numRuns: 15 }
    ))

  it.effect("one that cannot be read is no wish: the backoff decides", () =>
    Effect.gen(function* () {
      for (const value of ["soon", "-5", "1e3", "0x10", "+3", ""]) {
        yield* TestClock.setTime(0)
        expect(yield* second({ "retry-after": value }, 503, 1), value).toBe(50)
      }
    })
  )

  it.effect("over the ceiling the call fails at once, as RateLimited that says when", () =>
    Effect.gen(function* () {
      for (const status of [429, 503]) {
        const client = yield* api(always(respond(status, "later", { "retry-after": "61" })), {
          timeout: { call: false }
        })
        const error = yield* failure(client.api.get("/x"))
        expect(error).toMatchObject({ _tag: "RateLimited", status })
        expect(DateTime.toEpochMillis((error as RateLimited).retryAt!)).toBe(61_000)
        expect(Duration.toMillis((error as RateLimited).retryAfter!)).toBe(61_000)
        expect(yield* (error as RateLimited).response!.text).toBe("later")
        expect(yield* TestClock.currentTimeMillis).toBe(0)
        expect(yield* client.mock.sent).toHaveLength(1)
      }
    })
  )

  it.effect("over the time that the call has left it fails at once too", () =>
    Effect.gen(function* () {
      const client = yield* api(always(delay("1 second", respond(503, "", { "retry-after": "4" }))), {
        timeout: { call: "5 seconds" }
      })
      const error = yield* failure(client.api.get("/x"))
      expect(error).toMatchObject({ _tag: "RateLimited", status: 503 })
      expect(DateTime.toEpochMillis((error as RateLimited).retryAt!)).toBe(5000)
      expect(yield* TestClock.currentTimeMillis).toBe(1000)
    })
  )

  it.effect("the ceiling is the caller's", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(429, "", { "retry-after": "3600" }), ok], {
        retry: { maxRetryAfter: "2 hours" },
        timeout: { call: false }
      })
      yield* run(client.api.get("/x")).pipe(chance(0))
      expect(yield* times(client.mock)).toEqual([0, 3_600_000])
    })
  )

  it.effect("of any length of digits is a typed error", () =>
    Effect.gen(function* () {
      const client = yield* api(always(respond(503, "", { "retry-after": "9".repeat(400) })))
      const error = yield* failure(client.api.get("/x"))
      expect(error).toMatchObject({ _tag: "RateLimited" })
      expect(error.message).toContain("answered 503")
    })
  )

  it.effect("after the last retry the error says when to come back", () =>
    Effect.gen(function* () {
      const client = yield* api(always(respond(503, "", { "retry-after": "2" })), {
        retry: Retry.exponential({ times: 0 })
      })
      const error = yield* failure(client.api.get("/x"))
      expect(error._tag).toBe("Unavailable")
      expect(DateTime.toEpochMillis((error as Unavailable).retryAt!)).toBe(2000)
    })
  )
})

describe("what may be sent again", () => {
  const sends = (request: HttpClientRequest.HttpClientRequest, step: MockClient.Step) =>
    Effect.gen(function* () {
      const client = yield* api(always(step), { timeout: { exchange: "1 second" } })
      const error = yield* failure(client.api.execute(request))
      return { error, sent: yield* client.mock.sent }
    })

  const perhapsSent: Record<string, MockClient.Step> = {
    "503": respond(503),
    "429": respond(429),
    timeout: never,
    reset: fail("ECONNRESET"),
    unknown: fail("E_OTHER")
  }
  const neverSent = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT", "EHOSTUNREACH"]
  const post = HttpClientRequest.post(`${base}/x`).pipe(HttpClientRequest.bodyText("once"))
  const patch = HttpClientRequest.patch(`${base}/x`)

  it.effect("a POST or PATCH without a key is sent once when the server may have seen it", () =>
    Effect.gen(function* () {
      for (const [name, step] of Object.entries(perhapsSent)) {
        for (const request of [post, patch]) {
          expect((yield* sends(request, step)).sent, `${request.method} ${name}`).toHaveLength(1)
        }
      }
    })
  )

  it.effect("a POST that broke while its answer was read is sent once", () =>
    Effect.gen(function* () {
      const client = yield* api(always(truncated(200, "hal")))
      const error = yield* failure(client.api.post("/x", { json: 1 }))
      expect(error).toMatchObject({ _tag: "TransportError", reason: "Truncated", sent: "maybe" })
      expect(yield* client.mock.sent).toHaveLength(1)
    })
  )

  it.effect("any method is sent again when the server cannot have seen it", () =>
    Effect.gen(function* () {
      for (const code of neverSent) {
        const { error, sent } = yield* sends(post, fail(code))
        expect(error, code).toMatchObject({ _tag: "TransportError", sent: "no", code })
        expect(sent.map(({ body }) => body)).toEqual(["once", "once", "once"])
      }
    })
  )

  it.effect("with an Idempotency-Key a POST is retried like a GET, with one key", () =>
    Effect.gen(function* () {
      const keyed = HttpClientRequest.setHeader(post, "Idempotency-Key", "k1")
      for (const [name, step] of Object.entries(perhapsSent)) {
        const { sent } = yield* sends(keyed, step)
        expect(
          sent.map(({ headers }) => headers["idempotency-key"]),
          name
        ).toEqual(["k1", "k1", "k1"])
      }
    })
  )

  it.effect("GET, HEAD, OPTIONS, PUT and DELETE are retried", () =>
    Effect.gen(function* () {
      for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] as const) {
        expect((yield* sends(HttpClientRequest.make(method)(`${base}/x`), respond(503))).sent, method).toHaveLength(3)
      }
    })
  )

  it.effect("a body that can be read once is never sent again, empty or cut", () =>
    Effect.gen(function* () {
      for (const step of [respond(503), fail("ECONNREFUSED"), fail("ECONNRESET")]) {
        let runs = 0
        const source = Stream.suspend(() =>
          runs++ === 0 ? Stream.make(new TextEncoder().encode("all of it")) : Stream.empty
        )
        const request = HttpClientRequest.put(`${base}/x`).pipe(HttpClientRequest.setBody(HttpBody.stream(source)))
        const { error, sent } = yield* sends(request, step)
        expect(sent.map(({ body }) => body)).toEqual(["all of it"])
        expect(["Unavailable", "TransportError"]).toContain(error._tag)
      }
    })
  )

  it.effect("a stream that was declared replayable is sent whole each time", () =>
    Effect.gen(function* () {
      const body = RequestBody.markReplayable(HttpBody.stream(Stream.make(new TextEncoder().encode("again"))))
      const { sent } = yield* sends(
        HttpClientRequest.put(`${base}/x`).pipe(HttpClientRequest.setBody(body)),
        respond(503)
      )
      expect(sent.map(({ body }) => body)).toEqual(["again", "again", "again"])
    })
  )
})

describe("the discarded answer", () => {
  it.effect("is let go before the wait, not after it", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(503, "x".repeat(10_000), { "retry-after": "5" }), ok])
      yield* run(client.api.get("/x")).pipe(chance(0))
      const [released] = yield* client.mock.released
      expect(released).toEqual({ _tag: "Released", index: 0, at: 0, how: "drained" })
      expect((yield* client.mock.events).map((event) => `${event._tag} ${event.index} ${event.at}`)).toEqual([
        "Sent 0 0",
        "Released 0 0",
        "Sent 1 5000",
        "Released 1 5000"
      ])
    })
  )

  it.effect("is cut off after 64 KiB: nobody downloads what nobody wants", () =>
    Effect.gen(function* () {
      let produced = 0
      const kib = Stream.take(Stream.repeatEffect(Effect.sync(() => (produced++, new Uint8Array(1024)))), 1000)
      const client = yield* api([respondStream(503, kib), ok])
      yield* run(client.api.get("/x")).pipe(chance(0))
      expect((yield* client.mock.released)[0]).toMatchObject({ at: 0, index: 0 })
      expect(produced).toBeGreaterThan(64)
      expect(produced).toBeLessThan(128)
    })
  )

  it.effect("that never ends, or drips, holds the call for a second at most", () =>
    Effect.gen(function* () {
      const drip = Stream.repeatEffect(Effect.as(Effect.sleep("300 millis"), new Uint8Array(1)))
      for (const body of [Stream.never, drip]) {
        const began = yield* TestClock.currentTimeMillis
        const client = yield* api([respondStream(503, body), ok])
        yield* run(client.api.get("/x")).pipe(chance(0))
        expect((yield* times(client.mock)).map((t) => t - began)).toEqual([0, 1000])
        expect((yield* client.mock.released)[0]).toMatchObject({ index: 0, at: began + 1000 })
      }
    })
  )

  it.effect("that breaks while it is let go does no harm", () =>
    Effect.gen(function* () {
      const client = yield* api([truncated(503, "hal"), ok])
      expect((yield* run(client.api.get("/x"))).status).toBe(200)
    })
  )
})

describe("a retry within a retry", () => {
  it.effect("does nothing: the sends are those of the outer one", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(always(respond(503)))
      const inner = Retry.policy({ schedule: Retry.exponential({ times: 5 }) })
      const outer = Retry.policy({ schedule: Retry.exponential({ times: 2 }) })
      yield* failure(outer(inner(client)).execute(get()))
      expect(yield* mock.sent).toHaveLength(3)
    })
  )

  it.effect("holds for a whole client within another's retry, for every kind of failure", () =>
    Effect.gen(function* () {
      for (const step of [respond(503), respond(429), fail("ECONNRESET")]) {
        const client = yield* api(always(step))
        const outer = Retry.policy({ schedule: Retry.exponential({ times: 1 }) })
        yield* failure(outer(client.api).execute(HttpClientRequest.get("/x")))
        expect(yield* client.mock.sent).toHaveLength(2)
      }
    })
  )

  it.effect("a status that the inner client types and the outer one does not list is not retried", () =>
    Effect.gen(function* () {
      const client = yield* api(always(respond(501)))
      yield* failure(Retry.policy()(client.api).execute(HttpClientRequest.get("/x")))
      expect(yield* client.mock.sent).toHaveLength(1)
    })
  )

  it.effect("ends with the outer one: the next call retries again", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(503), ok, respond(503), ok])
      yield* run(client.api.get("/x"))
      yield* run(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(4)
    })
  )
})

describe("the timeline", () => {
  it.effect("tells of each wait and why", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(503), fail("ECONNRESET"), ok])
      const { events } = yield* run(Timeline.record(client.api.get("/x"))).pipe(chance(1))
      expect(events.filter(({ _tag }) => _tag === "RetryScheduled")).toEqual([
        { _tag: "RetryScheduled", at: 0, ms: 50, reason: "503" },
        { _tag: "RetryScheduled", at: 50, ms: 100, reason: "TransportError" }
      ])
    })
  )
})
