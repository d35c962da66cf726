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
import { failure, get, promise, run, times, transport } from "./scripted.js"

const { delay, fail, never, respond } = MockClient
const ok = respond(200, "ok")
const origin = "https://api.test"

/** Permits around a script. */
const client = (script: MockClient.Script, options: Concurrency.Options) =>
  Effect.gen(function* () {
    const { client: inner, mock } = yield* transport(script)
    const service = yield* Concurrency.make(options)
    const limited = Concurrency.policy(service)(inner)
    return { mock, inner, service, limited, send: limited.execute(get()), load: service.stats(origin) }
  })

const atOnce = <A, E, R>(effects: Iterable<Effect.Effect<A, E, R>>) =>
  Effect.forEach(effects, (effect) => Effect.exit(effect), { concurrency: "unbounded" })

const many = <A, E, R>(times: number, effect: Effect.Effect<A, E, R>) =>
  atOnce(Array.from({ length: times }, () => effect))

const idle = (limit: number): Concurrency.ConcurrencyStats => ({ limit, inFlight: 0, queued: 0 })

/** What an exchange failed with. */
const errorOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>): string | undefined =>
  Exit.match(exit, {
    onSuccess: () => undefined,
    onFailure: (cause) => (cause._tag === "Fail" ? cause.error._tag : cause._tag)
  })

