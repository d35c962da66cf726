import { TokenStore } from "@countersign/auth/TokenStore"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as KeychainTokenStore from "@countersign/node/KeychainTokenStore"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import fs from "node:fs"
import * as Keychain from "../src/internal/keychain/keychain.js"
import { folder } from "./support/folder.js"
import { allRenderings } from "./support/allRenderings.js"
import { canary, small, textOf, versionOf } from "./support/tokens.js"

/** A keychain in memory that a test can inspect and can make fail or hang. */
const fakeKeychain = (removes = false) => {
  const items = new Map<string, Uint8Array>()
  const opened = new Set<string>()
  const state = { running: 0, maxRunning: 0, calls: 0, hangs: false, failure: undefined as Error | undefined }
  const call = async <A>(run: () => A): Promise<A> => {
    state.calls++
    state.maxRunning = Math.max(state.maxRunning, ++state.running)
    if (state.hangs) await new Promise(() => undefined)
    await new Promise(setImmediate)
    state.running--
    if (state.failure !== undefined) throw state.failure
    return run()
  }
  const open: KeychainTokenStore.OpenEntry = (service, account) => {
    const name = JSON.stringify([service, account])
    opened.add(account)
    return {
      getSecret: () => call(() => items.get(name) ?? null),
      setSecret: (secret) => call(() => void items.set(name, secret)),
      ...(removes && { deleteCredential: () => call(() => items.delete(name)) })
    }
  }
  return { items, open, opened, state }
}

const setting = Effect.map(folder, (lockDirectory) => {
  const keychain = fakeKeychain()
  const options: KeychainTokenStore.Options = { service: "app", lockDirectory, openEntry: keychain.open }
  return { ...keychain, options }
})

const nameOf = (items: ReadonlyMap<string, unknown>): string =>
  [...items.keys()].find((name) => name.includes("token-")) ?? "none"

/** Waits until a fiber sleeps on the clock of the test. */
const untilSleeping: Effect.Effect<void> = Effect.repeat(
  Effect.zipRight(
    Effect.promise(() => new Promise(setImmediate)),
    TestClock.sleeps()
  ),
  { until: Chunk.isNonEmpty }
)

