/** The events of whole calls: their numbers, their ends, and the listeners of clients and applications. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Hedge from "@countersign/client/Hedge"
import * as RateLimit from "@countersign/client/RateLimit"
import * as Timeline from "@countersign/client/Timeline"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as TestClock from "effect/TestClock"
import { api, base, get, run, transport, withJitter } from "./support/mockApi.js"

const { delay, fail, never, respond } = MockClient
const ok = respond(200, {})

type Ended = Extract<Timeline.Event, { readonly _tag: "CallEnded" }>

const endsOf = (events: ReadonlyArray<Timeline.Event>): ReadonlyArray<Ended> =>
  events.flatMap((event) => (event._tag === "CallEnded" ? [event] : []))

const idsOf = (events: ReadonlyArray<Timeline.Event>): ReadonlySet<number | undefined> =>
  new Set(events.map(({ callId }) => callId))

/** `→ 1/2`: a request with its number in the call and its attempt in the hop. */
const requestsOf = (events: ReadonlyArray<Timeline.Event>): ReadonlyArray<string> =>
  events.flatMap((event) => {
    if (event._tag === "RequestSent") return [`→ ${event.request}/${event.attempt}`]
    if (event._tag === "ResponseReceived")
      return [`← ${event.request}/${event.attempt} ${event.status} in ${event.ms} ms`]
    return event._tag === "RequestFailed"
      ? [`× ${event.request}/${event.attempt} ${event.reason} in ${event.ms} ms`]
      : []
  })

const replaying: Auth.Service = {
  ...Auth.none,
  sign: (request) => Effect.succeed({ request, credential: 1 }),
  onRejected: () => Effect.succeed(true)
}

