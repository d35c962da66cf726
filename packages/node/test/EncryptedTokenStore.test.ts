import type { Token } from "@countersign/auth/Token"
import type { Service } from "@countersign/auth/TokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreReason } from "@countersign/auth/Errors"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import fs from "node:fs"
import { allRenderings } from "./support/allRenderings.js"
import { canary, file, small, storeIn, textOf, token, versionOf } from "./support/tokens.js"

/** Deriving a key from a passphrase takes about half a second of an idle processor. */
const passphraseTimeoutMs = 60_000

const keyOf = (seed: string) => EncryptionKey.fromBase64(Redacted.make(Buffer.alloc(32, seed).toString("base64")))

/** An encrypted store with one record over a store in memory, and that record as the store in memory has it. */
const setting = Effect.gen(function* () {
  const inner = yield* TokenStore.makeMemory
  const options: EncryptedTokenStore.Options = { storeId: "app", key: yield* keyOf("a") }
  const store = yield* EncryptedTokenStore.make(inner, options)
  yield* store.compareAndSet("key", 0, token("a"))
  const sealed = Option.getOrThrow(yield* inner.get("key")).token
  return { inner, options, store, sealed, text: Redacted.value(sealed.accessToken) }
})

const sealedAs = (text: string): Token => ({ accessToken: Redacted.make(text), tokenType: "sealed/v1", receivedAt: 0 })

/** Reading, writing and removing fail with `reason`, print no secret and keep the record in the store below. */
const expectRejected = (inner: Service, store: Service, reason: TokenStoreReason, key = "key") =>
  Effect.gen(function* () {
    const before = Option.getOrThrow(yield* inner.get(key))
    const attempts = [
      store.get(key),
      store.compareAndSet(key, before.version, small("new")),
      store.remove(key, before.version)
    ]
    for (const attempt of attempts) {
      const error = yield* Effect.flip(Effect.asVoid<unknown, TokenStoreError, never>(attempt))
      expect([error._tag, error.reason]).toEqual(["TokenStoreError", reason])
      expect(allRenderings(error)).not.toContain(canary)
    }
    expect(yield* inner.get(key)).toEqual(Option.some(before))
  })

/** Replaces the record in the store below, whatever its version. */
const put = (inner: Service, key: string, token: Token) =>
  Effect.flatMap(inner.get(key), (stored) => inner.compareAndSet(key, versionOf(stored) ?? 0, token))

