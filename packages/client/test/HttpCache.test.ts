import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CookieJar from "@countersign/client/CookieJar"
import * as HttpCache from "@countersign/client/HttpCache"
import * as Timeline from "@countersign/client/Timeline"
import * as WaitStrategy from "@countersign/client/WaitStrategy"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, failure, requestTimes, run, urls } from "./support/mockApi.js"

const { delay, fail, respond } = MockClient
const fresh = { "cache-control": "max-age=60" }

const cachedApi = (script: MockClient.Script, options: Partial<ApiClient.Options> = {}) =>
  api(script, { cache: HttpCache.memory(), retry: false, ...options })

/** Answers each request with its number: the first body is `1`. */
const counting = (headers: Record<string, string> = fresh, status = 200): MockClient.Script => {
  let count = 0
  return () => respond(status, String(++count), headers)
}

/** The text of a GET. */
const text = (client: { readonly api: ApiClient.ApiClient }, url = "/x", options = {}) =>
  run(Effect.flatMap(client.api.get(url, options), (response) => response.text))

describe("HttpCache.memory", () => {
  it.effect("answers from the cache until the lifetime is over", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(counting())
      expect(yield* text(client)).toBe("1")
      yield* TestClock.adjust("59 seconds")
      expect(yield* text(client)).toBe("1")
      yield* TestClock.adjust("1 second")
      expect(yield* text(client)).toBe("2")
      expect(yield* requestTimes(client.mock)).toEqual([0, 60_000])
    })
  )

  it.effect("adds age and cache-status to a response from the cache", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(counting({ ...fresh, age: "10", "cache-status": "edge; hit" }))
      expect((yield* run(client.api.get("/x"))).headers["cache-status"]).toBe("edge; hit")
      yield* TestClock.adjust("5 seconds")
      const { headers } = yield* run(client.api.get("/x"))
      expect(headers["age"]).toBe("15")
      expect(headers["cache-status"]).toBe("edge; hit, countersign; hit")
    })
  )

  it.effect("counts the age that the response already had", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(counting({ ...fresh, age: "50" }))
      expect(yield* text(client)).toBe("1")
      yield* TestClock.adjust("10 seconds")
      expect(yield* text(client)).toBe("2")
    })
  )

  it.effect("counts the time that the response took", () =>
    Effect.gen(function* () {
      let count = 0
      const client = yield* cachedApi(() => delay("10 seconds", respond(200, String(++count), fresh)))
      expect(yield* text(client)).toBe("1")
      yield* TestClock.adjust("49 seconds")
      expect(yield* text(client)).toBe("1")
      yield* TestClock.adjust("1 second")
      expect(yield* text(client)).toBe("2")
    })
  )

  it.effect.each<[string, Record<string, string>]>([
    ["no-store", { "cache-control": "max-age=60, no-store" }],
    ["NO-STORE", { "cache-control": "max-age=60, NO-STORE" }],
    ["no-cache", { "cache-control": "max-age=60, no-cache" }],
    ["Vary: *", { ...fresh, vary: "accept, *" }],
    ["10,000 names in Vary", { ...fresh, vary: Array.from({ length: 10_000 }, (_, index) => `x-${index}`).join() }],
    ["64 kB of directives", { "cache-control": `max-age=60, ${"a=b, ".repeat(13_000)}` }],
    ["an invalid max-age", { "cache-control": "max-age=60s" }],
    ["two lifetimes", { "cache-control": "max-age=60, max-age=3600" }],
    ["a lifetime in quotes of another directive", { "cache-control": 'extension="max-age=60"' }],
    ["an invalid Expires", { expires: "0" }],
    ["an Expires of a wrong weekday", { expires: "Mon, 31 Dec 9999 23:59:59 GMT" }],
    ["an age that exceeds the lifetime", { ...fresh, age: "99999999999999999999" }],
    ["no lifetime", { "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT" }],
    ["no fields", {}]
  ])("does not reuse a response with %s", ([, headers]) =>
    Effect.gen(function* () {
      const client = yield* cachedApi(counting(headers))
      expect(yield* text(client)).toBe("1")
      expect(yield* text(client)).toBe("2")
    })
  )

  it.effect.each<[string, Record<string, string>]>([
    ["private", { "cache-control": "private, max-age=60" }],
    ["must-revalidate", { "cache-control": "must-revalidate, max-age=60" }],
    ["an Expires in the year 9999", { expires: "Fri, 31 Dec 9999 23:59:59 GMT" }],
    ["a lifetime of 400 digits", { "cache-control": `max-age=${"9".repeat(400)}` }],
    ["a Date in the year 9999", { ...fresh, date: "Fri, 31 Dec 9999 23:59:59 GMT" }],
    ["an invalid Date", { ...fresh, date: "yesterday" }],
    ["a negative Age", { ...fresh, age: "-60" }],
    [
      "1,000 fields",
      { ...fresh, ...Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`x-${index}`, "1"])) }
    ]
  ])("reuses a response with %s", ([, headers]) =>
    Effect.gen(function* () {
      const client = yield* cachedApi(counting(headers))
      expect(yield* text(client)).toBe("1")
      yield* TestClock.adjust("59 seconds")
      expect(yield* text(client)).toBe("1")
    })
  )

  it.effect("revalidates with entity tag and date, and keeps the body after a 304 with updated fields", () =>
    Effect.gen(function* () {
      const lastModified = "Thu, 01 Jan 1970 00:00:00 GMT"
      const client = yield* cachedApi([
        respond(200, "body", {
          "cache-control": "max-age=1",
          etag: 'W/"1"',
          "last-modified": lastModified,
          a: "1",
          b: "1"
        }),
        respond(304, "", { ...fresh, etag: 'W/"1"', a: "2", "content-length": "99" })
      ])
      expect(yield* text(client)).toBe("body")
      yield* TestClock.adjust("2 seconds")
      const response = yield* run(client.api.get("/x"))
      expect(yield* response.text).toBe("body")
      expect(response.status).toBe(200)
      expect(response.headers).toMatchObject({
        a: "2",
        b: "1",
        "cache-status": "countersign; fwd=stale; fwd-status=304"
      })
      expect(response.headers["content-length"]).not.toBe("99")
      const [, second] = yield* client.mock.sent
      expect(second?.headers).toMatchObject({ "if-none-match": 'W/"1"', "if-modified-since": lastModified })
      yield* TestClock.adjust("59 seconds")
      expect(yield* text(client)).toBe("body")
      expect(yield* requestTimes(client.mock)).toEqual([0, 2000])
    })
  )

  it.effect("sends a request again without validators after a 304 for another entity tag", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi([
        respond(200, "first", { "cache-control": "no-cache", etag: '"1"' }),
        respond(304, "", { etag: '"2"' }),
        respond(200, "second", { etag: '"2"' })
      ])
      yield* text(client)
      expect(yield* text(client)).toBe("second")
      expect((yield* client.mock.sent).map(({ headers }) => headers["if-none-match"])).toEqual([
        undefined,
        '"1"',
        undefined
      ])
    })
  )

  it.effect("does not store a response that became no-store by a 304", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi([
        respond(200, "first", { "cache-control": "no-cache", etag: '"1"' }),
        respond(304, "", { "cache-control": "no-store", etag: '"1"' }),
        respond(200, "third")
      ])
      yield* text(client)
      expect(yield* text(client)).toBe("first")
      expect(yield* text(client)).toBe("third")
      expect((yield* client.mock.sent)[2]?.headers["if-none-match"]).toBeUndefined()
    })
  )

  it.effect("separates accounts: the client's scheme, api.with, a call's auth and the caller's own fields", () =>
    Effect.gen(function* () {
      const scheme = (token: string) => Auth.makeStatic(HttpClientRequest.setHeader("authorization", token))
      const client = yield* cachedApi(counting(), { auth: scheme("a") })
      const other = scheme("b")
      expect(yield* text(client)).toBe("1")
      expect(yield* text(client, "/x", { auth: other })).toBe("2")
      expect(yield* text({ api: client.api.with({ auth: other }) })).toBe("2")
      expect(yield* text(client, "/x", { headers: { authorization: "c" } })).toBe("3")
      expect(yield* text(client, "/x", { headers: { cookie: "sid=1" } })).toBe("4")
      expect(yield* text(client, "/x", { headers: { "x-api-key": "k" } })).toBe("5")
      expect(yield* text(client, "/x", { headers: { "x-request-id": "7", "user-agent": "u" } })).toBe("1")
      expect(yield* text(client)).toBe("1")
    })
  )

  it.effect("separates the cookies of a session, also after they change", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      const client = yield* cachedApi(counting(), { cookies: jar })
      expect(yield* text(client)).toBe("1")
      yield* jar.store("https://api.test/v1/x", ["sid=alice; Secure"])
      expect(yield* text(client)).toBe("2")
      expect(yield* text(client)).toBe("2")
      yield* jar.store("https://api.test/v1/x", ["sid=bob; Secure"])
      expect(yield* text(client)).toBe("3")
    })
  )

  it.effect("separates the accounts that the option account names", () =>
    Effect.gen(function* () {
      let user = "alice"
      const cache = HttpCache.memory({ account: Effect.sync(() => user) })
      const client = yield* cachedApi(counting(), { cache })
      expect(yield* text(client)).toBe("1")
      user = "bob"
      expect(yield* text(client)).toBe("2")
      user = "alice"
      expect(yield* text(client)).toBe("1")
    })
  )

  it.effect("selects a response by the fields that Vary names", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(counting({ ...fresh, vary: "Accept-Language" }))
      const language = (value: string) => text(client, "/x", { headers: { "accept-language": value } })
      expect(yield* language("en, de")).toBe("1")
      expect(yield* language("fr")).toBe("2")
      expect(yield* language("en,de")).toBe("1")
      expect(yield* text(client)).toBe("3")
    })
  )

  it.effect("removes the responses of a URL, its Location and Content-Location, after a successful change", () =>
    Effect.gen(function* () {
      let count = 0
      const client = yield* cachedApi(({ method }) =>
        method === "POST"
          ? respond(201, "", { location: "/v1/y", "content-location": "https://api.test/v1/z" })
          : respond(200, String(++count), fresh)
      )
      const all = Effect.forEach(["/x", "/y", "/z", "/w"], (url) => text(client, url))
      expect(yield* all).toEqual(["1", "2", "3", "4"])
      yield* run(client.api.post("/x"))
      expect(yield* all).toEqual(["5", "6", "7", "4"])
    })
  )

  it.effect("keeps responses of another origin, and after a rejected change", () =>
    Effect.gen(function* () {
      let count = 0
      const client = yield* cachedApi(
        ({ method, url }) =>
          method === "GET"
            ? respond(200, String(++count), fresh)
            : url.endsWith("/x")
              ? respond(200, "", { location: "https://other.test/v1/y" })
              : respond(422),
        { origins: ["https://other.test"] }
      )
      expect(yield* text(client, "https://other.test/v1/y")).toBe("1")
      expect(yield* text(client, "/z")).toBe("2")
      yield* run(client.api.put("/x"))
      yield* failure(client.api.delete("/z"))
      expect(yield* text(client, "https://other.test/v1/y")).toBe("1")
      expect(yield* text(client, "/z")).toBe("2")
    })
  )

  it.effect("removes responses after a change without an answer, and after one that is interrupted", () =>
    Effect.gen(function* () {
      let count = 0
      const client = yield* cachedApi(({ method }) =>
        method === "GET"
          ? respond(200, String(++count), fresh)
          : method === "PUT"
            ? fail("ECONNRESET")
            : delay("10 seconds", respond(200))
      )
      expect(yield* text(client)).toBe("1")
      yield* failure(client.api.put("/x"))
      expect(yield* text(client)).toBe("2")
      const change = yield* Effect.fork(client.api.delete("/x"))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(change)
      expect(yield* text(client)).toBe("3")
    })
  )

  it.effect("does not store a response of a request that was sent before a change", () =>
    Effect.gen(function* () {
      let count = 0
      const client = yield* cachedApi(({ method }) =>
        method === "GET" ? delay("5 seconds", respond(200, String(++count), fresh)) : respond(200)
      )
      const reading = yield* Effect.fork(client.api.get("/x"))
      yield* TestClock.adjust("1 second")
      yield* client.api.put("/x")
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(reading)
      expect(yield* text(client)).toBe("2")
    })
  )

  it.effect("removes responses after a change by execute, and streams its own responses past the cache", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(counting())
      const streamed = run(Effect.flatMap(client.api.execute(HttpClientRequest.get("/x")), (response) => response.text))
      expect(yield* streamed).toBe("1")
      expect(yield* text(client)).toBe("2")
      expect(yield* streamed).toBe("3")
      const opened = Effect.scoped(Effect.flatMap(client.api.open("/x"), ({ stream }) => Stream.runDrain(stream)))
      yield* run(opened)
      expect(yield* text(client)).toBe("2")
      yield* run(client.api.execute(HttpClientRequest.put("/x")))
      expect(yield* text(client)).toBe("6")
    })
  )

  it.effect("answers a HEAD from a stored GET, and removes the GET when a HEAD contradicts it", () =>
    Effect.gen(function* () {
      let count = 0
      const client = yield* cachedApi(({ method }) =>
        respond(200, method === "HEAD" ? "" : String(++count), {
          "cache-control": "max-age=1",
          etag: method === "HEAD" ? '"2"' : '"1"'
        })
      )
      expect(yield* text(client)).toBe("1")
      const head = yield* run(client.api.head("/x"))
      expect([head.status, head.headers["etag"], yield* head.text]).toEqual([200, '"1"', ""])
      yield* TestClock.adjust("2 seconds")
      yield* run(client.api.head("/x"))
      yield* text(client)
      expect((yield* client.mock.sent).map(({ headers, method }) => [method, headers["if-none-match"]])).toEqual([
        ["GET", undefined],
        ["HEAD", undefined],
        ["GET", undefined]
      ])
    })
  )

  it.effect.each<[string, Record<string, string>]>([
    ["range", { range: "bytes=0-1" }],
    ["if-none-match", { "if-none-match": '"1"' }],
    ["cache-control: no-store", { "cache-control": "no-store" }],
    ["cache-control: no-cache", { "cache-control": "no-cache" }],
    ["pragma: no-cache", { pragma: "no-cache" }],
    ["cache-control: max-age=5", { "cache-control": "max-age=5" }],
    ["cache-control: min-fresh=55", { "cache-control": "min-fresh=55" }]
  ])("sends a request with %s", ([, headers]) =>
    Effect.gen(function* () {
      const client = yield* cachedApi(counting())
      expect(yield* text(client)).toBe("1")
      yield* TestClock.adjust("10 seconds")
      expect(yield* text(client, "/x", { headers })).toBe("2")
    })
  )

  it.effect("uses a stale response for max-stale, unless it must be revalidated", () =>
    Effect.gen(function* () {
      for (const [directives, expected] of [
        ["max-age=1", "1"],
        ["max-age=1, must-revalidate", "2"],
        ["max-age=1, no-cache", "2"]
      ] as const) {
        const client = yield* cachedApi(counting({ "cache-control": directives }))
        yield* text(client)
        yield* TestClock.adjust("1 minute")
        expect(yield* text(client, "/x", { headers: { "cache-control": "max-stale=120" } })).toBe(expected)
      }
    })
  )

  it.effect("fails with a 504 for only-if-cached without a stored response, and sends nothing", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(counting())
      const headers = { "cache-control": "only-if-cached" }
      expect(yield* failure(client.api.get("/x", { headers }))).toMatchObject({ status: 504 })
      expect(yield* requestTimes(client.mock)).toEqual([])
      yield* text(client)
      expect(yield* text(client, "/x", { headers })).toBe("1")
    })
  )

  it.effect("sends equal requests at the same time once", () =>
    Effect.gen(function* () {
      let count = 0
      const client = yield* cachedApi(() => delay("1 second", respond(200, String(++count), fresh)))
      const results = yield* run(
        Effect.forEach(Array.from({ length: 50 }), () => Effect.flatMap(client.api.get("/x"), ({ text }) => text), {
          concurrency: "unbounded"
        })
      )
      expect(new Set(results)).toEqual(new Set(["1"]))
      expect(yield* requestTimes(client.mock)).toEqual([0])
    })
  )

  it.effect("lets the others continue when the caller that sends is interrupted", () =>
    Effect.gen(function* () {
      let count = 0
      const client = yield* cachedApi(() => delay("10 seconds", respond(200, String(++count), fresh)))
      const first = yield* Effect.fork(client.api.get("/x"))
      yield* TestClock.adjust("1 second")
      const others = yield* Effect.fork(
        Effect.forEach([1, 2, 3], () => Effect.flatMap(client.api.get("/x"), ({ text }) => text), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(others)).toEqual(["2", "2", "2"])
      expect(yield* requestTimes(client.mock)).toEqual([0, 2000])
    })
  )

  it.effect("sends each of several requests at once if the last response could not be reused", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(() => delay("1 second", respond(200, "", { "cache-control": "no-store" })))
      const three = run(
        Effect.all(
          [1, 2, 3].map(() => client.api.get("/x")),
          { concurrency: "unbounded" }
        )
      )
      yield* three
      // The first waits alone, and the others learn from its response that waiting gains nothing.
      expect(yield* requestTimes(client.mock)).toEqual([0, 1000, 1000])
      yield* three
      expect((yield* requestTimes(client.mock)).slice(3)).toEqual([2000, 2000, 2000])
    })
  )

  it.effect("uses a stale response while it validates in the background", () =>
    Effect.gen(function* () {
      let count = 0
      const headers = { "cache-control": "max-age=5, stale-while-revalidate=60" }
      const client = yield* cachedApi(() => delay("1 second", respond(200, String(++count), headers)))
      expect(yield* text(client)).toBe("1")
      yield* TestClock.adjust("10 seconds")
      const stale = yield* Effect.all([client.api.get("/x"), client.api.get("/x")], { concurrency: 2 })
      expect(stale.map((response) => response.headers["cache-status"])).toEqual([
        "countersign; hit; detail=stale",
        "countersign; hit; detail=stale"
      ])
      yield* TestClock.adjust("1 second")
      expect(yield* text(client)).toBe("2")
      expect(yield* requestTimes(client.mock)).toEqual([0, 11_000])
    })
  )

  it.effect("sends each request, and validates in the caller, where fibers poll", () =>
    Effect.gen(function* () {
      let count = 0
      const headers = { "cache-control": "max-age=5, stale-while-revalidate=60" }
      const client = yield* cachedApi(() => delay("1 second", respond(200, String(++count), headers)))
      const three = Effect.all(
        [1, 2, 3].map(() => client.api.get("/x")),
        { concurrency: "unbounded" }
      )
      yield* Effect.provideService(run(three), WaitStrategy.WaitStrategy, "poll")
      expect(yield* requestTimes(client.mock)).toEqual([0, 0, 0])
      yield* TestClock.adjust("10 seconds")
      const polled = Effect.provideService(text(client), WaitStrategy.WaitStrategy, "poll")
      expect(yield* polled).toBe("4")
    })
  )

  it.effect("uses a stale response when the server fails, for stale-if-error", () =>
    Effect.gen(function* () {
      const headers = { "cache-control": "max-age=1, stale-if-error=60" }
      for (const step of [respond(503), respond(500), fail("ECONNRESET")]) {
        let isUp = true
        const client = yield* cachedApi(() => (isUp ? respond(200, "kept", headers) : step))
        yield* text(client)
        isUp = false
        yield* TestClock.adjust("30 seconds")
        expect(yield* text(client)).toBe("kept")
        yield* TestClock.adjust("40 seconds")
        yield* failure(client.api.get("/x"))
      }
    })
  )

  it.effect("reports a failure of the server for must-revalidate, and a rejection in any case", () =>
    Effect.gen(function* () {
      for (const [directives, status] of [
        ["max-age=1, stale-if-error=60, must-revalidate", 503],
        ["max-age=1", 503],
        ["max-age=1, stale-if-error=60", 404]
      ] as const) {
        const client = yield* cachedApi([respond(200, "", { "cache-control": directives }), respond(status)])
        yield* text(client)
        yield* TestClock.adjust("10 seconds")
        expect(yield* failure(client.api.get("/x"))).toMatchObject({ status })
      }
    })
  )

  it.effect("stores no body that was cut", () =>
    Effect.gen(function* () {
      const body = Stream.concat(Stream.make(new Uint8Array(4)), Stream.fail(new Error("cut")))
      const client = yield* cachedApi([MockClient.respondStream(200, body, fresh), respond(200, "2", fresh)])
      yield* failure(client.api.get("/x"))
      expect(yield* text(client)).toBe("2")
    })
  )

  it.effect("follows a stored redirect, each hop by itself", () =>
    Effect.gen(function* () {
      let count = 0
      const client = yield* cachedApi(({ url }) =>
        url.endsWith("/x")
          ? respond(301, "", { ...fresh, location: "/v1/y" })
          : respond(200, String(++count), { "cache-control": "no-store" })
      )
      expect(yield* text(client)).toBe("1")
      expect(yield* text(client)).toBe("2")
      expect(yield* urls(client.mock)).toEqual([
        "GET https://api.test/v1/x",
        "GET https://api.test/v1/y",
        "GET https://api.test/v1/y"
      ])
    })
  )

  it.effect("gives each caller a body of its own", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi([respond(200, "abc", fresh)])
      for (let round = 0; round < 3; round++) {
        const response = yield* run(client.api.get("/x"))
        expect(yield* response.text).toBe("abc")
        yield* Stream.runForEach(response.stream, (bytes) => Effect.sync(() => bytes.fill(0)))
      }
    })
  )

  it.effect("fails for a stored body that is larger than the call allows", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(() => respond(200, "0123456789", fresh))
      yield* text(client)
      expect(yield* failure(client.api.get("/x", { maxBodySize: 5 }))).toMatchObject({ _tag: "BodyTooLarge" })
      expect(yield* text(client)).toBe("0123456789")
      expect(yield* requestTimes(client.mock)).toHaveLength(2)
    })
  )

  it.effect("removes the least recently used responses beyond maxEntries, and stores no large body", () =>
    Effect.gen(function* () {
      const cache = HttpCache.memory({ maxEntries: 2, maxEntryBytes: 10 })
      let count = 0
      const client = yield* cachedApi(
        ({ url }) => respond(200, url.endsWith("/large") ? "x".repeat(11) : String(++count), fresh),
        { cache }
      )
      for (const url of ["/a", "/b", "/a", "/c"]) yield* text(client, url)
      expect(yield* Effect.forEach(["/a", "/c"], (url) => text(client, url))).toEqual(["1", "3"])
      expect(yield* text(client, "/b")).toBe("4")
      yield* text(client, "/large")
      yield* text(client, "/large")
      expect((yield* urls(client.mock)).filter((url) => url.endsWith("/large"))).toHaveLength(2)
    })
  )

  it.effect("stays below maxBytes", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(() => respond(200, "x".repeat(10_000), fresh), {
        cache: HttpCache.memory({ maxBytes: 100_000, maxEntryBytes: 50_000 })
      })
      for (let index = 0; index < 40; index++) yield* text(client, `/${index}`)
      const before = (yield* client.mock.sent).length
      for (let index = 39; index >= 0; index--) yield* text(client, `/${index}`)
      const hits = 40 - ((yield* client.mock.sent).length - before)
      expect(hits).toBeGreaterThan(4)
      expect(hits).toBeLessThan(10)
    })
  )

  it.effect("removes everything by clear, also what is under way", () =>
    Effect.gen(function* () {
      const cache = HttpCache.memory()
      let count = 0
      const client = yield* cachedApi(() => delay("1 second", respond(200, String(++count), fresh)), { cache })
      const reading = yield* Effect.fork(client.api.get("/x"))
      yield* TestClock.adjust("500 millis")
      yield* cache.clear
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(reading)
      expect(yield* text(client)).toBe("2")
      yield* cache.clear
      expect(yield* text(client)).toBe("3")
    })
  )

  it.effect("emits CacheUsed, and neither a request nor a token for a hit", () =>
    Effect.gen(function* () {
      let signed = 0
      const auth = Auth.makeStaticEffect((request) => Effect.sync(() => (++signed, request)))
      const client = yield* cachedApi(counting(), { auth })
      yield* text(client)
      yield* TestClock.adjust("1 second")
      const { events, exit } = yield* run(Timeline.record(client.api.get("/x")))
      expect(Exit.isSuccess(exit)).toBe(true)
      expect(events.map(({ _tag }) => _tag)).toEqual(["CallStarted", "CacheUsed", "CallEnded"])
      expect(events[1]).toMatchObject({ outcome: "Hit", ms: 1000 })
      expect(signed).toBe(1)
    })
  )

  it("rejects unknown options and limits that are no number above 0", () => {
    for (const options of [{ maxbytes: 1 }, { maxBytes: 0 }, { maxEntries: Number.NaN }, { maxEntryBytes: "1" }]) {
      // As plain JavaScript may call it.
      expect(() => HttpCache.memory(options as HttpCache.MemoryOptions)).toThrow(TypeError)
    }
  })
})