describe("Timeline events of a call", () => {
  it.effect("have one callId and api, and count requests of the call and attempts of the hop", () =>
    Effect.gen(function* () {
      const client = yield* api(
        [
          delay("20 millis", respond(503)),
          delay("30.4 millis", respond(302, "", { location: "/v1/y" })),
          fail("ECONNRESET"),
          respond(401),
          ok
        ],
        { auth: replaying }
      )
      const { events } = yield* run(Timeline.record(client.api.get("/x?token=canary"))).pipe(withJitter(1))
      const [{ callId } = { callId: undefined }] = events
      expect(callId).toBeGreaterThan(0)
      expect(new Set(events.map((event) => `${event.callId} ${event.api}`))).toEqual(
        new Set([`${callId} https://api.test`])
      )
      expect(requestsOf(events)).toEqual([
        "→ 1/1",
        "← 1/1 503 in 20 ms",
        "→ 2/2",
        "← 2/2 302 in 30 ms",
        "→ 3/1",
        "× 3/1 ConnectionReset in 0 ms",
        "→ 4/2",
        "← 4/2 401 in 0 ms",
        "→ 5/2",
        "← 5/2 200 in 0 ms"
      ])
      expect(events[0]).toMatchObject({ _tag: "CallStarted", method: "GET", url: `${base}/x?token=<redacted>` })
      expect(endsOf(events)).toMatchObject([
        { outcome: "200", status: 200, ms: 150, requests: 5, waitedMs: 100, url: `${base}/x?token=<redacted>` }
      ])
    })
  )

  it.effect("have whole milliseconds", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(503), ok])
      const { events } = yield* run(Timeline.record(client.api.get("/x"))).pipe(withJitter(0.77777))
      const durations = events.flatMap((event) => ("ms" in event ? [event.ms] : []))
      expect(durations.filter((ms) => ms > 0)).not.toEqual([])
      expect(durations.every(Number.isInteger)).toBe(true)
    })
  )

  it.effect("have different callIds for calls at the same time, and number the requests of each call", () =>
    Effect.gen(function* () {
      const client = yield* api(() => delay("1 second", ok))
      const calls = Effect.all([client.api.get("/a"), client.api.get("/b")], { concurrency: "unbounded" })
      const { events } = yield* run(Timeline.record(calls))
      expect(idsOf(events).size).toBe(2)
      expect(requestsOf(events)).toEqual(["→ 1/1", "→ 1/1", "← 1/1 200 in 1000 ms", "← 1/1 200 in 1000 ms"])
      for (const id of idsOf(events)) {
        const paths = events.flatMap((event) => (event.callId === id && "url" in event ? [event.url] : []))
        expect(new Set(paths).size).toBe(1)
      }
    })
  )

  it.effect("give the response to a hedged request the number of that request", () =>
    Effect.gen(function* () {
      const client = yield* api([delay("1 minute", ok), delay("100 millis", respond(201))], {
        hedge: Hedge.make({ delay: "300 millis" })
      })
      const { events } = yield* run(Timeline.record(client.api.get("/x")))
      expect(requestsOf(events)).toEqual(["→ 1/1", "→ 2/1", "← 2/1 201 in 100 ms"])
    })
  )

  it.effect("end with the status, the tag of the error, `Interrupted` or `Defect`", () =>
    Effect.gen(function* () {
      const outcomeOf = (script: MockClient.Script, options: Partial<ApiClient.Options<unknown>> = {}) =>
        Effect.gen(function* () {
          const client = yield* api(script, options)
          const { events } = yield* run(Timeline.record(Effect.exit(client.api.get("/x"))))
          return endsOf(events).map(({ outcome, status }) => [outcome, status])
        })
      const failing = (error: unknown) => ({ auth: { ...Auth.none, sign: () => Effect.fail(error) } })
      expect(yield* outcomeOf([respond(204)])).toEqual([["204", 204]])
      expect(yield* outcomeOf([respond(404)])).toEqual([["ClientError", 404]])
      expect(yield* outcomeOf([never], { timeout: "1 second" })).toEqual([["Timeout", undefined]])
      expect(yield* outcomeOf([ok], failing({ _tag: "SchemeError" }))).toEqual([["SchemeError", undefined]])
      expect(yield* outcomeOf([ok], failing("canary"))).toEqual([["Error", undefined]])
      expect(yield* outcomeOf([ok], failing({ _tag: "canary\nx" }))).toEqual([["Error", undefined]])
      const dying = { auth: { ...Auth.none, sign: () => Effect.die("canary") } }
      expect(yield* outcomeOf([ok], dying)).toEqual([["Defect", undefined]])
    })
  )

  it.effect("end with `Interrupted` when the caller is interrupted", () =>
    Effect.gen(function* () {
      const client = yield* api([never])
      const events: Array<Timeline.Event> = []
      const call = Timeline.observe((event) => events.push(event))(client.api.get("/x"))
      const fiber = yield* Effect.fork(call)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.interrupt(fiber)
      expect(endsOf(events)).toMatchObject([{ outcome: "Interrupted", ms: 2000, requests: 1 }])
    })
  )

  it.effect("report the actual wait of a throttled request, also after the throttle has opened", () =>
    Effect.gen(function* () {
      const { client: inner } = yield* transport([respond(429, "", { "retry-after": "5" }), ok, ok, ok])
      const throttled = RateLimit.policy(RateLimit.throttle())(inner)
      yield* throttled.execute(get())
      yield* TestClock.adjust("5 seconds")
      const two = Effect.all([throttled.execute(get()), throttled.execute(get())], { concurrency: "unbounded" })
      const { events } = yield* run(Timeline.record(two))
      const waits = events.flatMap((event) =>
        event._tag === "Throttled" || event._tag === "Admitted" ? [[event._tag, event.at, event.ms] as const] : []
      )
      const [throttledAt, admittedAt] = waits
      expect(waits).toHaveLength(2)
      expect(throttledAt?.[2]).toBeGreaterThan(0)
      expect(admittedAt?.[2]).toBe((admittedAt?.[1] ?? 0) - (throttledAt?.[1] ?? 0))
    })
  )
})