describe("EncryptedTokenStore", () => {
  it.effect("returns a record unchanged, with the version from the store below", () =>
    Effect.gen(function* () {
      const { inner, options, store } = yield* setting
      const full: Token = {
        ...token("b"),
        owner: { issuer: "https://as.example", client: "app", account: "me", audience: "https://api.example" },
        refreshStartedAt: 17
      }
      expect(yield* store.compareAndSet("key", 1, full)).toEqual(Option.some({ token: full, version: 2 }))
      const other = yield* EncryptedTokenStore.make(inner, options)
      expect(yield* other.get("key")).toEqual(Option.some({ token: full, version: 2 }))
      expect(yield* other.remove("key", 2)).toBe(true)
      expect(versionOf(yield* store.compareAndSet("key", 0, full))).toBe(3)
      expect(store.lockScope).toBe(inner.lockScope)
    })
  )

  it.effect("passes the lease of the store below on to the effect under the lock", () =>
    Effect.gen(function* () {
      const { inner, options } = yield* setting
      const lost: Service = {
        ...inner,
        withLock: (key) => (effect) =>
          inner.withLock(key)(Effect.provideService(effect, TokenStore.Lease, { isHeld: Effect.succeed(false) }))
      }
      const store = yield* EncryptedTokenStore.make(lost, options)
      expect(yield* store.withLock("key")(Effect.flatMap(TokenStore.Lease, ({ isHeld }) => isHeld))).toBe(false)
    })
  )

  it.effect("reveals only the id of its key to the store below", () =>
    Effect.gen(function* () {
      const { options, sealed, text } = yield* setting
      expect(Object.keys(sealed).sort()).toEqual(["accessToken", "receivedAt", "tokenType"])
      expect([sealed.tokenType, sealed.receivedAt]).toEqual(["sealed/v1", 0])
      expect(text).toMatch(/^[0-9a-f]{16}\.[A-Za-z0-9_-]+$/)
      const key = options.key._tag === "EncryptionKey" ? options.key.id : ""
      expect(text.startsWith(`${key}.`)).toBe(true)
      const bytes = Buffer.from(text.slice(17), "base64url").toString("latin1")
      for (const clear of [canary, "read write", "Bearer"]) expect(text + bytes).not.toContain(clear)
    })
  )

  it.scoped("writes no secret to the file of the store below", () =>
    Effect.gen(function* () {
      const path = yield* file
      const { options } = yield* setting
      const store = yield* Effect.flatMap(storeIn(path), (inner) => EncryptedTokenStore.make(inner, options))
      yield* store.compareAndSet("key", 0, token("a"))
      expect(fs.readFileSync(path, "utf8")).not.toContain(canary)
      const again = yield* Effect.flatMap(storeIn(path), (inner) => EncryptedTokenStore.make(inner, options))
      expect(textOf(yield* again.get("key"))).toBe("canary-a")
    })
  )

  it.effect("uses a new nonce for each of 500 writes", () =>
    Effect.gen(function* () {
      const { inner, store } = yield* setting
      const nonces = new Set<string>()
      for (let version = 1; version <= 500; version++) {
        yield* store.compareAndSet("key", version, token("a"))
        const text = Redacted.value(Option.getOrThrow(yield* inner.get("key")).token.accessToken)
        nonces.add(Buffer.from(text.slice(17), "base64url").subarray(0, 12).toString("hex"))
      }
      expect(nonces.size).toBe(500)
    })
  )

  it.effect("rejects a record that was copied to another key or opened with another storeId", () =>
    Effect.gen(function* () {
      const { inner, options, sealed, store } = yield* setting
      for (const key of ["other", "", "key\u0000", "3:key"]) {
        yield* inner.compareAndSet(key, 0, sealed)
        yield* expectRejected(inner, store, "Corrupt", key)
      }
      for (const storeId of ["", "ap", "app,3", "App"]) {
        const otherStore = yield* EncryptedTokenStore.make(inner, { ...options, storeId })
        yield* expectRejected(inner, otherStore, "Corrupt")
      }
    })
  )

  it.effect("rejects a record that was copied between two keys that are lone surrogates", () =>
    Effect.gen(function* () {
      const { inner, store } = yield* setting
      yield* store.compareAndSet("\ud800", 0, token("a"))
      yield* inner.compareAndSet("\ud801", 0, Option.getOrThrow(yield* inner.get("\ud800")).token)
      expect(textOf(yield* store.get("\ud800"))).toBe("canary-a")
      yield* expectRejected(inner, store, "Corrupt", "\ud801")
    })
  )
})

