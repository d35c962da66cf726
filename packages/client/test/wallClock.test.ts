/** Changes of the wall clock affect no wait and no deadline. */
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as RateLimit from "@countersign/client/RateLimit"
import * as RateLimiter from "@countersign/client/RateLimiter"
import * as Retry from "@countersign/client/Retry"
import type * as ApiClient from "@countersign/client/ApiClient"
import * as MockClient from "@countersign/testing/MockClient"
import { adjustableClock } from "./support/wallClock.js"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { api, withJitter, run } from "./support/mockApi.js"

const { delay, respond } = MockClient
const ok = respond(200)
const day = 86_400_000

interface Case {
  readonly name: string
  readonly script: (index: number) => MockClient.Step
  readonly options: Effect.Effect<Partial<ApiClient.Options>>
  /** The calls of the case. */
  readonly calls: (client: ApiClient.ApiClient) => Effect.Effect<unknown>
  /** When requests are sent, in elapsed milliseconds. */
  readonly at: ReadonlyArray<number>
}

const call = (client: ApiClient.ApiClient) => Effect.exit(client.get("/x"))
const callsAtOnce = (size: number) => (client: ApiClient.ApiClient) =>
  Effect.forEach(Array.from({ length: size }), () => call(client), { concurrency: "unbounded" })
const waitFirst =
  (headers: MockClient.Headers, status = 503) =>
  (index: number) =>
    index === 0 ? respond(status, "", headers) : ok
const noOptions = Effect.succeed({})

const limits = (algorithm: RateLimiter.Algorithm) =>
  RateLimit.make({ limits: [{ limit: 1, window: "10 seconds", algorithm }] }).pipe(
    Effect.provide(Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory)),
    Effect.map((rateLimit) => ({ rateLimit }))
  )

const cases: ReadonlyArray<Case> = [
  { name: "a retry", script: waitFirst({ "retry-after": "20" }), options: noOptions, calls: call, at: [0, 20_000] },
  {
    name: "a retry of a 408",
    script: waitFirst({ "retry-after": "20" }, 408),
    options: noOptions,
    calls: call,
    at: [0, 20_000]
  },
  {
    name: "a redirect",
    script: waitFirst({ "retry-after": "20", location: "/v1/y" }, 303),
    options: noOptions,
    calls: call,
    at: [0, 20_000]
  },
  {
    name: "a throttle",
    script: waitFirst({ "retry-after": "20" }, 429),
    options: Effect.succeed({ retry: false }),
    calls: (client) => Effect.zipRight(call(client), call(client)),
    at: [0, 20_000]
  },
  {
    name: "a throttle limited by maxThrottle",
    script: waitFirst({ "retry-after": "99999" }, 429),
    options: Effect.sync(() => ({ retry: false, rateLimit: RateLimit.throttle({ maxThrottle: "20 seconds" }) })),
    calls: (client) => Effect.zipRight(call(client), call(client)),
    at: [0, 20_000]
  },
  {
    name: "a limit by sliding window",
    script: () => ok,
    options: limits("sliding-window"),
    calls: callsAtOnce(3),
    // Permits return up to a 64th of the window late.
    at: [0, 10_205, 20_410]
  },
  {
    name: "a limit by fixed window",
    script: () => ok,
    options: limits("fixed-window"),
    calls: callsAtOnce(3),
    at: [0, 10_000, 20_000]
  },
  {
    name: "a limit by token bucket",
    script: () => ok,
    options: limits("token-bucket"),
    calls: callsAtOnce(3),
    at: [0, 10_000, 20_000]
  },
  {
    name: "a circuit",
    script: waitFirst({}, 500),
    options: Effect.map(
      CircuitBreaker.make({
        tripPolicy: CircuitBreaker.consecutiveFailures(1),
        schedule: Schedule.spaced("20 seconds")
      }),
      (circuitBreaker) => ({ retry: false as const, circuitBreaker })
    ),
    calls: (client) =>
      Effect.zipRight(call(client), Effect.repeat(Effect.delay(call(client), "1 second"), Schedule.recurs(29))),
    at: [0, ...Array.from({ length: 11 }, (_, n) => 20_000 + n * 1000)]
  },
  {
    name: "a permit",
    script: () => delay("20 seconds", ok),
    options: Effect.map(Concurrency.make({ limit: 1 }), (concurrency) => ({ concurrency })),
    calls: callsAtOnce(2),
    at: [0, 20_000]
  },
  {
    name: "a schedule with upTo",
    script: () => respond(503),
    options: Effect.succeed({
      retry: Schedule.spaced("10 seconds").pipe(Schedule.upTo("25 seconds"))
    }),
    calls: call,
    at: [0, 10_000, 20_000, 30_000]
  },
  {
    name: "the deadline of a call",
    script: () => respond(503, "", { "retry-after": "20" }),
    options: Effect.succeed({ timeout: { call: "30 seconds" }, retry: Retry.exponential({ times: 9 }) }),
    calls: call,
    at: [0, 20_000]
  }
]

describe.each(cases)("$name", ({ at, calls, options, script }) => {
  for (const jump of [0, day, -day, 3 * 365 * day, 15_000, -15_000]) {
    it.effect(`ignores a wall clock jump of ${jump} ms`, () =>
      Effect.gen(function* () {
        const { elapsed, wallOffset, wall } = yield* adjustableClock
        const sent: Array<number> = []
        const recording: MockClient.Script = (_, index) => {
          sent.push(elapsed())
          return script(index)
        }
        const program = Effect.gen(function* () {
          const client = yield* api(recording, { timeout: { call: "2 minutes" }, ...(yield* options) })
          // Two jumps during the wait.
          const jumps = Effect.sync(() => (wallOffset.ms += jump)).pipe(Effect.delay("5 seconds"), Effect.repeatN(1))
          yield* Effect.all([calls(client.api), jumps], { concurrency: 2 })
        })
        yield* run(Effect.withClock(program, wall)).pipe(withJitter(0))
        expect(sent).toEqual(at)
      })
    )
  }
})
