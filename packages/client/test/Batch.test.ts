import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Batch from "@countersign/client/Batch"
import * as Errors from "@countersign/client/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { api, failure, requestTimes, run, runPromise } from "./support/mockApi.js"

const { respond } = MockClient

interface Order {
  readonly id: string
}

const orders = (...ids: ReadonlyArray<string>): ReadonlyArray<Order> => ids.map((id) => ({ id }))

const Receipt = Schema.Struct({ receipt: Schema.String })

/** A store in a map, which tests can look at and break. */
const makeStore = () => {
  const records = new Map<string, string>()
  const broken = { get: false, set: false }
  const error = new PlatformError.SystemError({ reason: "WriteZero", module: "KeyValueStore", method: "set" })
  const store = KeyValueStore.makeStringOnly({
    get: (key) => (broken.get ? Effect.fail(error) : Effect.sync(() => Option.fromNullable(records.get(key)))),
    set: (key, value) => (broken.set ? Effect.fail(error) : Effect.sync(() => void records.set(key, value))),
    remove: (key) => Effect.sync(() => void records.delete(key)),
    clear: Effect.sync(() => {
      records.clear()
    }),
    size: Effect.sync(() => records.size)
  })
  const stateOf = (key: string): unknown => {
    const text = records.get(`orders/${key}`)
    return text === undefined ? undefined : (JSON.parse(text) as { readonly state: unknown }).state
  }
  return { records, broken, store, stateOf, checkpoint: { store, name: "orders", key: ({ id }: Order) => id } }
}

const tags = (outcomes: ReadonlyArray<Batch.Outcome<Order, unknown, unknown>>) =>
  outcomes.map(({ _tag, item }) => `${item.id} ${_tag}`)

describe("Batch.forEach", () => {
  it.effect("returns an outcome for each item, in their order", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([
        MockClient.delay("2 seconds", respond(200, { receipt: "a" })),
        respond(404),
        respond(200, { receipt: "c" })
      ])
      const outcomes = yield* run(
        Batch.forEach(orders("a", "b", "c"), ({ id }) => client.post(`/orders/${id}`, { schema: Receipt }))
      )
      expect(tags(outcomes)).toEqual(["a Succeeded", "b Failed", "c Succeeded"])
      const { failed, succeeded } = Batch.group(outcomes)
      expect(succeeded.map(({ value }) => value)).toEqual([{ receipt: "a" }, { receipt: "c" }])
      expect(failed[0]?.error).toBeInstanceOf(Errors.ClientError)
    })
  )

  it.effect("makes at most `concurrency` calls at a time, by default ten", () =>
    Effect.gen(function* () {
      const timesOf = (options: { readonly concurrency?: number }) =>
        Effect.gen(function* () {
          const { api: client, mock } = yield* api(() => MockClient.delay("1 second", respond(200)))
          yield* run(Batch.forEach(Array(25).keys(), () => client.get("/x"), options))
          return yield* requestTimes(mock)
        })
      const at = (time: number, times: number) => Array<number>(times).fill(time)
      expect(yield* timesOf({})).toEqual([...at(0, 10), ...at(1000, 10), ...at(2000, 5)])
      const [first = 0, ...others] = yield* timesOf({ concurrency: 1 })
      expect(others.at(-1)).toBe(first + 24_000)
    })
  )

  it.effect("reports progress after each item", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(200), respond(404), respond(200)])
      const seen: Array<string> = []
      yield* run(
        Batch.forEach(orders("a", "b", "c"), () => client.get("/x"), {
          concurrency: 1,
          onProgress: ({ done, outcome, total, unsuccessful }) =>
            Effect.sync(() => void seen.push(`${done}/${total} ${unsuccessful} ${outcome.key} ${outcome._tag}`))
        })
      )
      expect(seen).toEqual(["1/3 0 0 Succeeded", "2/3 1 1 Failed", "3/3 1 2 Succeeded"])
    })
  )

  it.effect("stops after an error that each further call would have", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(401))
      const outcomes = yield* run(Batch.forEach(orders("a", "b", "c"), () => client.get("/x"), { concurrency: 1 }))
      expect(tags(outcomes)).toEqual(["a Failed", "b NotStarted", "c NotStarted"])
      expect(yield* mock.sent).toHaveLength(1)
      const all = yield* run(
        Batch.forEach(orders("a", "b"), () => client.get("/x"), { concurrency: 1, stopWhen: () => false })
      )
      expect(tags(all)).toEqual(["a Failed", "b Failed"])
    })
  )

  it.effect("dies with a defect of a call", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Batch.forEach(orders("a"), (): Effect.Effect<never> => {
          throw new Error("defect")
        })
      )
      expect(String(exit)).toContain("defect")
    })
  )
})

