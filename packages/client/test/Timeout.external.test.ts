/** The deadline of a call ends the waits of code that does not know it. */
import type * as Auth from "@countersign/client/Auth"
import type * as ApiClient from "@countersign/client/ApiClient"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import type * as Errors from "@countersign/client/Errors"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as Policy from "@countersign/client/Policy"
import * as RateLimit from "@countersign/client/RateLimit"
import * as RateLimiter from "@countersign/client/RateLimiter"
import * as Timeout from "@countersign/client/Timeout"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { api, get, transport } from "./support/mockApi.js"

const { respond } = MockClient

/** Waits for ever, and counts how often it was interrupted. */
const hanging = () => {
  const seen = { interrupted: 0 }
  const wait = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void seen.interrupted++))
  return { seen, wait }
}

type Wait = Effect.Effect<never>

interface Case {
  readonly script: MockClient.Script
  readonly options: (wait: Wait) => Effect.Effect<Partial<ApiClient.Options>>
  readonly method?: "post"
}

/** A schedule that never decides. */
const slowSchedule = (wait: Wait) => Schedule.modifyDelayEffect(Schedule.recurs(5), () => wait)

const scheme = (service: Partial<Auth.Service>): Auth.Service => ({
  sign: (request) => Effect.succeed({ request, credential: 0 }),
  onRejected: () => Effect.succeed(true),
  ...service
})

const auth =
  (service: (wait: Wait) => Partial<Auth.Service>): Case["options"] =>
  (wait) =>
    Effect.succeed({ auth: scheme(service(wait)) })

const limits =
  (service: (wait: Wait) => Partial<RateLimit.Service>): Case["options"] =>
  (wait) =>
    Effect.succeed({
      rateLimit: { acquire: () => Effect.void, onResponse: () => Effect.void, ...service(wait) }
    })

const challenge = () => respond(403, "", { "www-authenticate": 'Bearer error="insufficient_scope"' })
const opens = CircuitBreaker.consecutiveFailures(1)

const cases: Readonly<Record<string, Case>> = {
  "a transport of the application": { script: () => MockClient.never, options: () => Effect.succeed({}) },
  "a scheme that signs": { script: [], options: auth((wait) => ({ sign: () => wait })) },
  "a scheme that handles a 401": { script: () => respond(401), options: auth((wait) => ({ onRejected: () => wait })) },
  "a scheme that handles a rejected replay": {
    script: () => respond(401),
    options: auth((wait) => ({ onReplayRejected: () => wait }))
  },
  "a scheme that handles a 403": {
    script: challenge,
    options: auth((wait) => ({ onInsufficientScope: () => wait }))
  },
  "a replay schedule": { script: () => respond(401), options: auth((wait) => ({ replay: slowSchedule(wait) })) },
  "a retry schedule": { script: () => respond(503), options: (wait) => Effect.succeed({ retry: slowSchedule(wait) }) },
  "a recovery schedule of a circuit": {
    script: () => respond(503),
    options: (wait) =>
      Effect.map(CircuitBreaker.make({ tripPolicy: opens, schedule: slowSchedule(wait) }), (circuitBreaker) => ({
        circuitBreaker,
        retry: false
      }))
  },
  "a circuit breaker of the application": {
    script: [],
    options: (wait) =>
      Effect.succeed({
        circuitBreaker: { execute: () => wait, state: () => Effect.succeed({ _tag: "Closed" } as const) }
      })
  },
  "a concurrency limit of the application": {
    script: [],
    options: (wait) =>
      Effect.succeed({
        concurrency: { withPermit: () => wait, stats: () => Effect.succeed({ limit: 1, queued: 0, inFlight: 0 }) }
      })
  },
  "a rate limit of the application, before the request": {
    script: [],
    options: limits((wait) => ({ acquire: () => wait }))
  },
  "a rate limit of the application, after the response": {
    script: () => respond(200),
    options: limits((wait) => ({ onResponse: () => wait }))
  },
  "a store of rate limits": {
    script: [],
    options: (wait) =>
      RateLimit.make({ limits: [{ limit: 1, window: "1 minute" }] }).pipe(
        Effect.map((rateLimit) => ({ rateLimit })),
        Effect.provide(RateLimiter.layer),
        Effect.provideService(RateLimiter.RateLimiterStore, { update: () => wait })
      )
  },
  "an effect that makes idempotency keys": {
    script: [],
    options: (make) => Effect.succeed({ idempotencyKey: IdempotencyKey.make({ make }) }),
    method: "post"
  }
}