describe("The client option observe", () => {
  it.effect("receives the events of this client only", () =>
    Effect.gen(function* () {
      const seen: Array<Timeline.Event> = []
      const observed = yield* api(() => ok, { observe: (event) => seen.push(event) })
      const other = yield* api(() => ok)
      yield* run(Effect.zipRight(observed.api.get("/a"), other.api.get("/b")))
      expect(seen.map(({ _tag }) => _tag)).toEqual(["CallStarted", "RequestSent", "ResponseReceived", "CallEnded"])
      expect(idsOf(seen).size).toBe(1)
    })
  )

  it.effect("breaks no call when it throws, and logs that once", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const logger = Logger.make(({ logLevel, message }) => lines.push([logLevel.label, message]))
      const client = yield* api(() => ok, {
        observe: () => {
          throw new Error("no disk")
        }
      })
      const calls = Effect.zipRight(client.api.get("/a"), client.api.get("/b"))
      const response = yield* run(calls).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      expect(response.status).toBe(200)
      expect(lines).toEqual([
        ["WARN", ["a Timeline listener threw an error: no disk. Later errors of this listener are not logged."]]
      ])
    })
  )

  it.effect("breaks no call when the logger throws too", () =>
    Effect.gen(function* () {
      const throwing = () => {
        throw new Error("no disk")
      }
      const client = yield* api(() => ok, { observe: throwing })
      const logger = Logger.make(throwing)
      const response = yield* run(client.api.get("/a")).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      expect(response.status).toBe(200)
    })
  )
})

describe("Timeline.layer", () => {
  class One extends ApiClient.Tag("test/One")<One>() {}
  class Two extends ApiClient.Tag("test/Two")<Two>() {}

  it.effect("receives the events of all clients, each with its API", () =>
    Effect.gen(function* () {
      const seen: Array<Timeline.Event> = []
      const live = Layer.mergeAll(
        One.layer({ baseUrl: "https://one.test/v1", auth: Auth.none }),
        Two.layer({ baseUrl: "https://two.test/v1", auth: Auth.none })
      ).pipe(Layer.provide(MockClient.layer(() => ok)))
      const calls = Effect.gen(function* () {
        const [one, two] = [yield* One, yield* Two]
        yield* Effect.zipRight(one.get("/a"), two.get("/b"))
      })
      yield* calls.pipe(
        Effect.provide(
          Layer.merge(
            live,
            Timeline.layer((event) => seen.push(event))
          )
        )
      )
      const sent = seen.flatMap((event) => (event._tag === "RequestSent" ? [[event.api, event.url]] : []))
      expect(sent).toEqual([
        ["https://one.test", "https://one.test/v1/a"],
        ["https://two.test", "https://two.test/v1/b"]
      ])
    })
  )

  it.effect("receives nothing after its scope has ended", () =>
    Effect.gen(function* () {
      let seen = 0
      const client = yield* api(() => ok)
      yield* client.api.get("/a").pipe(Effect.provide(Timeline.layer(() => seen++)))
      expect(seen).toBe(4)
      yield* client.api.get("/b")
      expect(seen).toBe(4)
      const merged = Layer.mergeAll(
        Timeline.layer(() => seen++),
        Logger.minimumLogLevel(LogLevel.Debug)
      )
      yield* client.api.get("/c").pipe(Effect.provide(merged))
      yield* client.api.get("/d")
      expect(seen).toBe(8)
    })
  )

  it.effect("gives the call of a client inside another client its own number and API", () =>
    Effect.gen(function* () {
      const inner = yield* api([respond(503), ok], { origins: ["https://outer.test"] })
      const outer = yield* ApiClient.make({ baseUrl: "https://outer.test", auth: Auth.none }).pipe(
        Effect.provideService(HttpClient.HttpClient, inner.api.httpClient)
      )
      const { events } = yield* run(Timeline.record(outer.get("/x")))
      expect(endsOf(events).map(({ api, outcome, requests }) => [api, outcome, requests])).toEqual([
        ["https://api.test", "503", 1],
        ["https://api.test", "200", 1],
        ["https://outer.test", "200", 2]
      ])
      expect(idsOf(events).size).toBe(3)
      const ofInner = events.filter((event) => event.api === "https://api.test")
      expect(requestsOf(ofInner)).toEqual(["→ 1/1", "← 1/1 503 in 0 ms", "→ 1/1", "← 1/1 200 in 0 ms"])
    })
  )
})

