import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Errors from "@countersign/client/Errors"
import * as Policy from "@countersign/client/Policy"
import * as Retry from "@countersign/client/Retry"
import * as Timeline from "@countersign/client/Timeline"
import * as Timeout from "@countersign/client/Timeout"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { withJitter, failure, get, runPromise, run, requestTimes, transport } from "./support/mockApi.js"
import { SchemeError } from "./support/schemeError.js"

const { delay, fail, never, respond } = MockClient
const ok = respond(200, "ok")
const bad = respond(503)
const origin = "https://api.test"

/** A circuit breaker around a script, without jitter: open for one second first, then two, then four. */
const client = (script: MockClient.Script, options: CircuitBreaker.Options = {}) =>
  Effect.gen(function* () {
    const { client: inner, mock } = yield* transport(script)
    const service = yield* CircuitBreaker.make({ schedule: withoutJitter, ...options })
    const guarded = CircuitBreaker.policy(service)(inner)
    return { mock, service, guarded, send: guarded.execute(get()), state: service.state(origin) }
  })

const withoutJitter: CircuitBreaker.Options["schedule"] = Schedule.exponential("1 second")

/** Runs an effect `times` times and returns all exits. */
const repeat = <A, E, R>(times: number, effect: Effect.Effect<A, E, R>) =>
  Effect.forEach(Array.from({ length: times }), () => Effect.exit(effect))

const response = (status: number) => HttpClientResponse.fromWeb(get(), new Response(null, { status }))

/** Circuit states after `outcome`: of a closed circuit that opens on the first failure, and of a half-open circuit. */
const statesAfter = <E>(
  outcome: Effect.Effect<HttpClientResponse.HttpClientResponse, E>,
  options?: CircuitBreaker.Options
) =>
  Effect.gen(function* () {
    const { execute, state } = yield* CircuitBreaker.make({
      tripPolicy: CircuitBreaker.consecutiveFailures(1),
      ...options
    })
    yield* Effect.exit(execute(get(), outcome))
    const whenClosed = (yield* state(origin))._tag
    yield* Effect.exit(execute(get(), Effect.succeed(response(500))))
    yield* TestClock.adjust("2 minutes")
    yield* Effect.exit(execute(get(), outcome))
    return [whenClosed, (yield* state(origin))._tag] as const
  })

const exchange = { method: "GET", url: "https://api.test/v1/x" }
const transportError = (reason: Errors.TransportReason) =>
  new Errors.TransportError({ ...exchange, reason, sent: "maybe" })
const proxyFailed = (status?: number) =>
  new Errors.TransportError({
    ...exchange,
    reason: "ProxyFailed",
    sent: "no",
    proxy: { origin: "http://proxy.test:3128", status }
  })
const timeout = (scope: "call" | "exchange") => new Errors.Timeout({ ...exchange, scope, after: Duration.seconds(1) })

