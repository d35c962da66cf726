import * as KeyValueTokenStore from "@countersign/auth/KeyValueTokenStore"
import * as Token from "@countersign/auth/Token"
import type { Service, VersionedToken } from "@countersign/auth/TokenStore"
import type { TokenStoreReason } from "@countersign/auth/Errors"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import { SystemError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { allRenderings } from "./support/allRenderings.js"
import { runPendingWork } from "./support/pendingWork.js"

const memory = Effect.flatMap(Layer.build(Layer.fresh(KeyValueStore.layerMemory)), (context) =>
  Effect.provide(KeyValueStore.KeyValueStore, context)
)

TokenStoreContract.register({ describe, it }, "a key-value store", {
  place: memory,
  open: (store) => Effect.succeed(KeyValueTokenStore.make(store)),
  isShared: true
})

const token = (text: string): Token.Token => Token.bearer(Redacted.make(`canary-${text}`), 0)

const textOf = (stored: Option.Option<VersionedToken>) =>
  Option.getOrUndefined(Option.map(stored, ({ token }) => Redacted.value(token.accessToken)))

/** Long enough for pending operations to progress: hashes are computed in other threads. */
const turn = runPendingWork(20)

/** A key-value store, and its contents by name. */
const setting = Effect.sync(() => {
  const texts = new Map<string, string>()
  const store = KeyValueStore.makeStringOnly({
    get: (name) => Effect.sync(() => Option.fromNullable(texts.get(name))),
    set: (name, text) => Effect.sync(() => void texts.set(name, text)),
    remove: (name) => Effect.sync(() => void texts.delete(name)),
    clear: Effect.sync(() => texts.clear()),
    size: Effect.sync(() => texts.size)
  })
  return { texts, store, tokens: KeyValueTokenStore.make(store) }
})

const onlyName = (texts: ReadonlyMap<string, string>): string => {
  expect([...texts.keys()]).toHaveLength(1)
  return [...texts.keys()].join()
}

/** Reading, writing and removing all fail with `reason`, print no secret, and leave the text as it is. */
const refuses = (texts: ReadonlyMap<string, string>, store: Service, reason: TokenStoreReason) =>
  Effect.gen(function* () {
    const before = new Map(texts)
    const attempts = [store.get("key"), store.compareAndSet("key", 1, token("new")), store.remove("key", 1)]
    for (const attempt of attempts) {
      const error = yield* Effect.flip(Effect.asVoid<unknown, TokenStoreError, never>(attempt))
      expect(error).toBeInstanceOf(TokenStoreError)
      expect(error.reason).toBe(reason)
      expect(allRenderings(error)).not.toContain("canary")
    }
    expect(texts).toEqual(before)
  })

describe("KeyValueTokenStore", () => {
  it.effect("names records by a hash, and keeps only the version of a removed record", () =>
    Effect.gen(function* () {
      const { texts, tokens } = yield* setting
      yield* tokens.compareAndSet("../key of canary-me", 0, token("a"))
      expect(onlyName(texts)).toMatch(/^countersign-token-[0-9a-f]{64}$/)
      expect(yield* tokens.remove("../key of canary-me", 1)).toBe(true)
      const [text] = [...texts.values()]
      expect(text).not.toContain("canary")
      expect(JSON.parse(text ?? "")).toEqual({ format: "countersign/token", formatVersion: 1, version: 1 })
    })
  )

  it.effect("shares locks between two adapters over one store, and reports the lock scope `process`", () =>
    Effect.gen(function* () {
      const { store: quick } = yield* setting
      const store: typeof quick = { ...quick, get: (name) => Effect.zipLeft(quick.get(name), turn) }
      const tokens = KeyValueTokenStore.make(store)
      const other = KeyValueTokenStore.make(store)
      expect([tokens.lockScope, other.lockScope]).toEqual(["process", "process"])
      const outcomes = yield* Effect.forEach(
        [tokens, other, tokens, other],
        (one, n) => one.compareAndSet("key", 0, token(String(n))),
        { concurrency: "unbounded" }
      )
      expect(outcomes.filter(Option.isSome)).toHaveLength(1)

      const entered = yield* Deferred.make<void>()
      const holding = yield* Effect.fork(
        tokens.withLock("key")(Effect.zipRight(Deferred.succeed(entered, undefined), Effect.never))
      )
      yield* Deferred.await(entered)
      let inside = false
      const waiting = yield* Effect.fork(other.withLock("key")(Effect.sync(() => (inside = true))))
      yield* other.withLock("another key")(Effect.void)
      yield* turn
      expect(inside).toBe(false)
      yield* Fiber.interrupt(holding)
      yield* Fiber.join(waiting)
      expect(inside).toBe(true)
    })
  )

  it.effect("stores separate records for keys that UTF-8 encoding cannot distinguish", () =>
    Effect.gen(function* () {
      const { texts, tokens } = yield* setting
      for (const key of ["\ud800", "\ud801", "\ufffd"]) yield* tokens.compareAndSet(key, 0, token("a"))
      expect(texts.size).toBe(3)
    })
  )

  it.effect("separates the records and locks of two prefixes", () =>
    Effect.gen(function* () {
      const { store, tokens } = yield* setting
      const other = KeyValueTokenStore.make(store, { prefix: "other-" })
      yield* tokens.compareAndSet("key", 0, token("a"))
      expect(yield* other.get("key")).toEqual(Option.none())
      expect(yield* tokens.withLock("key")(other.withLock("key")(Effect.succeed("both")))).toBe("both")
    })
  )

  it.effect("finishes a started write when its caller is interrupted, and reads the new token afterwards", () =>
    Effect.gen(function* () {
      const { store, texts } = yield* setting
      const begun = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const slow: typeof store = {
        ...store,
        set: (name, text) =>
          Deferred.succeed(begun, undefined).pipe(
            Effect.zipRight(Deferred.await(goOn)),
            Effect.zipRight(store.set(name, text))
          )
      }
      const tokens = KeyValueTokenStore.make(slow)
      const writing = yield* Effect.fork(tokens.compareAndSet("key", 0, token("a")))
      yield* Deferred.await(begun)
      const interrupting = yield* Effect.fork(Fiber.interrupt(writing))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(interrupting)
      expect(texts.size).toBe(1)
      expect(textOf(yield* tokens.get("key"))).toBe("canary-a")
    })
  )
})

describe("KeyValueTokenStore with an invalid record", () => {
  const good = { format: "countersign/token", formatVersion: 1, version: 1 }
  const stored = { accessToken: "canary-a", tokenType: "Bearer", receivedAt: 0 }
  const contents: ReadonlyArray<readonly [string, TokenStoreReason, string]> = [
    ["nothing", "Corrupt", ""],
    ["invalid JSON", "Corrupt", "canary"],
    ["null", "Corrupt", "null"],
    ["a list", "Corrupt", "[]"],
    ["other JSON", "Corrupt", '{"name":"canary-app"}'],
    ["another format", "UnsupportedFormat", '{"format":"canary"}'],
    ["a newer release", "UnsupportedFormat", JSON.stringify({ ...good, formatVersion: 2, token: "canary" })],
    ["an older release than the first", "Corrupt", JSON.stringify({ ...good, formatVersion: 0 })],
    ["a version of 0", "Corrupt", JSON.stringify({ ...good, version: 0, token: stored })],
    ["a version that is not an integer", "Corrupt", JSON.stringify({ ...good, version: 1.5, token: stored })],
    ["a version out of range", "Corrupt", '{"format":"countersign/token","formatVersion":1,"version":1e400}'],
    ["a token of a wrong shape", "Corrupt", JSON.stringify({ ...good, token: { ...stored, accessToken: ["canary"] } })],
    ["an unknown field", "Corrupt", JSON.stringify({ ...good, token: stored, "canary-x": 1 })],
    ["__proto__", "Corrupt", '{"__proto__":{"format":"countersign/token","formatVersion":1,"version":1}}'],
    ["512 KiB of blanks", "Corrupt", JSON.stringify(good) + " ".repeat(512 * 1024)]
  ]
  for (const [situation, reason, content] of contents) {
    it.effect(`rejects ${situation} as ${reason}, and leaves the stored text unchanged`, () =>
      Effect.gen(function* () {
        const { texts, tokens } = yield* setting
        yield* tokens.compareAndSet("key", 0, token("a"))
        texts.set(onlyName(texts), content)
        yield* refuses(texts, tokens, reason)
      })
    )
  }

  it.effect("fails with Corrupt if the record is truncated at any position", () =>
    Effect.gen(function* () {
      const { texts, tokens } = yield* setting
      yield* tokens.compareAndSet("key", 0, token("a"))
      const name = onlyName(texts)
      const text = texts.get(name) ?? ""
      for (let length = 0; length < text.length; length++) {
        texts.set(name, text.slice(0, length))
        expect((yield* Effect.flip(tokens.get("key"))).reason).toBe("Corrupt")
      }
    })
  )

  it.effect("fails with Corrupt if the store returns an object instead of text", () =>
    Effect.gen(function* () {
      const { store } = yield* setting
      // An untyped store may return such a value.
      const get = () => Effect.succeed(Option.some({ canary: 1 } as unknown as string))
      const error = yield* Effect.flip(KeyValueTokenStore.make({ ...store, get }).get("key"))
      expect(error.reason).toBe("Corrupt")
    })
  )

  it.effect("fails with WriteFailed, and writes nothing, if the token is too large", () =>
    Effect.gen(function* () {
      const { texts, tokens } = yield* setting
      const huge = "x".repeat(512 * 1024)
      for (const large of [token(huge), { ...token(""), owner: { issuer: huge, client: "" } }]) {
        expect((yield* Effect.flip(tokens.compareAndSet("key", 0, large))).reason).toBe("WriteFailed")
      }
      expect(texts.size).toBe(0)
    })
  )
})

describe("KeyValueTokenStore over a failing store", () => {
  const refusal = new SystemError({
    reason: "PermissionDenied",
    module: "KeyValueStore",
    method: "set",
    description: "canary-token in a description"
  })

  it.effect("fails with ReadFailed and WriteFailed, showing the reason and not the description", () =>
    Effect.gen(function* () {
      const { store } = yield* setting
      const unreadable = KeyValueTokenStore.make({ ...store, get: () => Effect.fail(refusal) })
      const unwritable = KeyValueTokenStore.make({ ...store, set: () => Effect.fail(refusal) })
      const read = yield* Effect.flip(unreadable.get("key"))
      const write = yield* Effect.flip(unwritable.compareAndSet("key", 0, token("a")))
      expect([read.reason, write.reason]).toEqual(["ReadFailed", "WriteFailed"])
      for (const error of [read, write]) {
        expect(error.message).toContain("the key-value store failed: PermissionDenied")
        expect(allRenderings(error)).not.toContain("canary")
      }
    })
  )
})