describe("Timeline.format", () => {
  it.effect("shows a call with its requests, waits and outcome, one event per line", () =>
    Effect.gen(function* () {
      const client = yield* api([delay("5 millis", respond(503)), respond(302, "", { location: "/v1/y" }), never], {
        timeout: "1 second"
      })
      const { events } = yield* run(Timeline.record(client.api.get("/x?q=canary"))).pipe(withJitter(1))
      expect(Timeline.format(events)).toBe(
        [
          "      0 ms  ┌ GET https://api.test/v1/x?q=<redacted>",
          "      0 ms  → GET /v1/x?q=<redacted>  ← 503",
          "      5 ms  ░ wait 50 ms (503)",
          "     55 ms  → GET /v1/x?q=<redacted>  ← 302",
          "     55 ms  ↪ /v1/y",
          "     55 ms  → GET /v1/y",
          "   1000 ms  └ Timeout in 1000 ms (3 requests, waited 50 ms)"
        ].join("\n")
      )
    })
  )

  it.effect("begins each line with the number of its call when calls alternate", () =>
    Effect.gen(function* () {
      const client = yield* api(() => delay("1 second", ok))
      const one = client.api.get("/a")
      const { events } = yield* run(Timeline.record(Effect.all([one, one], { concurrency: "unbounded" })))
      const [first, second] = [...idsOf(events)].map((id) => `#${id}`.padEnd(5))
      const lines = Timeline.format(events, { start: -5 }).split("\n")
      expect(lines[0]).toBe(`      5 ms  ${first}┌ GET https://api.test/v1/a`)
      for (const id of [first, second]) expect(lines).toContain(`   1005 ms  ${id}└ 200 in 1000 ms`)
      const after = yield* run(Timeline.record(Effect.zipRight(one, one)))
      expect(Timeline.format(after.events)).not.toContain("#")
    })
  )

  it("shows no line without events", () => {
    expect(Timeline.format([])).toBe("")
  })

  it.each<readonly [Timeline.EventFields, string]>([
    [
      { _tag: "RequestSent", method: "PUT", url: "https://other.test/x", request: 1, attempt: 1 },
      "→ PUT https://other.test/x"
    ],
    [{ _tag: "RequestFailed", reason: "ConnectionReset", ms: 1, request: 1, attempt: 1 }, "× ConnectionReset"],
    [{ _tag: "Throttled", ms: 250 }, "░░░ throttled for 250 ms"],
    [{ _tag: "Throttled", ms: 60_000 }, `${"░".repeat(40)} throttled for 60000 ms`],
    [{ _tag: "Admitted", ms: 7 }, "▸ admitted after 7 ms"],
    [{ _tag: "Queued", ahead: 2 }, "⋯ waits, 2 ahead"],
    [{ _tag: "CircuitOpened", origin: "o", ms: 9, reason: "503" }, "⊘ circuit open for 9 ms (503)"],
    [{ _tag: "CircuitHalfOpened", origin: "o" }, "? one request tries the open circuit"],
    [{ _tag: "CircuitClosed", origin: "o" }, "● circuit closed"],
    [{ _tag: "Redirected", url: "https://api.test/y", ms: 20 }, "↪ /y, in 20 ms"],
    [{ _tag: "TokenRequested" }, "⟳ token requested"],
    [{ _tag: "TokenObtained" }, "⟳ token acquired"],
    [{ _tag: "CredentialsRefreshed", renewed: true }, "⟳ other credentials: replay"],
    [{ _tag: "CredentialsRefreshed", renewed: false }, "∎ no other credentials"]
  ])("shows %o as one line", (fields, text) => {
    expect(Timeline.line({ ...fields, at: 0, callId: 1, api: "https://api.test" })).toBe(text)
  })
})
