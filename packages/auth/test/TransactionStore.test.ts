import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as TransactionStore from "@countersign/auth/TransactionStore"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { answerOf, callbackOf, signingIn } from "./support/signIn.js"

const begun = Effect.gen(function* () {
  const client = yield* signingIn()
  const transaction = yield* client.start()
  return { ...client, transaction, callback: new URL(callbackOf(transaction)).searchParams }
})

describe("TransactionStore", () => {
  it.effect("returns the transaction once, to the session that stored it", () =>
    Effect.gen(function* () {
      const { put, take } = yield* TransactionStore.TransactionStore
      const { answering, callback, complete, transaction } = yield* begun
      yield* put("cookie", transaction)
      answering({ "/token": yield* answerOf(transaction.nonce) })
      const taken = yield* take("cookie", callback)
      expect((yield* complete(taken, callback)).claims?.sub).toBe("ada")
      expect(yield* Effect.flip(take("cookie", callback))).toMatchObject({ reason: "InvalidResponse" })
    }).pipe(Effect.provide(TransactionStore.layerMemory()))
  )

  it.effect("rejects the callback of one session in another session", () =>
    Effect.gen(function* () {
      const { put, take } = yield* TransactionStore.makeMemory()
      const { callback, transaction } = yield* begun
      yield* put("mallory", transaction)
      expect(yield* Effect.flip(take("victim", callback))).toMatchObject({ _tag: "TokenError" })
      expect(yield* Effect.flip(take("", callback))).toMatchObject({ _tag: "TokenError" })
      expect(yield* take("mallory", callback)).toBe(transaction)
    })
  )

  it.effect("does not mix up session and state with a forged boundary", () =>
    Effect.gen(function* () {
      const { put, take } = yield* TransactionStore.makeMemory()
      const { transaction } = yield* begun
      yield* put('a","b', transaction)
      const state = new URLSearchParams({ state: `b","${transaction.state}` })
      expect(yield* Effect.flip(take("a", state))).toMatchObject({ _tag: "TokenError" })
    })
  )

  it.effect("rejects an empty session id", () =>
    Effect.gen(function* () {
      const { put } = yield* TransactionStore.makeMemory()
      const { transaction } = yield* begun
      expect(yield* Effect.flip(put("", transaction))).toMatchObject({ _tag: "InvalidRequest" })
    })
  )

  it.effect("removes a transaction after ten minutes, and earlier beyond maxEntries", () =>
    Effect.gen(function* () {
      const { put, take } = yield* TransactionStore.makeMemory({ maxEntries: 2 })
      const [one, two, three] = [yield* begun, yield* begun, yield* begun]
      for (const { transaction } of [one, two, three]) yield* put("cookie", transaction)
      expect(yield* Effect.flip(take("cookie", one.callback))).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* take("cookie", two.callback)).toBe(two.transaction)
      yield* TestClock.adjust("10 minutes")
      expect(yield* Effect.flip(take("cookie", three.callback))).toMatchObject({ reason: "InvalidResponse" })
    })
  )

  const count = 200
  it.effect.each<readonly [string, (n: number) => string]>([
    ["one session", () => "attacker"],
    ["ten sessions", (n) => `attacker-${n % 10}`]
  ])("keeps a transaction despite many transactions of %s", ([_, sessionOf]) =>
    Effect.gen(function* () {
      const { put, take } = yield* TransactionStore.makeMemory({ maxEntries: 50, maxEntriesPerSession: 20 })
      const { callback, transaction } = yield* begun
      yield* put("victim", transaction)
      for (let n = 0; n < count; n++) {
        yield* put(sessionOf(n), new AuthorizationCode.Transaction({ ...transaction, state: `state-${n}` }))
      }
      expect(yield* take("victim", callback)).toBe(transaction)
      const last = new URLSearchParams({ state: `state-${count - 1}` })
      expect(yield* take(sessionOf(count - 1), last)).toMatchObject({ state: `state-${count - 1}` })
    })
  )

  it.effect("limits transactions to `maxEntries` and `maxEntriesPerSession`", () =>
    Effect.gen(function* () {
      const { transaction } = yield* begun
      const keptOf = (options: TransactionStore.Options, sessions: number) =>
        Effect.gen(function* () {
          const { put, take } = yield* TransactionStore.makeMemory(options)
          for (let n = 0; n < count; n++) {
            yield* put(`s${n % sessions}`, new AuthorizationCode.Transaction({ ...transaction, state: `state-${n}` }))
          }
          let kept = 0
          for (let n = 0; n < count; n++) {
            const taken = yield* Effect.either(take(`s${n % sessions}`, new URLSearchParams({ state: `state-${n}` })))
            if (taken._tag === "Right") kept += 1
          }
          return kept
        })
      expect(yield* keptOf({ maxEntriesPerSession: 5 }, 1)).toBe(5)
      expect(yield* keptOf({}, 1)).toBe(20)
      expect(yield* keptOf({ maxEntries: 30 }, 10)).toBe(30)
      expect(yield* keptOf({ maxEntries: 30 }, count)).toBe(30)
    })
  )
})