describe("CircuitBreaker, closed", () => {
  it.effect("opens after five consecutive failures and rejects with the time to retry", () =>
    Effect.gen(function* () {
      const { mock, send, state } = yield* client(() => bad)
      yield* TestClock.setTime(500)
      const exits = yield* repeat(5, send)
      expect(exits.every(Exit.isSuccess)).toBe(true)
      const error = yield* failure(send)
      expect(error).toBeInstanceOf(Errors.CircuitOpen)
      expect(error).toMatchObject({ origin, retryAfter: Duration.seconds(1), retryAt: DateTime.unsafeMake(1500) })
      expect(error.message).toBe(
        "The request to https://api.test was not sent: too many requests to it have failed. " +
          "Try again in 1s, at 1970-01-01T00:00:01.500Z."
      )
      expect(yield* state).toEqual({ _tag: "Open", retryAt: DateTime.unsafeMake(1500) })
      expect(yield* requestTimes(mock)).toHaveLength(5)
    })
  )

  it.effect("resets the failure count on a successful response and ignores interruption", () =>
    Effect.gen(function* () {
      const script = [bad, bad, bad, bad, respond(404), bad, bad, bad, bad, respond(429), bad, bad, bad, bad]
      const { send, service } = yield* client((_, index) => script[index] ?? ok)
      yield* repeat(script.length, send)
      expect(yield* service.state(origin)).toEqual({ _tag: "Closed" })
      yield* Effect.exit(service.execute(get(), Effect.interrupt))
      yield* Effect.exit(service.execute(get(), Effect.succeed(response(500))))
      expect((yield* service.state(origin))._tag).toBe("Open")
    })
  )

  it.effect("counts transport errors, exchange timeouts, 500, 502, 503 and 504 as failures", () =>
    Effect.gen(function* () {
      for (const status of [500, 502, 503, 504]) {
        expect(yield* statesAfter(Effect.succeed(response(status))), String(status)).toEqual(["Open", "Open"])
      }
      for (const reason of ["ConnectionRefused", "ConnectionReset", "Truncated", "Tls", "Unknown"] as const) {
        expect(yield* statesAfter(Effect.fail(transportError(reason))), reason).toEqual(["Open", "Open"])
      }
      for (const status of [502, 503, 504]) {
        expect(yield* statesAfter(Effect.fail(proxyFailed(status))), `proxy ${status}`).toEqual(["Open", "Open"])
      }
      expect(yield* statesAfter(Effect.fail(timeout("exchange")))).toEqual(["Open", "Open"])
      const unavailable = new Errors.Unavailable({ ...exchange, status: 503 })
      expect(yield* statesAfter(Effect.fail(unavailable))).toEqual(["Open", "Open"])
    })
  )

  it.effect("counts every other status as success, including 429 and Unauthorized", () =>
    Effect.gen(function* () {
      for (const status of [200, 204, 304, 400, 401, 403, 404, 408, 425, 429, 501, 505]) {
        expect(yield* statesAfter(Effect.succeed(response(status))), String(status)).toEqual(["Closed", "Closed"])
      }
      const unauthorized = new Errors.Unauthorized({ ...exchange, status: 401, challenges: [], reason: "Rejected" })
      const limited = new Errors.RateLimited({ ...exchange, status: 429 })
      const large = new Errors.BodyTooLarge({ ...exchange, limit: 1 })
      for (const error of [unauthorized, limited, large]) {
        expect(yield* statesAfter(Effect.fail(error)), error._tag).toEqual(["Closed", "Closed"])
      }
    })
  )

  it.effect("ignores interruption, defects and requests that were never sent", () =>
    Effect.gen(function* () {
      const throttled = new Errors.RateLimited({ ...exchange, status: 503, source: "throttle" })
      const noToken = new SchemeError({ message: "" })
      const overloaded = new Errors.Overloaded({ origin, limit: 1, queued: 1 })
      const proxies = [proxyFailed(407), proxyFailed(403), proxyFailed(501), proxyFailed()]
      const unsent = [throttled, noToken, overloaded, transportError("AddressBlocked"), timeout("call")]
      const errors = [...unsent, ...proxies, "of another policy"]
      for (const exit of [Effect.interrupt, Effect.die("defect"), ...errors.map((error) => Effect.fail(error))]) {
        expect(yield* statesAfter(exit)).toEqual(["Closed", "HalfOpen"])
      }
    })
  )

  it.effect("checks each attempt of a retry, which does not retry CircuitOpen", () =>
    Effect.gen(function* () {
      const { guarded, mock } = yield* client(() => bad, { tripPolicy: CircuitBreaker.consecutiveFailures(2) })
      const retrying = Retry.policy({ schedule: Schedule.spaced("100 millis") })(guarded)
      const error = yield* failure(retrying.execute(get()))
      expect(error._tag).toBe("CircuitOpen")
      expect(yield* requestTimes(mock)).toEqual([0, 100])
    })
  )

  it.effect("counts an exchange timeout but not a call timeout", () =>
    Effect.gen(function* () {
      const { client: inner } = yield* transport(() => never)
      const service = yield* CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutiveFailures(1) })
      const calling = inner.pipe(CircuitBreaker.policy(service), Timeout.call("5 seconds"))
      yield* failure(calling.execute(get()))
      expect(yield* service.state(origin)).toEqual({ _tag: "Closed" })
      const bounded = inner.pipe(Timeout.exchange("1 second"), CircuitBreaker.policy(service))
      expect((yield* failure(bounded.execute(get())))._tag).toBe("Timeout")
      expect((yield* service.state(origin))._tag).toBe("Open")
    })
  )
})

