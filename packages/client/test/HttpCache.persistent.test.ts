import * as PlatformError from "@effect/platform/Error"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Auth from "@countersign/client/Auth"
import * as HttpCache from "@countersign/client/HttpCache"
import * as MockClient from "@countersign/testing/MockClient"
import { adjustableClock } from "./support/wallClock.js"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { api, runPromise } from "./support/mockApi.js"

const { respond } = MockClient
const fresh = { "cache-control": "max-age=60" }

/** A store in a map that tests can read and damage. */
const makeRecords = () => {
  const records = new Map<string, string>()
  const store = KeyValueStore.makeStringOnly({
    get: (key) => Effect.sync(() => Option.fromNullable(records.get(key))),
    set: (key, value) => Effect.sync(() => void records.set(key, value)),
    remove: (key) => Effect.sync(() => void records.delete(key)),
    clear: Effect.sync(() => records.clear()),
    size: Effect.sync(() => records.size)
  })
  return { records, store }
}

const counting = (headers: Record<string, string> = fresh): MockClient.Script => {
  let count = 0
  return () => respond(200, String(++count), headers)
}

const bot = Auth.makeStatic(HttpClientRequest.setHeader("authorization", "bot-secret"))

/** A process: a cache of its own over the store. */
const start = (
  store: KeyValueStore.KeyValueStore,
  script: MockClient.Script,
  options: Partial<HttpCache.PersistentOptions> = {}
) =>
  Effect.gen(function* () {
    const cache = yield* Effect.provideService(
      HttpCache.makePersistent({ account: "bot", ...options }),
      KeyValueStore.KeyValueStore,
      store
    )
    const client = yield* api(script, { cache, auth: bot, retry: false })
    const text = (url = "/x", callOptions = {}) =>
      Effect.flatMap(client.api.get(url, callOptions), (response) => response.text)
    return { ...client, cache, text }
  })

/** Time for the digests of a persistent cache, which no test clock moves. */
const pause = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 100)))

