/** A redirect with Retry-After is followed no earlier than that time (RFC 9110 §10.2.3). */
import type { RateLimited } from "@countersign/client/Errors"
import * as Timeline from "@countersign/client/Timeline"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, failure, run, requestTimes } from "./support/mockApi.js"

const { respond, respondStream } = MockClient
const statuses = [301, 302, 303, 307, 308]
const redirect = (status: number, headers: MockClient.Headers) => respond(status, "", { location: "/v1/y", ...headers })

describe("Redirects.follow with Retry-After", () => {
  const waits: ReadonlyArray<readonly [MockClient.Headers, number]> = [
    [{ "retry-after": "2" }, 2000],
    [{ "retry-after": "0.25" }, 250],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after-ms": "1500", "retry-after": "9" }, 1500],
    [{ "retry-after": HttpDate.format(7000), date: HttpDate.format(0) }, 7000],
    [{ "retry-after": "60" }, 60_000],
    [{ "retry-after": "soon" }, 0],
    [{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" }, 0],
    [{ ratelimit: '"p";r=0;t=9' }, 0]
  ]

  it.effect.each(waits)("handles %j by waiting %i ms before the next hop", ([headers, ms]) =>
    Effect.gen(function* () {
      for (const status of statuses) {
        yield* TestClock.setTime(0)
        const client = yield* api([redirect(status, headers), respond(200)], { timeout: { call: "2 minutes" } })
        expect((yield* run(client.api.get("/x"))).status).toBe(200)
        expect({ status, at: yield* requestTimes(client.mock) }).toEqual({ status, at: [0, ms] })
      }
    })
  )

  it.effect("waits before each hop, also to another origin", () =>
    Effect.gen(function* () {
      const away = respond(302, "", { location: "https://other.test/z", "retry-after": "2" })
      const client = yield* api([redirect(303, { "retry-after": "1" }), away, respond(200)])
      yield* run(client.api.get("/x"))
      expect(yield* requestTimes(client.mock)).toEqual([0, 1000, 3000])
    })
  )

  it.effect("fails with retryAt when the wait exceeds maxRetryAfter or the call deadline", () =>
    Effect.gen(function* () {
      for (const status of statuses) {
        for (const [seconds, options] of [
          [61, { timeout: { call: false } }],
          [6, { redirects: { maxRetryAfter: "5 seconds" } }],
          [6, { retry: { maxRetryAfter: "5 seconds" } }],
          [10, { timeout: { call: "10 seconds" } }]
        ] as const) {
          yield* TestClock.setTime(0)
          const client = yield* api([redirect(status, { "retry-after": String(seconds) })], options)
          const error = (yield* failure(client.api.get("/x"))) as RateLimited
          expect(error).toMatchObject({ _tag: "RateLimited", source: "server", status })
          expect(DateTime.toEpochMillis(error.retryAt!)).toBe(seconds * 1000)
          expect(error.response?.status).toBe(status)
          expect(yield* TestClock.currentTimeMillis).toBe(0)
          expect(yield* client.mock.sent).toHaveLength(1)
        }
      }
    })
  )

  it.effect("ignores Retry-After of a 3xx that is not followed", () =>
    Effect.gen(function* () {
      const later = { "retry-after": "9999" }
      for (const [status, step, options] of [
        [304, respond(304, "", later), {}],
        [302, respond(302, "", later), {}],
        [302, redirect(302, later), { redirects: false }]
      ] as const) {
        const client = yield* api([step], options)
        expect((yield* run(client.api.get("/x"))).status).toBe(status)
        expect(yield* TestClock.currentTimeMillis).toBe(0)
      }
    })
  )

  it.effect("counts the time to release the response as part of the wait", () =>
    Effect.gen(function* () {
      const endless = respondStream(303, Stream.never, { location: "/v1/y", "retry-after": "3" })
      const client = yield* api([endless, respond(200)])
      yield* run(client.api.get("/x"))
      expect(yield* requestTimes(client.mock)).toEqual([0, 3000])
    })
  )

  it.effect("records the wait in the timeline, and not as a retry", () =>
    Effect.gen(function* () {
      const client = yield* api([redirect(303, { "retry-after": "1" }), redirect(303, {}), respond(200)])
      const { events } = yield* run(Timeline.record(client.api.get("/x")))
      const seen = events.flatMap((event) => (event._tag === "Redirected" ? [[event.at, event.ms]] : []))
      expect(seen).toEqual([
        [0, 1000],
        [1000, 0]
      ])
      expect(events.map(({ _tag }) => _tag)).not.toContain("RetryScheduled")
    })
  )
})
