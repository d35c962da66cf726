import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Concurrency from "@countersign/client/Concurrency"
import * as Errors from "@countersign/client/Errors"
import * as Policy from "@countersign/client/Policy"
import * as Retry from "@countersign/client/Retry"
import * as Timeline from "@countersign/client/Timeline"
import * as Timeout from "@countersign/client/Timeout"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as TestClock from "effect/TestClock"
import { failure, get, runPromise, run, requestTimes, transport } from "./support/mockApi.js"
import { adjust } from "./support/testClock.js"

const { delay, fail, never, respond } = MockClient
const ok = respond(200, "ok")
const origin = "https://api.test"

/** A concurrency limit around a script. */
const client = (script: MockClient.Script, options: Concurrency.Options) =>
  Effect.gen(function* () {
    const { client: inner, mock } = yield* transport(script)
    const service = yield* Concurrency.make(options)
    const limited = Concurrency.policy(service)(inner)
    return { mock, inner, service, limited, send: limited.execute(get()), load: service.stats(origin) }
  })

const allAtOnce = <A, E, R>(effects: Iterable<Effect.Effect<A, E, R>>) =>
  Effect.forEach(effects, (effect) => Effect.exit(effect), { concurrency: "unbounded" })

const repeatAtOnce = <A, E, R>(times: number, effect: Effect.Effect<A, E, R>) =>
  allAtOnce(Array.from({ length: times }, () => effect))

const idle = (limit: number): Concurrency.ConcurrencyStats => ({ limit, inFlight: 0, queued: 0 })

/** Error tag of a failed exit. */
const errorOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>): string | undefined =>
  Exit.match(exit, {
    onSuccess: () => undefined,
    onFailure: (cause) => (cause._tag === "Fail" ? cause.error._tag : cause._tag)
  })

describe("Concurrency", () => {
  it.effect("queues requests beyond the limit and sends them in order of arrival", () =>
    Effect.gen(function* () {
      const { limited, load, mock } = yield* client(() => delay("1 second", ok), { limit: 3, maxQueued: 100 })
      const paths = Array.from({ length: 10 }, (_, n) => `/${n}`)
      const all = yield* Effect.fork(allAtOnce(paths.map((path) => limited.execute(get(path)))))
      yield* TestClock.adjust("500 millis")
      expect(yield* load).toEqual({ limit: 3, inFlight: 3, queued: 7 })
      const exits = yield* run(Fiber.join(all))
      expect(exits.every(Exit.isSuccess)).toBe(true)
      expect(yield* requestTimes(mock)).toEqual([0, 0, 0, 1000, 1000, 1000, 2000, 2000, 2000, 3000])
      expect((yield* mock.sent).map(({ url }) => url.slice(19))).toEqual(paths)
      expect(yield* load).toEqual(idle(3))
    })
  )

  it.effect("returns permits after success, failure, interruption and defects", () =>
    Effect.gen(function* () {
      const service = yield* Concurrency.make({ limit: 1, maxQueued: 0 })
      const error = new Errors.InvalidRequest({ reason: "Header", detail: "" })
      for (const exchange of [Effect.fail(error), Effect.interrupt, Effect.die("defect")]) {
        yield* Effect.exit(service.withPermit(get(), exchange))
        expect(yield* service.stats(origin)).toEqual(idle(1))
      }
      const hanging = yield* Effect.fork(service.withPermit(get(), Effect.never))
      yield* TestClock.adjust(0)
      expect((yield* service.stats(origin)).inFlight).toBe(1)
      yield* Fiber.interrupt(hanging)
      expect(yield* service.stats(origin)).toEqual(idle(1))
    })
  )

  it.effect("returns the permit when a request is interrupted at the moment of admission", () =>
    Effect.gen(function* () {
      const service = yield* Concurrency.make({ limit: 1 })
      const second = yield* Deferred.make<Fiber.Fiber<unknown, unknown>>()
      const first = service.withPermit(get(), Effect.as(Effect.sleep("1 second"), answer(200)))
      // In one step: the permit passes to the second request, and that request is interrupted.
      const interrupting = Effect.zipRight(
        first,
        Effect.flatMap(Deferred.await(second), (fiber) => Fiber.interruptAsFork(fiber, FiberId.none))
      )
      yield* Effect.fork(interrupting)
      yield* TestClock.adjust(0)
      const sent: Array<string> = []
      const waiting = yield* Effect.fork(
        service.withPermit(
          get(),
          Effect.sync(() => (sent.push("sent"), answer(200)))
        )
      )
      yield* Deferred.succeed(second, waiting)
      yield* TestClock.adjust("1 second")
      expect(Exit.isInterrupted(yield* Fiber.await(waiting))).toBe(true)
      expect(sent).toEqual([])
      expect(yield* service.stats(origin)).toEqual(idle(1))
    })
  )

  it.effect("never exceeds the limit and returns all permits, whenever requests are interrupted", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.integer({ min: 1, max: 3 }),
          FastCheck.array(request, { maxLength: 10 }),
          (limit, list) => runPromise(run(runSchedule(limit, list)))
        ),
        { numRuns: 40 }
      )
    )
  )

  it.effect("counts each origin separately and ignores URLs without an origin", () =>
    Effect.gen(function* () {
      const { limited, service } = yield* client(() => never, { limit: 1, maxQueued: 0 })
      const send = (url: string) => Effect.fork(Effect.exit(limited.execute(HttpClientRequest.get(url))))
      yield* Effect.forEach(["https://a.test/", "https://a.test:8443/", "http://a.test/", "https://b.test/"], send)
      yield* TestClock.adjust(0)
      for (const url of ["https://A.test:443/x", "https://a.test:8443", "http://a.test", "https://b.test"]) {
        expect((yield* service.stats(url)).inFlight, url).toBe(1)
      }
      const hanging = service.withPermit(HttpClientRequest.get("/relative"), Effect.never)
      const passing = yield* Effect.forEach([1, 2], () => Effect.fork(hanging))
      yield* TestClock.adjust(0)
      for (const fiber of passing) expect((yield* Fiber.interrupt(fiber))._tag).toBe("Failure")
    })
  )

  it.effect("shares its permits between clients of one layer", () =>
    Effect.gen(function* () {
      const { client: inner, mock } = yield* transport(() => delay("1 second", ok))
      const send = Effect.flatMap(Concurrency.Concurrency, (service) =>
        Concurrency.policy(service)(inner).execute(get())
      )
      yield* run(Effect.provide(repeatAtOnce(3, send), Concurrency.layer({ limit: 1 })))
      expect(yield* requestTimes(mock)).toEqual([0, 1000, 2000])
    })
  )
})