describe("permits", () => {
  it.effect("keep all but so many requests waiting, who go in the order in which they came", () =>
    Effect.gen(function* () {
      const { limited, load, mock } = yield* client(() => delay("1 second", ok), { limit: 3, maxQueued: 100 })
      const paths = Array.from({ length: 10 }, (_, n) => `/${n}`)
      const all = yield* Effect.fork(atOnce(paths.map((path) => limited.execute(get(path)))))
      yield* TestClock.adjust("500 millis")
      expect(yield* load).toEqual({ limit: 3, inFlight: 3, queued: 7 })
      const exits = yield* run(Fiber.join(all))
      expect(exits.every(Exit.isSuccess)).toBe(true)
      expect(yield* times(mock)).toEqual([0, 0, 0, 1000, 1000, 1000, 2000, 2000, 2000, 3000])
      expect((yield* mock.sent).map(({ url }) => url.slice(19))).toEqual(paths)
      expect(yield* load).toEqual(idle(3))
    })
  )

  it.effect("are given back by what is answered, what fails, what is interrupted and what is a defect", () =>
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

  it.effect("are not lost by a request that is interrupted when its turn has come, before it knows", () =>
    Effect.gen(function* () {
      const service = yield* Concurrency.make({ limit: 1 })
      const second = yield* Deferred.make<Fiber.Fiber<unknown, unknown>>()
      const first = service.withPermit(get(), Effect.as(Effect.sleep("1 second"), answer(200)))
      // In one go: the permit is given on, and who has it now is interrupted.
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

  it.effect("whoever is interrupted whenever: never more than the limit at once, and all are there in the end", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.integer({ min: 1, max: 3 }),
          FastCheck.array(request, { maxLength: 10 }),
          (limit, list) => promise(run(crowd(limit, list)))
        ),
        { numRuns: 40 }
      )
    )
  )

  it.effect("are each origin's own; a URL that has none passes uncounted", () =>
    Effect.gen(function* () {
      const { limited, service } = yield* client(() => never, { limit: 1, maxQueued: 0 })
      const ask = (url: string) => Effect.fork(Effect.exit(limited.execute(HttpClientRequest.get(url))))
      yield* Effect.forEach(["https://a.test/", "https://a.test:8443/", "http://a.test/", "https://b.test/"], ask)
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

  it.effect("come as a Layer, whose permits its clients share", () =>
    Effect.gen(function* () {
      const { client: inner, mock } = yield* transport(() => delay("1 second", ok))
      const send = Effect.flatMap(Concurrency.Concurrency, (service) =>
        Concurrency.policy(service)(inner).execute(get())
      )
      yield* run(Effect.provide(many(3, send), Concurrency.layer({ limit: 1 })))
      expect(yield* times(mock)).toEqual([0, 1000, 2000])
    })
  )
})

/** When a request comes, how long its exchange takes and how it ends, and after how long it is interrupted. */
interface Coming {
  readonly at: number
  readonly takes: number
  readonly fails: boolean
  readonly patience: number | null
}

const request: FastCheck.Arbitrary<Coming> = FastCheck.record({
  at: FastCheck.nat(10),
  takes: FastCheck.nat(5),
  fails: FastCheck.boolean(),
  patience: FastCheck.option(FastCheck.nat(12))
})

/** Has them all come and go, and looks at what never may be. */
const crowd = (limit: number, list: ReadonlyArray<Coming>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const service = yield* Concurrency.make({ limit, maxQueued: 5 })
    let underWay = 0
    const exchange = ({ fails, takes }: Coming) =>
      Effect.acquireUseRelease(
        Effect.sync(() => expect(++underWay).toBeLessThanOrEqual(limit)),
        () =>
          Effect.zipRight(Effect.sleep(takes), fails ? Effect.fail({ _tag: "failed" }) : Effect.succeed(answer(200))),
        () => Effect.sync(() => underWay--)
      )
    const one = (coming: Coming) =>
      Effect.gen(function* () {
        yield* Effect.sleep(coming.at)
        const fiber = yield* Effect.fork(service.withPermit(get(), exchange(coming)))
        if (coming.patience !== null) {
          yield* Effect.sleep(coming.patience)
          yield* Fiber.interruptFork(fiber)
        }
        yield* Fiber.await(fiber)
      })
    yield* Effect.forEach(list, one, { concurrency: "unbounded" })
    expect(yield* service.stats(origin)).toEqual(idle(limit))
    const all = yield* many(
      limit,
      service.withPermit(get(), exchange({ at: 0, takes: 1, fails: false, patience: null }))
    )
    expect(all.every(Exit.isSuccess)).toBe(true)
  })

const answer = (status: number) => HttpClientResponse.fromWeb(get(), new Response(null, { status }))

describe("the queue", () => {
  it.effect("takes twice the limit by default; who comes then fails at once and unsent", () =>
    Effect.gen(function* () {
      const { load, mock, send } = yield* client(() => delay("1 second", ok), { limit: 2 })
      const all = yield* Effect.fork(many(6, send))
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

  it.effect("of none lets nobody wait", () =>
    Effect.gen(function* () {
      const { send } = yield* client(() => delay("1 second", ok), { limit: 1, maxQueued: 0 })
      const exits = yield* run(many(3, send))
      expect(exits.map(errorOf)).toEqual([undefined, "Overloaded", "Overloaded"])
    })
  )

  it.effect("gives up before the call's deadline, and without a call after a minute", () =>
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
      expect(yield* times(mock)).toEqual([0, 69_500])
    })
  )

  it.effect("gives up in time also where the caller cannot be interrupted", () =>
    Effect.gen(function* () {
      const { load, send } = yield* client(() => never, { limit: 1, maxWait: "2 seconds" })
      yield* Effect.fork(send)
      yield* TestClock.adjust(0)
      expect((yield* failure(Effect.uninterruptible(send)))._tag).toBe("Overloaded")
      expect(yield* TestClock.currentTimeMillis).toBe(2000)
      expect(yield* load).toEqual({ limit: 1, inFlight: 1, queued: 0 })
    })
  )

  it.effect("is left by who is interrupted, at once, and without a turn", () =>
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
      expect(yield* times(mock)).toEqual([0])
    })
  )

  it.effect("shows in the timeline of who waits", () =>
    Effect.gen(function* () {
      const { send } = yield* client(() => delay("1 second", ok), { limit: 1 })
      yield* Effect.fork(many(2, send))
      yield* TestClock.adjust(0)
      const { events } = yield* run(Timeline.record(send))
      expect(events.filter(({ _tag }) => _tag === "Queued" || _tag === "Admitted")).toEqual([
        { _tag: "Queued", at: 0, ahead: 1 },
        { _tag: "Admitted", at: 2000, ms: 2000 }
      ])
    })
  )

  it.effect("that is full is no failure that a retry knows", () =>
    Effect.gen(function* () {
      const { limited, send } = yield* client(() => never, { limit: 1, maxQueued: 0 })
      yield* Effect.fork(send)
      yield* TestClock.adjust(0)
      expect((yield* failure(Retry.policy()(limited).execute(get())))._tag).toBe("Overloaded")
      expect(yield* TestClock.currentTimeMillis).toBe(0)
    })
  )
})

describe("a request on the way of another one", () => {
  /** Whose signing asks the same origin for a token, in one way or another. */
  const signing = (token: Effect.Effect<unknown, unknown>) =>
    Policy.make((request, next) => Effect.zipRight(Effect.orDie(token), next(request)))

  it.effect("passes in the same fiber, although the only permit is taken: by itself", () =>
    Effect.gen(function* () {
      const { inner, load, mock, send, service } = yield* client(() => delay("1 second", ok), { limit: 1 })
      const calling = inner.pipe(signing(send), Concurrency.policy(service))
      yield* run(calling.execute(get()))
      expect(yield* times(mock)).toEqual([0, 1000])
      expect(yield* load).toEqual(idle(1))
    })
  )

  it.effect("passes in a fiber of its own, as a call within the call", () =>
    Effect.gen(function* () {
      const { inner, limited, load, mock, service } = yield* client(() => delay("1 second", ok), { limit: 1 })
      const token = Effect.flatMap(Effect.fork(Timeout.call("30 seconds")(limited).execute(get("/token"))), Fiber.join)
      const calling = inner.pipe(signing(token), Concurrency.policy(service), Timeout.call("30 seconds"))
      yield* run(calling.execute(get()))
      expect(yield* times(mock)).toEqual([0, 1000])
      expect(yield* load).toEqual(idle(1))
    })
  )

  it.effect("passes nobody by when it is a second send of the same call, or a call of somebody else", () =>
    Effect.gen(function* () {
      const { limited, mock, send } = yield* client(() => delay("1 second", ok), { limit: 1 })
      const hedged = Policy.make((request, next) =>
        Effect.map(Effect.all([next(request), next(request)], { concurrency: 2 }), ([first]) => first)
      )
      const hedging = limited.pipe(hedged, Timeout.call("30 seconds"))
      yield* run(Effect.all([hedging.execute(get()), Effect.delay(send, "1 millis")], { concurrency: 2 }))
      expect(yield* times(mock)).toEqual([0, 1000, 2000])
    })
  )

  it.effect("is no reason to let others by: calls without a bound are not each other's", () =>
    Effect.gen(function* () {
      const { mock, send } = yield* client(() => delay("1 second", ok), { limit: 1, maxQueued: 5 })
      yield* run(many(4, send))
      expect(yield* times(mock)).toEqual([0, 1000, 2000, 3000])
    })
  )
})

/** A server that takes `capacity` at a time: what goes beyond is refused, or makes all of them slow. */
const server = (beyond: "refuses" | "is slow") => {
  const self = { capacity: 30, underWay: 0, answered: 0, refused: 0 }
  const exchange = Effect.suspend(() => {
    self.underWay++
    const isBeyond = self.underWay > self.capacity
    const refuses = isBeyond && beyond === "refuses"
    if (refuses) self.refused++
    else self.answered++
    return Effect.as(Effect.sleep(isBeyond && !refuses ? 200 : 100), answer(refuses ? 503 : 200)).pipe(
      Effect.ensuring(Effect.sync(() => self.underWay--))
    )
  })
  return { self, exchange }
}

/** Sixty clients that send all the time; gives the limits as they were, every tenth of a second. */
const load = (beyond: "refuses" | "is slow", options: Parameters<typeof Concurrency.adaptive>[0]) =>
  Effect.gen(function* () {
    const service = yield* Concurrency.make({ limit: Concurrency.adaptive(options), maxQueued: 100 })
    const { exchange, self } = server(beyond)
    const send = service.withPermit(get(), exchange)
    yield* Effect.forEach(Array.from({ length: 60 }), () => Effect.fork(Effect.forever(send)))
    const rounds = (count: number) =>
      Effect.forEach(Array.from({ length: count }), () =>
        Effect.zipRight(
          TestClock.adjust("100 millis"),
          Effect.map(service.stats(origin), ({ limit }) => limit)
        )
      )
    return { rounds, self }
  })

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe("an adaptive limit", () => {
  it.effect("stays below what a server takes that refuses the rest, falls with it and rises with it", () =>
    Effect.gen(function* () {
      const { rounds, self } = yield* load("refuses", { initial: 60 })
      yield* rounds(10)
      Object.assign(self, { answered: 0, refused: 0 })
      const steady = yield* rounds(40)
      expect(mean(steady)).toBeGreaterThan(0.75 * 30)
      expect(mean(steady)).toBeLessThan(30)
      expect(Math.max(...steady)).toBeLessThanOrEqual(32)
      expect(Math.min(...steady)).toBeGreaterThanOrEqual(0.65 * 30)
      expect(self.refused / (self.answered + self.refused)).toBeLessThan(0.07)
      self.capacity = 8
      yield* rounds(8)
      const low = yield* rounds(20)
      expect(Math.max(...low)).toBeLessThanOrEqual(10)
      expect(Math.min(...low)).toBeGreaterThanOrEqual(5)
      self.capacity = 30
      const back = yield* rounds(30)
      expect(Math.max(...back)).toBeGreaterThanOrEqual(28)
    })
  )

  it.effect("stays below the knee of a server that becomes slow, where it is told what slow is", () =>
    Effect.gen(function* () {
      const { rounds } = yield* load("is slow", { initial: 60, latencyThreshold: "150 millis" })
      yield* rounds(20)
      const steady = yield* rounds(40)
      expect(mean(steady)).toBeGreaterThan(0.7 * 30)
      expect(mean(steady)).toBeLessThan(30)
      expect(Math.max(...steady)).toBeLessThanOrEqual(33)
    })
  )

  it.effect("keeps within its bounds, and falls for overload only", () =>
    Effect.gen(function* () {
      const limit = Concurrency.adaptive({ min: 4, max: 10, initial: 10 })
      const service = yield* Concurrency.make({ limit })
      const after = (exchange: Effect.Effect<HttpClientResponse.HttpClientResponse, unknown>) =>
        Effect.zipRight(
          Effect.exit(service.withPermit(get(), exchange)),
          Effect.map(service.stats(origin), (load) => load.limit)
        )
      const held = new Errors.RateLimited({ method: "GET", url: "", status: 429, source: "throttle" })
      const neither = [Effect.interrupt, Effect.die("defect"), Effect.fail(held), Effect.fail("another policy's")]
      for (const status of [200, 400, 401, 404, 500]) expect(yield* after(Effect.succeed(answer(status)))).toBe(10)
      for (const exchange of neither) expect(yield* after(exchange)).toBe(10)
      expect(yield* after(Effect.succeed(answer(429)))).toBe(7)
      expect(yield* after(Effect.succeed(answer(503)))).toBe(4)
      const { client: wire } = yield* transport([fail("ECONNRESET")])
      expect(yield* after(wire.execute(get()))).toBe(4)
    })
  )

  it("loses one share to a burst of failures of one round, and the next share to the next", () => {
    const limit = Concurrency.adaptive({ initial: 100 }).make()
    const ended = { overloaded: true, ms: 1, permitsIssued: 100, inFlight: 100 }
    for (let permitNumber = 1; permitNumber <= 100; permitNumber++) limit.onResult({ ...ended, permitNumber })
    expect(limit.limit).toBe(70)
    limit.onResult({ ...ended, permitNumber: 101, permitsIssued: 170 })
    expect(limit.limit).toBe(49)
  })

  it("grows by one with a round of answers, and not for who uses less than half of it", () => {
    const limit = Concurrency.adaptive({ initial: 20 }).make()
    for (let permitNumber = 1; permitNumber <= 1000; permitNumber++)
      limit.onResult({ overloaded: false, ms: 1, permitNumber, permitsIssued: permitNumber, inFlight: 9 })
    expect(limit.limit).toBe(20)
    for (let permitNumber = 1; permitNumber <= 21; permitNumber++)
      limit.onResult({ overloaded: false, ms: 1, permitNumber, permitsIssued: permitNumber, inFlight: 20 })
    expect(limit.limit).toBe(21)
  })
})