describe("Batch: continue from a checkpoint", () => {
  it.effect("calls only the items that did not succeed, and restores results", () =>
    Effect.gen(function* () {
      const { checkpoint } = makeStore()
      const { api: client, mock } = yield* api([
        respond(200, { receipt: "a" }),
        respond(409),
        respond(200, { receipt: "b" })
      ])
      const batch = Batch.forEach(orders("a", "b"), ({ id }) => client.post(`/orders/${id}`, { schema: Receipt }), {
        concurrency: 1,
        checkpoint: { ...checkpoint, schema: Receipt }
      })
      expect(tags(yield* run(batch))).toEqual(["a Succeeded", "b Failed"])
      const second = yield* run(batch)
      expect(tags(second)).toEqual(["a Succeeded", "b Succeeded"])
      expect(Batch.group(second).succeeded.map(({ value }) => value.receipt)).toEqual(["a", "b"])
      expect(tags(yield* run(batch))).toEqual(["a Succeeded", "b Succeeded"])
      expect(yield* mock.sent).toHaveLength(3)
    })
  )

  it.effect("gives SucceededBefore without a schema, or for a result that the schema does not accept", () =>
    Effect.gen(function* () {
      const { checkpoint, records } = makeStore()
      const { api: client } = yield* api(() => respond(200, { receipt: "a" }))
      const call = () => client.post("/orders", { schema: Receipt })
      yield* run(Batch.forEach(orders("a"), call, { checkpoint }))
      expect(tags(yield* run(Batch.forEach(orders("a"), call, { checkpoint })))).toEqual(["a SucceededBefore"])
      records.set("orders/a", '{"version":1,"state":"done","value":{"receipt":7}}')
      const restored = Batch.forEach(orders("a"), call, { checkpoint: { ...checkpoint, schema: Receipt } })
      expect(tags(yield* run(restored))).toEqual(["a SucceededBefore"])
    })
  )

  /** A run that is interrupted while the first of two calls is under way. */
  const interrupted = (options: Batch.Options<Order, unknown, Errors.ApiError>) =>
    Effect.gen(function* () {
      const made = makeStore()
      const { api: client, mock } = yield* api((_, index) => (index === 0 ? MockClient.never : respond(200)))
      const batch = Batch.forEach(
        orders("a", "b"),
        ({ id }, { idempotencyKey }) =>
          client.post(`/orders/${id}`, {
            headers: { "idempotency-key": idempotencyKey },
            timeout: { exchange: false }
          }),
        { concurrency: 1, checkpoint: made.checkpoint, ...options }
      )
      const fiber = yield* Effect.fork(batch)
      yield* Effect.repeatN(Effect.yieldNow(), 100)
      yield* Fiber.interrupt(fiber)
      const outcomes = yield* run(batch)
      return { ...made, batch, outcomes, sent: yield* mock.sent }
    })

  it.effect("reports a call that was under way as Unknown, and calls the others", () =>
    Effect.gen(function* () {
      const { batch, outcomes, sent, stateOf } = yield* interrupted({})
      expect(tags(outcomes)).toEqual(["a Unknown", "b Succeeded"])
      expect(sent.map(({ url }) => url.slice(-1))).toEqual(["a", "b"])
      expect(stateOf("a")).toBe("started")
      expect(tags(yield* run(batch))).toEqual(["a Unknown", "b SucceededBefore"])
    })
  )

  it.effect("repeats it with the same idempotency key with repeat: withKey", () =>
    Effect.gen(function* () {
      const { outcomes, sent } = yield* interrupted({ repeat: "withKey" })
      expect(tags(outcomes)).toEqual(["a Succeeded", "b Succeeded"])
      const keys = sent.map(({ headers }) => headers["idempotency-key"])
      expect(keys[0]).toBe(keys[1])
      expect(keys[2]).not.toBe(keys[0])
    })
  )

  it.effect("repeats it, and writes nothing before a call, with repeat: always", () =>
    Effect.gen(function* () {
      const { outcomes, records } = yield* interrupted({ repeat: "always" })
      expect(tags(outcomes)).toEqual(["a Succeeded", "b Succeeded"])
      expect([...records.values()].join()).not.toContain("started")
    })
  )

  it.effect.each([
    ["succeeded", ["a SucceededBefore", "b Succeeded"]],
    ["repeat", ["a Succeeded", "b Succeeded"]],
    ["unknown", ["a Unknown", "b Succeeded"]]
  ] as const)("asks `resolve` what became of it: %s", ([resolution, expected]) =>
    Effect.gen(function* () {
      const { outcomes } = yield* interrupted({ resolve: () => Effect.succeed(resolution) })
      expect(tags(outcomes)).toEqual(expected)
    })
  )

  it.effect("keeps the record of a failed call only if the server may have acted", () =>
    Effect.gen(function* () {
      const { checkpoint, stateOf } = makeStore()
      const { api: client } = yield* api([respond(503), respond(422), MockClient.fail("ECONNREFUSED")])
      const call = () => client.with({ retry: false }).post("/orders")
      yield* run(Batch.forEach(orders("a", "b", "c"), call, { concurrency: 1, checkpoint }))
      expect([stateOf("a"), stateOf("b"), stateOf("c")]).toEqual(["started", undefined, undefined])
    })
  )

  it.effect("never repeats a call with a damaged record, unless it is idempotent", () =>
    Effect.gen(function* () {
      for (const text of ["", "{", "[]", '{"version":2,"state":"done"}', '{"version":1,"state":"started"}']) {
        const { checkpoint, records } = makeStore()
        records.set("orders/a", text)
        const { api: client, mock } = yield* api(() => respond(200))
        const batch = (repeat: "never" | "withKey" | "always") =>
          run(Batch.forEach(orders("a"), () => client.post("/orders"), { checkpoint, repeat }))
        expect(tags(yield* batch("never"))).toEqual(["a Unknown"])
        expect(tags(yield* batch("withKey"))).toEqual(["a Unknown"])
        expect(records.get("orders/a")).toBe(text)
        expect(tags(yield* batch("always"))).toEqual(["a Succeeded"])
        expect(yield* mock.sent).toHaveLength(1)
      }
    })
  )

  it.effect("forgets items, which are then called again", () =>
    Effect.gen(function* () {
      const { checkpoint } = makeStore()
      const { api: client, mock } = yield* api(() => respond(200))
      const batch = Batch.forEach(orders("a", "b"), () => client.post("/orders"), { checkpoint })
      yield* run(batch)
      yield* Batch.forget(checkpoint, ["a"])
      expect(tags(yield* run(batch))).toEqual(["a Succeeded", "b SucceededBefore"])
      expect(yield* mock.sent).toHaveLength(3)
    })
  )
})