/** Arrival, duration and result of a request, and the time after which it is interrupted. */
interface ScheduledRequest {
  readonly at: number
  readonly duration: number
  readonly fails: boolean
  readonly interruptAfter: number | null
}

const request: FastCheck.Arbitrary<ScheduledRequest> = FastCheck.record({
  at: FastCheck.nat(10),
  duration: FastCheck.nat(5),
  fails: FastCheck.boolean(),
  interruptAfter: FastCheck.option(FastCheck.nat(12))
})

/** Runs all requests and checks the limit and the returned permits. */
const runSchedule = (limit: number, list: ReadonlyArray<ScheduledRequest>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const service = yield* Concurrency.make({ limit, maxQueued: 5 })
    let inFlight = 0
    const exchange = ({ fails, duration }: ScheduledRequest) =>
      Effect.acquireUseRelease(
        Effect.sync(() => expect(++inFlight).toBeLessThanOrEqual(limit)),
        () =>
          Effect.zipRight(
            Effect.sleep(duration),
            fails ? Effect.fail({ _tag: "failed" }) : Effect.succeed(answer(200))
          ),
        () => Effect.sync(() => inFlight--)
      )
    const one = (scheduled: ScheduledRequest) =>
      Effect.gen(function* () {
        yield* Effect.sleep(scheduled.at)
        const fiber = yield* Effect.fork(service.withPermit(get(), exchange(scheduled)))
        if (scheduled.interruptAfter !== null) {
          yield* Effect.sleep(scheduled.interruptAfter)
          yield* Fiber.interruptFork(fiber)
        }
        yield* Fiber.await(fiber)
      })
    yield* Effect.forEach(list, one, { concurrency: "unbounded" })
    expect(yield* service.stats(origin)).toEqual(idle(limit))
    const all = yield* repeatAtOnce(
      limit,
      service.withPermit(get(), exchange({ at: 0, duration: 1, fails: false, interruptAfter: null }))
    )
    expect(all.every(Exit.isSuccess)).toBe(true)
  })

