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
import { api, base, withJitter, failure, get, runPromise, run, requestTimes, transport } from "./support/mockApi.js"

const { delay, fail, never, respond, respondStream, truncated } = MockClient
const ok = respond(200, { ok: true })
const always = (step: MockClient.Step) => () => step

describe("Retry.policy attempts", () => {
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

  it("sends n + 1 requests with times: n, for any sequence of failures", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.integer({ min: 0, max: 5 }),
        FastCheck.array(FastCheck.constantFrom(...Object.keys(failures)), { minLength: 6, maxLength: 6 }),
        (n, sequence) =>
          runPromise(
            Effect.gen(function* () {
              const client = yield* api((_, index) => failures[sequence[index]!]!, {
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

  it.effect("returns the response after n failures with times: n", () =>
    Effect.gen(function* () {
      const client = yield* api([fail("ECONNRESET"), respond(503), truncated(200, "hal"), respond(200, "whole")], {
        retry: Retry.exponential({ times: 3 })
      })
      const response = yield* run(client.api.get("/x"))
      expect(yield* response.text).toBe("whole")
    })
  )

  it.effect("does not count the replay of a 401 as an attempt", () =>
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
      // 503 · 401 503 · 401 503 · 401 503: four attempts, each with at most one replay.
      expect(yield* client.mock.sent).toHaveLength(7)
    })
  )

  it.effect("counts attempts of a redirect target separately", () =>
    Effect.gen(function* () {
      const redirect = respond(302, "", { location: "/v1/y" })
      const client = yield* api([respond(503), respond(503), redirect, respond(503), respond(503), ok])
      const response = yield* run(client.api.get("/x"))
      expect(response.status).toBe(200)
      expect(yield* client.mock.sent).toHaveLength(6)
    })
  )

  it.effect("sends once with retry: false", () =>
    Effect.gen(function* () {
      const client = yield* api(always(respond(503)), { retry: false })
      expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "Unavailable" })
      expect(yield* client.mock.sent).toHaveLength(1)
    })
  )

  it.effect("retries listed statuses only", () =>
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

  it.effect("does not retry certificate errors and invalid HTTP responses", () =>
    Effect.gen(function* () {
      for (const code of ["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "HPE_INVALID_CONSTANT"]) {
        const client = yield* api(always(fail(code)))
        expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "TransportError", code })
        expect(yield* client.mock.sent, code).toHaveLength(1)
      }
    })
  )
})

describe("Retry.exponential", () => {
  const sendTimes = (script: MockClient.Script, schedule: Retry.RetrySchedule = Retry.backoff) =>
    Effect.gen(function* () {
      const client = yield* api(script, { retry: schedule, timeout: { call: false } })
      yield* Effect.exit(run(client.api.get("/x")))
      return yield* requestTimes(client.mock)
    })

  it.effect("waits up to 50 ms, then up to 100 ms by default", () =>
    Effect.gen(function* () {
      expect(yield* sendTimes(always(respond(503))).pipe(withJitter(1))).toEqual([0, 50, 150])
    })
  )

  it.effect("applies full jitter, down to no wait", () =>
    Effect.gen(function* () {
      expect(yield* sendTimes(always(respond(503))).pipe(withJitter(0.5))).toEqual([0, 25, 75])
      yield* TestClock.setTime(0)
      expect(yield* sendTimes(always(respond(503))).pipe(withJitter(0))).toEqual([0, 0, 0])
    })
  )

  it.effect("rounds fractions of a millisecond up", () =>
    Effect.gen(function* () {
      expect(yield* sendTimes(always(respond(503))).pipe(withJitter(0.501))).toEqual([0, 26, 77])
    })
  )

  it.effect("waits up to one second first after a 429", () =>
    Effect.gen(function* () {
      expect(yield* sendTimes(always(respond(429))).pipe(withJitter(1))).toEqual([0, 1000, 3000])
    })
  )

  it.effect("limits delays to maxDelay over many retries", () =>
    Effect.gen(function* () {
      const at = yield* sendTimes(always(fail("ECONNRESET")), Retry.exponential({ times: 12 })).pipe(withJitter(1))
      expect(at.slice(1).map((t, i) => t - at[i]!)).toEqual([
        50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000, 20000
      ])
    })
  )

  it.effect("uses baseDelay, throttledBaseDelay and maxDelay", () =>
    Effect.gen(function* () {
      const schedule = Retry.exponential({
        times: 3,
        baseDelay: "1 second",
        throttledBaseDelay: "10 seconds",
        maxDelay: "30 seconds"
      })
      const script = [respond(503), respond(429), respond(429), respond(200)]
      expect(yield* sendTimes(script, schedule).pipe(withJitter(1))).toEqual([0, 1000, 21_000, 51_000])
    })
  )

  it.effect("accepts any Schedule and stops when it ends", () =>
    Effect.gen(function* () {
      const schedule = Schedule.spaced("400 millis").pipe(Schedule.upTo("1 second"))
      expect(yield* sendTimes(always(respond(503)), schedule)).toEqual([0, 400, 800, 1200])
    })
  )

  it.effect("waits longer than 2^31-1 ms", () =>
    Effect.gen(function* () {
      const month = Duration.toMillis("30 days")
      expect(yield* sendTimes(always(respond(503)), Schedule.fromDelays("30 days"))).toEqual([0, month])
    })
  )
})

describe("Retry.policy with Retry-After", () => {
  const secondRequestAt = (headers: MockClient.Headers, status = 503, jitter = 0) =>
    Effect.gen(function* () {
      // A wait of 59 s with its jitter must end before the call does.
      const client = yield* api([respond(status, "", headers), ok], { timeout: { call: "70 seconds" } })
      yield* run(client.api.get("/x"))
      return (yield* requestTimes(client.mock))[1]
    }).pipe(withJitter(jitter))

  it.effect("waits for the exact time of each header form", () =>
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
          expect(yield* secondRequestAt(headers, status), JSON.stringify(headers)).toBe(expected)
        }
      }
    })
  )

  it.effect("adds jitter of up to a tenth of the requested wait", () =>
    Effect.gen(function* () {
      expect(yield* secondRequestAt({ "retry-after": "10" }, 429, 1)).toBe(11_000)
    })
  )

  it.effect("keeps a backoff that is longer than the requested wait", () =>
    Effect.gen(function* () {
      expect(yield* secondRequestAt({ "retry-after": "0.5" }, 429, 1)).toBe(1000)
    })
  )

  it("never retries earlier than requested, for any schedule and jitter", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.integer({ min: 0, max: 59_000 }),
        FastCheck.double({ min: 0, max: 1, noNaN: true }),
        FastCheck.constantFrom(429, 503, 408, 500),
        (requestedMs, jitter, status) =>
          runPromise(
            Effect.gen(function* () {
              const at = yield* secondRequestAt({ "retry-after-ms": String(requestedMs) }, status, jitter)
              expect(at).toBeGreaterThanOrEqual(requestedMs)
              expect(at).toBeLessThanOrEqual(Math.max(requestedMs * 1.1, 1000) + 1)
            })
          )
      ),
      { numRuns: 15 }
    ))

  it.effect("uses the backoff when the header is invalid", () =>
    Effect.gen(function* () {
      for (const value of ["soon", "-5", "1e3", "0x10", "+3", ""]) {
        yield* TestClock.setTime(0)
        expect(yield* secondRequestAt({ "retry-after": value }, 503, 1), value).toBe(50)
      }
    })
  )

  it.effect("fails at once with RateLimited and retryAt beyond maxRetryAfter", () =>
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

  it.effect("fails at once with retryAt when the wait exceeds the time left in the call", () =>
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

  it.effect("waits longer with a larger maxRetryAfter", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(429, "", { "retry-after": "3600" }), ok], {
        retry: { maxRetryAfter: "2 hours" },
        timeout: { call: false }
      })
      yield* run(client.api.get("/x")).pipe(withJitter(0))
      expect(yield* requestTimes(client.mock)).toEqual([0, 3_600_000])
    })
  )

  it.effect("fails with RateLimited for a number of any length", () =>
    Effect.gen(function* () {
      const client = yield* api(always(respond(503, "", { "retry-after": "9".repeat(400) })))
      const error = yield* failure(client.api.get("/x"))
      expect(error).toMatchObject({ _tag: "RateLimited" })
      expect(error.message).toContain("answered 503")
    })
  )

  it.effect("reports retryAt after the last retry", () =>
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

describe("Retry.policy eligibility", () => {
  const sendAll = (request: HttpClientRequest.HttpClientRequest, step: MockClient.Step) =>
    Effect.gen(function* () {
      const client = yield* api(always(step), { timeout: { exchange: "1 second" } })
      const error = yield* failure(client.api.execute(request))
      return { error, sent: yield* client.mock.sent }
    })

  const maybeSent: Record<string, MockClient.Step> = {
    "503": respond(503),
    "429": respond(429),
    timeout: never,
    reset: fail("ECONNRESET"),
    unknown: fail("E_OTHER")
  }
  const neverSent = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT", "EHOSTUNREACH"]
  const post = HttpClientRequest.post(`${base}/x`).pipe(HttpClientRequest.bodyText("once"))
  const patch = HttpClientRequest.patch(`${base}/x`)

  it.effect("sends a POST or PATCH without a key once when the server may have received it", () =>
    Effect.gen(function* () {
      for (const [name, step] of Object.entries(maybeSent)) {
        for (const request of [post, patch]) {
          expect((yield* sendAll(request, step)).sent, `${request.method} ${name}`).toHaveLength(1)
        }
      }
    })
  )

  it.effect("sends a POST once when its response body is truncated", () =>
    Effect.gen(function* () {
      const client = yield* api(always(truncated(200, "hal")))
      const error = yield* failure(client.api.post("/x", { json: 1 }))
      expect(error).toMatchObject({ _tag: "TransportError", reason: "Truncated", sent: "maybe" })
      expect(yield* client.mock.sent).toHaveLength(1)
    })
  )

  it.effect("retries any method when the request was not sent", () =>
    Effect.gen(function* () {
      for (const code of neverSent) {
        const { error, sent } = yield* sendAll(post, fail(code))
        expect(error, code).toMatchObject({ _tag: "TransportError", sent: "no", code })
        expect(sent.map(({ body }) => body)).toEqual(["once", "once", "once"])
      }
    })
  )

  it.effect("retries a POST with an idempotency key, keeping the key", () =>
    Effect.gen(function* () {
      const withKey = HttpClientRequest.setHeader(post, "Idempotency-Key", "k1")
      for (const [name, step] of Object.entries(maybeSent)) {
        const { sent } = yield* sendAll(withKey, step)
        expect(
          sent.map(({ headers }) => headers["idempotency-key"]),
          name
        ).toEqual(["k1", "k1", "k1"])
      }
    })
  )

  it.effect("retries GET, HEAD, OPTIONS, PUT and DELETE", () =>
    Effect.gen(function* () {
      for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] as const) {
        expect((yield* sendAll(HttpClientRequest.make(method)(`${base}/x`), respond(503))).sent, method).toHaveLength(3)
      }
    })
  )

  it.effect("never retries a body that can be read once", () =>
    Effect.gen(function* () {
      for (const step of [respond(503), fail("ECONNREFUSED"), fail("ECONNRESET")]) {
        let runs = 0
        const source = Stream.suspend(() =>
          runs++ === 0 ? Stream.make(new TextEncoder().encode("all of it")) : Stream.empty
        )
        const request = HttpClientRequest.put(`${base}/x`).pipe(HttpClientRequest.setBody(HttpBody.stream(source)))
        const { error, sent } = yield* sendAll(request, step)
        expect(sent.map(({ body }) => body)).toEqual(["all of it"])
        expect(["Unavailable", "TransportError"]).toContain(error._tag)
      }
    })
  )

  it.effect("sends a stream marked replayable whole each time", () =>
    Effect.gen(function* () {
      const body = RequestBody.markReplayable(HttpBody.stream(Stream.make(new TextEncoder().encode("again"))))
      const { sent } = yield* sendAll(
        HttpClientRequest.put(`${base}/x`).pipe(HttpClientRequest.setBody(body)),
        respond(503)
      )
      expect(sent.map(({ body }) => body)).toEqual(["again", "again", "again"])
    })
  )
})