describe("Timeout.call", () => {
  for (const [name, { method = "get", options, script }] of Object.entries(cases)) {
    it.effect(`ends after its time while the call waits for ${name}`, () =>
      Effect.gen(function* () {
        const { seen, wait } = hanging()
        const { api: client, mock } = yield* api(script, {
          timeout: { call: "5 seconds", exchange: false },
          ...(yield* options(wait))
        })
        const fiber = yield* Effect.fork(Effect.flip(client[method]("/a")))
        yield* TestClock.adjust(4999)
        expect(yield* fiber.status).toMatchObject({ _tag: "Suspended" })
        yield* TestClock.adjust(1)
        expect(yield* fiber).toMatchObject({ _tag: "Timeout", scope: "call" })
        if (name !== "a transport of the application") expect(seen.interrupted).toBe(1)
        expect((yield* mock.sent).length).toBeLessThanOrEqual(2)
      })
    )
  }

  for (const part of ["cookiesFor", "store"] as const) {
    it.effect(`ends after its time while the call waits for ${part} of a cookie jar`, () =>
      Effect.gen(function* () {
        const { seen, wait } = hanging()
        const jar = { cookiesFor: () => Effect.succeed(""), store: () => Effect.void, [part]: () => wait }
        const { api: client } = yield* api(() => respond(200, "", { "set-cookie": "a=1" }), {
          cookies: jar,
          timeout: { call: "5 seconds" }
        })
        const fiber = yield* Effect.fork(Effect.flip(client.get("/a")))
        yield* TestClock.adjust("5 seconds")
        expect(yield* fiber).toMatchObject({ _tag: "Timeout", scope: "call" })
        expect(seen.interrupted).toBe(1)
      })
    )
  }
})

describe("Timeout.withDeadline", () => {
  it.effect("ends a wait of a custom policy with the timeout of the call", () =>
    Effect.gen(function* () {
      const { seen, wait } = hanging()
      const { client } = yield* transport([])
      const waiting = Policy.make<Errors.Timeout>(() => Timeout.withDeadline(wait))
      const fiber = yield* Effect.fork(Effect.flip(Timeout.call("5 seconds")(waiting(client)).execute(get())))
      yield* TestClock.adjust("5 seconds")
      expect(yield* fiber).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect(seen.interrupted).toBe(1)
    })
  )

  it.effect("does nothing outside of a call, and passes on results", () =>
    Effect.gen(function* () {
      expect(yield* Timeout.withDeadline(Effect.succeed(1))).toBe(1)
      const { client } = yield* transport([respond(200)])
      const policy = Policy.make<Errors.Timeout>((request, next) => Timeout.withDeadline(next(request)))
      const response = yield* Timeout.call("5 seconds")(policy(client)).execute(get())
      expect(response.status).toBe(200)
    })
  )

  it.effect("ends a custom policy that sends again for ever, when it sends after the deadline", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => respond(503))
      const retrying = Policy.make((request, next) =>
        Effect.retry(
          Effect.flatMap(next(request), () => Effect.fail("busy")),
          Schedule.spaced("1 second")
        ).pipe(Effect.catchAll(() => Effect.never))
      )
      const fiber = yield* Effect.fork(Effect.flip(Timeout.call("5 seconds")(retrying(client)).execute(get())))
      yield* TestClock.adjust("5 seconds")
      expect(yield* fiber).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect((yield* mock.sent).length).toBe(5)
    })
  )

  it.effect("lets a custom policy wait beyond the deadline without it, and sends nothing then", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([respond(200)])
      const slow = Policy.make((request, next) => Effect.delay(next(request), "8 seconds"))
      const fiber = yield* Effect.fork(Effect.flip(Timeout.call("5 seconds")(slow(client)).execute(get())))
      yield* TestClock.adjust("8 seconds")
      expect(yield* fiber).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect(yield* mock.sent).toEqual([])
    })
  )
})
