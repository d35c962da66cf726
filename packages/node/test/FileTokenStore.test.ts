import * as Token from "@countersign/auth/Token"
import { TokenStore } from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/client/Errors"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { constants } from "node:buffer"
import fs from "node:fs"
import { join } from "node:path"
import { namesIn } from "./support/folder.js"
import { file, storeIn, textOf, token, versionOf } from "./support/tokens.js"

describe("records", () => {
  it.scoped("a token that was stored is found by another store on the same file, whole", () =>
    Effect.gen(function* () {
      const path = yield* file
      const one = yield* storeIn(path)
      expect(yield* one.get("key")).toEqual(Option.none())
      expect(versionOf(yield* one.compareAndSet("key", 0, token("a")))).toBe(1)

      const found = yield* Effect.flatMap(storeIn(path), (other) => other.get("key"))
      expect(found).toEqual(Option.some({ version: 1, token: token("a") }))
      expect(one.lockScope).toBe("host")
    })
  )

  it.scoped("a write that expects another version changes nothing and says so", () =>
    Effect.gen(function* () {
      const store = yield* Effect.flatMap(file, storeIn)
      yield* store.compareAndSet("key", 0, token("a"))
      expect(yield* store.compareAndSet("key", 0, token("b"))).toEqual(Option.none())
      expect(yield* store.compareAndSet("key", 2, token("b"))).toEqual(Option.none())
      expect(yield* store.remove("key", 2)).toBe(false)
      expect(yield* store.remove("other", 0)).toBe(false)
      expect(textOf(yield* store.get("key"))).toBe("canary-a")
    })
  )

  it.scoped("versions grow over a removal, in another process too", () =>
    Effect.gen(function* () {
      const path = yield* file
      const store = yield* storeIn(path)
      yield* store.compareAndSet("key", 0, token("a"))
      yield* store.compareAndSet("key", 1, token("b"))
      expect(yield* store.remove("key", 2)).toBe(true)
      expect(fs.readFileSync(path, "utf8")).not.toContain("canary")
      expect(yield* store.get("key")).toEqual(Option.none())

      const other = yield* storeIn(path)
      expect(versionOf(yield* other.compareAndSet("key", 0, token("c")))).toBe(3)
    })
  )

  it.scoped("keys of any kind keep apart and pollute nothing", () =>
    Effect.gen(function* () {
      const path = yield* file
      const keys = ["__proto__", "constructor", "toJSON", "hasOwnProperty", "", "../../x", "a\u0000b", "\ud800", "1"]
      const store = yield* storeIn(path)
      for (const key of keys) yield* store.compareAndSet(key, 0, token(`of ${JSON.stringify(key)}`))
      const other = yield* storeIn(path)
      for (const key of keys) {
        expect(textOf(yield* other.get(key))).toBe(`canary-of ${JSON.stringify(key)}`)
        yield* other.withLock(key)(Effect.void)
      }
      expect(Object.keys(Object.prototype)).toEqual([])
      expect(({} as Record<string, unknown>)["token"]).toBeUndefined()
      expect(namesIn(join(path, ".."))).toEqual(["tokens.json"])
    })
  )

  it.scoped("any token of any text comes back as it was", () =>
    Effect.gen(function* () {
      const store = yield* Effect.flatMap(file, storeIn)
      const texts = FastCheck.sample(FastCheck.string({ unit: "binary", minLength: 1 }), { numRuns: 40, seed: 7 })
      let version = 0
      for (const text of texts) {
        yield* store.compareAndSet("key", version++, Token.bearer(Redacted.make(text), 0))
        expect(textOf(yield* store.get("key"))).toBe(text)
      }
    })
  )

  it.scoped("a token that could not be read again is refused, and the file stays as it was", () =>
    Effect.gen(function* () {
      const store = yield* Effect.flatMap(file, storeIn)
      yield* store.compareAndSet("key", 0, token("a"))
      const unreadable = [
        { ...token("b"), obtainedAt: Number.NaN },
        { ...token("b"), accessToken: Redacted.make("") },
        { ...token("b"), accessToken: Redacted.make("x".repeat(1024 * 1024)) }
      ]
      for (const bad of unreadable) {
        const error = yield* Effect.flip(store.compareAndSet("key", 1, bad))
        expect(error).toBeInstanceOf(TokenStoreError)
        expect(error.reason).toBe("WriteFailed")
      }
      expect(textOf(yield* store.get("key"))).toBe("canary-a")
    })
  )
})

describe("the longest texts that there can be", () => {
  const longest = constants.MAX_STRING_LENGTH
  for (const [what, text] of [
    ["plain", "x".repeat(longest)],
    ["of two bytes a character", "\u20ac".repeat(longest)],
    // As JSON it would be six times as long, which is longer than a string can be.
    ["of control characters", "\0".repeat(longest / 4)]
  ] as const) {
    it.scoped(`${what}: as a key or a token they are refused at once, and nothing is written`, () =>
      Effect.gen(function* () {
        const path = yield* file
        const store = yield* storeIn(path)
        yield* store.compareAndSet("key", 0, token("a"))
        const before = fs.readFileSync(path)
        // The time that this process computes: other programs add to the time of the clock.
        const computed = process.cpuUsage()
        const attempts = [
          store.compareAndSet(text, 0, token("b")),
          store.compareAndSet("key", 1, { ...token("b"), accessToken: Redacted.make(text) }),
          store.compareAndSet("key", 1, { ...token("b"), issued: { issuer: text, client: "client" } }),
          store.withLock(text)(Effect.void)
        ]
        for (const attempt of attempts) {
          const error = yield* Effect.flip(Effect.asVoid<unknown, TokenStoreError, never>(attempt))
          expect([error.reason, error.message.length < 1000]).toEqual(["WriteFailed", true])
        }
        expect(yield* store.get(text)).toEqual(Option.none())
        expect(yield* store.remove(text, 1)).toBe(false)
        const { system, user } = process.cpuUsage(computed)
        expect((user + system) / 1000).toBeLessThan(2_000)
        expect(fs.readFileSync(path)).toEqual(before)
      })
    )
  }

  it.scoped("keys that UTF-8 cannot tell apart have locks of their own", () =>
    Effect.gen(function* () {
      const store = yield* Effect.flatMap(file, storeIn)
      const nested = store.withLock("\ud800")(store.withLock("\ufffd")(Effect.succeed("both")))
      expect(yield* nested).toBe("both")
    })
  )
})

describe("layers", () => {
  it.scoped("the layer takes its path from the configuration", () =>
    Effect.gen(function* () {
      const path = yield* file
      const StoreLive = FileTokenStore.layerConfig({ path: Config.string("TOKEN_FILE") })
      const provider = ConfigProvider.fromMap(new Map([["TOKEN_FILE", path]]))
      const stored = yield* Effect.flatMap(TokenStore, (store) => store.compareAndSet("key", 0, token("a"))).pipe(
        Effect.provide(StoreLive),
        Effect.withConfigProvider(provider)
      )
      expect(versionOf(stored)).toBe(1)
      expect(namesIn(join(path, ".."))).toEqual(["tokens.json"])
    })
  )

  it.scoped("a missing path in the configuration is a ConfigError and writes nothing", () =>
    Effect.gen(function* () {
      const error = yield* TokenStore.pipe(
        Effect.provide(FileTokenStore.layerConfig({ path: Config.string("TOKEN_FILE") })),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map())),
        Effect.flip
      )
      expect(error).toMatchObject({ _op: "MissingData" })
    })
  )
})
