/** `DpopKey.fromIndexedDb` over a fake. `npm run conformance -- runtimes` uses the IndexedDB of Chromium. */
import * as Dpop from "@countersign/auth/Dpop"
import * as DpopKey from "@countersign/auth/DpopKey"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { times } from "./support/tokenSource.js"

const options = { issuer: "https://oauth.test", clientId: "page", account: "ada" }

type Open = ReturnType<DpopKey.IndexedDb["open"]>

/** A request that settles in a later turn. */
const later = <A>(run: () => A) => {
  const request = {
    result: undefined as unknown as A, // Read after the success only.
    error: undefined as unknown,
    onsuccess: null as (() => void) | null,
    onerror: null as (() => void) | null,
    onupgradeneeded: null as (() => void) | null
  }
  setImmediate(() => {
    try {
      request.result = run()
      request.onupgradeneeded?.()
      request.onsuccess?.()
    } catch (error) {
      request.error = error
      request.onerror?.()
    }
  })
  return request
}

interface Faults {
  open?: Error
  get?: Error
  add?: Error
  /** Aborts the transaction after `add` has succeeded. */
  commit?: Error
}

const named = (name: string): Error => Object.assign(new Error("the private key"), { name })

/** A database in memory, and its open connections. */
const fake = (faults: Faults = {}) => {
  const records = new Map<string, unknown>()
  const state = { records, open: 0 }
  const fail = (error: Error | undefined) => {
    if (error !== undefined) throw error
  }
  const transaction = () => {
    const events = {
      error: undefined as unknown,
      oncomplete: null as (() => void) | null,
      onabort: null as (() => void) | null
    }
    const abort = (error: unknown) => {
      events.error = error
      events.onabort?.()
    }
    const store = {
      get: (key: string) =>
        later(() => {
          fail(faults.get)
          return records.get(key)
        }),
      add: (value: unknown, key: string) => {
        const request = later(() => {
          fail(faults.add)
          if (records.has(key)) throw named("ConstraintError")
          records.set(key, value)
          setImmediate(() => {
            if (faults.commit === undefined) return events.oncomplete?.()
            records.delete(key)
            abort(faults.commit)
          })
          return key
        })
        request.onerror = () => abort(request.error)
        return request
      }
    }
    return Object.assign(events, { objectStore: () => store })
  }
  const indexedDb: DpopKey.IndexedDb = {
    open: (): Open =>
      later(() => {
        fail(faults.open)
        state.open += 1
        return {
          createObjectStore: () => undefined,
          transaction,
          close: () => void (state.open -= 1)
        }
      })
  }
  return { indexedDb, state }
}

describe("DpopKey.fromIndexedDb", () => {
  it.live("returns the same key to concurrent and later callers, and closes the database", () =>
    Effect.gen(function* () {
      const { indexedDb, state } = fake()
      const thumbprint = Effect.flatMap(DpopKey.fromIndexedDb(indexedDb, options), Dpop.thumbprint)
      const all = yield* times(20, thumbprint)
      expect(new Set([...all, yield* thumbprint]).size).toBe(1)
      expect([state.records.size, state.open]).toEqual([1, 0])
    })
  )

  it.live("returns another key for another account, client or issuer", () =>
    Effect.gen(function* () {
      const { indexedDb } = fake()
      const others = [{ account: "grace" }, { clientId: "web" }, { issuer: "https://other.test" }, {}]
      const all = yield* Effect.forEach(others, (other) =>
        Effect.flatMap(DpopKey.fromIndexedDb(indexedDb, { ...options, ...other }), Dpop.thumbprint)
      )
      expect(new Set(all).size).toBe(4)
    })
  )

  it.live("stores a key that cannot be exported", () =>
    Effect.gen(function* () {
      const { indexedDb } = fake()
      const { privateKey } = yield* DpopKey.fromIndexedDb(indexedDb, options)
      expect(privateKey.extractable).toBe(false)
    })
  )

  it.live("fails when the browser refuses, names the error, and shows no content", () =>
    Effect.gen(function* () {
      for (const faults of [
        { open: named("SecurityError") },
        { get: named("UnknownError") },
        { add: named("QuotaExceededError") },
        { commit: named("QuotaExceededError") }
      ]) {
        const { indexedDb, state } = fake(faults)
        const error = yield* Effect.flip(DpopKey.fromIndexedDb(indexedDb, options))
        expect(error).toMatchObject({ _tag: "TokenStoreError" })
        expect(error.message).toContain(Object.values(faults)[0]?.name)
        expect(error.message).not.toContain("private key")
        expect(state.open).toBe(0)
      }
      const throwing: DpopKey.IndexedDb = {
        open: () => {
          throw named("SecurityError")
        }
      }
      expect((yield* Effect.flip(DpopKey.fromIndexedDb(throwing, options))).message).toContain("SecurityError")
    })
  )

  it.live("can be interrupted while the database does not open, and closes it when it opens later", () =>
    Effect.gen(function* () {
      const { indexedDb, state } = fake()
      let finish = (): void => undefined
      const delayed: DpopKey.IndexedDb = {
        open: (...parameters) => {
          const request = indexedDb.open(...parameters)
          const slow = { ...request, result: request.result }
          request.onsuccess = () => {
            finish = () => {
              Object.assign(slow, { result: request.result })
              slow.onsuccess?.()
            }
          }
          return slow
        }
      }
      const result = yield* DpopKey.fromIndexedDb(delayed, options).pipe(Effect.timeoutOption("50 millis"))
      expect([Option.isNone(result), state.open]).toEqual([true, 1])
      finish()
      expect(state.open).toBe(0)
    })
  )

  it.live("rejects a record that is not a key, and keeps it", () =>
    Effect.gen(function* () {
      const { indexedDb, state } = fake()
      yield* DpopKey.fromIndexedDb(indexedDb, options)
      const [name = ""] = state.records.keys()
      for (const record of [1, null, {}, { privateKey: {}, publicKey: {} }]) {
        state.records.set(name, record)
        const error = yield* Effect.flip(DpopKey.fromIndexedDb(indexedDb, options))
        expect(error).toMatchObject({ _tag: "TokenStoreError", reason: "UnsupportedFormat" })
        expect(state.records.get(name)).toBe(record)
      }
    })
  )

  it.live("fails on a page without `crypto.subtle`, stores nothing, and closes the database", () =>
    Effect.gen(function* () {
      const { indexedDb, state } = fake()
      vi.stubGlobal("crypto", {})
      const error = yield* Effect.flip(DpopKey.fromIndexedDb(indexedDb, options))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect([state.records.size, state.open]).toEqual([0, 0])
    }).pipe(Effect.ensuring(Effect.sync(() => vi.unstubAllGlobals())))
  )

  it.live("rejects an unknown option", () =>
    Effect.gen(function* () {
      const wrong = { ...options, clientID: "page" } as DpopKey.Options // As JavaScript may pass it.
      expect(yield* Effect.flip(DpopKey.fromIndexedDb(fake().indexedDb, wrong))).toMatchObject({
        _tag: "InvalidRequest"
      })
    })
  )
})
