/** Errors and redirects in the cache: which are stored, and that they fail as those of the server. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { ClientError, Unavailable } from "@countersign/client/Errors"
import * as HttpCache from "@countersign/client/HttpCache"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, failure, requestTimes, run, urls } from "./support/mockApi.js"

const { delay, respond, respondStream } = MockClient
const fresh = { "cache-control": "max-age=60" }
const token = "secret/token-0123456789"
const bearer = Auth.makeStatic(HttpClientRequest.setHeader("authorization", `Bearer ${token}`))

const cachedApi = (script: MockClient.Script, options: Partial<ApiClient.Options> = {}) =>
  api(script, { cache: HttpCache.memory(), retry: false, ...options })

/** The error of a GET. */
const errorOf = (client: { readonly api: ApiClient.ApiClient }, url = "/x") =>
  Effect.map(failure(client.api.get(url)), (error) => error as ClientError | Unavailable)

const gone = JSON.stringify({ message: "the plan is gone", code: 7 })
const json = { "content-type": "application/json" }

describe("HttpCache.memory", () => {
  it.effect.each([400, 404, 405, 410, 414, 422, 451, 499, 501])("answers a stored %i with the same error", (status) =>
    Effect.gen(function* () {
      const client = yield* cachedApi([respond(status, gone, { ...fresh, ...json }), respond(200)])
      const first = yield* errorOf(client)
      yield* TestClock.adjust("20 seconds")
      const second = yield* errorOf(client)
      expect(second).toEqual(first)
      expect([second._tag, second.status, second.serverMessage]).toEqual([first._tag, status, "the plan is gone"])
      expect(second.body).toEqual({ message: "the plan is gone", code: 7 })
      expect(first.response?.headers["age"]).toBeUndefined()
      expect(second.response?.headers).toMatchObject({ age: "20", "cache-status": "countersign; hit" })
      yield* TestClock.adjust("40 seconds")
      expect((yield* run(client.api.get("/x"))).status).toBe(200)
      expect(yield* requestTimes(client.mock)).toEqual([0, 60_000])
    })
  )

  it.effect.each<[string, number, Record<string, string>]>([
    ...[401, 403, 407, 408, 421, 425, 428, 429, 431, 500, 502, 503, 504, 511, 599].map(
      (status): [string, number, Record<string, string>] => [`status ${status}`, status, fresh]
    ),
    ["a 413 that is a rate limit", 413, { ...fresh, "retry-after": "1" }],
    ["a 404 without a lifetime", 404, { etag: '"1"', "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT" }],
    ["a 404 that is public, without a lifetime", 404, { "cache-control": "public" }],
    ["a 404 with no-store", 404, { "cache-control": "max-age=60, no-store" }],
    ["a 410 that has expired", 410, { expires: "0" }],
    ["a 404 with Vary: *", 404, { ...fresh, vary: "*" }],
    ["must-understand of an unknown status", 451, { "cache-control": "max-age=60, must-understand" }]
  ])("does not store %s", ([, status, headers]) =>
    Effect.gen(function* () {
      const client = yield* cachedApi([respond(status, "", headers), respond(200)])
      expect((yield* errorOf(client)).status).toBe(status)
      // A rate limit delays the next request.
      yield* TestClock.adjust("5 seconds")
      expect((yield* run(client.api.get("/x"))).status).toBe(200)
    })
  )

  it.effect("stores a known status for must-understand, also with no-store", () =>
    Effect.gen(function* () {
      const control = { "cache-control": "max-age=60, no-store, must-understand" }
      const client = yield* cachedApi([respond(404, "", control), respond(200)])
      yield* errorOf(client)
      expect((yield* errorOf(client)).status).toBe(404)
    })
  )

  it.effect.each<[string, MockClient.Step]>([
    ["too large", respond(404, "x".repeat(64 * 1024 + 1), fresh)],
    [
      "too large, as a stream",
      respondStream(404, Stream.repeatValue(new Uint8Array(1024)).pipe(Stream.take(65)), fresh)
    ],
    ["cut", respondStream(404, Stream.concat(Stream.make(new Uint8Array(4)), Stream.fail(new Error("cut"))), fresh)],
    ["too slow", respondStream(404, Stream.never, fresh)]
  ])("does not store an error with a body that is %s", ([, step]) =>
    Effect.gen(function* () {
      const client = yield* cachedApi([step, respond(200)])
      expect((yield* errorOf(client)).status).toBe(404)
      expect((yield* run(client.api.get("/x"))).status).toBe(200)
    })
  )

  it.effect("stores an error with a body of 64 KiB", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi([respond(404, "x".repeat(64 * 1024), fresh), respond(200)])
      yield* errorOf(client)
      const stored = yield* errorOf(client)
      expect((yield* stored.response?.text ?? Effect.succeed("")).length).toBe(64 * 1024)
    })
  )

  it.effect("validates neither an error nor a redirect, because a 304 would be about another response", () =>
    Effect.gen(function* () {
      const fields = { "cache-control": "max-age=1", etag: '"1"', "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT" }
      for (const step of [respond(404, "", fields), respond(301, "", { ...fields, location: "/v1/y" })]) {
        const client = yield* cachedApi(({ headers, url }) =>
          url.endsWith("/y") ? respond(200) : headers["if-none-match"] === undefined ? step : respond(304)
        )
        yield* Effect.exit(run(client.api.get("/x")))
        yield* TestClock.adjust("2 seconds")
        yield* Effect.exit(run(client.api.get("/x")))
        const sent = (yield* client.mock.sent).filter(({ url }) => url.endsWith("/x"))
        expect(sent.map(({ headers }) => [headers["if-none-match"], headers["if-modified-since"]])).toEqual([
          [undefined, undefined],
          [undefined, undefined]
        ])
      }
    })
  )

  it.effect("replaces a stored response by a later error, and removes a stored error after a change", () =>
    Effect.gen(function* () {
      let status = 200
      const client = yield* cachedApi(({ method }) =>
        method === "PUT" ? respond(204) : respond(status, "", { "cache-control": "max-age=10, stale-if-error=600" })
      )
      yield* run(client.api.get("/x"))
      yield* TestClock.adjust("15 seconds")
      status = 404
      expect((yield* errorOf(client)).status).toBe(404)
      expect((yield* errorOf(client)).response?.headers["age"]).toBe("0")
      status = 503
      yield* TestClock.adjust("15 seconds")
      // The server fails: `stale-if-error` uses the newest response.
      expect((yield* errorOf(client)).status).toBe(404)
      status = 200
      yield* run(client.api.put("/x"))
      expect((yield* run(client.api.get("/x"))).status).toBe(200)
      expect(yield* requestTimes(client.mock)).toHaveLength(5)
    })
  )

  it.effect("answers a HEAD from a stored error, and another account from none", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(() => respond(410, gone, { ...fresh, ...json }))
      yield* errorOf(client)
      const head = (yield* failure(client.api.head("/x"))) as ClientError
      expect([head.status, head.body, head.response?.headers["age"]]).toEqual([410, undefined, "0"])
      const other = (yield* failure(client.api.get("/x", { auth: bearer }))) as ClientError
      expect([other.status, other.response?.headers["age"]]).toEqual([410, undefined])
    })
  )

  it.effect("sends equal requests once for a 404 that is stored", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(() => delay("1 second", respond(404, "", fresh)))
      const calls = Array.from({ length: 20 }, () => errorOf({ api: client.api }))
      const errors = yield* run(
        Effect.all(
          calls.map((call) => call),
          { concurrency: "unbounded" }
        )
      )
      expect(new Set(errors.map(({ status }) => status))).toEqual(new Set([404]))
      expect(yield* urls(client.mock)).toHaveLength(1)
    })
  )

  it.effect.each<[string, string]>([
    ["as it is", `no access for ${token}`],
    ["in escaped JSON", String.raw`{"message":"no access for secret\/token\u002d0123456789"}`]
  ])("does not store an error that quotes a credential %s", ([, body]) =>
    Effect.gen(function* () {
      const type = { "content-type": body.startsWith("{") ? "application/json" : "text/plain" }
      const client = yield* cachedApi(() => respond(404, body, { ...fresh, ...type }), { auth: bearer })
      for (let round = 0; round < 2; round++) {
        const error = yield* errorOf(client)
        expect(error.serverMessage).toContain("no access for <redacted>")
      }
      expect(yield* requestTimes(client.mock)).toHaveLength(2)
    })
  )

  it.effect("does not store a redirect that quotes a credential", () =>
    Effect.gen(function* () {
      const client = yield* cachedApi(() => respond(301, "", { ...fresh, location: `ftp://h.test/${token}` }), {
        auth: bearer
      })
      for (let round = 0; round < 2; round++) {
        const error = yield* failure(client.api.get("/x"))
        expect(error._tag).toBe("RedirectRejected")
        expect(JSON.stringify(error) + error.message).not.toContain("0123456789")
      }
      expect(yield* requestTimes(client.mock)).toHaveLength(2)
    })
  )
})

describe("HttpCache.makePersistent", () => {
  it.effect("answers with the stored error of an earlier process", () =>
    Effect.gen(function* () {
      const clientOf = (script: MockClient.Script) =>
        Effect.flatMap(HttpCache.makePersistent({ account: "a" }), (cache) => cachedApi(script, { cache }))
      const first = yield* clientOf([respond(404, gone, { ...fresh, ...json })])
      const later = yield* clientOf([])
      // The digests of a persistent cache take real time, so no clock is advanced.
      const errors = [yield* Effect.flip(first.api.get("/x")), yield* Effect.flip(later.api.get("/x"))]
      expect(errors.map(({ _tag, message }) => [_tag, message])).toEqual(
        Array.from({ length: 2 }, () => ["ClientError", expect.stringContaining("the plan is gone")])
      )
      expect(yield* later.mock.sent).toEqual([])
    }).pipe(Effect.provide(KeyValueStore.layerMemory))
  )
})
