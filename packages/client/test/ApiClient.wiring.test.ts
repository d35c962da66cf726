/** Wirings of two APIs: what each origin receives, and how often a shared Layer is built. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as CookieJar from "@countersign/client/CookieJar"
import * as RateLimit from "@countersign/client/RateLimit"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"

class A extends ApiClient.Tag("test/A")<A>() {}
class B extends ApiClient.Tag("test/B")<B>() {}

const baseA = "https://a.test"
const baseB = "https://b.test"

const key = (value: string) => Auth.makeStatic(HttpClientRequest.setHeader("x-key", value))
const [keyA, keyB] = [Auth.layer(key("A-KEY")), Auth.layer(key("B-KEY"))]
const [a, b] = [A.layer({ baseUrl: baseA }), B.layer({ baseUrl: baseB })]

/** Calls both APIs, and returns the key that each origin received. */
const received = <E>(live: Layer.Layer<A | B, E, HttpClient.HttpClient>) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(() => MockClient.respond(200, {}))
    const calls = Effect.zipRight(
      Effect.flatMap(A, (api) => api.get("/x")),
      Effect.flatMap(B, (api) => api.get("/x"))
    )
    const exit = yield* Effect.exit(
      Effect.provide(calls, Layer.provide(live, Layer.succeed(HttpClient.HttpClient, client)))
    )
    const sent = yield* mock.sent
    return { exit, keys: sent.map(({ headers, url }) => `${url} ${headers["x-key"]}`) }
  })

const right = [`${baseA}/x A-KEY`, `${baseB}/x B-KEY`]

describe("two APIs", () => {
  it.effect.each<readonly [string, Layer.Layer<A | B, unknown, HttpClient.HttpClient>]>([
    ["both credentials at once", Layer.provide(Layer.mergeAll(a, b), Layer.mergeAll(A.auth(keyA), B.auth(keyB)))],
    ["one after the other", Layer.mergeAll(a, b).pipe(Layer.provide(B.auth(keyB)), Layer.provide(A.auth(keyA)))],
    ["provideMerge", Layer.merge(Layer.provideMerge(a, A.auth(keyA)), Layer.provideMerge(b, B.auth(keyB)))],
    [
      "the option auth",
      Layer.mergeAll(A.layer({ baseUrl: baseA, auth: keyA }), B.layer({ baseUrl: baseB, auth: keyB }))
    ],
    [
      "the option auth as a value",
      Layer.mergeAll(A.layer({ baseUrl: baseA, auth: key("A-KEY") }), B.layer({ baseUrl: baseB, auth: key("B-KEY") }))
    ],
    [
      "an option, and a scheme without an API around both",
      Layer.mergeAll(A.layer({ baseUrl: baseA, auth: keyA }), B.layer({ baseUrl: baseB, auth: keyB })).pipe(
        Layer.provide(Auth.layer(key("OTHER")))
      )
    ]
  ])("receive their own credentials with %s", ([, live]) =>
    Effect.gen(function* () {
      const { exit, keys } = yield* received(live)
      expect(Exit.isSuccess(exit)).toBe(true)
      expect(keys).toEqual(right)
    })
  )

  it.effect.each<readonly [string, Layer.Layer<A | B, unknown, unknown>, string]>([
    ["schemes without an API", Layer.provide(Layer.mergeAll(a, b), Layer.mergeAll(keyA, keyB)), "test/A/Auth"],
    ["the credentials of one API only", Layer.provide(Layer.mergeAll(a, b), A.auth(keyA)), "test/B/Auth"],
    ["no credentials", Layer.mergeAll(a, b), "test/A/Auth"]
  ])("receive nothing with %s, which does not compile", ([, live, missing]) =>
    Effect.gen(function* () {
      // The type of the wiring shows the missing service. JavaScript does not.
      const { exit, keys } = yield* received(live as Layer.Layer<A | B, unknown, HttpClient.HttpClient>)
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain(`Service not found: ${missing}`)
      expect(keys).toEqual([])
    })
  )

  it.effect("give their SDKs the host and the credentials of their API", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make(() => MockClient.respond(200, {}))
      const sdk = HttpClient.get("/sdk")
      const both = Effect.zipRight(A.provideHttpClient(sdk), B.provideHttpClient(sdk))
      const live = Layer.mergeAll(A.layer({ baseUrl: baseA, auth: keyA }), B.layer({ baseUrl: baseB, auth: keyB }))
      yield* Effect.provide(both, Layer.provide(live, Layer.succeed(HttpClient.HttpClient, client)))
      const sent = yield* mock.sent
      expect(sent.map(({ headers, url }) => `${url} ${headers["x-key"]}`)).toEqual([
        `${baseA}/sdk A-KEY`,
        `${baseB}/sdk B-KEY`
      ])
    })
  )
})

