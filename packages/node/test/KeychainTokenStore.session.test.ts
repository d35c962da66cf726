import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as KeychainTokenStore from "@countersign/node/KeychainTokenStore"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { afterAll, beforeAll } from "vitest"
import { folder } from "./support/folder.js"
import { allRenderings } from "./support/allRenderings.js"
import { nextLine, run } from "./support/program.js"
import type { Session } from "./support/secretService.js"
import { missing, openSession } from "./support/secretService.js"
import { canary, file, small, storeIn, textOf, token, versionOf } from "./support/tokens.js"

let last = 0

const settings = Effect.map(folder, (lockDirectory) => ({ service: `countersign-test-${++last}`, lockDirectory }))

describe.skipIf(missing.length > 0)(
  `KeychainTokenStore on gnome-keyring${missing.length > 0 ? ` (missing: ${missing.join(", ")})` : ""}`,
  () => {
    let session: Session
    beforeAll(async () => {
      session = await openSession()
      await session.start("unlocked")
    })
    afterAll(() => session.close())

    it.scopedLive("reads a stored token through another store and continues the version of a removed record", () =>
      Effect.gen(function* () {
        const options = yield* settings
        const store = yield* KeychainTokenStore.make(options)
        expect(yield* store.get("key")).toEqual(Option.none())
        expect(yield* store.compareAndSet("key", 0, token("a"))).toEqual(Option.some({ token: token("a"), version: 1 }))
        const other = yield* KeychainTokenStore.make(options)
        expect(yield* other.get("key")).toEqual(Option.some({ token: token("a"), version: 1 }))
        expect(yield* other.compareAndSet("key", 0, token("b"))).toEqual(Option.none())
        expect(yield* other.remove("key", 1)).toBe(true)
        expect(versionOf(yield* store.compareAndSet("key", 0, token("c")))).toBe(2)
        expect(
          yield* Effect.flatMap(settings, KeychainTokenStore.make).pipe(Effect.flatMap((one) => one.get("key")))
        ).toEqual(Option.none())
      })
    )

    it.scopedLive("lets one of six concurrent writers succeed that expect the same version", () =>
      Effect.gen(function* () {
        const options = yield* settings
        const stores = yield* Effect.all([KeychainTokenStore.make(options), KeychainTokenStore.make(options)])
        const outcomes = yield* Effect.forEach(
          [...stores, ...stores, ...stores],
          (store, n) => store.compareAndSet("key", 0, small(String(n))),
          { concurrency: "unbounded" }
        )
        expect(outcomes.filter(Option.isSome)).toHaveLength(1)
      })
    )

    it.scopedLive("creates one key for four concurrent callers, which decrypts later", () =>
      Effect.gen(function* () {
        const options = yield* settings
        const keys = yield* Effect.all(
          Array.from({ length: 4 }, () => EncryptionKey.fromKeychain(options)),
          { concurrency: "unbounded" }
        )
        expect(new Set(keys.map(({ id }) => id)).size).toBe(1)
        const inner = yield* Effect.flatMap(file, storeIn)
        const sealed = (key: EncryptionKey.EncryptionKey) => EncryptedTokenStore.make(inner, { storeId: "app", key })
        const first = yield* Effect.flatMap(EncryptionKey.fromKeychain(options), sealed)
        yield* first.compareAndSet("key", 0, small("a"))
        const again = yield* Effect.flatMap(EncryptionKey.fromKeychain(options), sealed)
        expect(textOf(yield* again.get("key"))).toBe("canary-a")
      })
    )

    it.scopedLive("loses no update of three processes", () =>
      Effect.gen(function* () {
        const options = yield* settings
        const programs = yield* Effect.all(
          Array.from({ length: 3 }, () => run("keychainIncrement", options.service, options.lockDirectory, "10"))
        )
        for (const program of programs) expect(yield* nextLine(program)).toBe("lost 0")
        const stored = yield* Effect.flatMap(KeychainTokenStore.make(options), (store) => store.get("count"))
        expect([textOf(stored), versionOf(stored)]).toEqual(["30", 30])
      })
    )

    it.scopedLive("fails with advice while the keyring is locked or not running, and loses no record", () =>
      Effect.gen(function* () {
        const options = yield* settings
        const store = yield* KeychainTokenStore.make(options)
        yield* store.compareAndSet("key", 0, small("a"))
        const key = yield* EncryptionKey.fromKeychain(options)

        yield* Effect.promise(() => session.stop())
        yield* Effect.promise(() => session.start("locked"))
        const read = yield* Effect.flip(store.get("key"))
        const written = yield* Effect.flip(store.compareAndSet("key", 1, small("b")))
        const added = yield* Effect.flip(store.compareAndSet("another key", 0, small("b")))
        const keyError = yield* Effect.flip(EncryptionKey.fromKeychain(options))
        expect([read.reason, written.reason, keyError.reason]).toEqual(["ReadFailed", "ReadFailed", "ReadFailed"])
        expect(added.reason).toMatch(/^(Read|Write)Failed$/)
        for (const error of [read, written, added, keyError]) {
          expect(error.message).toContain("Unlock it")
          expect(allRenderings(error)).not.toContain(canary)
        }

        yield* Effect.promise(() => session.stop())
        const gone = yield* Effect.flip(KeychainTokenStore.make(options))
        expect([gone.reason, gone.message]).toEqual([
          "ReadFailed",
          expect.stringContaining("no Secret Service is running")
        ])

        yield* Effect.promise(() => session.start("unlocked"))
        expect(textOf(yield* store.get("key"))).toBe("canary-a")
        expect((yield* EncryptionKey.fromKeychain(options)).id).toBe(key.id)
      })
    )
  }
)

describe("KeychainTokenStore", () => {
  it.scopedLive.skipIf(process.platform !== "linux")(
    "fails without a session bus instead of using weaker storage",
    () =>
      Effect.gen(function* () {
        const before = process.env["DBUS_SESSION_BUS_ADDRESS"]
        process.env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent"
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            if (before === undefined) delete process.env["DBUS_SESSION_BUS_ADDRESS"]
            else process.env["DBUS_SESSION_BUS_ADDRESS"] = before
          })
        )
        const error = yield* Effect.flip(Effect.flatMap(settings, KeychainTokenStore.make))
        expect([error.reason, error.message]).toEqual([
          "ReadFailed",
          expect.stringContaining("no Secret Service is running")
        ])
      })
  )
})
