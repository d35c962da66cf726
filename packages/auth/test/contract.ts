import * as Token from "@countersign/auth/Token"
import type { Stored } from "@countersign/auth/TokenStore"
import { TokenStore } from "@countersign/auth/TokenStore"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

const token = (text: string): Token.Token => ({
  accessToken: Redacted.make(text),
  tokenType: "Bearer",
  obtainedAt: 1_000,
  expiresAt: 61_000,
  refreshToken: Redacted.make(`refresh-${text}`),
  scope: "read write"
})

const summary = (stored: Option.Option<Stored>): readonly [version: number, text: string] | undefined =>
  Option.getOrUndefined(
    Option.map(stored, ({ token, version }) => [version, Redacted.value(token.accessToken)] as const)
  )

/** What every token store has to do, whatever it keeps its records in. The Layer must give an empty one each time. */
export const storeContract = <E>(name: string, layer: Layer.Layer<TokenStore, E>) =>
  describe(`${name}, as a token store`, () => {
    const test = <E2>(title: string, run: (store: TokenStore["Type"]) => Effect.Effect<void, E2>) =>
      it.effect(title, () => Effect.provide(Effect.flatMap(TokenStore, run), layer))

    test("has nothing under a key that was never written", (store) =>
      Effect.gen(function* () {
        expect(yield* store.get("key")).toEqual(Option.none())
        expect(yield* store.remove("key", 0)).toBe(false)
      }))

    test("gives back a token as it was, and counts versions from 1", (store) =>
      Effect.gen(function* () {
        const stored = yield* store.compareAndSet("key", 0, token("a"))
        expect(stored).toEqual(Option.some({ token: token("a"), version: 1 }))
        expect(yield* store.get("key")).toEqual(stored)
        const bare = Token.bearer(Redacted.make("b"), 5)
        expect(summary(yield* store.compareAndSet("key", 1, bare))).toEqual([2, "b"])
        const found = Option.getOrThrow(yield* store.get("key")).token
        expect([found.expiresAt, found.refreshToken, found.scope, found.obtainedAt]).toEqual([
          undefined,
          undefined,
          undefined,
          5
        ])
      }))

    test("writes nothing when another version is there than was expected", (store) =>
      Effect.gen(function* () {
        yield* store.compareAndSet("key", 0, token("a"))
        for (const wrong of [0, 2, -1, Number.NaN]) {
          expect(yield* store.compareAndSet("key", wrong, token("b"))).toEqual(Option.none())
          expect(yield* store.remove("key", wrong)).toBe(false)
        }
        expect(summary(yield* store.get("key"))).toEqual([1, "a"])
      }))

    test("lets one of many writers win who expect the same version", (store) =>
      Effect.gen(function* () {
        const names = Array.from({ length: 20 }, (_, n) => `t${n}`)
        const outcomes = yield* Effect.forEach(names, (name) => store.compareAndSet("key", 0, token(name)), {
          concurrency: "unbounded"
        })
        const won = outcomes.flatMap((outcome) => Option.toArray(outcome))
        expect(won).toHaveLength(1)
        expect(yield* store.get("key")).toEqual(Option.some(won[0]))
      }))

    test("goes on counting after a removal", (store) =>
      Effect.gen(function* () {
        yield* store.compareAndSet("key", 0, token("a"))
        yield* store.compareAndSet("key", 1, token("b"))
        expect(yield* store.remove("key", 2)).toBe(true)
        expect(yield* store.remove("key", 2)).toBe(false)
        expect(yield* store.get("key")).toEqual(Option.none())
        expect(yield* store.compareAndSet("key", 2, token("c"))).toEqual(Option.none())
        expect(summary(yield* store.compareAndSet("key", 0, token("c")))).toEqual([3, "c"])
      }))

    test("keeps any two keys apart, whatever characters they hold", (store) =>
      Effect.gen(function* () {
        const odd = [
          "",
          " ",
          "__proto__",
          "constructor",
          "../../etc/passwd",
          "a/b",
          "a\u0000b",
          "A/B",
          "ä",
          "a\u0308",
          "\ud800"
        ]
        const more = FastCheck.sample(FastCheck.string({ unit: "binary" }), { numRuns: 20, seed: 11 })
        const keys = [...new Set([...odd, ...more])]
        for (const [n, key] of keys.entries()) yield* store.compareAndSet(key, 0, token(`t${n}`))
        for (const [n, key] of keys.entries()) expect(summary(yield* store.get(key))).toEqual([1, `t${n}`])
      }))

    test("lets one at a time into what is exclusive, for each key", (store) =>
      Effect.gen(function* () {
        let inside = 0
        let most = 0
        const visit = Effect.acquireUseRelease(
          Effect.sync(() => (most = Math.max(most, ++inside))),
          () => Effect.repeatN(Effect.yieldNow(), 5),
          () => Effect.sync(() => inside--)
        )
        yield* Effect.forEach(Array.from({ length: 10 }), () => store.exclusive("key")(visit), {
          concurrency: "unbounded"
        })
        expect([inside, most]).toEqual([0, 1])
        expect(yield* store.exclusive("key")(store.exclusive("other")(Effect.succeed("both")))).toBe("both")
      }))

    test("can be read and written within what is exclusive, and beside it", (store) =>
      Effect.gen(function* () {
        yield* store.exclusive("key")(store.compareAndSet("key", 0, token("a")))
        const entered = yield* Deferred.make<void>()
        const holding = yield* Effect.fork(
          store.exclusive("key")(Effect.zipRight(Deferred.succeed(entered, undefined), Effect.never))
        )
        yield* Deferred.await(entered)
        expect(summary(yield* store.compareAndSet("key", 1, token("b")))).toEqual([2, "b"])
        yield* Fiber.interrupt(holding)
      }))

    test("is free again after a failure, a defect and an interruption within what is exclusive", (store) =>
      Effect.gen(function* () {
        const alone = store.exclusive("key")
        expect(yield* Effect.flip(alone(Effect.fail("as scripted")))).toBe("as scripted")
        expect(yield* Effect.exit(alone(Effect.die("a bug")))).toEqual(Exit.die("a bug"))
        const entered = yield* Deferred.make<void>()
        const holding = yield* Effect.fork(alone(Effect.zipRight(Deferred.succeed(entered, undefined), Effect.never)))
        yield* Deferred.await(entered)
        const waiting = yield* Effect.fork(alone(Effect.void))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(waiting)
        yield* Fiber.interrupt(holding)
        expect(yield* alone(Effect.succeed("free"))).toBe("free")
      }))
  })