const answer = (status: number) => HttpClientResponse.fromWeb(get(), new Response(null, { status }))

describe("Concurrency maxQueued option", () => {
  it.effect("queues twice the limit by default and fails further requests with Overloaded, unsent", () =>
    Effect.gen(function* () {
      const { load, mock, send } = yield* client(() => delay("1 second", ok), { limit: 2 })
      const all = yield* Effect.fork(repeatAtOnce(6, send))
      yield* TestClock.adjust(0)
      const error = yield* failure(send)
      expect(error).toMatchObject({ _tag: "Overloaded", origin, limit: 2, queued: 4 })
      expect(error.message).toBe(
        "The request to https://api.test was not sent: the limit of 2 concurrent requests is reached, and 4 are queued. " +
          "Send fewer at a time, or raise `limit` or `maxQueued`."
      )
      const exits = yield* run(Fiber.join(all))
      expect(exits.every(Exit.isSuccess)).toBe(true)
      expect(yield* mock.sent).toHaveLength(6)
      expect(yield* load).toEqual(idle(2))
    })
  )

  it.effect("rejects at once when it is 0", () =>
    Effect.gen(function* () {
      const { send } = yield* client(() => delay("1 second", ok), { limit: 1, maxQueued: 0 })
      const exits = yield* run(repeatAtOnce(3, send))
      expect(exits.map(errorOf)).toEqual([undefined, "Overloaded", "Overloaded"])
    })
  )

  it.effect("stops waiting before the call deadline, or after a minute without one", () =>
    Effect.gen(function* () {
      const { limited, load, mock, send } = yield* client((_, n) => (n === 0 ? never : ok), { limit: 1 })
      const holder = yield* Effect.fork(send)
      yield* TestClock.adjust(0)
      const calling = Timeout.call("10 seconds")(limited)
      expect((yield* failure(calling.execute(get())))._tag).toBe("Overloaded")
      expect(yield* TestClock.currentTimeMillis).toBe(9500)
      expect((yield* failure(send))._tag).toBe("Overloaded")
      expect(yield* TestClock.currentTimeMillis).toBe(69_500)
      expect(yield* load).toEqual({ limit: 1, inFlight: 1, queued: 0 })
      yield* Fiber.interrupt(holder)
      expect((yield* run(send)).status).toBe(200)
      expect(yield* requestTimes(mock)).toEqual([0, 69_500])
    })
  )

  it.effect("stops waiting after maxWait in an uninterruptible caller", () =>
    Effect.gen(function* () {
      const { load, send } = yield* client(() => never, { limit: 1, maxWait: "2 seconds" })
      yield* Effect.fork(send)
      yield* TestClock.adjust(0)
      expect((yield* failure(Effect.uninterruptible(send)))._tag).toBe("Overloaded")
      expect(yield* TestClock.currentTimeMillis).toBe(2000)
      expect(yield* load).toEqual({ limit: 1, inFlight: 1, queued: 0 })
    })
  )

  it.effect("removes an interrupted request from the queue", () =>
    Effect.gen(function* () {
      const { load, mock, send } = yield* client(() => delay("10 seconds", ok), { limit: 1 })
      yield* Effect.fork(send)
      yield* TestClock.adjust(0)
      const waiting = yield* Effect.fork(send)
      yield* TestClock.adjust("1 second")
      expect((yield* load).queued).toBe(1)
      yield* Fiber.interrupt(waiting)
      expect(yield* load).toEqual({ limit: 1, inFlight: 1, queued: 0 })
      yield* TestClock.adjust("10 seconds")
      expect(yield* requestTimes(mock)).toEqual([0])
    })
  )

  it.effect("records queueing and admission in the timeline", () =>
    Effect.gen(function* () {
      const { send } = yield* client(() => delay("1 second", ok), { limit: 1 })
      yield* Effect.fork(repeatAtOnce(2, send))
      yield* TestClock.adjust(0)
      const { events } = yield* run(Timeline.record(send))
      expect(events.filter(({ _tag }) => _tag === "Queued" || _tag === "Admitted")).toEqual([
        { _tag: "Queued", at: 0, ahead: 1 },
        { _tag: "Admitted", at: 2000, ms: 2000 }
      ])
    })
  )

  it.effect("fails without a retry when the queue is full", () =>
    Effect.gen(function* () {
      const { limited, send } = yield* client(() => never, { limit: 1, maxQueued: 0 })
      yield* Effect.fork(send)
      yield* TestClock.adjust(0)
      expect((yield* failure(Retry.policy()(limited).execute(get())))._tag).toBe("Overloaded")
      expect(yield* TestClock.currentTimeMillis).toBe(0)
    })
  )
})

