import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpClient from "@effect/platform/HttpClient"
import type { RequestError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Retry from "@countersign/client/Retry"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, base, withJitter, failure, run, requestTimes } from "./support/mockApi.js"

const { delay, fail, never, respond, respondStream } = MockClient

class Api extends ApiClient.Tag("test/Api")<Api>() {}
class Other extends ApiClient.Tag("test/Other")<Other>() {}

describe("ApiClient.Tag", () => {
  it.effect("retries and signs calls with the Auth and transport of its context", () =>
    Effect.gen(function* () {
      const client = yield* Api
      expect(yield* run(client.get("/x", { schema: Schema.Struct({ ok: Schema.Boolean }) }))).toEqual({ ok: true })
      const mock = yield* MockClient.MockClient
      expect((yield* mock.sent).map(({ at, headers, url }) => [at, url, headers["x-k"]])).toEqual([
        [0, `${base}/x`, "k"],
        [50, `${base}/x`, "k"]
      ])
    }).pipe(
      withJitter(1),
      Effect.provide(
        Api.layer({
          baseUrl: base,
          auth: Layer.succeed(
            Auth.Auth,
            Auth.makeStaticEffect((r) => Effect.succeed(HttpClientRequest.setHeader(r, "x-k", "k")))
          )
        }).pipe(Layer.provideMerge(MockClient.layer([respond(503, "busy"), respond(200, { ok: true })])))
      )
    )
  )

  it.effect("builds independent clients with separate base URLs", () =>
    Effect.gen(function* () {
      yield* run(Effect.flatMap(Api, (client) => client.get("/x")))
      yield* run(Effect.flatMap(Other, (client) => client.get("/x")))
      const mock = yield* MockClient.MockClient
      expect((yield* mock.sent).map(({ url }) => url)).toEqual(["https://a.test/x", "https://b.test/x"])
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          Api.layer({ baseUrl: "https://a.test", auth: Auth.none }),
          Other.layer({ baseUrl: "https://b.test", auth: Auth.none })
        ).pipe(Layer.provideMerge(MockClient.layer(() => respond(200))))
      )
    )
  )

  it.effect("rejects an unusable baseUrl with InvalidRequest", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(Api.layer({ baseUrl: "nonsense", auth: Auth.none })))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
    }).pipe(Effect.scoped, Effect.provide(MockClient.layer([])))
  )

  it.effect("applies mapRequest of the platform HttpClient", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(200))
      yield* run(
        client.pipe(HttpClient.mapRequest(HttpClientRequest.setHeader("x-a", "1"))).execute(HttpClientRequest.get("/x"))
      )
      expect((yield* mock.sent)[0]?.headers["x-a"]).toBe("1")
    })
  )

  it.effect("sends cookies from the jar of the option cookies", () =>
    Effect.gen(function* () {
      const client = yield* Api
      yield* run(client.get("/x"))
      yield* run(client.get("/x"))
      const mock = yield* MockClient.MockClient
      expect((yield* mock.sent).map(({ headers }) => headers["cookie"])).toEqual([undefined, "a=1"])
    }).pipe(
      Effect.provide(
        Api.layer({ baseUrl: base, auth: Auth.none, cookies: CookieJar.layerMemory }).pipe(
          Layer.provideMerge(MockClient.layer(() => respond(200, "", { "set-cookie": "a=1" })))
        )
      )
    )
  )
})