describe("Batch: a checkpoint that fails", () => {
  it.effect("calls nothing if it cannot be read or written", () =>
    Effect.gen(function* () {
      for (const part of ["get", "set"] as const) {
        const { broken, checkpoint } = makeStore()
        broken[part] = true
        const { api: client, mock } = yield* api(() => respond(200))
        const error = yield* run(failure(Batch.forEach(orders("a", "b"), () => client.post("/x"), { checkpoint })))
        expect(error).toMatchObject({ _tag: "BatchError", reason: "Store" })
        expect(String(error)).toContain("Check the store, and run the batch again.")
        expect(yield* mock.sent).toHaveLength(0)
      }
    })
  )

  it.effect("completes the calls under way, and starts no other", () =>
    Effect.gen(function* () {
      const { broken, checkpoint } = makeStore()
      const { api: client, mock } = yield* api((_, index) => {
        if (index === 1) broken.set = true
        return MockClient.delay(index === 0 ? "3 seconds" : "1 second", respond(200))
      })
      const seen: Array<string> = []
      const batch = Batch.forEach(orders("a", "b", "c", "d"), () => client.post("/x"), {
        concurrency: 2,
        checkpoint,
        onProgress: ({ outcome }) => Effect.sync(() => void seen.push(`${outcome.key} ${outcome._tag}`))
      })
      expect(yield* run(failure(batch))).toMatchObject({ reason: "Store" })
      expect(yield* mock.sent).toHaveLength(2)
      expect(seen).toHaveLength(4)
    })
  )

  it.effect("writes a result again while a disk is full, for five seconds", () =>
    Effect.gen(function* () {
      const { broken, checkpoint, stateOf } = makeStore()
      const { api: client } = yield* api(() => {
        broken.set = true
        return respond(200)
      })
      const fiber = yield* Effect.fork(
        Effect.delay(
          Effect.sync(() => (broken.set = false)),
          "3500 millis"
        )
      )
      const outcomes = yield* run(Batch.forEach(orders("a"), () => client.post("/x"), { checkpoint }))
      yield* Fiber.join(fiber)
      expect(tags(outcomes)).toEqual(["a Succeeded"])
      expect(stateOf("a")).toBe("done")
    })
  )

  it.effect("fails after 15 seconds if the store does not answer", () =>
    Effect.gen(function* () {
      const { checkpoint } = makeStore()
      const silent = { ...checkpoint, store: { ...checkpoint.store, get: () => Effect.never } }
      const { api: client } = yield* api(() => respond(200))
      const error = yield* run(failure(Batch.forEach(orders("a"), () => client.post("/x"), { checkpoint: silent })))
      expect(String(error)).toContain("no answer within 15 s")
    })
  )

  it.effect.each([
    [orders(""), "InvalidKey", "the key of item 0 is empty"],
    [orders("a", "\ud800"), "InvalidKey", "the key of item 1 contains half a surrogate pair"],
    [orders("x".repeat(300)), "InvalidKey", "Up to 200 are allowed"],
    [orders("a", "b", "a"), "DuplicateKey", "items 0 and 2 have one key"]
  ] as const)("rejects the keys of %j, and calls nothing", ([items, reason, text]) =>
    Effect.gen(function* () {
      const { checkpoint } = makeStore()
      const { api: client, mock } = yield* api(() => respond(200))
      const error = yield* run(failure(Batch.forEach(items, () => client.post("/x"), { checkpoint })))
      expect(error).toMatchObject({ _tag: "BatchError", reason })
      expect(String(error)).toContain(text)
      expect(yield* mock.sent).toHaveLength(0)
    })
  )

  it.effect.each([
    [{ concurency: 2 }, "`Batch.forEach` has no option `concurency`. Did you mean `concurrency`?"],
    [{ concurrency: 0 }, "`concurrency` of `Batch.forEach` is 0. Set a whole number from 1."],
    [{ checkpoint: { store: {}, name: "x", keys: 1 } }, "no option `checkpoint.keys`. Did you mean `checkpoint.key`?"]
  ] as const)("rejects the options %j", ([options, text]) =>
    Effect.gen(function* () {
      // The types reject these options, as for callers in TypeScript.
      const error = yield* run(failure(Batch.forEach(orders("a"), () => Effect.void, options as object)))
      expect(String(error)).toContain(text)
    })
  )
})

