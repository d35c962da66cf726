/** Resources of a lost fiber (a permit, a probe, the head of a queue) are free again after its deadline. */
import * as Schedule from "effect/Schedule"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import type * as Policy from "@countersign/client/Policy"
import * as RateLimit from "@countersign/client/RateLimit"
import * as RateLimiter from "@countersign/client/RateLimiter"
import * as Timeout from "@countersign/client/Timeout"
import * as WaitStrategy from "@countersign/client/WaitStrategy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { makeBusyProcess, forkLost } from "./support/lostFibers.js"
import { get, transport } from "./support/mockApi.js"

const ok = MockClient.respond(200, "ok")
const tooManyRequests = MockClient.respond(429, "busy", { "retry-after": "2" })

const strategies: ReadonlyArray<WaitStrategy.Strategy> = ["notify", "poll"]

const withStrategy = (strategy: WaitStrategy.Strategy) => Effect.provideService(WaitStrategy.WaitStrategy, strategy)

/** A client with a call timeout of 10 seconds around `policy`. A lost fiber may hold resources of `policy`. */
const client = <E>(script: MockClient.Script, policy: Policy.Policy<E>) =>
  Effect.map(transport(script), ({ client: inner, mock }) => {
    const limited = Timeout.call("10 seconds")(policy(inner))
    return { mock, send: Effect.either(limited.execute(get())) }
  })

const statusOf = (outcome: Either.Either<{ readonly status: number }, unknown>): number | "failed" =>
  Either.isRight(outcome) ? outcome.right.status : "failed"

const permits = Effect.map(Concurrency.make({ limit: 1 }), Concurrency.policy)

describe.each(strategies)("Lost fiber, wait strategy %s", (strategy) => {
  const waits = withStrategy(strategy)

  it.effect("loses its permit at its deadline", () =>
    Effect.gen(function* () {
      const { mock, send } = yield* client((_, n) => (n === 0 ? MockClient.never : ok), yield* permits)
      yield* forkLost(send.pipe(waits))
      yield* TestClock.adjust("5 seconds")
      const queued = yield* Effect.fork(send.pipe(waits))
      yield* TestClock.adjust("5 seconds")
      expect((yield* mock.sent).length).toBe(1)
      yield* TestClock.adjust("1 seconds")
      const next = yield* Effect.fork(send.pipe(waits))
      yield* TestClock.adjust("1 seconds")
      expect([yield* Fiber.join(queued), yield* Fiber.join(next)].map(statusOf)).toEqual([200, 200])
    })
  )

  it.effect("loses the probe of a circuit at its deadline", () =>
    Effect.gen(function* () {
      const service = yield* CircuitBreaker.make({
        tripPolicy: CircuitBreaker.consecutiveFailures(1),
        schedule: Schedule.spaced("1 second")
      })
      const script: MockClient.Script = (_, n) => [MockClient.respond(503), MockClient.never][n] ?? ok
      const { mock, send } = yield* client(script, CircuitBreaker.policy(service))
      expect(statusOf(yield* send)).toBe(503)
      yield* TestClock.adjust("2 seconds")
      yield* forkLost(send.pipe(waits))
      yield* TestClock.adjust("10 seconds")
      expect(statusOf(yield* send.pipe(waits))).toBe("failed")
      yield* TestClock.adjust("1 seconds")
      expect([statusOf(yield* send.pipe(waits)), (yield* mock.sent).length]).toEqual([200, 3])
      expect((yield* service.state("https://api.test"))._tag).toBe("Closed")
    })
  )

  it.effect("loses the probe of a throttle at its deadline", () =>
    Effect.gen(function* () {
      const service = RateLimit.throttle({ maxThrottle: "1 second" })
      const script: MockClient.Script = (_, n) => [tooManyRequests, MockClient.never][n] ?? ok
      const { mock, send } = yield* client(script, RateLimit.policy(service))
      expect(statusOf(yield* send)).toBe(429)
      yield* TestClock.adjust("2 seconds")
      yield* forkLost(send.pipe(waits))
      yield* TestClock.adjust("5 seconds")
      const waiting = yield* Effect.fork(send.pipe(waits))
      yield* TestClock.adjust("5 seconds")
      expect((yield* mock.sent).length).toBe(2)
      const next = yield* Effect.fork(send.pipe(waits))
      yield* TestClock.adjust("4 seconds")
      expect([yield* Fiber.join(waiting), yield* Fiber.join(next)].map(statusOf)).toEqual([200, 200])
    })
  )

  it.effect("loses the head of the queue of a limit at its deadline", () =>
    Effect.gen(function* () {
      const store = yield* RateLimiter.makeStoreMemory()
      const limiter = yield* Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, store)
      const limits = [{ limit: 1, window: "1 second", algorithm: "fixed-window" }] as const
      const service = yield* RateLimit.make({ limits, maxWait: "5 seconds" }).pipe(
        Effect.provideService(RateLimiter.RateLimiter, limiter)
      )
      const { send } = yield* client(() => ok, RateLimit.policy(service))
      expect(statusOf(yield* send.pipe(waits))).toBe(200)
      yield* forkLost(send.pipe(waits))
      yield* TestClock.adjust("6 seconds")
      const next = yield* Effect.fork(Effect.all([send, send], { concurrency: "unbounded" }).pipe(waits))
      yield* TestClock.adjust("5 seconds")
      expect((yield* Fiber.join(next)).map(statusOf)).toEqual([200, 200])
    })
  )
})

