/** A retry within another one's attempt leaves it to that one, wherever the two come from. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import { TokenError } from "@countersign/client/Errors"
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
import { begin, current, locally } from "../src/internal/call/context.js"
import { api, base, chance, failure, get, run, transport, urls } from "./scripted.js"

const { fail, respond } = MockClient
const down = () => respond(503, "busy")

class Inner extends ApiClient.Tag("test/Inner")<Inner>() {}
class Outer extends ApiClient.Tag("test/Outer")<Outer>() {}

/** Runs something whenever a request is signed, within the attempt. */
const signing = (whenSigned: Effect.Effect<unknown>): Auth.Service => ({
  sign: (request) => Effect.as(whenSigned, { request, credential: 0 }),
  onRejected: () => Effect.succeed(false)
})

describe("a retry within a retry, across two clients", () => {
  /** One client as the transport of another; and the outer one alone, which is what the two are to come to. */
  const nested = (script: MockClient.Script, inner: Partial<ApiClient.Options> = {}) =>
    Effect.gen(function* () {
      const within = yield* api(script, inner)
      const options = { baseUrl: base, auth: Auth.none }
      const outer = yield* Effect.provideService(ApiClient.make(options), HttpClient.HttpClient, within.api.httpClient)
      return { outer, mock: within.mock }
    })

  it.effect("one client as the transport of another: the sends and the error are those of a client alone", () =>
    Effect.gen(function* () {
      for (const step of [
        down(),
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
    }).pipe(chance(0))
  )

  it.effect("provided as Layers they are as well", () =>
    Effect.gen(function* () {
      for (const [step, tag] of [
        [down(), "Unavailable"],
        [fail("ECONNRESET"), "TransportError"]
      ] as const) {
        const { client, mock } = yield* MockClient.make(() => step)
        const layer = Outer.layer({ baseUrl: base, auth: Auth.none }).pipe(
          Layer.provide(Inner.layerHttpClient),
          Layer.provide(Inner.layer({ baseUrl: base, auth: Auth.none })),
          Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
        )
        const outer = Effect.flatMap(Outer, (client) => client.get("/x"))
        expect((yield* failure(Effect.provide(outer, layer)))._tag).toBe(tag)
        expect(yield* mock.sent).toHaveLength(3)
      }
    })
  )

  it.effect("an inner one that runs out of time, in an exchange or in all, is an answer that did not come", () =>
    Effect.gen(function* () {
      for (const timeout of [{ exchange: "2 seconds" }, { call: "2 seconds", exchange: false }] as const) {
        const { mock, outer } = yield* nested(() => MockClient.never, { timeout })
        const late = { _tag: "TransportError", reason: "HeadersTimeout", sent: "maybe" }
        expect(yield* failure(outer.get("/x"))).toMatchObject(late)
        expect(yield* mock.sent).toHaveLength(3)
        expect(yield* failure(outer.post("/x"))).toMatchObject(late)
        expect(yield* mock.sent).toHaveLength(4)
      }
    })
  )

  it.effect("what the inner one refuses to send says why, and is not asked for again", () =>
    Effect.gen(function* () {
      let signed = 0
      const refused = new TokenError({ reason: "Rejected", detail: "the account is closed" })
      const auth: Auth.Service = {
        sign: () => Effect.suspend(() => (signed++, Effect.fail(refused))),
        onRejected: () => Effect.succeed(false)
      }
      const { outer } = yield* nested(() => respond(200), { auth })
      const error = yield* failure(outer.get("/x"))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect([signed, error.message]).toEqual([1, expect.stringContaining("the account is closed")])
      const { outer: lost } = yield* nested(() => respond(200), { baseUrl: "https://other.test" })
      expect(yield* failure(lost.get("/x"))).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
    })
  )

  it.effect("a token request within sign is sent once for each attempt of the request", () =>
    Effect.gen(function* () {
      const token = yield* api(down)
      const auth = signing(Effect.ignore(token.api.post("/token", { headers: { "idempotency-key": "t" } })))
      const client = yield* api(down, { auth })
      yield* failure(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(3)
      expect(yield* token.mock.sent).toHaveLength(3)
    })
  )

  it.effect("one that fails for good ends the request: it is not sent without a token", () =>
    Effect.gen(function* () {
      const token = yield* api(down)
      const asked = Effect.mapError(
        token.api.get("/token"),
        () => new TokenError({ reason: "Unavailable", detail: "it is down" })
      )
      const auth: Auth.Service = {
        sign: (request) => Effect.as(asked, { request, credential: 0 }),
        onRejected: () => Effect.succeed(false)
      }
      const client = yield* api(down, { auth })
      expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "TokenError" })
      expect([(yield* client.mock.sent).length, (yield* token.mock.sent).length]).toEqual([0, 1])
    })
  )

  it.effect("children that an attempt forks are within it", () =>
    Effect.gen(function* () {
      const other = yield* api(down)
      const two = Effect.all([Effect.exit(other.api.get("/a")), Effect.exit(other.api.get("/b"))], {
        concurrency: "unbounded"
      })
      const client = yield* api(() => respond(200), { auth: signing(two) })
      yield* run(client.api.get("/x"))
      expect(yield* other.mock.sent).toHaveLength(2)
    })
  )

  it.effect("a daemon that outlives the call retries for itself, with the time of its own call", () =>
    Effect.gen(function* () {
      const other = yield* api(down)
      const later = Effect.delay(Effect.exit(other.api.get("/later")), "2 minutes")
      const client = yield* api(() => respond(200), { auth: signing(Effect.forkDaemon(later)) })
      yield* run(client.api.get("/x"))
      yield* TestClock.adjust("2 minutes")
      yield* run(Effect.sleep("1 minute"))
      expect(yield* other.mock.sent).toHaveLength(3)
    })
  )
})

describe("the mark of a retry", () => {
  /** What a client of the other retry's own sends, three times if no mark was left behind. */
  const sends = (mark: Effect.Effect<unknown, unknown>) =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(down)
      yield* Effect.exit(mark)
      yield* Effect.exit(Retry.policy()(client).execute(get()))
      return (yield* mock.sent).length
    })

  const ends: Record<string, MockClient.Script> = {
    success: [respond(200)],
    "a typed failure": [respond(503), fail("CERT_HAS_EXPIRED")],
    "a defect": () => {
      throw new Error("boom")
    },
    "the end of the schedule": down
  }

  for (const [how, script] of Object.entries(ends)) {
    it.effect(`is gone after ${how}, in and outside of a call`, () =>
      Effect.gen(function* () {
        for (const around of [<A, E>(effect: Effect.Effect<A, E>) => effect, inCall]) {
          const { client } = yield* transport(script)
          const both = sends(Effect.exit(Retry.policy()(client).execute(get())))
          expect(yield* run(around(both))).toBe(3)
        }
      }).pipe(chance(0))
    )
  }

  it.effect("is gone after an interruption that the fiber lives through, in and outside of a call", () =>
    Effect.gen(function* () {
      for (const around of [<A, E>(effect: Effect.Effect<A, E>) => effect, inCall]) {
        const { client } = yield* transport(() => MockClient.never)
        const left = yield* Deferred.make<number>()
        const after = Effect.flatMap(sends(Effect.void), (count) => Deferred.succeed(left, count))
        // Finalizers run in the fiber that was interrupted, and may send, too.
        const fiber = yield* Effect.fork(Effect.ensuring(around(Retry.policy()(client).execute(get())), after))
        yield* Effect.yieldNow()
        const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
        expect(yield* run(Deferred.await(left))).toBe(3)
        yield* Fiber.join(interrupting)
      }
    }).pipe(chance(0))
  )

  it.effect("is gone after a bound within the call struck its send, which is then sent again as often as any", () =>
    Effect.gen(function* () {
      const { client } = yield* transport(() => MockClient.never)
      const struck = Timeout.exchange("2 seconds")(Retry.policy({ schedule: Schedule.stop })(client)).execute(get())
      expect(yield* run(inCall(sends(struck)))).toBe(3)
    }).pipe(chance(0))
  )

  it.effect("is each hop's own: two hops of a redirect each retry, and share the call's time", () =>
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
    }).pipe(chance(0))
  )

  it.effect("of one effect that is run twice, at once and in turn, is each run's own", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(down)
      const call = Effect.exit(Retry.policy({ budget: false })(client).execute(get()))
      yield* run(Effect.all([call, call], { concurrency: "unbounded" }))
      yield* run(Effect.zipRight(call, call))
      expect(yield* mock.sent).toHaveLength(12)
    }).pipe(chance(0))
  )
})

/** Runs something as a part of one call. */
const inCall = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(current, (outside) => locally(effect, begin(outside, Number.POSITIVE_INFINITY)))
