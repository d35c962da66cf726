/** Reconnections of event streams: when they are made, what is sent, and what limits them. */
import type * as Retry from "@countersign/client/Retry"
import * as RetryBudget from "@countersign/client/RetryBudget"
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { api, requestTimes, run } from "./support/mockApi.js"
import { bytes, outcome } from "./support/streams.js"

const type = { "content-type": "text/event-stream" }

const whole = (body: string) => MockClient.respond(200, body, type)
const cut = (body: string) => MockClient.truncated(200, body, { headers: type })
const refused = MockClient.fail("ECONNREFUSED")

/** Retries after one second each. */
const everySecond = (times: number): Retry.Options => ({
  schedule: Schedule.recurs(times).pipe(Schedule.addDelay(() => "1 second"))
})

interface Run {
  readonly data: ReadonlyArray<string>
  /** Tag and reason of the error, or `complete`. */
  readonly end: string
  readonly times: ReadonlyArray<number>
  /** The `Last-Event-ID` of each request. */
  readonly ids: ReadonlyArray<string | undefined>
}

/** Runs a stream over a script. */
const over = (
  script: MockClient.Script,
  options: Parameters<typeof ServerEvents.stream>[2] & object = {},
  retry: Retry.Options | false = { ...everySecond(3), budget: false }
): Effect.Effect<Run> =>
  Effect.gen(function* () {
    const { api: client, mock } = yield* api(script, { retry })
    const stream = ServerEvents.stream(client, "/x", options as ServerEvents.Options<undefined, undefined, undefined>)
    const { error, values } = yield* run(outcome(stream))
    const end = error === undefined ? "complete" : `${error._tag} ${"reason" in error ? error.reason : ""}`.trim()
    const sent = yield* mock.sent
    const ids = sent.map(({ headers }) => headers["last-event-id"])
    return { data: values.map(({ data }) => data), end, times: yield* requestTimes(mock), ids }
  }).pipe(Effect.orDie)

