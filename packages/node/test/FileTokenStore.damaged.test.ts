import * as TokenEvents from "@countersign/auth/TokenEvents"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import fs from "node:fs"
import { basename, dirname } from "node:path"
import { namesIn } from "./support/folder.js"
import { canary, small, storeIn, textOf, token, usedStore, versionOf } from "./support/tokens.js"

/** Ways to damage a token file. */
const damages: ReadonlyArray<readonly [what: string, of: (whole: Buffer) => Uint8Array | string]> = [
  ["is empty", () => ""],
  ["is cut in half", (whole) => whole.subarray(0, whole.length / 2)],
  ["lacks its last byte", (whole) => whole.subarray(0, -1)],
  ["is all zeros", (whole) => Buffer.alloc(whole.length)],
  ["is not UTF-8", () => Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3])],
  ["is plain text", () => "not a token file"],
  ["has a modified token", (whole) => whole.toString().replace("canary-old", "canary-0ld")],
  ["has a malformed record", () => '{"format":"countersign/tokens","version":1,"records":{"key":{"version":"1"}}}'],
  ["lacks its records", () => '{"format":"countersign/tokens","version":1}']
]

const quarantinedBeside = (path: string) => namesIn(dirname(path)).filter((name) => name.endsWith(".corrupt"))

/** Opens a damaged file without logging the warning. */
const openQuietly = (path: string) => Effect.provide(FileTokenStore.make({ path }), Logger.remove(Logger.defaultLogger))

let minted = 0