describe("KeychainTokenStore", () => {
  it.scopedLive("stores one item per key and one that counts them, and reveals no key", () =>
    Effect.gen(function* () {
      const { items, opened, options } = yield* setting
      const store = yield* KeychainTokenStore.make(options)
      expect(store.lockScope).toBe("host")
      for (const key of ["canary-me", "__proto__", ""]) yield* store.compareAndSet(key, 0, small("a"))
      yield* store.compareAndSet("", 1, small("b"))
      yield* store.remove("", 2)
      expect(items.size).toBe(4)
      const tokens = [...opened].filter((account) => account !== "records")
      for (const account of tokens) expect(account).toMatch(/^token-[0-9a-f]{64}$/)
      const removed = [...items.values()].map((bytes) => new TextDecoder().decode(bytes))
      expect(removed.filter((text) => text.includes(canary))).toHaveLength(2)
      expect(removed).toContain("3")
    })
  )

  it.scopedLive("separates the records and locks of different services", () =>
    Effect.gen(function* () {
      const { options } = yield* setting
      const store = yield* KeychainTokenStore.make(options)
      const other = yield* KeychainTokenStore.make({ ...options, service: "other" })
      yield* store.compareAndSet("key", 0, small("a"))
      expect(yield* other.get("key")).toEqual(Option.none())
      expect(yield* store.withLock("key")(other.withLock("key")(Effect.succeed("both")))).toBe("both")
    })
  )

  it.scopedLive("lets one of four concurrent writers succeed and uses the keychain one call at a time", () =>
    Effect.gen(function* () {
      const { options, state } = yield* setting
      const stores = yield* Effect.all([KeychainTokenStore.make(options), KeychainTokenStore.make(options)])
      const outcomes = yield* Effect.forEach(
        [...stores, ...stores],
        (store, n) => store.compareAndSet("key", 0, small(String(n))),
        { concurrency: "unbounded" }
      )
      expect(outcomes.filter(Option.isSome)).toHaveLength(1)
      expect(state.maxRunning).toBe(1)
    })
  )

  it.scopedLive("deletes the items of removed records, does not count them and reuses no version", () =>
    Effect.gen(function* () {
      const { items, open: openEntry } = fakeKeychain(true)
      const store = yield* KeychainTokenStore.make({ service: "app", lockDirectory: yield* folder, openEntry })
      yield* store.compareAndSet("kept", 0, small("kept"))
      let last = 0
      for (let n = 0; n < 300; n++) {
        const key = n % 100 === 0 ? "again" : `account-${n}`
        const version = versionOf(yield* store.compareAndSet(key, 0, small("a"))) ?? 0
        if (key === "again") {
          expect(version).toBeGreaterThan(last)
          last = version
        }
        expect(yield* store.remove(key, version)).toBe(true)
      }
      expect(textOf(yield* store.get("kept"))).toContain("kept")
      expect(items.size).toBe(3)
      expect(new TextDecoder().decode(items.get(JSON.stringify(["app", "records"])))).toBe("1")
    })
  )

  it.scopedLive("continues the version of a record that was removed when items could not be deleted", () =>
    Effect.gen(function* () {
      const { items, open: openEntry } = fakeKeychain()
      const options = { service: "app", lockDirectory: yield* folder }
      const before = yield* KeychainTokenStore.make({ ...options, openEntry })
      yield* before.compareAndSet("key", 0, small("a"))
      yield* before.compareAndSet("key", 1, small("b"))
      yield* before.remove("key", 2)
      const removing: KeychainTokenStore.OpenEntry = (service, account) => ({
        ...openEntry(service, account),
        deleteCredential: () => Promise.resolve(items.delete(JSON.stringify([service, account])))
      })
      const store = yield* KeychainTokenStore.make({ ...options, openEntry: removing })
      expect(versionOf(yield* store.compareAndSet("key", 0, small("c")))).toBe(3)
      expect(yield* store.remove("key", 3)).toBe(true)
      expect(versionOf(yield* store.compareAndSet("key", 0, small("d")))).toBe(4)
    })
  )

  it.scopedLive("fails with Corrupt and writes nothing if the last removed version is not a number", () =>
    Effect.gen(function* () {
      const { items, open: openEntry } = fakeKeychain(true)
      const store = yield* KeychainTokenStore.make({ service: "app", lockDirectory: yield* folder, openEntry })
      items.set(JSON.stringify(["app", "token-last-version"]), new TextEncoder().encode("canary"))
      const error = yield* Effect.flip(store.compareAndSet("key", 0, small("a")))
      expect(error.reason).toBe("Corrupt")
      expect(allRenderings(error)).not.toContain("canary")
      expect(items.size).toBe(1)
    })
  )

  it.scopedLive("rejects a key beyond 256 and still writes existing ones", () =>
    Effect.gen(function* () {
      const { items, options } = yield* setting
      const store = yield* KeychainTokenStore.make(options)
      yield* store.compareAndSet("key", 0, small("a"))
      items.set(JSON.stringify(["app", "records"]), new TextEncoder().encode("256"))
      const error = yield* Effect.flip(store.compareAndSet("another", 0, small("a")))
      expect([error.reason, error.message]).toEqual(["WriteFailed", expect.stringContaining("256 records")])
      expect(versionOf(yield* store.compareAndSet("key", 1, small("b")))).toBe(2)
      expect(items.size).toBe(2)
    })
  )

  it.scopedLive("fails with Corrupt for an item that is not a record and keeps it", () =>
    Effect.gen(function* () {
      const { items, options } = yield* setting
      const store = yield* KeychainTokenStore.make(options)
      yield* store.compareAndSet("key", 0, small("a"))
      const garbage = ["canary", "", '{"canary":1}'].map((text) => new TextEncoder().encode(text))
      for (const bytes of [...garbage, new Uint8Array([0xff, 0xfe]), new Uint8Array(2 ** 21)]) {
        items.set(nameOf(items), bytes)
        for (const attempt of [store.get("key"), store.compareAndSet("key", 1, small("b"))]) {
          const error = yield* Effect.flip(attempt)
          expect(error.reason).toBe("Corrupt")
          expect(allRenderings(error)).not.toContain(canary)
        }
        expect(items.get(nameOf(items))).toBe(bytes)
      }
    })
  )

  it.scopedLive("rejects a record of more than 2560 bytes on Windows before it writes", () =>
    Effect.gen(function* () {
      const { items, options } = yield* setting
      const before = Object.getOwnPropertyDescriptor(process, "platform") ?? {}
      Object.defineProperty(process, "platform", { ...before, value: "win32" })
      yield* Effect.addFinalizer(() => Effect.sync(() => Object.defineProperty(process, "platform", before)))
      const store = yield* KeychainTokenStore.make(options)
      yield* store.compareAndSet("key", 0, small("a"))
      const error = yield* Effect.flip(store.compareAndSet("key", 1, small("x".repeat(2_560))))
      expect([error.reason, error.message]).toEqual(["WriteFailed", expect.stringContaining("EncryptedTokenStore")])
      expect(textOf(yield* store.get("key"))).toBe("canary-a")
      expect(items.size).toBe(2)
    })
  )
})

