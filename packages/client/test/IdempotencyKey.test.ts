import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { api, base, failure, run } from "./support/mockApi.js"

const { fail, respond } = MockClient
const v4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const apiWithKeys = (script: MockClient.Script, options?: IdempotencyKey.Options) =>
  api(script, { idempotencyKey: IdempotencyKey.make(options) })

const keysOf = (sent: ReadonlyArray<MockClient.Sent>, header = "idempotency-key") =>
  sent.map(({ headers }) => headers[header])

describe("ApiClient idempotencyKey option", () => {
  it.effect("sends one key for all attempts of a call and another for the next call", () =>
    Effect.gen(function* () {
      const failures = [respond(503), fail("ECONNRESET"), respond(201)]
      const client = yield* apiWithKeys([...failures, ...failures])
      yield* run(client.api.post("/orders", { json: 1 }))
      yield* run(client.api.patch("/orders/1", { json: 1 }))
      const keys = keysOf(yield* client.mock.sent)
      expect(keys).toHaveLength(6)
      expect(new Set(keys.slice(0, 3)).size).toBe(1)
      expect(new Set(keys).size).toBe(2)
      for (const key of keys) expect(key).toMatch(v4)
    })
  )

  it.effect("sends the same key on redirects within the origin and none to other origins", () =>
    Effect.gen(function* () {
      const client = yield* apiWithKeys([
        respond(307, "", { location: "/v1/there" }),
        respond(303, "", { location: "https://other.test/" }),
        respond(200)
      ])
      yield* run(client.api.post("/orders"))
      const [first, second, third] = keysOf(yield* client.mock.sent)
      expect(first).toMatch(v4)
      expect(second).toBe(first)
      expect(third).toBeUndefined()
    })
  )

  it.effect("makes a new key each time the same effect runs", () =>
    Effect.gen(function* () {
      const client = yield* apiWithKeys(() => respond(201))
      const order = client.api.post("/orders")
      yield* run(Effect.zipRight(order, order))
      const [first, second] = keysOf(yield* client.mock.sent)
      expect(first).not.toBe(second)
    })
  )

  it.effect("keeps the key of the caller, with any letter case of the header name", () =>
    Effect.gen(function* () {
      const client = yield* apiWithKeys([respond(503), respond(201)])
      yield* run(client.api.post("/orders", { headers: { "Idempotency-KEY": "order-7" } }))
      expect(keysOf(yield* client.mock.sent)).toEqual(["order-7", "order-7"])
    })
  )

  it.effect("sends no key with GET, PUT or DELETE, or when the option is missing", () =>
    Effect.gen(function* () {
      const client = yield* apiWithKeys(() => respond(200))
      for (const method of ["GET", "PUT", "DELETE"] as const) {
        yield* run(client.api.execute(HttpClientRequest.make(method)(`${base}/x`)))
      }
      expect(keysOf(yield* client.mock.sent)).toEqual([undefined, undefined, undefined])
      const without = yield* api(() => respond(503))
      yield* failure(without.api.post("/orders"))
      expect(keysOf(yield* without.mock.sent)).toEqual([undefined])
    })
  )
})

describe("IdempotencyKey.make", () => {
  it.effect("uses the configured methods, header and make, and retries requests with that header", () =>
    Effect.gen(function* () {
      let keyCount = 0
      const client = yield* apiWithKeys([respond(503), respond(200)], {
        methods: ["POST"],
        header: "X-Request-Token",
        make: Effect.sync(() => `k${++keyCount}`)
      })
      yield* run(client.api.post("/x"))
      expect(keysOf(yield* client.mock.sent, "x-request-token")).toEqual(["k1", "k1"])
      const other = yield* apiWithKeys(() => respond(503), { methods: ["POST"], header: "X-Request-Token" })
      yield* failure(other.api.patch("/x"))
      yield* failure(other.api.post("/x", { headers: { "idempotency-key": "not this API's" } }))
      expect(keysOf(yield* other.mock.sent, "x-request-token").filter((key) => key !== undefined)).toHaveLength(3)
    })
  )

  it.effect("quotes and escapes the key when quoted is true", () =>
    Effect.gen(function* () {
      const client = yield* apiWithKeys(() => respond(200), { quoted: true, make: Effect.succeed('a"b\\c') })
      yield* run(client.api.post("/x"))
      expect(keysOf(yield* client.mock.sent)).toEqual(['"a\\"b\\\\c"'])
    })
  )

  it.effect("rejects a key that is no valid header value with InvalidRequest and sends nothing", () =>
    Effect.gen(function* () {
      const client = yield* apiWithKeys(() => respond(200), { make: Effect.succeed("a\r\nb: c") })
      expect(yield* failure(client.api.post("/x"))).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
      expect(yield* client.mock.sent).toEqual([])
    })
  )
})

describe("IdempotencyKey.uuid", () => {
  it.effect("makes unique version 4 UUIDs, also in processes with the same seed of Random", () =>
    Effect.gen(function* () {
      const make = Effect.all(Array.from({ length: 1000 }, () => IdempotencyKey.uuid))
      const one = yield* Effect.withRandom(make, Random.make("seed"))
      const other = yield* Effect.withRandom(make, Random.make("seed"))
      expect(new Set([...one, ...other]).size).toBe(2000)
      for (const uuid of one) expect(uuid).toMatch(v4)
    })
  )
})