describe("ApiClient.pipelineOrder", () => {
  it("lists each step once, in pipeline order, with a reason", () => {
    const names = ApiClient.pipelineOrder.map(({ name }) => name)
    expect(names).toEqual([
      "Telemetry.counters",
      "RequestDefaults.policy",
      "Timeline.policy",
      "Timeout.call",
      "IdempotencyKey.policy",
      "Status.policy",
      "Redirects.follow",
      "HttpCache.policy",
      "Retry.policy",
      "Hedge.policy",
      "CircuitBreaker.policy",
      "Concurrency.policy",
      "RateLimit.policy",
      "Auth.policy",
      "Telemetry.span",
      "Telemetry.durations",
      "Cookies.policy",
      "Timeout.exchange"
    ])
    expect(new Set(names).size).toBe(names.length)
    for (const { reason } of ApiClient.pipelineOrder) expect(reason.length).toBeGreaterThan(20)
  })

  const countingAuth = () => {
    const seen = { signs: 0, rejections: 0 }
    const auth: Auth.Service = {
      sign: (request) =>
        Effect.sync(() => ({
          request: HttpClientRequest.setHeader(request, "x-sig", `s${++seen.signs}`),
          credential: 0
        })),
      onRejected: () => Effect.sync(() => ++seen.rejections > 0)
    }
    return { auth, seen }
  }

  it.effect("does not join a redirect hop to the base URL again", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respond(302, "", { location: "/elsewhere" }), respond(200)], {
        headers: { "x-d": "1" }
      })
      yield* run(client.get("/x"))
      expect((yield* mock.sent)[1]).toMatchObject({ url: "https://api.test/elsewhere", headers: { "x-d": "1" } })
    })
  )

  it.effect("applies Timeout.call across all hops, attempts and waits", () =>
    Effect.gen(function* () {
      const script = [
        delay("2 seconds", respond(302, "", { location: "/v1/y" })),
        delay("2 seconds", respond(503)),
        never
      ]
      const { api: client, mock } = yield* api(script, {
        retry: Schedule.spaced("2 seconds"),
        timeout: { call: "9 seconds" }
      })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect(yield* requestTimes(mock)).toEqual([0, 2000, 6000])
      expect(yield* TestClock.currentTimeMillis).toBe(9000)
    })
  )

  it.effect("includes reading an error body in Timeout.call", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => delay("500 millis", respondStream(404, Stream.never)), {
        timeout: { call: "1 second" }
      })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Timeout", scope: "call" })
    })
  )

  it.effect("retries only the current hop after a redirect", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respond(307, "", { location: "/v1/y" }), respond(503), respond(200)])
      yield* run(client.put("/x", { json: 1 }))
      expect((yield* mock.sent).map(({ url }) => url)).toEqual([`${base}/x`, `${base}/y`, `${base}/y`])
    })
  )

  it.effect("signs each attempt again and handles a 401 within its attempt", () =>
    Effect.gen(function* () {
      const { auth, seen } = countingAuth()
      const { api: client, mock } = yield* api([respond(503), respond(401), respond(503), respond(200)], { auth })
      yield* run(client.get("/x"))
      expect((yield* mock.sent).map(({ headers }) => headers["x-sig"])).toEqual(["s1", "s2", "s3", "s4"])
      expect(seen).toEqual({ signs: 4, rejections: 1 })
    })
  )

  it.effect("excludes signing time from Timeout.exchange", () =>
    Effect.gen(function* () {
      const auth: Auth.Service = {
        sign: (request) => Effect.delay(Effect.succeed({ request, credential: 0 }), "5 seconds"),
        onRejected: () => Effect.succeed(false)
      }
      const { api: client, mock } = yield* api([delay("900 millis", respond(200))], {
        auth,
        timeout: { exchange: "1 second" }
      })
      yield* run(client.get("/x"))
      expect(yield* requestTimes(mock)).toEqual([5000])
    })
  )

  it.effect("sends stored cookies on each attempt and stores cookies from each response", () =>
    Effect.gen(function* () {
      const { client: raw, mock } = yield* MockClient.make((_, index) =>
        index === 3
          ? respond(200)
          : respond([302, 503, 401][index]!, "", { location: "/v1/y", "set-cookie": `c${index}=1` })
      )
      const client = yield* ApiClient.make({
        baseUrl: base,
        auth: countingAuth().auth,
        cookies: yield* CookieJar.makeMemory
      }).pipe(Effect.provideService(HttpClient.HttpClient, raw))
      yield* run(client.get("/x"))
      expect((yield* mock.sent).map(({ headers }) => headers["cookie"])).toEqual([
        undefined,
        "c0=1",
        "c0=1; c1=1",
        "c0=1; c1=1; c2=1"
      ])
    })
  )

  it.effect("counts each attempt in the circuit and neither signs nor sends rejected requests", () =>
    Effect.gen(function* () {
      const { auth, seen } = countingAuth()
      const circuitBreaker = yield* CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutiveFailures(3) })
      const { api: client, mock } = yield* api(() => respond(503), { auth, circuitBreaker })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Unavailable" })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "CircuitOpen" })
      expect(yield* mock.sent).toHaveLength(3)
      expect(seen.signs).toBe(3)
    })
  )

  it.effect("rejects a request for an open circuit without queueing it for a permit", () =>
    Effect.gen(function* () {
      const circuitBreaker = yield* CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutiveFailures(1) })
      const concurrency = yield* Concurrency.make({ limit: 1, maxQueued: 0 })
      const script = [respond(503), delay("10 seconds", respond(200))]
      const { api: client, mock } = yield* api(script, { circuitBreaker, concurrency, retry: false })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Unavailable" })
      yield* TestClock.adjust("10 minutes")
      const probe = yield* Effect.fork(client.get("/x"))
      yield* TestClock.adjust("1 second")
      // The probe has the only permit: without the circuit, this request would fail with `Overloaded`.
      expect(yield* Effect.flip(client.get("/x"))).toMatchObject({ _tag: "CircuitOpen" })
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(probe)).status).toBe(200)
      expect(yield* mock.sent).toHaveLength(2)
    })
  )

  it.effect("throttles the next request after a 429 before signing it", () =>
    Effect.gen(function* () {
      const { auth, seen } = countingAuth()
      const { api: client, mock } = yield* api([respond(429, "", { "retry-after": "5" }), respond(200)], {
        auth,
        retry: false
      })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "RateLimited", source: "server" })
      const throttled = yield* Effect.fork(client.get("/x"))
      yield* TestClock.adjust("4999 millis")
      expect(seen.signs).toBe(1)
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(throttled)).status).toBe(200)
      expect(yield* requestTimes(mock)).toEqual([0, 5000])
    })
  )

  it.effect("does not apply the throttle to a call with different credentials", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respond(429, "", { "retry-after": "5" }), respond(200)], {
        auth: countingAuth().auth,
        retry: false
      })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "RateLimited" })
      expect((yield* client.get("/x", { auth: countingAuth().auth })).status).toBe(200)
      expect(yield* requestTimes(mock)).toEqual([0, 0])
    })
  )

  it.effect("omits a policy if its option is false", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(503), {
        retry: false,
        redirects: false,
        timeout: { call: false, exchange: false }
      })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Unavailable" })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})