describe("KeychainTokenStore", () => {
  const messages: ReadonlyArray<readonly [string, string]> = [
    ["Platform failure: DBus error: canary", "no Secret Service is running"],
    ["Couldn't access platform storage: Secret Service: unlock prompt was dismissed canary", "Unlock it"],
    ["Couldn't access platform storage: Secret Service: no result found canary", "no default collection"],
    ["Ambiguous canary", "several items"],
    ["canary", "it reported an error"]
  ]
  for (const [message, advice] of messages) {
    it.scopedLive(`fails with advice and without the keychain's message ${JSON.stringify(message)}`, () =>
      Effect.gen(function* () {
        const { open, options, state } = yield* setting
        const store = yield* KeychainTokenStore.make(options)
        yield* store.compareAndSet("key", 0, small("a"))
        state.failure = new Error(message)
        const failWrites: KeychainTokenStore.OpenEntry = (service, account) => ({
          ...open(service, account),
          getSecret: () => Promise.resolve(null)
        })
        const writing = KeychainTokenStore.make({ ...options, openEntry: failWrites })
        const errors = yield* Effect.all([
          Effect.flip(KeychainTokenStore.make(options)),
          Effect.flip(store.get("key")),
          Effect.flip(Effect.flatMap(writing, (one) => one.compareAndSet("key", 0, small("b")))),
          Effect.flip(EncryptionKey.fromKeychain(options))
        ])
        expect(errors.map(({ reason }) => reason)).toEqual(["ReadFailed", "ReadFailed", "WriteFailed", "ReadFailed"])
        for (const error of errors) {
          expect(error.message).toContain(advice)
          expect(allRenderings(error)).not.toContain(canary.slice(0, -1))
        }
      })
    )
  }

  it.scopedLive("fails with ReadFailed if opening an item throws", () =>
    Effect.gen(function* () {
      const { options } = yield* setting
      const openEntry = () => {
        throw new Error("Platform failure: canary")
      }
      const error = yield* Effect.flip(KeychainTokenStore.make({ ...options, openEntry }))
      expect([error.reason, error.message]).toEqual([
        "ReadFailed",
        expect.stringContaining("no Secret Service is running")
      ])
    })
  )
})

describe("KeychainTokenStore", () => {
  it.scoped("fails a read after 10 seconds and sends no further call to a keychain that does not respond", () =>
    Effect.gen(function* () {
      const { options, state } = yield* setting
      const store = yield* KeychainTokenStore.make(options)
      state.hangs = true
      const calls = state.calls
      const first = yield* Effect.fork(Effect.flip(store.get("key")))
      yield* untilSleeping
      yield* TestClock.adjust("9999 millis")
      expect(first.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(first)
      expect([error.reason, error.message]).toEqual([
        "ReadFailed",
        expect.stringContaining("did not respond within 10s")
      ])

      const keyRead = yield* Effect.fork(Effect.flip(EncryptionKey.fromKeychain(options)))
      yield* untilSleeping
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(keyRead)).reason).toBe("ReadFailed")
      expect([state.calls, state.running]).toEqual([calls + 1, 1])
    })
  )

  it.scopedLive("fails a write after its timeout although writes are not interrupted", () =>
    Effect.gen(function* () {
      const { open, options } = yield* setting
      const hanging: KeychainTokenStore.OpenEntry = (service, account) => ({
        ...open(service, account),
        setSecret: () => new Promise(() => undefined)
      })
      const store = yield* KeychainTokenStore.make({ ...options, openEntry: hanging, timeout: "20 millis" })
      const error = yield* Effect.flip(store.compareAndSet("key", 0, small("a")))
      expect([error.reason, error.message]).toEqual([
        "WriteFailed",
        expect.stringContaining("did not respond within 20ms")
      ])
    })
  )
})