describe("a Layer in the options", () => {
  /** A Layer that counts how often it is built. */
  const counted = <Id, E, R>(layer: Layer.Layer<Id, E, R>) => {
    const seen = { builds: 0 }
    const count = Layer.effectDiscard(Effect.sync(() => void seen.builds++))
    return { layer: Layer.merge(layer, count), seen }
  }

  it.effect("builds its service once for two APIs", () =>
    Effect.gen(function* () {
      const auth = counted(keyA)
      const circuits = counted(CircuitBreaker.layer())
      const permits = counted(Concurrency.layer({ limit: 1 }))
      const limits = counted(RateLimit.layerThrottle())
      const options = {
        auth: auth.layer,
        circuitBreaker: circuits.layer,
        concurrency: permits.layer,
        rateLimit: limits.layer
      }
      const live = Layer.mergeAll(A.layer({ baseUrl: baseA, ...options }), B.layer({ baseUrl: baseB, ...options }))
      const { keys } = yield* received(live)
      expect(keys).toEqual([`${baseA}/x A-KEY`, `${baseB}/x A-KEY`])
      expect([auth, circuits, permits, limits].map(({ seen }) => seen.builds)).toEqual([1, 1, 1, 1])
    })
  )

  it.effect("releases its service with the scope of the client", () =>
    Effect.gen(function* () {
      let isOpen = false
      const open = Effect.acquireRelease(
        Effect.sync(() => ((isOpen = true), key("A-KEY"))),
        () => Effect.sync(() => (isOpen = false))
      )
      const auth = Layer.scoped(Auth.Auth, open)
      const { client } = yield* MockClient.make(() => MockClient.respond(200, {}))
      const called = Effect.gen(function* () {
        const api = yield* ApiClient.make({ baseUrl: baseA, auth })
        yield* api.get("/x")
        return isOpen
      })
      expect(yield* Effect.scoped(Effect.provideService(called, HttpClient.HttpClient, client))).toBe(true)
      expect(isOpen).toBe(false)
    })
  )

  it.effect("gives each API its own cookies", () =>
    Effect.gen(function* () {
      const cookies = CookieJar.layerMemory
      const live = Layer.mergeAll(
        A.layer({ baseUrl: baseA, auth: Auth.none, cookies }),
        B.layer({ baseUrl: baseA, auth: Auth.none, cookies })
      )
      const { client, mock } = yield* MockClient.make(() => MockClient.respond(200, "", { "set-cookie": "sid=1" }))
      const calls = Effect.all([Effect.flatMap(A, (api) => api.get("/x")), Effect.flatMap(B, (api) => api.get("/x"))])
      yield* Effect.provide(calls, Layer.provide(live, Layer.succeed(HttpClient.HttpClient, client)))
      expect((yield* mock.sent).map(({ headers }) => headers["cookie"])).toEqual([undefined, undefined])
    })
  )
})