describe("CircuitBreaker, open", () => {
  it.effect("admits one probe after the delay and rejects other requests at once", () =>
    Effect.gen(function* () {
      const { mock, send, state } = yield* client((_, index) => (index < 5 ? bad : delay("5 seconds", ok)))
      yield* repeat(5, send)
      yield* TestClock.adjust("999 millis")
      expect((yield* failure(send))._tag).toBe("CircuitOpen")
      yield* TestClock.adjust("1 millis")
      expect(yield* state).toEqual({ _tag: "HalfOpen", isProbing: false })
      const all = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.fork(Effect.either(send)))
      yield* TestClock.adjust("1 second")
      expect(yield* state).toEqual({ _tag: "HalfOpen", isProbing: true })
      const late = yield* failure(send)
      expect(late).toMatchObject({ _tag: "CircuitOpen", retryAfter: Duration.seconds(1) })
      expect((yield* requestTimes(mock)).slice(5)).toEqual([1000])
      yield* TestClock.adjust("4 seconds")
      const outcomes = yield* Effect.forEach(all, (fiber) => Fiber.join(fiber))
      expect(outcomes.filter(({ _tag }) => _tag === "Right")).toHaveLength(1)
      expect(yield* state).toEqual({ _tag: "Closed" })
      expect((yield* run(send)).status).toBe(200)
    })
  )

  it.effect("doubles the delay after each failed probe and resets it after a successful one", () =>
    Effect.gen(function* () {
      const { mock, send } = yield* client((_, index) => (index === 7 ? ok : bad))
      yield* repeat(5, send)
      for (let n = 0; n < 24; n++) {
        yield* TestClock.adjust("500 millis")
        yield* Effect.exit(send)
      }
      // Five failures, then probes after 1, 2 and 4 seconds. The last one succeeds. Five failures open the circuit for 1
      // second.
      expect((yield* requestTimes(mock)).slice(5)).toEqual([1000, 3000, 7000, 7500, 8000, 8500, 9000, 9500, 10_500])
    }).pipe(withJitter(0))
  )

  it.effect("recovers by default after 1, 2, 4 … at most 60 seconds, plus up to 20 % jitter", () =>
    Effect.gen(function* () {
      const openings = Array.from({ length: 1200 }, () => undefined)
      const delays = Schedule.run(Schedule.delays(CircuitBreaker.halfOpenAfter()), 0, openings)
      const waits = Array.from(yield* delays, Duration.toMillis)
      expect(waits.slice(0, 8)).toEqual([1100, 2200, 4400, 8800, 17600, 35200, 66000, 66000])
      expect(waits.slice(8).every((ms) => ms === 66_000)).toBe(true)
      const { send } = yield* client(() => bad, { schedule: undefined })
      yield* repeat(5, send)
      expect(yield* failure(send)).toMatchObject({ retryAfter: Duration.millis(1100) })
    }).pipe(withJitter(0.5))
  )

  it.effect("admits another probe after an interrupted one", () =>
    Effect.gen(function* () {
      const { mock, send, state } = yield* client((_, index) => (index < 5 ? bad : index === 5 ? never : ok))
      yield* repeat(5, send)
      yield* TestClock.adjust("1 second")
      const probe = yield* Effect.fork(send)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.interrupt(probe)
      expect(yield* state).toEqual({ _tag: "HalfOpen", isProbing: false })
      yield* run(send)
      expect(yield* state).toEqual({ _tag: "Closed" })
      expect((yield* requestTimes(mock)).slice(5)).toEqual([1000, 11_000])
    })
  )

  it.effect("admits one probe at a time and always another one, whenever probes are interrupted", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.array(FastCheck.tuple(FastCheck.nat(10), FastCheck.nat(10)), { minLength: 1, maxLength: 12 }),
          (requests) => runPromise(run(probeWithInterrupts(requests)))
        ),
        { numRuns: 30 }
      )
    )
  )

  it.effect("ignores results of requests sent before it opened", () =>
    Effect.gen(function* () {
      const early = [delay("5 seconds", ok), delay("10 seconds", bad), delay("20 seconds", bad), bad]
      const { send, state } = yield* client((_, index) => early[index] ?? ok, {
        schedule: Schedule.spaced("15 seconds"),
        tripPolicy: CircuitBreaker.consecutiveFailures(1)
      })
      const all = yield* Effect.fork(Effect.all([send, send, send, send], { concurrency: "unbounded" }))
      const open = { _tag: "Open", retryAt: DateTime.unsafeMake(15_000) }
      for (const at of [0, 5000, 10_000]) {
        yield* TestClock.setTime(at)
        expect(yield* state).toEqual(open)
      }
      yield* TestClock.setTime(15_000)
      yield* run(send)
      yield* TestClock.setTime(20_000)
      yield* Fiber.join(all)
      expect(yield* state).toEqual({ _tag: "Closed" })
    })
  )

  it.effect("admits nested requests of the probe to the same origin", () =>
    Effect.gen(function* () {
      const { client: inner, mock } = yield* transport((_, index) => (index === 0 ? bad : ok))
      const service = yield* CircuitBreaker.make({
        schedule: withoutJitter,
        tripPolicy: CircuitBreaker.consecutiveFailures(1)
      })
      const tokens = inner.pipe(CircuitBreaker.policy(service), Timeout.call("1 second"))
      const signing = Policy.make((request, next) =>
        Effect.zipRight(
          Effect.orDie(Effect.flatMap(Effect.fork(tokens.execute(get("/token"))), (fiber) => Fiber.join(fiber))),
          next(request)
        )
      )
      const plain = CircuitBreaker.policy(service)(inner)
      const calling = inner.pipe(signing, CircuitBreaker.policy(service), Timeout.call("1 second"))
      yield* run(plain.execute(get()))
      yield* TestClock.adjust("1 second")
      yield* run(calling.execute(get()))
      expect(yield* service.state(origin)).toEqual({ _tag: "Closed" })
      expect((yield* mock.sent).map(({ url }) => url.slice(19))).toEqual(["/x", "/token", "/x"])
    })
  )

  it.effect("stops being open after the clock is set back", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10 * 3600 * 1000)
      const { send, state } = yield* client((_, index) => (index < 5 ? bad : ok))
      yield* repeat(5, send)
      yield* TestClock.setTime(9 * 3600 * 1000)
      yield* run(send)
      expect(yield* state).toEqual({ _tag: "Closed" })
    })
  )
})