describe("Keychain.load", () => {
  it.effect("names the command that installs a missing package", () =>
    Effect.gen(function* () {
      const absent = Object.assign(new Error("canary"), { code: "ERR_MODULE_NOT_FOUND" })
      const error = yield* Effect.flip(Keychain.load(() => Promise.reject(absent)))
      expect([error.reason, error.message]).toEqual(["ReadFailed", expect.stringContaining("npm i @napi-rs/keyring")])
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect("reports that the package has no build for this platform", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Keychain.load(() => Promise.reject(new Error("Cannot find native binding"))))
      expect([error.reason, error.message]).toEqual(["ReadFailed", expect.stringContaining("no build")])
    })
  )

  it.effect("selects the Secret Service on Linux, so that no weaker store is used", () =>
    Effect.gen(function* () {
      const opened: Array<ReadonlyArray<unknown>> = []
      class AsyncEntry {
        constructor(...given: ReadonlyArray<unknown>) {
          opened.push(given)
        }
      }
      // Only this class of the package is used.
      const open = yield* Keychain.load(() => Promise.resolve({ AsyncEntry } as never))
      open("service", "account")
      expect(opened).toEqual([["service", "account", { linux: { store: "secret-service" } }]])
    })
  )

  it.effect("returns the same function each time, which opens items one after the other", () =>
    Effect.gen(function* () {
      expect(yield* Keychain.load()).toBe(yield* Keychain.load())
    })
  )
})

describe("EncryptionKey.fromKeychain", () => {
  it.scopedLive("creates one key for five concurrent callers and rejects an invalid item as Corrupt", () =>
    Effect.gen(function* () {
      const { items, options } = yield* setting
      const keys = yield* Effect.all(
        Array.from({ length: 5 }, () => EncryptionKey.fromKeychain(options)),
        { concurrency: "unbounded" }
      )
      expect(new Set(keys.map(({ id }) => id)).size).toBe(1)
      const name = JSON.stringify(["app", "encryption-key"])
      const text = new TextDecoder().decode(items.get(name))
      expect(allRenderings(keys)).not.toContain(text.slice(0, 16))
      expect((yield* EncryptionKey.fromBase64(Redacted.make(text))).id).toBe(keys[0]?.id)

      const garbage = new TextEncoder().encode("canary-key")
      items.set(name, garbage)
      const error = yield* Effect.flip(EncryptionKey.fromKeychain(options))
      expect(error.reason).toBe("Corrupt")
      expect(allRenderings(error)).not.toContain(canary)
      expect(items.get(name)).toBe(garbage)
    })
  )
})

describe("EncryptionKey.fromKeychain", () => {
  it.scopedLive("returns the same key to two concurrent callers, one of which writes slowly", () =>
    Effect.gen(function* () {
      const { open, options } = yield* setting
      const slow: KeychainTokenStore.OpenEntry = (service, account) => {
        const entry = open(service, account)
        return {
          ...entry,
          setSecret: (secret) => new Promise((resume) => setTimeout(() => resume(entry.setSecret(secret)), 100))
        }
      }
      const [one, other] = yield* Effect.all(
        [EncryptionKey.fromKeychain({ ...options, openEntry: slow }), EncryptionKey.fromKeychain(options)],
        { concurrency: 2 }
      )
      expect(one.id).toBe(other.id)
    })
  )
})

describe("KeychainTokenStore.withLock", () => {
  it.scopedLive("creates its lock files in a private folder and removes them after use", () =>
    Effect.gen(function* () {
      const { options } = yield* setting
      const lockDirectory = `${options.lockDirectory}/new`
      const store = yield* Effect.provide(TokenStore, KeychainTokenStore.layer({ ...options, lockDirectory }))
      const during = yield* store.withLock("key")(Effect.sync(() => fs.readdirSync(lockDirectory)))
      expect(during).toEqual([expect.stringMatching(/^keychain-[0-9a-f]{64}\.lock/)])
      expect(fs.readdirSync(lockDirectory)).toEqual([])
      fs.chmodSync(lockDirectory, 0o777)
      expect((yield* Effect.flip(store.compareAndSet("key", 0, small("a")))).reason).toBe("Insecure")
    })
  )
})