describe("EncryptedTokenStore", () => {
  it.effect("rejects a record with any single bit flipped and prints no secret", () =>
    Effect.gen(function* () {
      const { inner, store, text } = yield* setting
      const body = Buffer.from(text.slice(17), "base64url")
      for (let bit = 0; bit < body.length * 8; bit++) {
        const changed = Buffer.from(body)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        yield* put(inner, "key", sealedAs(`${text.slice(0, 17)}${changed.toString("base64url")}`))
        expect((yield* Effect.flip(store.get("key"))).reason).toBe("Corrupt")
      }
      const opened = yield* Effect.forEach(text.split(""), (letter, at) => {
        const other = letter === "0" ? "1" : "0"
        const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`
        return Effect.zipRight(put(inner, "key", sealedAs(changed)), Effect.flip(store.get("key")))
      })
      expect(new Set(opened.map(({ reason }) => reason))).toEqual(new Set(["Corrupt", "UnknownKey"]))
      expect(opened.some((error) => allRenderings(error).includes(canary))).toBe(false)
    })
  )

  it.effect("rejects a record that is truncated at any character and keeps it", () =>
    Effect.gen(function* () {
      const { inner, store, text } = yield* setting
      for (let length = 1; length < text.length; length++) {
        yield* put(inner, "key", sealedAs(text.slice(0, length)))
        expect((yield* Effect.flip(store.get("key"))).reason).toBe("Corrupt")
      }
      yield* expectRejected(inner, store, "Corrupt")
    })
  )

  const invalidRecords: ReadonlyArray<readonly [string, TokenStoreReason, (text: string) => Token]> = [
    ["an unencrypted token", "Insecure", () => small("plain")],
    ["encrypted text with the token type Bearer", "Insecure", (text) => ({ ...sealedAs(text), tokenType: "Bearer" })],
    ["the record of a newer release", "UnsupportedFormat", (text) => ({ ...sealedAs(text), tokenType: "sealed/v2" })],
    ["a record with 256 KiB appended", "Corrupt", (text) => sealedAs(text + "A".repeat(256 * 1024))],
    ["a record with a line break appended", "Corrupt", (text) => sealedAs(`${text}\n`)],
    ["a record with padding appended", "Corrupt", (text) => sealedAs(`${text}==`)],
    ["a record without ciphertext", "Corrupt", (text) => sealedAs(text.slice(0, 17))]
  ]
  for (const [situation, reason, invalidRecord] of invalidRecords) {
    it.effect(`rejects ${situation} as ${reason} and keeps it`, () =>
      Effect.gen(function* () {
        const { inner, store, text } = yield* setting
        yield* put(inner, "key", invalidRecord(text))
        yield* expectRejected(inner, store, reason)
      })
    )
  }

  it.effect("rejects a record of another key with a message that names the id of that key", () =>
    Effect.gen(function* () {
      const { inner, options } = yield* setting
      const key = yield* keyOf("canary-other")
      const store = yield* EncryptedTokenStore.make(inner, { ...options, key })
      yield* expectRejected(inner, store, "UnknownKey")
      const { message } = yield* Effect.flip(store.get("key"))
      expect(message).toContain("Add that key to previousKeys")
      expect(message).toContain(options.key._tag === "EncryptionKey" ? options.key.id : "?")
    })
  )

  it.effect("fails with WriteFailed for a token that is too large and keeps the old one", () =>
    Effect.gen(function* () {
      const { store } = yield* setting
      const huge = "x".repeat(256 * 1024)
      const owner = { issuer: huge, client: "" }
      for (const token of [small(huge), { ...small(""), scope: huge }, { ...small(""), owner }]) {
        expect((yield* Effect.flip(store.compareAndSet("key", 1, token))).reason).toBe("WriteFailed")
      }
      expect(textOf(yield* store.get("key"))).toBe("canary-a")
    })
  )
})

describe("EncryptedTokenStore", () => {
  it.effect("decrypts with a previous key and encrypts the next write with the current key", () =>
    Effect.gen(function* () {
      const { inner, options } = yield* setting
      const key = yield* keyOf("b")
      const both = yield* EncryptedTokenStore.make(inner, { ...options, key, previousKeys: [options.key] })
      expect(textOf(yield* both.get("key"))).toBe("canary-a")
      expect(versionOf(yield* both.compareAndSet("key", 1, token("b")))).toBe(2)
      const currentOnly = yield* EncryptedTokenStore.make(inner, { ...options, key })
      expect(textOf(yield* currentOnly.get("key"))).toBe("canary-b")
    })
  )

  it.effect("re-encrypts all given records of a previous key with the current key", () =>
    Effect.gen(function* () {
      const { inner, options, store } = yield* setting
      yield* store.compareAndSet("other", 0, token("b"))
      const key = yield* keyOf("b")
      const both = yield* EncryptedTokenStore.make(inner, { ...options, key, previousKeys: [options.key] })
      expect(yield* EncryptedTokenStore.reencrypt(both, ["key", "other", "none"])).toBe(2)
      const currentOnly = yield* EncryptedTokenStore.make(inner, { ...options, key })
      expect(textOf(yield* currentOnly.get("key"))).toBe("canary-a")
      expect(textOf(yield* currentOnly.get("other"))).toBe("canary-b")
    })
  )

  it.live(
    "decrypts with the same passphrase through another store and rejects another passphrase",
    () =>
      Effect.gen(function* () {
        const inner = yield* TokenStore.makeMemory
        const open = (text: string) =>
          Effect.flatMap(EncryptionKey.passphrase(Redacted.make(text)), (key) =>
            EncryptedTokenStore.make(inner, { storeId: "app", key })
          )
        const [one, other] = yield* Effect.all([open("canary-right"), open("canary-right")], { concurrency: 2 })
        yield* one.compareAndSet("key", 0, token("a"))
        expect(textOf(yield* other.get("key"))).toBe("canary-a")
        yield* expectRejected(inner, yield* open("canary-wrong"), "UnknownKey")
      }),
    passphraseTimeoutMs
  )

  it.effect("protects the record of the passphrase salt and rejects an invalid salt as Corrupt", () =>
    Effect.gen(function* () {
      const { inner, options, store } = yield* setting
      const saltKey = "\u0000countersign/salt"
      expect((yield* Effect.flip(store.compareAndSet(saltKey, 0, small("x")))).reason).toBe("WriteFailed")
      expect((yield* Effect.flip(store.remove(saltKey, 1))).reason).toBe("WriteFailed")
      const key = yield* EncryptionKey.passphrase(Redacted.make("canary-right"))
      for (const salt of [small("salt"), { ...small("salt"), tokenType: "salt/v1" }]) {
        yield* put(inner, saltKey, salt)
        const error = yield* Effect.flip(EncryptedTokenStore.make(inner, { ...options, key }))
        expect(error.reason).toBe("Corrupt")
        expect(allRenderings(error)).not.toContain(canary)
        expect(yield* store.get(saltKey)).toEqual(Option.none())
      }
    })
  )
})

describe("EncryptedTokenStore", () => {
  const adopting = Effect.gen(function* () {
    const { inner, options } = yield* setting
    yield* inner.compareAndSet("plain", 0, token("plain"))
    return { inner, options, store: yield* EncryptedTokenStore.make(inner, { ...options, adoptUnencrypted: true }) }
  })

  it.effect("encrypts an unencrypted record at its first read with adoptUnencrypted", () =>
    Effect.gen(function* () {
      const { inner, options, store } = yield* adopting
      const read = yield* Effect.all([store.get("plain"), store.get("plain")], { concurrency: 2 })
      for (const stored of read) expect(stored).toEqual(Option.some({ token: token("plain"), version: 2 }))
      const strict = yield* EncryptedTokenStore.make(inner, options)
      expect(textOf(yield* strict.get("plain"))).toBe("canary-plain")
    })
  )

  it.effect("encrypts an unencrypted record at a write and can remove one", () =>
    Effect.gen(function* () {
      const { inner, options, store } = yield* adopting
      yield* inner.compareAndSet("other", 0, token("plain"))
      expect(versionOf(yield* store.compareAndSet("plain", 1, token("new")))).toBe(2)
      expect(yield* store.remove("other", 1)).toBe(true)
      const strict = yield* EncryptedTokenStore.make(inner, options)
      expect(textOf(yield* strict.get("plain"))).toBe("canary-new")
    })
  )

  it.effect("returns unencrypted records while the store below cannot be written", () =>
    Effect.gen(function* () {
      const { inner, options } = yield* adopting
      const diskFull = new TokenStoreError({ reason: "WriteFailed", detail: "the disk is full" })
      const full = { ...inner, compareAndSet: () => Effect.fail(diskFull) }
      const store = yield* EncryptedTokenStore.make(full, { ...options, adoptUnencrypted: true })
      expect(yield* store.get("plain")).toEqual(Option.some({ token: token("plain"), version: 1 }))
    })
  )

  it.effect("rejects damaged encrypted records with adoptUnencrypted", () =>
    Effect.gen(function* () {
      const { inner, store } = yield* adopting
      yield* put(inner, "key", sealedAs("garbage"))
      yield* expectRejected(inner, store, "Corrupt")
      yield* put(inner, "key", { ...sealedAs("garbage"), tokenType: "sealed/v2" })
      yield* expectRejected(inner, store, "UnsupportedFormat")
    })
  )
})

describe("EncryptedTokenStore.layer", () => {
  it.effect("encrypts the records of the store in its context", () =>
    Effect.gen(function* () {
      const { inner, options } = yield* setting
      const StoreLive = Layer.provide(EncryptedTokenStore.layer(options), Layer.succeed(TokenStore.TokenStore, inner))
      const store = yield* Effect.provide(TokenStore.TokenStore, StoreLive)
      expect(textOf(yield* store.get("key"))).toBe("canary-a")
    })
  )
})