describe("Concurrency reentrancy", () => {
  /** Runs `token` before each request, as an Auth does that requests a token from the same origin. */
  const signing = (token: Effect.Effect<unknown, unknown>) =>
    Policy.make((request, next) => Effect.zipRight(Effect.orDie(token), next(request)))

  it.effect("admits a nested request of the same fiber beyond the limit", () =>
    Effect.gen(function* () {
      const { inner, load, mock, send, service } = yield* client(() => delay("1 second", ok), { limit: 1 })
      const calling = inner.pipe(signing(send), Concurrency.policy(service))
      yield* run(calling.execute(get()))
      expect(yield* requestTimes(mock)).toEqual([0, 1000])
      expect(yield* load).toEqual(idle(1))
    })
  )

  it.effect("admits a nested call of a child fiber beyond the limit", () =>
    Effect.gen(function* () {
      const { inner, limited, load, mock, service } = yield* client(() => delay("1 second", ok), { limit: 1 })
      const token = Effect.flatMap(Effect.fork(Timeout.call("30 seconds")(limited).execute(get("/token"))), Fiber.join)
      const calling = inner.pipe(signing(token), Concurrency.policy(service), Timeout.call("30 seconds"))
      yield* run(calling.execute(get()))
      expect(yield* requestTimes(mock)).toEqual([0, 1000])
      expect(yield* load).toEqual(idle(1))
    })
  )

  it.effect("queues hedged requests of one call and requests of other calls", () =>
    Effect.gen(function* () {
      const { limited, mock, send } = yield* client(() => delay("1 second", ok), { limit: 1 })
      const hedged = Policy.make((request, next) =>
        Effect.map(Effect.all([next(request), next(request)], { concurrency: 2 }), ([first]) => first)
      )
      const hedging = limited.pipe(hedged, Timeout.call("30 seconds"))
      yield* run(Effect.all([hedging.execute(get()), Effect.delay(send, "1 millis")], { concurrency: 2 }))
      expect(yield* requestTimes(mock)).toEqual([0, 1000, 2000])
    })
  )

  it.effect("queues concurrent requests that have no call deadline", () =>
    Effect.gen(function* () {
      const { mock, send } = yield* client(() => delay("1 second", ok), { limit: 1, maxQueued: 5 })
      yield* run(repeatAtOnce(4, send))
      expect(yield* requestTimes(mock)).toEqual([0, 1000, 2000, 3000])
    })
  )
})

/** A server with a capacity of 30: beyond it, requests get a 503 or become slow. */
const server = (overload: "refuses" | "is slow") => {
  const self = { capacity: 30, inFlight: 0, answered: 0, rejected: 0 }
  const exchange = Effect.suspend(() => {
    self.inFlight++
    const isOverloaded = self.inFlight > self.capacity
    const rejects = isOverloaded && overload === "refuses"
    if (rejects) self.rejected++
    else self.answered++
    return Effect.as(Effect.sleep(isOverloaded && !rejects ? 200 : 100), answer(rejects ? 503 : 200)).pipe(
      Effect.ensuring(Effect.sync(() => self.inFlight--))
    )
  })
  return { self, exchange }
}