/**
 * Sends requests `gap` milliseconds apart to a server that never responds, each interrupted after `timeout` milliseconds.
 */
const probeWithInterrupts = (requests: ReadonlyArray<readonly [gap: number, timeout: number]>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const service = yield* CircuitBreaker.make({
      tripPolicy: CircuitBreaker.consecutiveFailures(1),
      schedule: Schedule.spaced("5 millis")
    })
    let sending = 0
    let maxConcurrent = 0
    yield* Effect.exit(service.execute(get(), Effect.succeed(response(500))))
    const hanging = Effect.acquireUseRelease(
      Effect.sync(() => (maxConcurrent = Math.max(maxConcurrent, ++sending))),
      () => Effect.never,
      () => Effect.sync(() => sending--)
    )
    const one = ([gap, timeout]: readonly [number, number]) =>
      Effect.forkDaemon(Effect.either(Effect.timeoutOption(service.execute(get(), hanging), timeout))).pipe(
        Effect.zipLeft(Effect.sleep(gap))
      )
    yield* Effect.forEach(requests, one)
    yield* Effect.sleep(50)
    expect(maxConcurrent).toBeLessThanOrEqual(1)
    expect(sending).toBe(0)
    const last = yield* Effect.exit(service.execute(get(), Effect.succeed(response(200))))
    expect(Exit.isSuccess(last)).toBe(true)
    expect(yield* service.state(origin)).toEqual({ _tag: "Closed" })
  })