describe("Lost fiber in a queue, wait strategy poll", () => {
  it.effect("does not delay others at a throttle", () =>
    Effect.gen(function* () {
      const service = RateLimit.throttle({})
      const { send } = yield* client((_, n) => (n === 0 ? tooManyRequests : ok), RateLimit.policy(service))
      expect(statusOf(yield* send)).toBe(429)
      for (let n = 0; n < 3; n++) yield* forkLost(send.pipe(withStrategy("poll")))
      const all = yield* Effect.fork(
        Effect.all([send, send, send], { concurrency: "unbounded" }).pipe(withStrategy("poll"))
      )
      yield* TestClock.adjust("4 seconds")
      expect((yield* Fiber.join(all)).map(statusOf)).toEqual([200, 200, 200])
      expect(statusOf(yield* send.pipe(withStrategy("poll")))).toBe(200)
    })
  )

  it.effect("gets no permit", () =>
    Effect.gen(function* () {
      const { mock, send } = yield* client((_, n) => (n === 0 ? MockClient.delay("3 seconds", ok) : ok), yield* permits)
      const first = yield* Effect.fork(send.pipe(withStrategy("poll")))
      yield* TestClock.adjust("0 millis")
      yield* forkLost(send.pipe(withStrategy("poll")))
      const alive = yield* Effect.fork(send.pipe(withStrategy("poll")))
      yield* TestClock.adjust("4 seconds")
      expect([yield* Fiber.join(first), yield* Fiber.join(alive)].map(statusOf)).toEqual([200, 200])
      expect((yield* mock.sent).length).toBe(2)
    })
  )
})

describe("Wait strategy poll in a busy process", () => {
  const poll = withStrategy("poll")

  it.effect("passes permits to queued fibers", () =>
    Effect.gen(function* () {
      const { compute, run } = yield* makeBusyProcess
      const service = yield* Concurrency.make({ limit: 1 })
      const { client: inner } = yield* transport(() => MockClient.delay("50 millis", ok))
      const computed = HttpClient.tap(inner, () => compute(1200))
      const send = Concurrency.policy(service)(computed).execute(get())
      const all = yield* Effect.fork(Effect.all([send, send, send], { concurrency: "unbounded" }).pipe(poll, run))
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(all)).map(({ status }) => status)).toEqual([200, 200, 200])
      expect(yield* service.stats("https://api.test")).toMatchObject({ queued: 0, inFlight: 0 })
    })
  )

  it.effect("admits queued fibers after a throttle", () =>
    Effect.gen(function* () {
      const { compute, run } = yield* makeBusyProcess
      const { client: inner } = yield* transport((_, n) => (n === 0 ? tooManyRequests : ok))
      const send = RateLimit.policy(RateLimit.throttle({}))(inner).execute(get())
      yield* run(Effect.either(send))
      const all = yield* Effect.fork(Effect.all([send, send, send], { concurrency: "unbounded" }).pipe(poll, run))
      yield* TestClock.adjust("1 second")
      yield* compute(1200)
      yield* TestClock.adjust("3 seconds")
      expect((yield* Fiber.join(all)).map(({ status }) => status)).toEqual([200, 200, 200])
    })
  )
})
