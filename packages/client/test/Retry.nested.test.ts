/** A retry inside an attempt of another retry leaves retrying to the outer one. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Retry from "@countersign/client/Retry"
import * as Timeout from "@countersign/client/Timeout"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { contextOf, publish } from "../src/internal/call/context.js"
import { api, base, withJitter, failure, get, run, transport, urls } from "./support/mockApi.js"
import { SchemeError } from "./support/schemeError.js"

const { fail, respond } = MockClient
const busy = () => respond(503, "busy")

class Inner extends ApiClient.Tag("test/Inner")<Inner>() {}
class Outer extends ApiClient.Tag("test/Outer")<Outer>() {}

/** An Auth that runs `whenSigned` during each signature, inside the attempt. */
const authRunning = (whenSigned: Effect.Effect<unknown>): Auth.Service => ({
  sign: (request) => Effect.as(whenSigned, { request, credential: 0 }),
  onRejected: () => Effect.succeed(false)
})

describe("Retry.policy across two clients", () => {
  /** A client that uses the httpClient of another client as its transport. */
  const nested = (script: MockClient.Script, inner: Partial<ApiClient.Options<unknown>> = {}) =>
    Effect.gen(function* () {
      const innerClient = yield* api(script, inner)
      const options = { baseUrl: base, auth: Auth.none }
      const outer = yield* Effect.provideService(
        ApiClient.make(options),
        HttpClient.HttpClient,
        innerClient.api.httpClient
      )
      return { outer, mock: innerClient.mock }
    })

  it.effect("sends and fails like a single client when one client is the transport of another", () =>
    Effect.gen(function* () {
      for (const step of [
        busy(),
        respond(429),
        respond(404),
        fail("ECONNRESET"),
        fail("ECONNREFUSED"),
        fail("CERT_HAS_EXPIRED")
      ]) {
        for (const method of ["get", "post"] as const) {
          const { mock, outer } = yield* nested(() => step)
          const alone = yield* api(() => step)
          expect(yield* failure(outer[method]("/x"))).toEqual(yield* failure(alone.api[method]("/x")))
          expect((yield* mock.sent).length).toBe((yield* alone.mock.sent).length)
        }
      }
    }).pipe(withJitter(0))
  )

  it.effect("retries once in total when the clients are provided as layers", () =>
    Effect.gen(function* () {
      for (const [step, tag] of [
        [busy(), "Unavailable"],
        [fail("ECONNRESET"), "TransportError"]
      ] as const) {
        const { client, mock } = yield* MockClient.make(() => step)
        const layer = Inner.provideHttpClient(Outer.layer({ baseUrl: base, auth: Auth.none })).pipe(
          Layer.provide(Inner.layer({ baseUrl: base, auth: Auth.none })),
          Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
        )
        const outer = Effect.flatMap(Outer, (client) => client.get("/x"))
        expect((yield* failure(Effect.provide(outer, layer)))._tag).toBe(tag)
        expect(yield* mock.sent).toHaveLength(3)
      }
    })
  )

  it.effect("reports a timeout of the inner client as HeadersTimeout", () =>
    Effect.gen(function* () {
      for (const timeout of [{ exchange: "2 seconds" }, { call: "2 seconds", exchange: false }] as const) {
        const { mock, outer } = yield* nested(() => MockClient.never, { timeout })
        const headersTimeout = { _tag: "TransportError", reason: "HeadersTimeout", sent: "maybe" }
        expect(yield* failure(outer.get("/x"))).toMatchObject(headersTimeout)
        expect(yield* mock.sent).toHaveLength(3)
        expect(yield* failure(outer.post("/x"))).toMatchObject(headersTimeout)
        expect(yield* mock.sent).toHaveLength(4)
      }
    })
  )

  it.effect("reports why the inner client sent nothing, and does not retry it", () =>
    Effect.gen(function* () {
      let signed = 0
      const rejected = new SchemeError({ message: "the account is closed" })
      const auth: Auth.Service<SchemeError> = {
        sign: () => Effect.suspend(() => (signed++, Effect.fail(rejected))),
        onRejected: () => Effect.succeed(false)
      }
      const { outer } = yield* nested(() => respond(200), { auth })
      const error = yield* failure(outer.get("/x"))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect([signed, error.message]).toEqual([1, expect.stringContaining("the account is closed")])
      const { outer: wrongOrigin } = yield* nested(() => respond(200), { baseUrl: "https://other.test" })
      expect(yield* failure(wrongOrigin.get("/x"))).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
    })
  )

  it.effect("sends a token request inside sign once per attempt", () =>
    Effect.gen(function* () {
      const token = yield* api(busy)
      const auth = authRunning(Effect.ignore(token.api.post("/token", { headers: { "idempotency-key": "t" } })))
      const client = yield* api(busy, { auth })
      yield* failure(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(3)
      expect(yield* token.mock.sent).toHaveLength(3)
    })
  )

  it.effect("fails without sending the request when the token request fails", () =>
    Effect.gen(function* () {
      const token = yield* api(busy)
      const tokenRequest = Effect.mapError(token.api.get("/token"), () => new SchemeError({ message: "it is down" }))
      const auth: Auth.Service<SchemeError> = {
        sign: (request) => Effect.as(tokenRequest, { request, credential: 0 }),
        onRejected: () => Effect.succeed(false)
      }
      const client = yield* api(busy, { auth })
      expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "SchemeError" })
      expect([(yield* client.mock.sent).length, (yield* token.mock.sent).length]).toEqual([0, 1])
    })
  )

  it.effect("does not retry requests of fibers forked inside an attempt", () =>
    Effect.gen(function* () {
      const other = yield* api(busy)
      const two = Effect.all([Effect.exit(other.api.get("/a")), Effect.exit(other.api.get("/b"))], {
        concurrency: "unbounded"
      })
      const client = yield* api(() => respond(200), { auth: authRunning(two) })
      yield* run(client.api.get("/x"))
      expect(yield* other.mock.sent).toHaveLength(2)
    })
  )

  it.effect("retries requests of a daemon that outlives the call", () =>
    Effect.gen(function* () {
      const other = yield* api(busy)
      const later = Effect.delay(Effect.exit(other.api.get("/later")), "2 minutes")
      const client = yield* api(() => respond(200), { auth: authRunning(Effect.forkDaemon(later)) })
      yield* run(client.api.get("/x"))
      yield* TestClock.adjust("2 minutes")
      yield* run(Effect.sleep("1 minute"))
      expect(yield* other.mock.sent).toHaveLength(3)
    })
  )
})