describe("CircuitBreaker schedule option", () => {
  it.effect("receives each OpenEvent and repeats its last delay after it ends", () =>
    Effect.gen(function* () {
      const received: Array<CircuitBreaker.OpenEvent> = []
      const schedule = Schedule.identity<CircuitBreaker.OpenEvent>().pipe(
        Schedule.tapInput((opening: CircuitBreaker.OpenEvent) => Effect.sync(() => received.push(opening))),
        Schedule.addDelay(() => "3 seconds"),
        Schedule.intersect(Schedule.recurs(1))
      )
      const steps = [bad, fail("ECONNRESET"), respond(500)]
      const { mock, send } = yield* client((_, index) => steps[index] ?? ok, {
        schedule,
        tripPolicy: CircuitBreaker.consecutiveFailures(1)
      })
      for (let n = 0; n < 12; n++) {
        yield* Effect.exit(send)
        yield* TestClock.adjust("1 second")
      }
      expect(received).toEqual([
        { origin, reason: "503" },
        { origin, reason: "TransportError" },
        { origin, reason: "500" }
      ])
      expect((yield* requestTimes(mock)).slice(0, 4)).toEqual([0, 3000, 6000, 9000])
    })
  )
})

describe("CircuitBreaker", () => {
  it.effect("keeps one circuit per origin and ignores URLs without an origin", () =>
    Effect.gen(function* () {
      const { guarded, service } = yield* client(() => bad, { tripPolicy: CircuitBreaker.consecutiveFailures(2) })
      const send = (url: string) => Effect.exit(guarded.execute(HttpClientRequest.get(url)))
      yield* send("https://API.test:443/a")
      yield* send("https://user@api.test?b")
      expect((yield* service.state("https://api.test/c"))._tag).toBe("Open")
      for (const other of ["http://api.test/", "https://api.test:8443/", "https://api.test@evil.test/"]) {
        yield* send(other)
        expect(yield* service.state(other), other).toEqual({ _tag: "Closed" })
      }
      for (const none of ["/relative", "unix:/socket"]) {
        for (let n = 0; n < 3; n++)
          yield* Effect.exit(service.execute(HttpClientRequest.get(none), Effect.fail(transportError("Unknown"))))
        expect(yield* service.state(none)).toEqual({ _tag: "Closed" })
      }
    })
  )

  it.effect("evicts closed circuits first beyond maxOrigins", () =>
    Effect.gen(function* () {
      const { guarded, service } = yield* client((request) => (request.url.includes("//bad") ? bad : ok), {
        tripPolicy: CircuitBreaker.consecutiveFailures(1),
        maxOrigins: 32
      })
      const send = (host: string) => Effect.exit(guarded.execute(HttpClientRequest.get(`https://${host}/`)))
      const bads = Array.from({ length: 20 }, (_, n) => `bad${n}.test`)
      yield* Effect.forEach(bads, send)
      yield* Effect.forEach(
        Array.from({ length: 200 }, (_, n) => `good${n}.test`),
        send
      )
      for (const host of bads) expect((yield* service.state(`https://${host}`))._tag).toBe("Open")
    })
  )

  it.effect("records in the timeline when a circuit opens, is probed and closes", () =>
    Effect.gen(function* () {
      const { send } = yield* client((_, index) => (index < 2 ? bad : ok), {
        tripPolicy: CircuitBreaker.consecutiveFailures(1)
      })
      const { events } = yield* Timeline.record(
        Effect.forEach([0, 1, 2, 3], () => Effect.zipRight(Effect.exit(send), TestClock.adjust("1 second")))
      )
      expect(events.filter(({ _tag }) => _tag.startsWith("Circuit"))).toEqual([
        { _tag: "CircuitOpened", at: 0, origin, ms: 1000, reason: "503" },
        { _tag: "CircuitHalfOpened", at: 1000, origin },
        { _tag: "CircuitOpened", at: 1000, origin, ms: 2000, reason: "503" },
        { _tag: "CircuitHalfOpened", at: 3000, origin },
        { _tag: "CircuitClosed", at: 3000, origin }
      ])
    })
  )

  it.effect("shares its state between clients of one layer", () =>
    Effect.gen(function* () {
      const { client: inner, mock } = yield* transport(() => bad)
      const send = Effect.flatMap(CircuitBreaker.CircuitBreaker, (service) =>
        CircuitBreaker.policy(service)(inner).execute(get())
      )
      yield* Effect.provide(repeat(7, send), CircuitBreaker.layer())
      expect(yield* requestTimes(mock)).toHaveLength(5)
    })
  )
})