describe("two tags with one id", () => {
  class Copy extends ApiClient.Tag("test/A")<Copy>() {}
  const copy = Copy.layer({ baseUrl: baseB, auth: key("B-KEY") })
  const first = A.layer({ baseUrl: baseA, auth: key("A-KEY") })
  const build = (layer: Layer.Layer<never, unknown, HttpClient.HttpClient>) =>
    Effect.exit(Layer.build(Layer.provide(layer, MockClient.layer([]))))

  it.scoped.each<readonly [string, Layer.Layer<never, unknown, HttpClient.HttpClient>]>([
    ["merge", Layer.merge(first, copy)],
    ["provideMerge", Layer.provideMerge(first, copy)],
    ["the credentials around both", Layer.provide(Layer.merge(a, copy), A.auth(keyA))],
    [
      "an alternative that is of the same tag",
      Layer.merge(
        first,
        Layer.orElse(copy, () => copy)
      )
    ],
    ["one around the other", Layer.provideMerge(Layer.merge(B.layer({ baseUrl: baseB, auth: keyB }), first), copy)]
  ])("fail to build with %s", ([_, layer]) =>
    Effect.gen(function* () {
      const exit = yield* build(layer)
      expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toMatchObject({
        _tag: "InvalidRequest",
        message: 'Invalid options: two tags have the id "test/A". Give each API an id of its own.'
      })
    })
  )

  it.scoped("build if their Layers are built apart, as after a reload of a module", () =>
    Effect.gen(function* () {
      expect(Exit.isSuccess(yield* build(first))).toBe(true)
      expect(Exit.isSuccess(yield* build(copy))).toBe(true)
    })
  )

  it.scoped("build if the first one fails, or its scope has closed", () =>
    Effect.gen(function* () {
      const memoMap = yield* Layer.makeMemoMap
      const wrong = A.layer({ baseUrl: "", auth: keyA })
      expect(Exit.isSuccess(yield* build(Layer.orElse(wrong, () => copy)))).toBe(true)
      const transport = MockClient.layer([])
      const buildIn = (layer: Layer.Layer<never, unknown, HttpClient.HttpClient>) =>
        Effect.scopedWith((scope) => Layer.buildWithMemoMap(Layer.provide(layer, transport), memoMap, scope))
      expect(Exit.isSuccess(yield* Effect.exit(buildIn(first)))).toBe(true)
      expect(Exit.isSuccess(yield* Effect.exit(buildIn(copy)))).toBe(true)
    })
  )

  it.scoped("accepts two Layers of one tag", () =>
    Effect.gen(function* () {
      expect(Exit.isSuccess(yield* build(Layer.merge(first, A.layer({ baseUrl: baseB, auth: keyA }))))).toBe(true)
    })
  )
})

describe("an SDK that two APIs use", () => {
  class Sdk extends Context.Tag("test/Sdk")<Sdk, { readonly go: Effect.Effect<unknown, unknown> }>() {}
  class OfA extends Context.Tag("test/OfA")<OfA, Context.Tag.Service<Sdk>>() {}
  class OfB extends Context.Tag("test/OfB")<OfB, Context.Tag.Service<Sdk>>() {}
  const sdk = Layer.effect(
    Sdk,
    Effect.map(HttpClient.HttpClient, (client) => ({ go: Effect.scoped(client.get("/sdk")) }))
  )

  it.effect("calls each API through its own client, also as one value of a Layer", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make(() => MockClient.respond(200, {}))
      const live = Layer.merge(
        Layer.effect(OfA, Sdk).pipe(Layer.provide(A.provideHttpClient(sdk))),
        Layer.effect(OfB, Sdk).pipe(Layer.provide(B.provideHttpClient(sdk)))
      ).pipe(
        Layer.provide(A.layer({ baseUrl: baseA, auth: keyA })),
        Layer.provide(B.layer({ baseUrl: baseB, auth: keyB })),
        Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
      )
      yield* Effect.provide(
        Effect.gen(function* () {
          yield* (yield* OfA).go
          yield* (yield* OfB).go
        }),
        live
      )
      expect((yield* mock.sent).map(({ headers, url }) => `${url} ${headers["x-key"]}`)).toEqual([
        `${baseA}/sdk A-KEY`,
        `${baseB}/sdk B-KEY`
      ])
    })
  )
})

describe("a client with other credentials", () => {
  it.effect("sends and stores no cookies of the client's account, in a call and after `with`", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make(({ url }) =>
        MockClient.respond(200, {}, url.endsWith("/login") ? { "set-cookie": "sid=1; Path=/" } : {})
      )
      const api = yield* ApiClient.make({ baseUrl: baseA, auth: key("A-KEY"), cookies: CookieJar.layerMemory }).pipe(
        Effect.provideService(HttpClient.HttpClient, client)
      )
      yield* api.with({ auth: key("B-KEY") }).get("/login")
      yield* api.get("/before")
      yield* api.get("/login")
      yield* api.get("/mine")
      yield* api.with({ headers: { "x-h": "1" } }).get("/mine")
      yield* api.get("/public", { auth: Auth.none })
      yield* api.with({ auth: key("B-KEY") }).get("/other")
      expect((yield* mock.sent).map(({ headers, url }) => `${url.slice(baseA.length)} ${headers["cookie"]}`)).toEqual([
        "/login undefined",
        "/before undefined",
        "/login undefined",
        "/mine sid=1",
        "/mine sid=1",
        "/public undefined",
        "/other undefined"
      ])
    }).pipe(Effect.scoped)
  )
})