/** Gets a token from a source that can always obtain a new one. Returns the result, the log lines and the event tags. */
const getFromSource = (store: TokenStore.Service, onCorruptRecord?: "fail" | "replace") => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${String(message)}`))
  return Effect.gen(function* () {
    const events = yield* TokenEvents.TokenEvents
    const tags: Array<string> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(events.stream, ({ _tag }) => Effect.sync(() => tags.push(_tag)))
    )
    yield* Effect.yieldNow()
    const source = yield* TokenSource.make({
      key: "key",
      acquireToken: () => Effect.sync(() => small(`new-${++minted}`)),
      onCorruptRecord
    })
    const result = yield* Effect.either(source.get)
    yield* Effect.sleep("10 millis")
    yield* Fiber.interrupt(fiber)
    return { result, lines, tags }
  }).pipe(
    Effect.provide(TokenEvents.layer),
    Effect.provideService(TokenStore.TokenStore, store),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger))
  )
}

describe("FileTokenStore", () => {
  it.scopedLive.each(damages)(
    "moves a file aside and stores a new token with onCorruptRecord replace: the file %s",
    ([_, damage]) =>
      Effect.gen(function* () {
        const { path, store } = yield* usedStore
        const bytes = Buffer.from(damage(fs.readFileSync(path)))
        fs.writeFileSync(path, bytes)
        const reopened = yield* openQuietly(path)
        const { lines, result, tags } = yield* getFromSource(reopened, "replace")
        expect(result).toMatchObject({ _tag: "Right" })
        const [aside = ""] = quarantinedBeside(path)
        expect(fs.readFileSync(`${dirname(path)}/${aside}`).equals(bytes)).toBe(true)
        expect(fs.statSync(`${dirname(path)}/${aside}`).mode & 0o777).toBe(0o600)
        expect(quarantinedBeside(path)).toHaveLength(1)
        expect(lines.filter((line) => line.startsWith("WARN") && line.includes(aside))).toHaveLength(1)
        expect(lines.join()).not.toContain(canary)
        expect(tags).toContain("Quarantined")
        expect(tags).toContain("Stored")
        // The store opened before the damage reads the new record, with a version higher than any old one.
        expect(textOf(yield* store.get("key"))).toContain("new-")
        expect(versionOf(yield* store.get("key"))).toBeGreaterThan(1_000_000)
      })
  )

  it.scopedLive.each(damages)(
    "keeps a file and fails with Corrupt without onCorruptRecord replace: the file %s",
    ([_, damage]) =>
      Effect.gen(function* () {
        for (const option of [undefined, "fail"] as const) {
          const { path } = yield* usedStore
          const bytes = Buffer.from(damage(fs.readFileSync(path)))
          fs.writeFileSync(path, bytes)
          const { result } = yield* getFromSource(yield* openQuietly(path), option)
          expect(result).toMatchObject({ _tag: "Left", left: { _tag: "TokenStoreError", reason: "Corrupt" } })
          expect(fs.readFileSync(path).equals(bytes)).toBe(true)
          expect(namesIn(dirname(path))).toEqual([basename(path)])
        }
      })
  )

  it.scopedLive("moves a damaged file aside once when five services find it at the same time", () =>
    Effect.gen(function* () {
      const { path } = yield* usedStore
      fs.writeFileSync(path, "")
      const stores = yield* Effect.all(Array.from({ length: 5 }, () => openQuietly(path)))
      const all = yield* Effect.forEach(stores, (store) => getFromSource(store, "replace"), {
        concurrency: "unbounded"
      })
      expect(all.every(({ result }) => result._tag === "Right")).toBe(true)
      expect(quarantinedBeside(path)).toHaveLength(1)
    })
  )

  it.scopedLive(
    "replaces a damaged file below an encrypted store, except if the file held the salt of a passphrase",
    () =>
      Effect.gen(function* () {
        const { path } = yield* usedStore
        const key = yield* Effect.flatMap(EncryptionKey.generate, EncryptionKey.fromBase64)
        const inner = yield* storeIn(path)
        const sealed = yield* EncryptedTokenStore.make(inner, { storeId: "test", key })
        fs.writeFileSync(path, "")
        expect((yield* getFromSource(sealed, "replace")).result).toMatchObject({ _tag: "Right" })
        expect(quarantinedBeside(path)).toHaveLength(1)
        expect(Option.isSome(yield* sealed.get("key"))).toBe(true)
        const salted = EncryptedTokenStore.make(inner, {
          storeId: "test",
          key: yield* EncryptionKey.passphrase(Redacted.make("canary passphrase that is long"))
        })
        const before = yield* salted
        fs.writeFileSync(path, "")
        for (const store of [before, yield* Effect.provide(salted, Logger.remove(Logger.defaultLogger))]) {
          const { result, tags } = yield* getFromSource(store, "replace")
          expect(result).toMatchObject({ _tag: "Right" })
          expect(tags).toContain("StoreFailed")
          expect(yield* Effect.flip(store.get("key"))).toMatchObject({ reason: "Corrupt" })
        }
        expect(fs.readFileSync(path, "utf8")).toBe("")
        expect(quarantinedBeside(path)).toHaveLength(1)
      })
  )

  it.scopedLive.each<readonly [string, string]>([
    ["another program", '{"name":"canary-app"}'],
    ["another format", '{"format":"other","version":1}'],
    ["a newer release", '{"format":"countersign/tokens","version":2}']
  ])("does not move the file of %s", ([_, text]) =>
    Effect.gen(function* () {
      const { path, store } = yield* usedStore
      fs.writeFileSync(path, text)
      yield* getFromSource(store, "replace")
      expect(fs.readFileSync(path, "utf8")).toBe(text)
      expect(namesIn(dirname(path))).toEqual([basename(path)])
    })
  )
})

describe("FileTokenStore.remove", () => {
  it.scopedLive("keeps the file small and reuses no version over 200 removals", () =>
    Effect.gen(function* () {
      const { path, store } = yield* usedStore
      const size = () => fs.statSync(path).size
      const before = size()
      let last = 0
      for (let n = 0; n < 200; n++) {
        const key = n % 2 === 0 ? "again" : `account-${n}-${"x".repeat(100)}`
        const version = versionOf(yield* store.compareAndSet(key, 0, token("a"))) ?? 0
        if (key === "again") {
          expect(version).toBeGreaterThan(last)
          last = version
        }
        expect(yield* store.remove(key, version)).toBe(true)
        expect(yield* store.remove(key, version)).toBe(false)
        expect(Option.isNone(yield* store.get(key))).toBe(true)
      }
      expect(size()).toBeLessThan(before + 50)
      expect(versionOf(yield* store.get("key"))).toBe(1)
    })
  )

  it.scopedLive("drops the removed records of a full file with the next write and reuses no version", () =>
    Effect.gen(function* () {
      const { path, store } = yield* usedStore
      const removed = Array.from({ length: 5_600 }, (_, n) => [`${"k".repeat(160)}${n}`, { version: n + 1 }] as const)
      const file = { format: "countersign/tokens", version: 1, records: Object.fromEntries(removed) }
      fs.writeFileSync(path, JSON.stringify(file))
      expect(versionOf(yield* store.compareAndSet(removed[0]?.[0] ?? "", 0, token("a")))).toBe(5_601)
      expect(fs.statSync(path).size).toBeLessThan(2_000)
    })
  )

  it.scopedLive("protects the highest removed version with the checksum of the file", () =>
    Effect.gen(function* () {
      const { path, store } = yield* usedStore
      yield* store.remove("key", 1)
      const whole = fs.readFileSync(path, "utf8")
      expect(whole).toContain('"lastVersion":1')
      fs.writeFileSync(path, whole.replace('"lastVersion":1', '"lastVersion":0'))
      expect(yield* Effect.flip(store.get("key"))).toMatchObject({ reason: "Corrupt" })
    })
  )
})