describe("ApiClient httpClient", () => {
  it.effect("returns the last response instead of failing for its status", () =>
    Effect.gen(function* () {
      for (const [status, sends] of [
        [401, 1],
        [403, 1],
        [404, 1],
        [429, 3],
        [503, 3]
      ] as const) {
        const { api: client, mock } = yield* api((_, index) => respond(status, `answer ${index}`))
        const response = yield* run(client.httpClient.get("/x")).pipe(withJitter(0))
        expect([response.status, yield* response.text]).toEqual([status, `answer ${sends - 1}`])
        expect(yield* mock.sent).toHaveLength(sends)
      }
    })
  )

  it.effect("returns the whole error body as a stream", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(404, "x".repeat(100_000)))
      const response = yield* run(client.httpClient.get("/x"))
      expect(yield* mock.released).toEqual([])
      expect((yield* run(response.text)).length).toBe(100_000)
    })
  )

  it.effect("returns the 401 of a rejected replay and the 503 with a retry-after that is too long", () =>
    Effect.gen(function* () {
      const auth: Auth.Service = { ...Auth.none, onRejected: () => Effect.succeed(true) }
      const rejected = yield* api((_, index) => respond(401, `answer ${index}`), { auth })
      expect(yield* Effect.flatMap(run(rejected.api.httpClient.get("/x")), ({ text }) => text)).toBe("answer 1")
      const busy = yield* api(() => respond(503, "later", { "retry-after": "3600" }))
      expect(yield* Effect.flatMap(run(busy.api.httpClient.get("/x")), ({ text }) => text)).toBe("later")
      expect(yield* TestClock.currentTimeMillis).toBe(0)
    })
  )

  it.effect("wraps other errors so that retryTransient does not retry them", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [MockClient.Step, string, number]> = [
        [fail("ECONNREFUSED"), "TransportError", 3],
        [never, "Timeout", 3],
        [respond(302, "text", { location: "http://api.test/" }), "RedirectRejected", 1]
      ]
      for (const [step, tag, sends] of cases) {
        const { api: client, mock } = yield* api(() => step, { timeout: { exchange: "1 second" } })
        const again = client.httpClient.pipe(HttpClient.retryTransient({ times: 3, schedule: Schedule.spaced(10) }))
        const error = yield* failure(again.get("/x"))
        expect(error, tag).toMatchObject({ _tag: "RequestError", cause: { _tag: tag } })
        expect((error as RequestError).description).toBe((error.cause as Error).message)
        expect(yield* mock.sent, tag).toHaveLength(sends)
      }
    })
  )

  it.effect("releases the response of a rejected redirect", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respond(302, "text", { location: "http://api.test/" })])
      yield* failure(client.httpClient.get("/x"))
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("does not multiply requests inside another retry", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(503))
      const outer = Retry.policy({ schedule: Retry.exponential({ times: 1 }) })(client.httpClient)
      yield* Effect.exit(run(outer.execute(HttpClientRequest.get("/x"))))
      expect(yield* mock.sent).toHaveLength(2)
    })
  )
})