describe("Retry.policy, response of a failed attempt", () => {
  it.effect("releases the failed response before the wait", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(503, "x".repeat(10_000), { "retry-after": "5" }), ok])
      yield* run(client.api.get("/x")).pipe(withJitter(0))
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

  it.effect("reads up to 64 KiB when it releases the failed response", () =>
    Effect.gen(function* () {
      let produced = 0
      const kib = Stream.take(Stream.repeatEffect(Effect.sync(() => (produced++, new Uint8Array(1024)))), 1000)
      const client = yield* api([respondStream(503, kib), ok])
      yield* run(client.api.get("/x")).pipe(withJitter(0))
      expect((yield* client.mock.released)[0]).toMatchObject({ at: 0, index: 0 })
      expect(produced).toBeGreaterThan(64)
      expect(produced).toBeLessThan(128)
    })
  )

  it.effect("releases an endless response within one second", () =>
    Effect.gen(function* () {
      const drip = Stream.repeatEffect(Effect.as(Effect.sleep("300 millis"), new Uint8Array(1)))
      for (const body of [Stream.never, drip]) {
        const began = yield* TestClock.currentTimeMillis
        const client = yield* api([respondStream(503, body), ok])
        yield* run(client.api.get("/x")).pipe(withJitter(0))
        expect((yield* requestTimes(client.mock)).map((t) => t - began)).toEqual([0, 1000])
        expect((yield* client.mock.released)[0]).toMatchObject({ index: 0, at: began + 1000 })
      }
    })
  )

  it.effect("ignores an error while it releases the failed response", () =>
    Effect.gen(function* () {
      const client = yield* api([truncated(503, "hal"), ok])
      expect((yield* run(client.api.get("/x"))).status).toBe(200)
    })
  )
})