describe("Batch: crashes at any moment", () => {
  /** A server that counts how often it acted for each order, and recognises idempotency keys. */
  const makeServer = () => {
    const acted = new Map<string, number>()
    const keys = new Set<string>()
    const act = (id: string, key: string, recognises: boolean) => {
      if (recognises && keys.has(key)) return
      keys.add(key)
      acted.set(id, (acted.get(id) ?? 0) + 1)
    }
    return { acted, act }
  }

  it("acts at most once for each item, and once for each with idempotency keys", async () => {
    const ids = ["a", "b", "c", "d", "e"]
    const crashes = FastCheck.array(FastCheck.integer({ min: 0, max: 40 }), { maxLength: 4 })
    await FastCheck.assert(
      FastCheck.asyncProperty(crashes, FastCheck.boolean(), FastCheck.nat({ max: 3 }), (yields, withKey, slow) =>
        runPromise(
          Effect.gen(function* () {
            const { checkpoint } = makeStore()
            const { act, acted } = makeServer()
            const batch = Batch.forEach(
              orders(...ids),
              ({ id }, { idempotencyKey }) =>
                Effect.zipRight(
                  Effect.repeatN(Effect.yieldNow(), slow),
                  Effect.zipRight(
                    Effect.sync(() => {
                      act(id, idempotencyKey, withKey)
                    }),
                    Effect.yieldNow()
                  )
                ),
              { concurrency: 2, checkpoint, repeat: withKey ? "withKey" : "never" }
            )
            for (const count of yields) {
              const fiber = yield* Effect.fork(batch)
              yield* Effect.repeatN(Effect.yieldNow(), count)
              yield* Fiber.interrupt(fiber)
            }
            const outcomes = yield* batch
            for (const { _tag, item } of outcomes) {
              const times = acted.get(item.id) ?? 0
              expect(times).toBeLessThanOrEqual(1)
              if (_tag !== "Unknown") expect(times).toBe(1)
              if (withKey) expect(_tag).not.toBe("Unknown")
            }
          })
        )
      ),
      { numRuns: 300 }
    )
  })
})