describe("CircuitBreaker isFailure option", () => {
  const isFailure = (exit: Exit.Exit<HttpClientResponse.HttpClientResponse, unknown>): boolean =>
    Exit.isSuccess(exit) && exit.value.status === 404

  it.effect("replaces the default definition of a failure", () =>
    Effect.gen(function* () {
      expect(yield* statesAfter(Effect.succeed(response(404)), { isFailure })).toEqual(["Open", "Open"])
      expect(yield* statesAfter(Effect.succeed(response(503)), { isFailure })).toEqual(["Closed", "Closed"])
      const both = (exit: Exit.Exit<HttpClientResponse.HttpClientResponse, unknown>) =>
        CircuitBreaker.isFailure(exit) || isFailure(exit)
      expect(yield* statesAfter(Effect.succeed(response(404)), { isFailure: both })).toEqual(["Open", "Open"])
      expect(yield* statesAfter(Effect.fail(transportError("Tls")), { isFailure: both })).toEqual(["Open", "Open"])
      expect(yield* statesAfter(Effect.fail(transportError("Tls")), { isFailure: () => false })).toEqual([
        "Closed",
        "Closed"
      ])
    })
  )

  it.effect("reports a throwing predicate as a defect and admits another probe", () =>
    Effect.gen(function* () {
      let throws = false
      const { execute, state } = yield* CircuitBreaker.make({
        tripPolicy: CircuitBreaker.consecutiveFailures(1),
        isFailure: (exit) => {
          if (throws) throw new Error("mine")
          return CircuitBreaker.isFailure(exit)
        }
      })
      yield* Effect.exit(execute(get(), Effect.succeed(response(500))))
      yield* TestClock.adjust("2 seconds")
      throws = true
      yield* Effect.exit(execute(get(), Effect.succeed(response(200))))
      throws = false
      expect((yield* state(origin))._tag).toBe("HalfOpen")
      yield* execute(get(), Effect.succeed(response(200)))
      expect(yield* state(origin)).toEqual({ _tag: "Closed" })
    })
  )
})