describe("ServerEvents.stream", () => {
  it.effect("continues after the last id, and repeats nothing", () =>
    Effect.gen(function* () {
      const seen = yield* over([cut("id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c"), whole("id: 3\ndata: c\n\n")])
      expect(seen).toEqual({ data: ["a", "b", "c"], end: "complete", times: [0, 1000], ids: [undefined, "2"] })
    })
  )

  it.effect("continues from the id of the caller", () =>
    Effect.gen(function* () {
      const { ids } = yield* over([cut(""), whole("data: a\n\n")], { lastEventId: "é€" })
      const utf8 = Buffer.from("é€").toString("latin1")
      expect(ids).toEqual([utf8, utf8])
    })
  )

  for (const [name, body, reconnects] of [
    ["no event arrived", ": hello\n\n", true],
    ["the last event had an id", "data: a\n\nid: 1\ndata: b\n\n", true],
    ["the last event had no id", "id: 1\ndata: a\n\ndata: b\n\n", false],
    ["the last id is empty", "id: 1\ndata: a\n\nid\ndata: b\n\n", false],
    ["the id has a control character", "id: 1\u0001\ndata: a\n\n", false],
    ["the id ends with a space", "id: 1 \ndata: a\n\n", false],
    ["the id is longer than 4096 bytes", `id: ${"x".repeat(4097)}\ndata: a\n\n`, false]
  ] as const) {
    it.effect(`${reconnects ? "reconnects" : "does not reconnect"} if ${name}`, () =>
      Effect.gen(function* () {
        const { end, times } = yield* over([cut(body), whole("data: z\n\n")])
        expect([end, times.length]).toEqual(reconnects ? ["complete", 2] : ["TransportError Truncated", 1])
      })
    )
  }

  it.effect("does not reconnect a POST with any option, nor with never, nor without retries", () =>
    Effect.gen(function* () {
      const once = { end: "TransportError Truncated", times: [0] }
      for (const reconnect of ["resume", "always"] as const) {
        for (const body of ["", "id: 1\ndata: a\n\n"])
          expect(yield* over([cut(body)], { method: "POST", json: {}, reconnect })).toMatchObject(once)
      }
      expect(yield* over([cut("id: 1\ndata: a\n\n")], { reconnect: "never" })).toMatchObject(once)
      expect(yield* over([cut("id: 1\ndata: a\n\n")], {}, false)).toMatchObject(once)
      expect(yield* over([cut("id: 1\ndata: a\n\n")], { retry: false })).toMatchObject(once)
    })
  )

  it.effect("reconnects after each break and each end with always, and ends with a 204", () =>
    Effect.gen(function* () {
      const script = [whole("data: a\n\n"), cut("data: b\n\n"), whole("id: 1\ndata: c\n\n"), MockClient.respond(204)]
      const seen = yield* over(script, { reconnect: "always" })
      expect(seen).toEqual({
        data: ["a", "b", "c"],
        end: "complete",
        times: [0, 1000, 2000, 3000],
        ids: [undefined, undefined, undefined, "1"]
      })
    })
  )

  it.effect("reconnects after an end without the last event", () =>
    Effect.gen(function* () {
      const seen = yield* over([whole("id: 1\ndata: a\n\n"), whole("id: 2\ndata: b\n\ndata: end\n\n")], {
        until: "end"
      })
      expect(seen).toMatchObject({ data: ["a", "b"], end: "complete", ids: [undefined, "1"] })
    })
  )

  it.effect("reconnects after a silence", () =>
    Effect.gen(function* () {
      const silent = Stream.concat(Stream.make(bytes("id: 1\ndata: a\n\n")), Stream.never)
      const seen = yield* over([MockClient.respondStream(200, silent, type), whole("")], { idle: "10 seconds" })
      expect(seen).toEqual({ data: ["a"], end: "complete", times: [0, 11_000], ids: [undefined, "1"] })
    })
  )

  it.effect("does not reconnect after invalid data, an event that is too large, or an event of failOn", () =>
    Effect.gen(function* () {
      const one = "id: 1\ndata: {}\n\n"
      const json = yield* over([whole(`${one}id: 2\ndata: x\n\n`)], { schema: Schema.Struct({}), reconnect: "always" })
      expect(json.end).toBe("InvalidResponse Json")
      const large = yield* over([whole(`${one}data: ${"x".repeat(99)}`)], { maxEventSize: 50, reconnect: "always" })
      expect(large.end).toBe("BodyTooLarge")
      const failOn = { error: Schema.Struct({}) }
      const failed = yield* over([whole(`${one}event: error\ndata: {}\n\n`)], { failOn, reconnect: "always" })
      expect(failed.end).toBe("EventError")
    })
  )

  it.effect("waits for the time of the server, at most a minute, with the schedule as jitter", () =>
    Effect.gen(function* () {
      const script = [
        cut("retry: 5000\nid: 1\ndata: a\n\n"),
        cut("retry: 9999999999999999\nid: 2\ndata: b\n\n"),
        whole("")
      ]
      expect((yield* over(script)).times).toEqual([0, 5500, 5500 + 61_000])
    })
  )

  it.effect("begins the schedule anew with each event, and ends with it", () =>
    Effect.gen(function* () {
      const event = cut("id: 1\ndata: a\n\n")
      const broken = cut("")
      const script = [event, broken, broken, event, broken, broken, broken, broken]
      const seen = yield* over(script)
      expect(seen).toMatchObject({ data: ["a", "a"], end: "TransportError Truncated" })
      expect(seen.times).toEqual([0, 1000, 2000, 3000, 4000, 5000, 6000])
    })
  )

  it.effect("counts a failure of the call as a break, after the first connection only", () =>
    Effect.gen(function* () {
      // Each call makes four attempts.
      const down = [refused, refused, refused, refused]
      const seen = yield* over([cut("id: 1\ndata: a\n\n"), ...down, ...down, whole("id: 2\ndata: b\n\n")])
      expect(seen).toMatchObject({ data: ["a", "b"], end: "complete" })
      expect(seen.times).toHaveLength(10)
      const first = yield* over(down)
      expect([first.end, first.times.length]).toEqual(["TransportError ConnectionRefused", 4])
      const gone = yield* over([cut("id: 1\ndata: a\n\n"), MockClient.respond(404)])
      expect(gone.end).toBe("ClientError")
    })
  )

  it.effect(
    "pays from the retry budget, so that a server that closes after each event gets a bounded number of requests",
    () =>
      Effect.gen(function* () {
        for (const reconnect of ["resume", "always"] as const) {
          let count = 0
          const script = () => {
            count += 1
            return cut(`id: ${count}\nretry: 0\ndata: a\n\n`)
          }
          const seen = yield* over(script, { reconnect }, { budget: RetryBudget.make() })
          expect(seen.end).toBe("TransportError Truncated")
          // 500 tokens, 14 for each reconnection, and one back for each response.
          expect(count).toBeGreaterThan(30)
          expect(count).toBeLessThan(45)
        }
      })
  )

  it.effect("gets the cost of a reconnection back from a connection of 30 seconds", () =>
    Effect.gen(function* () {
      let count = 0
      const script = () => {
        count += 1
        const event = Stream.make(bytes(`id: ${count}\ndata: a\n\n`))
        const quiet = Stream.fromEffect(Effect.as(Effect.sleep("30 seconds"), bytes(": ping\n")))
        return count === 100
          ? whole("")
          : MockClient.respondStream(200, Stream.concat(event, Stream.concat(quiet, Stream.fail("cut"))), type)
      }
      const seen = yield* over(script, {}, { schedule: Schedule.recurs(3), budget: RetryBudget.make() })
      expect([count, seen.end, seen.data.length]).toEqual([100, "complete", 99])
    })
  )

  it.effect("releases each connection before the next", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([cut("id: 1\ndata: a\n\n"), whole("id: 2\ndata: b\n\n")], {
        retry: everySecond(1)
      })
      yield* run(outcome(Stream.take(ServerEvents.stream(client, "/x", {}), 2)))
      const events = yield* mock.events
      expect(events.map(({ _tag, index }) => `${_tag} ${index}`)).toEqual([
        "Sent 0",
        "Released 0",
        "Sent 1",
        "Released 1"
      ])
    })
  )
})