describe("Retry.policy within Retry.policy", () => {
  it.effect("retries by the outer policy only", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(always(respond(503)))
      const inner = Retry.policy({ schedule: Retry.exponential({ times: 5 }) })
      const outer = Retry.policy({ schedule: Retry.exponential({ times: 2 }) })
      yield* failure(outer(inner(client)).execute(get()))
      expect(yield* mock.sent).toHaveLength(3)
    })
  )

  it.effect("retries by the outer policy of a whole client, for every failure", () =>
    Effect.gen(function* () {
      for (const step of [respond(503), respond(429), fail("ECONNRESET")]) {
        const client = yield* api(always(step))
        const outer = Retry.policy({ schedule: Retry.exponential({ times: 1 }) })
        yield* failure(outer(client.api).execute(HttpClientRequest.get("/x")))
        expect(yield* client.mock.sent).toHaveLength(2)
      }
    })
  )

  it.effect("does not retry a status that the outer policy does not list", () =>
    Effect.gen(function* () {
      const client = yield* api(always(respond(501)))
      yield* failure(Retry.policy()(client.api).execute(HttpClientRequest.get("/x")))
      expect(yield* client.mock.sent).toHaveLength(1)
    })
  )

  it.effect("retries again in the next call", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(503), ok, respond(503), ok])
      yield* run(client.api.get("/x"))
      yield* run(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(4)
    })
  )
})

describe("Retry.policy in the timeline", () => {
  it.effect("records each wait with its reason", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(503), fail("ECONNRESET"), ok])
      const { events } = yield* run(Timeline.record(client.api.get("/x"))).pipe(withJitter(1))
      expect(events.filter(({ _tag }) => _tag === "RetryScheduled")).toMatchObject([
        { _tag: "RetryScheduled", at: 0, ms: 50, reason: "503" },
        { _tag: "RetryScheduled", at: 50, ms: 100, reason: "TransportError" }
      ])
    })
  )
})