describe("CircuitBreaker.TripPolicy", () => {
  it("failureRate opens at failureRateThreshold once minimumCalls are recorded", () => {
    const counter = CircuitBreaker.failureRate({
      failureRateThreshold: 0.5,
      minimumCalls: 4,
      window: 1000,
      buckets: 10
    }).makeCounter()
    expect([true, true, true].map((failed) => counter.record(failed, () => 0))).toEqual([false, false, false])
    expect(counter.record(true, () => 0)).toBe(true)
    const balanced = CircuitBreaker.failureRate({
      failureRateThreshold: 0.5,
      minimumCalls: 4,
      window: 1000,
      buckets: 10
    }).makeCounter()
    const outcomes = [false, false, false, true, true, false, true, true]
    expect(outcomes.map((failed) => balanced.record(failed, () => 0))).toEqual([...Array<boolean>(7).fill(false), true])
  })

  it("keeps the length of the window with more buckets than it has milliseconds", () => {
    for (const buckets of [6, 1000, Infinity]) {
      const options = { failureRateThreshold: 1, minimumCalls: 2, window: 5, buckets }
      const counter = CircuitBreaker.failureRate(options).makeCounter()
      expect(counter.record(true, () => 100)).toBe(false)
      expect(counter.record(true, () => 105)).toBe(false)
      expect(counter.record(true, () => 106)).toBe(true)
    }
  })

  it("failureRate drops calls older than window", () => {
    const counter = CircuitBreaker.failureRate({
      failureRateThreshold: 1,
      minimumCalls: 3,
      window: 1000,
      buckets: 10
    }).makeCounter()
    expect([0, 950].map((now) => counter.record(true, () => now))).toEqual([false, false])
    expect(counter.record(true, () => 1000)).toBe(false)
    expect(counter.record(true, () => 1899)).toBe(true)
  })

  it("failureRate matches a model that stores every call", () => {
    const exchanges = FastCheck.array(FastCheck.tuple(FastCheck.nat(400), FastCheck.boolean()), { maxLength: 200 })
    const property = FastCheck.property(exchanges, FastCheck.integer({ min: 1, max: 12 }), (gaps, buckets) => {
      const window = buckets * 50
      const counter = CircuitBreaker.failureRate({
        failureRateThreshold: 0.4,
        minimumCalls: 5,
        window,
        buckets
      }).makeCounter()
      const seen: Array<readonly [bucket: number, failed: boolean]> = []
      let now = 1_700_000_000_000
      for (const [gap, failed] of gaps) {
        now += gap
        const bucket = Math.floor(now / 50)
        seen.push([bucket, failed])
        const counted = seen.filter(([at]) => at > bucket - buckets)
        const failures = counted.filter(([, bad]) => bad).length
        const expected = failed && counted.length >= 5 && failures / counted.length >= 0.4
        expect(counter.record(failed, () => now)).toBe(expected)
      }
    })
    FastCheck.assert(property)
  })

  it("failureRate keeps counting after the clock is set back", () => {
    const counter = CircuitBreaker.failureRate({
      failureRateThreshold: 1,
      minimumCalls: 2,
      window: 1000,
      buckets: 10
    }).makeCounter()
    expect(counter.record(true, () => 10_000_000)).toBe(false)
    expect(counter.record(true, () => 5_000_000)).toBe(false)
    expect(counter.record(true, () => 4_999_950)).toBe(true)
  })

  it("anyOf opens with the first policy that does, and records every result in all of them", () => {
    const { anyOf, consecutiveFailures, failureRate } = CircuitBreaker
    const counter = anyOf(
      consecutiveFailures(2),
      failureRate({ failureRateThreshold: 0.5, minimumCalls: 4 })
    ).makeCounter()
    expect([true, false, true, true].map((failed) => counter.record(failed, () => 0))).toEqual([
      false,
      false,
      false,
      true
    ])
    const belowConsecutive = anyOf(
      consecutiveFailures(5),
      failureRate({ failureRateThreshold: 0.5, minimumCalls: 4 })
    ).makeCounter()
    expect([true, false, false, true].map((failed) => belowConsecutive.record(failed, () => 0))).toEqual([
      false,
      false,
      false,
      true
    ])
  })
})
