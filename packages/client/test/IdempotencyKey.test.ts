import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { api, base, failure, run } from "./scripted.js"

const { fail, respond } = MockClient
const v4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const keyed = (script: MockClient.Script, options?: IdempotencyKey.Options) =>
  api(script, { idempotencyKey: IdempotencyKey.make(options) })

const keysOf = (sent: ReadonlyArray<MockClient.Sent>, header = "idempotency-key") =>
  sent.map(({ headers }) => headers[header])

describe("a key for each call", () => {
  it.effect("is made once: its attempts carry the same one, and the next call another", () =>
    Effect.gen(function* () {
      const failures = [respond(503), fail("ECONNRESET"), respond(201)]
      const client = yield* keyed([...failures, ...failures])
      yield* run(client.api.post("/orders", { json: 1 }))
      yield* run(client.api.patch("/orders/1", { json: 1 }))
      const keys = keysOf(yield* client.mock.sent)
      expect(keys).toHaveLength(6)
      expect(new Set(keys.slice(0, 3)).size).toBe(1)
      expect(new Set(keys).size).toBe(2)
      for (const key of keys) expect(key).toMatch(v4)
    })
  )

  it.effect("is the same on each hop, and stays at home", () =>
    Effect.gen(function* () {
      const client = yield* keyed([
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

  it.effect("is another when the caller runs the same effect again", () =>
    Effect.gen(function* () {
      const client = yield* keyed(() => respond(201))
      const order = client.api.post("/orders")
      yield* run(Effect.zipRight(order, order))
      const [first, second] = keysOf(yield* client.mock.sent)
      expect(first).not.toBe(second)
    })
  )

  it.effect("is the caller's where there is one, in any letter case", () =>
    Effect.gen(function* () {
      const client = yield* keyed([respond(503), respond(201)])
      yield* run(client.api.post("/orders", { headers: { "Idempotency-KEY": "order-7" } }))
      expect(keysOf(yield* client.mock.sent)).toEqual(["order-7", "order-7"])
    })
  )

  it.effect("is not there for other methods, nor for a client that was not told to", () =>
    Effect.gen(function* () {
      const client = yield* keyed(() => respond(200))
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

describe("the caller's choice", () => {
  it.effect("of methods, header and key: the retry looks for that header", () =>
    Effect.gen(function* () {
      let made = 0
      const client = yield* keyed([respond(503), respond(200)], {
        methods: ["POST"],
        header: "X-Request-Token",
        make: Effect.sync(() => `k${++made}`)
      })
      yield* run(client.api.post("/x"))
      expect(keysOf(yield* client.mock.sent, "x-request-token")).toEqual(["k1", "k1"])
      const other = yield* keyed(() => respond(503), { methods: ["POST"], header: "X-Request-Token" })
      yield* failure(other.api.patch("/x"))
      yield* failure(other.api.post("/x", { headers: { "idempotency-key": "not this API's" } }))
      expect(keysOf(yield* other.mock.sent, "x-request-token").filter((key) => key !== undefined)).toHaveLength(3)
    })
  )

  it.effect("of quotes, with what has to be escaped in them", () =>
    Effect.gen(function* () {
      const client = yield* keyed(() => respond(200), { quoted: true, make: Effect.succeed('a"b\\c') })
      yield* run(client.api.post("/x"))
      expect(keysOf(yield* client.mock.sent)).toEqual(['"a\\"b\\\\c"'])
    })
  )

  it.effect("of a key that is no header value: InvalidRequest, and nothing is sent", () =>
    Effect.gen(function* () {
      const client = yield* keyed(() => respond(200), { make: Effect.succeed("a\r\nb: c") })
      expect(yield* failure(client.api.post("/x"))).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
      expect(yield* client.mock.sent).toEqual([])
    })
  )
})

describe("a UUID", () => {
  it.effect("is the seed's under a Random that was given, and nobody's otherwise", () =>
    Effect.gen(function* () {
      const seeded = Effect.withRandom(Effect.all([IdempotencyKey.uuid, IdempotencyKey.uuid]), Random.make("seed"))
      const again = Effect.withRandom(Effect.all([IdempotencyKey.uuid, IdempotencyKey.uuid]), Random.make("seed"))
      const pair = yield* seeded
      expect(yield* again).toEqual(pair)
      expect(pair[0]).not.toBe(pair[1])
      const many = yield* Effect.all(Array.from({ length: 1000 }, () => IdempotencyKey.uuid))
      expect(new Set(many).size).toBe(1000)
      for (const uuid of [...pair, ...many]) expect(uuid).toMatch(v4)
    })
  )
})