describe("Retry.policy, end of the attempt", () => {
  /** Requests of a separate retry after `before`: three when `before` left no trace. */
  const requestsAfter = (before: Effect.Effect<unknown, unknown>) =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(busy)
      yield* Effect.exit(before)
      yield* Effect.exit(Retry.policy()(client).execute(get()))
      return (yield* mock.sent).length
    })

  const endings: Record<string, MockClient.Script> = {
    success: [respond(200)],
    "a typed failure": [respond(503), fail("CERT_HAS_EXPIRED")],
    "a defect": () => {
      throw new Error("boom")
    },
    "the end of the schedule": busy
  }

  for (const [how, script] of Object.entries(endings)) {
    it.effect(`allows a later retry after ${how}, inside and outside of a call`, () =>
      Effect.gen(function* () {
        for (const around of [<A, E>(effect: Effect.Effect<A, E>) => effect, inCall]) {
          const { client } = yield* transport(script)
          const both = requestsAfter(Effect.exit(Retry.policy()(client).execute(get())))
          expect(yield* run(around(both))).toBe(3)
        }
      }).pipe(withJitter(0))
    )
  }

  it.effect("allows a later retry after an interruption, inside and outside of a call", () =>
    Effect.gen(function* () {
      for (const around of [<A, E>(effect: Effect.Effect<A, E>) => effect, inCall]) {
        const { client } = yield* transport(() => MockClient.never)
        const counted = yield* Deferred.make<number>()
        const after = Effect.flatMap(requestsAfter(Effect.void), (count) => Deferred.succeed(counted, count))
        // Finalizers run in the interrupted fiber, and may send requests too.
        const fiber = yield* Effect.fork(Effect.ensuring(around(Retry.policy()(client).execute(get())), after))
        yield* Effect.yieldNow()
        const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
        expect(yield* run(Deferred.await(counted))).toBe(3)
        yield* Fiber.join(interrupting)
      }
    }).pipe(withJitter(0))
  )

  it.effect("allows a later retry after a timeout inside the call", () =>
    Effect.gen(function* () {
      const { client } = yield* transport(() => MockClient.never)
      const timedOut = Timeout.exchange("2 seconds")(Retry.policy({ schedule: Schedule.stop })(client)).execute(get())
      expect(yield* run(inCall(requestsAfter(timedOut)))).toBe(3)
    }).pipe(withJitter(0))
  )

  it.effect("retries each hop of a redirect separately within the time of the call", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([
        respond(503),
        respond(302, "", { location: `${base}/there` }),
        respond(503),
        respond(503),
        respond(200)
      ])
      expect((yield* run(client.get("/here"))).status).toBe(200)
      expect(yield* urls(mock)).toEqual([
        `GET ${base}/here`,
        `GET ${base}/here`,
        `GET ${base}/there`,
        `GET ${base}/there`,
        `GET ${base}/there`
      ])
    }).pipe(withJitter(0))
  )

  it.effect("retries each run of one effect separately, concurrent or sequential", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(busy)
      const call = Effect.exit(Retry.policy({ budget: false })(client).execute(get()))
      yield* run(Effect.all([call, call], { concurrency: "unbounded" }))
      yield* run(Effect.zipRight(call, call))
      expect(yield* mock.sent).toHaveLength(12)
    }).pipe(withJitter(0))
  )
})

/** Runs an effect inside a call. */
const inCall = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((fiber) => publish(effect, { ...contextOf(fiber), requests: { count: 0 } }))
