/** Validations in the background, and the scope of the client. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as HttpCache from "@countersign/client/HttpCache"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { api, requestTimes, run } from "./support/mockApi.js"

const { delay, fail, respond } = MockClient
const stale = { "cache-control": "max-age=1, stale-while-revalidate=600" }

class Api extends ApiClient.Tag("test/HttpCache/Api")<Api>() {}

/** Answers the first request for a URL at once, and the others after ten seconds. */
const slowServer = (): MockClient.Script => {
  const seen = new Map<string, number>()
  return ({ url }) => {
    const count = (seen.get(url) ?? 0) + 1
    seen.set(url, count)
    const answer = respond(200, String(count), stale)
    return count === 1 ? answer : delay("10 seconds", answer)
  }
}

type Mock = Effect.Effect.Success<ReturnType<typeof MockClient.make>>

/** How a client gets its scope: by the Layer of its tag, or by `make` in a scope. */
const ways = {
  "the Layer of a tag": ({ client }: Mock, scope: Scope.Scope, cache: HttpCache.HttpCache) =>
    Layer.buildWithScope(
      Layer.provide(
        Api.layer({ baseUrl: "https://api.test/v1", auth: Auth.none, cache }),
        Layer.succeed(HttpClient.HttpClient, client)
      ),
      scope
    ).pipe(Effect.map(Context.get(Api))),
  make: ({ client }: Mock, scope: Scope.Scope, cache: HttpCache.HttpCache) =>
    ApiClient.make({ baseUrl: "https://api.test/v1", auth: Auth.none, cache }).pipe(
      Effect.provideService(HttpClient.HttpClient, client),
      Scope.extend(scope)
    )
}

const textOf = (client: ApiClient.ApiClient, url = "/x") => Effect.flatMap(client.get(url), ({ text }) => text)

describe("HttpCache.memory", () => {
  it.effect.each(Object.entries(ways))("interrupts a validation when the scope of %s closes", ([, build]) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const mock = yield* MockClient.make(slowServer())
      const client = yield* build(mock, scope, HttpCache.memory())
      yield* run(textOf(client))
      yield* TestClock.adjust("2 seconds")
      expect(yield* textOf(client)).toBe("1")
      yield* TestClock.adjust("1 second")
      expect(yield* requestTimes(mock.mock)).toEqual([0, 2000])
      yield* Scope.close(scope, Exit.void)
      expect((yield* mock.mock.interrupted).map(({ at }) => at)).toEqual([3000])
      yield* TestClock.adjust("1 minute")
      // The answer of the interrupted request was not stored. Now the caller validates.
      expect(yield* run(textOf(client))).toBe("3")
      expect(yield* requestTimes(mock.mock)).toEqual([0, 2000, 63_000])
    })
  )

  it.effect("sends no retry of a validation after the scope has closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      let count = 0
      const client = yield* Scope.extend(
        api(() => (++count === 1 ? respond(200, "1", stale) : fail("ECONNRESET")), {
          cache: HttpCache.memory(),
          // The default delay is random, and may be below a millisecond.
          retry: Schedule.spaced("1 second")
        }),
        scope
      )
      yield* run(textOf(client.api))
      yield* TestClock.adjust("2 seconds")
      yield* textOf(client.api)
      yield* TestClock.adjust(1)
      const before = (yield* requestTimes(client.mock)).length
      expect(before).toBe(2)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("5 minutes")
      expect(yield* requestTimes(client.mock)).toHaveLength(before)
    })
  )

  it.effect("validates in the caller if the scope closed before the first validation", () =>
    Effect.gen(function* () {
      const client = yield* Effect.scoped(api(slowServer(), { cache: HttpCache.memory() }))
      yield* run(textOf(client.api))
      yield* TestClock.adjust("2 seconds")
      expect(yield* run(textOf(client.api))).toBe("2")
      expect(yield* requestTimes(client.mock)).toEqual([0, 2000])
    })
  )

  it.live("interrupts a validation that an uninterruptible caller started", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      let count = 0
      // Stale as soon as it arrives.
      const answer = respond(200, "1", { ...stale, age: "2" })
      const script: MockClient.Script = () => (++count === 1 ? answer : delay("20 seconds", answer))
      const client = yield* Scope.extend(api(script, { cache: HttpCache.memory() }), scope)
      yield* textOf(client.api)
      yield* Effect.uninterruptible(textOf(client.api))
      yield* Effect.sleep("20 millis")
      expect(count).toBe(2)
      yield* Scope.close(scope, Exit.void)
      expect(yield* client.mock.interrupted).toHaveLength(1)
    })
  )

  it.effect("continues the validations of other clients with the same cache, and frees those of a closed scope", () =>
    Effect.gen(function* () {
      const cache = HttpCache.memory()
      const auth = Auth.makeStatic((request) => request)
      const scope = yield* Scope.make()
      const other = yield* api(slowServer(), { auth, cache, retry: false })
      const urls = ["/1", "/2", "/3", "/4"]
      for (let round = 0; round < 3; round++) {
        const closing = yield* Scope.fork(scope, { _tag: "Sequential" })
        const client = yield* Scope.extend(api(slowServer(), { auth, cache, retry: false }), closing)
        for (const url of urls) yield* run(textOf(client.api, `/${round}${url}`))
        yield* TestClock.adjust("2 seconds")
        for (const url of urls) yield* textOf(client.api, `/${round}${url}`)
        yield* TestClock.adjust("1 second")
        yield* Scope.close(closing, Exit.void)
      }
      yield* run(textOf(other.api))
      yield* TestClock.adjust("2 seconds")
      expect(yield* textOf(other.api)).toBe("1")
      yield* TestClock.adjust("11 seconds")
      expect(yield* textOf(other.api)).toBe("2")
    })
  )

  it.effect("sends nothing for only-if-cached, also for a stale response", () =>
    Effect.gen(function* () {
      const client = yield* api(slowServer(), { cache: HttpCache.memory() })
      yield* run(textOf(client.api))
      yield* TestClock.adjust("2 seconds")
      for (const call of [client.api.get, client.api.head]) {
        const response = yield* call("/x", { headers: { "cache-control": "only-if-cached" } })
        expect(response.headers["cache-status"]).toBe("countersign; hit; detail=stale")
      }
      yield* TestClock.adjust("1 minute")
      expect(yield* requestTimes(client.mock)).toEqual([0])
    })
  )

  it.effect("validates in the background for a client without a scope, for at most 30 seconds", () =>
    Effect.gen(function* () {
      let count = 0
      const client = yield* api(
        () => (++count === 1 ? respond(200, "1", stale) : delay("10 minutes", respond(200, "2", stale))),
        { cache: HttpCache.memory(), timeout: { call: false, exchange: false } }
      )
      yield* run(textOf(client.api))
      yield* TestClock.adjust("2 seconds")
      expect(yield* textOf(client.api)).toBe("1")
      yield* TestClock.adjust("29 seconds")
      expect(yield* client.mock.interrupted).toEqual([])
      yield* TestClock.adjust("2 seconds")
      expect((yield* client.mock.interrupted).map(({ at }) => at)).toEqual([32_000])
    })
  )
})