describe("HttpCache.makePersistent", () => {
  it.effect("uses responses that an earlier process stored, and validates them", () =>
    Effect.gen(function* () {
      const { store } = makeRecords()
      const first = yield* start(store, counting({ ...fresh, etag: '"1"' }))
      expect(yield* first.text()).toBe("1")
      const second = yield* start(store, ({ headers }) =>
        headers["if-none-match"] === '"1"' ? respond(304, "", { ...fresh, etag: '"1"' }) : respond(200, "other")
      )
      yield* TestClock.adjust("59 seconds")
      expect(yield* second.text()).toBe("1")
      expect(yield* second.mock.sent).toHaveLength(0)
      yield* TestClock.adjust("1 second")
      expect(yield* second.text()).toBe("1")
      expect(yield* second.mock.sent).toHaveLength(1)
      yield* TestClock.adjust("30 seconds")
      expect(yield* first.text()).toBe("1")
    })
  )

  it.effect("does not use a response from the future, after the clock was set back", () =>
    Effect.gen(function* () {
      const { store } = makeRecords()
      yield* TestClock.setTime(100_000)
      yield* (yield* start(store, counting())).text()
      yield* TestClock.setTime(0)
      expect(yield* (yield* start(store, () => respond(200, "new", fresh))).text()).toBe("new")
    })
  )

  it.effect("counts the time that passed while the clock was set back, for responses of its own", () =>
    Effect.gen(function* () {
      const { store } = makeRecords()
      const { wall, wallOffset } = yield* adjustableClock
      const client = yield* start(store, counting())
      expect(yield* Effect.withClock(client.text(), wall)).toBe("1")
      yield* TestClock.adjust("70 seconds")
      wallOffset.ms = -50_000
      expect(yield* Effect.withClock(client.text(), wall)).toBe("2")
    })
  )

  it.effect("writes neither cookies nor credentials nor URLs", () =>
    Effect.gen(function* () {
      const { records, store } = makeRecords()
      const cookie = yield* start(store, counting({ ...fresh, "set-cookie": "sid=1" }))
      expect([yield* cookie.text("/private?token=abc"), yield* cookie.text("/private?token=abc")]).toEqual(["1", "2"])
      expect(records.size).toBe(0)
      const other = yield* start(store, counting())
      yield* other.text("/private?token=abc", { headers: { "x-api-key": "key-secret" } })
      const written = [...records].flat().join()
      expect(records.size).toBe(1)
      for (const secret of ["secret", "private", "abc", "bot"]) expect(written).not.toContain(secret)
    })
  )

  it.effect("stores responses of the client's own scheme only", () =>
    Effect.gen(function* () {
      const { records, store } = makeRecords()
      const client = yield* start(store, counting())
      const other = Auth.makeStatic(HttpClientRequest.setHeader("authorization", "other"))
      expect([yield* client.text("/x", { auth: other }), yield* client.text("/x", { auth: other })]).toEqual(["1", "2"])
      expect(records.size).toBe(0)
      const derived = client.api.with({ auth: other })
      yield* derived.get("/x")
      expect(records.size).toBe(0)
      expect([yield* client.text(), yield* client.text()]).toEqual(["4", "4"])
    })
  )

  it.effect("separates accounts by name, and fields of the caller", () =>
    Effect.gen(function* () {
      const { store } = makeRecords()
      const alice = yield* start(store, counting(), { account: "alice" })
      const bob = yield* start(store, () => respond(200, "of bob", fresh), { account: "bob" })
      expect(yield* alice.text()).toBe("1")
      expect(yield* bob.text()).toBe("of bob")
      expect(yield* alice.text("/x", { headers: { "x-tenant": "2" } })).toBe("2")
      expect(yield* alice.text()).toBe("1")
    })
  )

  it.effect("removes the responses of all accounts after a change", () =>
    Effect.gen(function* () {
      const { records, store } = makeRecords()
      const alice = yield* start(store, counting(), { account: "alice" })
      yield* alice.text()
      const bob = yield* start(store, counting(), { account: "bob" })
      yield* bob.api.put("/x")
      expect(records.size).toBe(0)
      expect(yield* alice.text()).toBe("2")
    })
  )

  it.effect("overwrites records beyond maxEntries, and stores no large body", () =>
    Effect.gen(function* () {
      const { records, store } = makeRecords()
      const client = yield* start(
        store,
        ({ url }) => respond(200, url.endsWith("large") ? "x".repeat(1001) : url, fresh),
        { maxEntries: 4, maxEntryBytes: 1000 }
      )
      for (let index = 0; index < 50; index++) {
        expect(yield* client.text(`/${index}`)).toContain(`/${index}`)
        expect(yield* client.text(`/${index}`)).toContain(`/${index}`)
      }
      expect(yield* client.mock.sent).toHaveLength(50)
      expect(records.size).toBeLessThanOrEqual(4)
      yield* client.cache.clear
      expect(records.size).toBe(0)
      yield* client.text("/large")
      expect(records.size).toBe(0)
    })
  )

  it.effect("continues without a store that fails", () =>
    Effect.gen(function* () {
      const broken = Effect.fail(
        new PlatformError.SystemError({
          reason: "Unknown",
          module: "KeyValueStore",
          method: "get",
          pathOrDescriptor: "x"
        })
      )
      const store = KeyValueStore.makeStringOnly({
        get: () => broken,
        set: () => Effect.die(new Error("secret")),
        remove: () => broken,
        clear: broken,
        size: broken
      })
      const client = yield* start(store, counting())
      expect([yield* client.text(), yield* client.text()]).toEqual(["1", "2"])
      yield* client.api.put("/x")
      yield* client.cache.clear
    })
  )

  it.effect.each(["fails", "hangs"])(
    "does not use a response from before a change that the store lost, as it %s",
    (how) =>
      Effect.gen(function* () {
        const { records, store } = makeRecords()
        const lost =
          how === "hangs"
            ? Effect.never
            : Effect.fail(
                new PlatformError.SystemError({ reason: "Unknown", module: "KeyValueStore", method: "remove" })
              )
        let isBroken = false
        const client = yield* start({ ...store, remove: (key) => (isBroken ? lost : store.remove(key)) }, counting())
        expect(yield* client.text()).toBe("1")
        isBroken = true
        const change = yield* Effect.fork(client.api.put("/x"))
        for (let round = 0; round < 50; round++)
          yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 2)))
        yield* TestClock.adjust("5 seconds")
        yield* Fiber.join(change)
        expect(records.size).toBe(1)
        // The PUT got the second answer.
        expect([yield* client.text(), yield* client.text()]).toEqual(["3", "3"])
        isBroken = false
        yield* client.api.put("/x")
        expect(records.size).toBe(0)
      })
  )

  it.effect("does not use an older response after a newer one could not be written", () =>
    Effect.gen(function* () {
      const { store } = makeRecords()
      let isFull = false
      const set: typeof store.set = (key, value) =>
        isFull ? Effect.die(new Error("no space left on device")) : store.set(key, value)
      const client = yield* start({ ...store, set }, counting())
      expect(yield* client.text()).toBe("1")
      isFull = true
      expect(yield* client.text("/x", { headers: { "cache-control": "no-cache" } })).toBe("2")
      expect(yield* client.text()).toBe("3")
      isFull = false
      expect([yield* client.text(), yield* client.text()]).toEqual(["4", "4"])
    })
  )

  it.effect("ends a change in five seconds when the store hangs", () =>
    Effect.gen(function* () {
      const { store } = makeRecords()
      const client = yield* start({ ...store, remove: () => Effect.never }, counting())
      const change = yield* Effect.fork(client.api.put("/x"))
      yield* pause
      yield* TestClock.adjust("5 seconds")
      expect((yield* Fiber.join(change)).status).toBe(200)
    })
  )

  it.live("ends a call at its deadline when a write of the store hangs", () =>
    Effect.gen(function* () {
      const { store } = makeRecords()
      const client = yield* start({ ...store, set: () => Effect.never }, counting())
      const seen = yield* Effect.exit(client.api.get("/x", { timeout: "200 millis" }))
      expect(seen._tag).toBe("Success")
      // Another call for the same record, which the write holds.
      expect((yield* Effect.exit(client.api.get("/x", { timeout: "200 millis" })))._tag).toBe("Success")
    })
  )

  it.effect("sends the request when a read of the store takes longer than five seconds", () =>
    Effect.gen(function* () {
      const { store } = makeRecords()
      const client = yield* start({ ...store, get: () => Effect.never }, counting())
      const call = yield* Effect.fork(client.text())
      yield* pause
      yield* TestClock.adjust("5 seconds")
      yield* pause
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(call)).toBe("1")
    })
  )

  it.effect("does not use a response that the store wrote after a change had stopped waiting for it", () =>
    Effect.gen(function* () {
      const { records, store } = makeRecords()
      const written = yield* Effect.makeLatch(false)
      const set: typeof store.set = (key, value) => Effect.zipRight(written.await, store.set(key, value))
      const client = yield* start({ ...store, set }, counting())
      const reading = yield* Effect.fork(client.text())
      yield* pause
      const change = yield* Effect.fork(client.api.put("/x"))
      yield* pause
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(change)
      yield* written.open
      expect(yield* Fiber.join(reading)).toBe("1")
      yield* pause
      expect(records.size).toBe(1)
      expect(yield* client.text()).toBe("3")
    })
  )

  it("treats each damaged record as absent", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.nat(),
        FastCheck.string({ maxLength: 4 }),
        FastCheck.nat(40),
        (at, noise, cut) =>
          runPromise(
            Effect.gen(function* () {
              const { records, store } = makeRecords()
              const client = yield* start(store, counting())
              yield* client.text()
              const [[name, text] = ["", ""]] = records
              const index = at % text.length
              const damaged = text.slice(0, index) + noise + text.slice(index + cut)
              records.set(name, damaged)
              // The record may be valid JSON still, with another body. It never ends the call.
              const seen = yield* client.text()
              if (!isJson(damaged)) expect(seen).toBe("2")
            })
          )
      ),
      { numRuns: 60 }
    ))

  it("rejects unknown options and limits that are no number above 0", () => {
    for (const options of [{}, { account: "" }, { account: "a", maxEntries: 0 }, { account: "a", maxBytes: 1 }]) {
      // As plain JavaScript may call it.
      expect(() => HttpCache.makePersistent(options as HttpCache.PersistentOptions)).toThrow(TypeError)
    }
  })
})

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
