import * as Token from "@countersign/auth/Token"
import { TokenStore } from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
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

describe("FileTokenStore", () => {
  it.scoped("reads a stored token completely through another store on the same file", () =>
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

  it.scoped("changes nothing and returns None or false when the expected version differs", () =>
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

  it.scoped("continues the version of a removed record in another store on the same file", () =>
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

  it.scoped("keeps records with unusual keys apart and does not pollute Object.prototype", () =>
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

  it.scoped("returns tokens of any text unchanged", () =>
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

  it.scoped("rejects a token that could not be read again and keeps the file", () =>
    Effect.gen(function* () {
      const store = yield* Effect.flatMap(file, storeIn)
      yield* store.compareAndSet("key", 0, token("a"))
      const unreadable = [
        { ...token("b"), receivedAt: Number.NaN },
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

describe("FileTokenStore", () => {
  const longest = constants.MAX_STRING_LENGTH
  for (const [what, text] of [
    ["ASCII", "x".repeat(longest)],
    ["two bytes per character", "\u20ac".repeat(longest)],
    // Escaped as JSON it would be six times as long, which exceeds the maximum length of a string.
    ["control characters", "\0".repeat(longest / 4)]
  ] as const) {
    it.scoped(`rejects a key or token of the maximum string length at once and writes nothing (${what})`, () =>
      Effect.gen(function* () {
        const path = yield* file
        const store = yield* storeIn(path)
        yield* store.compareAndSet("key", 0, token("a"))
        const before = fs.readFileSync(path)
        // CPU time of this process, because other programs add to the time on the clock.
        const computed = process.cpuUsage()
        const attempts = [
          store.compareAndSet(text, 0, token("b")),
          store.compareAndSet("key", 1, { ...token("b"), accessToken: Redacted.make(text) }),
          store.compareAndSet("key", 1, { ...token("b"), owner: { issuer: text, client: "client" } }),
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

  it.scoped("uses separate locks for keys that have the same UTF-8 encoding", () =>
    Effect.gen(function* () {
      const store = yield* Effect.flatMap(file, storeIn)
      const nested = store.withLock("\ud800")(store.withLock("\ufffd")(Effect.succeed("both")))
      expect(yield* nested).toBe("both")
    })
  )
})

describe("FileTokenStore.layerConfig", () => {
  it.scoped("reads the path from the configuration", () =>
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

  it.scoped("fails with a ConfigError when the configuration has no path", () =>
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
