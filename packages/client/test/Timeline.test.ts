import * as Timeline from "@countersign/client/Timeline"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { api, withJitter, run } from "./support/mockApi.js"

const { fail, respond } = MockClient
const tokenRequested = Timeline.emit(() => ({ _tag: "TokenRequested" }))

describe("Timeline.record", () => {
  it.effect("returns the exit and the events in order, with times of the Clock", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([
        respond(503),
        fail("ECONNREFUSED"),
        respond(302, "", { location: "/v1/y" }),
        respond(404)
      ])
      const { events, exit } = yield* run(Timeline.record(client.get("/x"))).pipe(withJitter(1))
      expect(yield* Effect.flip(exit)).toMatchObject({ _tag: "ClientError" })
      expect(events.map(({ _tag, at }) => `${_tag} ${at}`)).toEqual([
        "CallStarted 0",
        "RequestSent 0",
        "ResponseReceived 0",
        "RetryScheduled 0",
        "RequestSent 50",
        "RequestFailed 50",
        "RetryScheduled 50",
        "RequestSent 150",
        "ResponseReceived 150",
        "Redirected 150",
        "RequestSent 150",
        "ResponseReceived 150",
        "CallEnded 150"
      ])
    })
  )

  it.effect("records events of forked fibers, and none after the effect ended", () =>
    Effect.gen(function* () {
      const { events } = yield* Timeline.record(Effect.flatMap(Effect.fork(tokenRequested), Fiber.join))
      yield* tokenRequested
      expect(events).toEqual([{ _tag: "TokenRequested", at: 0 }])
    })
  )

  it.effect("records events of a nested record too, with the same time", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(5)
      const { events, exit } = yield* Timeline.record(Effect.zipLeft(Timeline.record(tokenRequested), tokenRequested))
      const inner = yield* exit
      expect(inner.events).toEqual([{ _tag: "TokenRequested", at: 5 }])
      expect(events).toHaveLength(2)
    })
  )
})

describe("Timeline.emit", () => {
  it.effect("creates no event without an observer", () =>
    Effect.gen(function* () {
      let made = 0
      const event = Timeline.emit(() => (made++, { _tag: "TokenObtained" }))
      yield* event
      expect(made).toBe(0)
      yield* Timeline.observe(() => {})(event)
      expect(made).toBe(1)
    })
  )
})