/** Sixty clients that send continuously. `rounds` returns the limit at every 100 ms. */
const load = (overload: "refuses" | "is slow", options: Parameters<typeof Concurrency.adaptive>[0]) =>
  Effect.gen(function* () {
    const service = yield* Concurrency.make({ limit: Concurrency.adaptive(options), maxQueued: 100 })
    const { exchange, self } = server(overload)
    const send = service.withPermit(get(), exchange)
    yield* Effect.forEach(Array.from({ length: 60 }), () => Effect.fork(Effect.forever(send)))
    const sampleLimits = (count: number) =>
      Effect.forEach(Array.from({ length: count }), () =>
        Effect.zipRight(
          adjust(100),
          Effect.map(service.stats(origin), ({ limit }) => limit)
        )
      )
    return { sampleLimits, self }
  })

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe("Concurrency.adaptive", () => {
  it.effect("stays below the capacity of a server that rejects the excess, and follows its changes", () =>
    Effect.gen(function* () {
      const { sampleLimits, self } = yield* load("refuses", { initial: 60 })
      yield* sampleLimits(10)
      Object.assign(self, { answered: 0, rejected: 0 })
      const steady = yield* sampleLimits(40)
      expect(mean(steady)).toBeGreaterThan(0.75 * 30)
      expect(mean(steady)).toBeLessThan(30)
      expect(Math.max(...steady)).toBeLessThanOrEqual(32)
      expect(Math.min(...steady)).toBeGreaterThanOrEqual(0.65 * 30)
      expect(self.rejected / (self.answered + self.rejected)).toBeLessThan(0.07)
      self.capacity = 8
      yield* sampleLimits(8)
      const low = yield* sampleLimits(20)
      expect(Math.max(...low)).toBeLessThanOrEqual(10)
      expect(Math.min(...low)).toBeGreaterThanOrEqual(5)
      self.capacity = 30
      const back = yield* sampleLimits(30)
      expect(Math.max(...back)).toBeGreaterThanOrEqual(28)
    })
  )

  it.effect("stays below the capacity of a server that slows down, with latencyThreshold", () =>
    Effect.gen(function* () {
      const { sampleLimits } = yield* load("is slow", { initial: 60, latencyThreshold: "150 millis" })
      yield* sampleLimits(20)
      const steady = yield* sampleLimits(40)
      expect(mean(steady)).toBeGreaterThan(0.7 * 30)
      expect(mean(steady)).toBeLessThan(30)
      expect(Math.max(...steady)).toBeLessThanOrEqual(33)
    })
  )

  it.effect("stays within min and max and decreases only for overload", () =>
    Effect.gen(function* () {
      const limit = Concurrency.adaptive({ min: 4, max: 10, initial: 10 })
      const service = yield* Concurrency.make({ limit })
      const after = (exchange: Effect.Effect<HttpClientResponse.HttpClientResponse, unknown>) =>
        Effect.zipRight(
          Effect.exit(service.withPermit(get(), exchange)),
          Effect.map(service.stats(origin), (load) => load.limit)
        )
      const throttled = new Errors.RateLimited({ method: "GET", url: "", status: 429, source: "throttle" })
      const notOverload = [
        Effect.interrupt,
        Effect.die("defect"),
        Effect.fail(throttled),
        Effect.fail("another policy's")
      ]
      for (const status of [200, 400, 401, 404, 500]) expect(yield* after(Effect.succeed(answer(status)))).toBe(10)
      for (const exchange of notOverload) expect(yield* after(exchange)).toBe(10)
      expect(yield* after(Effect.succeed(answer(429)))).toBe(7)
      expect(yield* after(Effect.succeed(answer(503)))).toBe(4)
      const { client: wire } = yield* transport([fail("ECONNRESET")])
      expect(yield* after(wire.execute(get()))).toBe(4)
    })
  )

  it("decreases once per round of failures", () => {
    const limit = Concurrency.adaptive({ initial: 100 }).make()
    const ended = { overloaded: true, ms: 1, permitsIssued: 100, inFlight: 100 }
    for (let permitNumber = 1; permitNumber <= 100; permitNumber++) limit.onResult({ ...ended, permitNumber })
    expect(limit.limit).toBe(70)
    limit.onResult({ ...ended, permitNumber: 101, permitsIssued: 170 })
    expect(limit.limit).toBe(49)
  })

  it("increases by one per round of responses, except below half use", () => {
    const limit = Concurrency.adaptive({ initial: 20 }).make()
    for (let permitNumber = 1; permitNumber <= 1000; permitNumber++)
      limit.onResult({ overloaded: false, ms: 1, permitNumber, permitsIssued: permitNumber, inFlight: 9 })
    expect(limit.limit).toBe(20)
    for (let permitNumber = 1; permitNumber <= 21; permitNumber++)
      limit.onResult({ overloaded: false, ms: 1, permitNumber, permitsIssued: permitNumber, inFlight: 20 })
    expect(limit.limit).toBe(21)
  })
})