describe("ApiClient.Tag layerHttpClient", () => {
  class NotThere extends Schema.TaggedError<NotThere>()("NotThere", { id: Schema.Number }) {}
  class Expired extends Schema.TaggedError<Expired>()("Expired", { login: Schema.String }) {}
  const User = Schema.Struct({ id: Schema.Number, name: Schema.String })
  const Users = HttpApiGroup.make("users")
    .add(
      HttpApiEndpoint.get("find", "/users/:id")
        .setPath(Schema.Struct({ id: Schema.NumberFromString }))
        .addSuccess(User)
        .addError(NotThere, { status: 404 })
        .addError(Expired, { status: 401 })
    )
    .add(HttpApiEndpoint.post("add", "/users").setPayload(User).addSuccess(User, { status: 201 }))
  const Shop = HttpApi.make("shop").add(Users)

  const shop = (script: MockClient.Script) =>
    Layer.provide(Api.layer({ baseUrl: base, auth: Auth.none }), MockClient.layer(script))

  it.effect("joins, retries and decodes calls of an HttpApiClient", () =>
    Effect.gen(function* () {
      const client = yield* Api.provideHttpClient(HttpApiClient.make(Shop))
      expect(yield* run(client.users.find({ path: { id: 1 } }))).toEqual({ id: 1, name: "Ada" })
      expect(yield* run(client.users.add({ payload: { id: 2, name: "Bo" } }))).toEqual({ id: 2, name: "Bo" })
    }).pipe(
      Effect.provide(shop([respond(503), respond(200, { id: 1, name: "Ada" }), respond(201, { id: 2, name: "Bo" })]))
    )
  )

  it.effect("returns the typed errors of the endpoint", () =>
    Effect.gen(function* () {
      const client = yield* Api.provideHttpClient(HttpApiClient.make(Shop))
      expect(yield* failure(client.users.find({ path: { id: 7 } }))).toEqual(new NotThere({ id: 7 }))
      expect(yield* failure(client.users.find({ path: { id: 7 } }))).toEqual(new Expired({ login: "/in" }))
    }).pipe(
      Effect.provide(shop([respond(404, { _tag: "NotThere", id: 7 }), respond(401, { _tag: "Expired", login: "/in" })]))
    )
  )
})
