import * as TransactionStore from "@countersign/auth/TransactionStore"
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { callbackOf, signingIn } from "./support/signIn.js"

const begun = Effect.gen(function* () {
  const client = yield* signingIn()
  const transaction = yield* client.start()
  return { transaction, callback: new URL(callbackOf(transaction)).searchParams }
})

/** A store with records that a test can read and change. */
const setUp = (options?: TransactionStore.StoreOptions) => {
  const records = new Map<string, string>()
  const faults = { set: false, get: false }
  const failure = new PlatformError.SystemError({
    reason: "WriteZero",
    module: "KeyValueStore",
    method: "set",
    description: "the verifier"
  })
  const store = KeyValueStore.makeStringOnly({
    // Reading takes some time, as in a database.
    get: (key) =>
      faults.get
        ? Effect.fail(failure)
        : Effect.zipLeft(
            Effect.sync(() => Option.fromNullable(records.get(key))),
            Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
          ),
    set: (key, value) => (faults.set ? Effect.fail(failure) : Effect.sync(() => void records.set(key, value))),
    remove: (key) => (faults.set ? Effect.fail(failure) : Effect.sync(() => void records.delete(key))),
    clear: Effect.sync(() => records.clear()),
    size: Effect.sync(() => records.size)
  })
  const live = Layer.provide(
    TransactionStore.layerKeyValueStore(options),
    Layer.succeed(KeyValueStore.KeyValueStore, store)
  )
  return { faults, live, records }
}

const services = TransactionStore.TransactionStore

describe("TransactionStore.layerKeyValueStore", () => {
  it.effect("returns a transaction once, also to another process, and leaves no record", () => {
    const { live, records } = setUp()
    return Effect.gen(function* () {
      const { callback, transaction } = yield* begun
      yield* Effect.flatMap(services, ({ put }) => put("tab", transaction)).pipe(Effect.provide(live))
      expect([...records.keys()].join()).not.toContain("tab")
      // A layer that is built again has no state of its own.
      const take = Effect.flatMap(services, ({ take }) => take("tab", callback))
      expect(yield* Effect.provide(take, live)).toEqual(transaction)
      expect(records.size).toBe(0)
      expect(yield* Effect.flip(Effect.provide(take, live))).toMatchObject({ reason: "InvalidResponse" })
    })
  })

  it.effect("rejects the callback of another session, an unknown state, and an empty session", () => {
    const { live } = setUp()
    return Effect.gen(function* () {
      const { put, take } = yield* services
      const { callback, transaction } = yield* begun
      yield* put("mallory", transaction)
      for (const session of ["victim", "", "mallory/", "MALLORY"])
        expect(yield* Effect.flip(take(session, callback))).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* Effect.flip(take("mallory", new URLSearchParams()))).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* Effect.flip(put("", transaction))).toMatchObject({ _tag: "InvalidRequest" })
      expect(yield* take("mallory", callback)).toEqual(transaction)
    }).pipe(Effect.provide(live))
  })

  it.effect("writes nothing for an unknown state", () => {
    const { faults, live } = setUp()
    return Effect.gen(function* () {
      const { put, take } = yield* services
      const { callback, transaction } = yield* begun
      yield* put("tab", transaction)
      faults.set = true
      const other = new URLSearchParams({ state: "other" })
      expect(yield* Effect.flip(take("tab", other))).toMatchObject({ reason: "InvalidResponse" })
      faults.set = false
      expect(yield* take("tab", callback)).toEqual(transaction)
    }).pipe(Effect.provide(live))
  })

  it.effect("removes expired transactions, and the oldest beyond maxEntriesPerSession", () => {
    const { live, records } = setUp({ maxEntriesPerSession: 2 })
    return Effect.gen(function* () {
      const { put, take } = yield* services
      const [one, two, three] = [yield* begun, yield* begun, yield* begun]
      for (const { transaction } of [one, two, three]) yield* put("tab", transaction)
      expect(yield* Effect.flip(take("tab", one.callback))).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* take("tab", two.callback)).toEqual(two.transaction)
      yield* TestClock.adjust("10 minutes")
      expect(yield* Effect.flip(take("tab", three.callback))).toMatchObject({ reason: "InvalidResponse" })
      expect(records.size).toBe(0)
    }).pipe(Effect.provide(live))
  })

  it.effect("keeps all transactions that are stored at once", () => {
    const { live } = setUp()
    return Effect.gen(function* () {
      const { put, take } = yield* services
      const started = yield* Effect.all(Array.from({ length: 10 }, () => begun))
      yield* Effect.forEach(started, ({ transaction }) => put("tab", transaction), { concurrency: "unbounded" })
      const taken = yield* Effect.forEach(started, ({ callback }) => take("tab", callback), {
        concurrency: "unbounded"
      })
      expect(taken).toEqual(started.map(({ transaction }) => transaction))
    }).pipe(Effect.provide(live))
  })

  it.effect("treats a damaged record as empty", () => {
    const { live, records } = setUp()
    return Effect.gen(function* () {
      const { put, take } = yield* services
      const { callback, transaction } = yield* begun
      yield* put("tab", transaction)
      const [[key = "", text = ""] = []] = [...records]
      for (const damaged of [
        "",
        "{",
        "[]",
        "[1]",
        text.slice(0, -5),
        text.replace(/"verifier":"[^"]*"/, '"verifier":1')
      ]) {
        records.set(key, damaged)
        expect(yield* Effect.flip(take("tab", callback))).toMatchObject({ reason: "InvalidResponse" })
        yield* put("tab", transaction)
        expect(yield* take("tab", callback)).toEqual(transaction)
        yield* put("tab", transaction)
      }
    }).pipe(Effect.provide(live))
  })

  it.effect("fails when the store fails, shows no content, and gives no transaction that it could not remove", () => {
    const { faults, live } = setUp()
    return Effect.gen(function* () {
      const { put, take } = yield* services
      const { callback, transaction } = yield* begun
      faults.set = true
      const notStored = yield* Effect.flip(put("tab", transaction))
      expect(notStored).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
      faults.set = false
      yield* put("tab", transaction)
      faults.set = true
      const notRemoved = yield* Effect.flip(take("tab", callback))
      expect(notRemoved).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
      faults.set = false
      faults.get = true
      const notRead = yield* Effect.flip(take("tab", callback))
      expect(notRead).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
      for (const error of [notStored, notRemoved, notRead]) expect(error.message).not.toContain("the verifier")
    }).pipe(Effect.provide(live))
  })
})
