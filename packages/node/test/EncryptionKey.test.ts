import * as EncryptionKey from "@countersign/node/EncryptionKey"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { scryptSync } from "node:crypto"
import fs from "node:fs"
import { join } from "node:path"
import { deriveFromPassphrase } from "../src/internal/encryption/keyDerivation.js"
import { folder } from "./support/folder.js"
import { allRenderings } from "./support/allRenderings.js"

/** Deriving a key from a passphrase takes about half a second of an idle processor. */
const passphraseTimeoutMs = 60_000

const text = Buffer.alloc(32, "canary-key").toString("base64")
const raw = Buffer.from(text, "base64")

/** Whether a rendering of the value reveals a secret of these tests: the key's base64 or hexadecimal digits, or a canary. */
const reveals = (value: unknown): boolean =>
  [text, text.slice(0, 16), raw.toString("hex").slice(0, 16), "canary-"].some((secret) =>
    allRenderings(value).includes(secret)
  )

const unusable: ReadonlyArray<readonly [string, string]> = [
  ["an empty string", ""],
  ["31 bytes", raw.subarray(1).toString("base64")],
  ["33 bytes", Buffer.concat([raw, Buffer.alloc(1)]).toString("base64")],
  ["hexadecimal digits", raw.toString("hex")],
  ["base64 without padding", text.slice(0, -1)],
  ["base64 with a trailing blank", `${text} `],
  ["base64 with an invalid character", `!${text.slice(1)}`],
  ["base64url", Buffer.alloc(32, 0xff).toString("base64url")],
  ["base64 with unused bits set", `${text.slice(0, 42)}${String.fromCharCode(text.charCodeAt(42) + 1)}=`]
]

const inEnvironment = (value: string) =>
  Effect.withConfigProvider(EncryptionKey.config("TOKEN_KEY"), ConfigProvider.fromMap(new Map([["TOKEN_KEY", value]])))

describe("EncryptionKey", () => {
  it.effect("has an id that depends only on the key, and reveals no key bytes", () =>
    Effect.gen(function* () {
      const one = yield* EncryptionKey.fromBase64(Redacted.make(text))
      const other = yield* inEnvironment(text)
      expect(one.id).toMatch(/^[0-9a-f]{16}$/)
      expect(other.id).toBe(one.id)
      expect(raw.toString("hex")).not.toContain(one.id)
      expect(one.cipherKey.export().equals(raw)).toBe(false)
      expect(reveals(one)).toBe(false)
    })
  )

  it.effect("generates a new key each time", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.forEach(Array.from({ length: 20 }), () =>
        Effect.map(Effect.flatMap(EncryptionKey.generate, EncryptionKey.fromBase64), ({ id }) => id)
      )
      expect(new Set(ids).size).toBe(20)
    })
  )

  for (const [situation, value] of unusable) {
    it.effect(`rejects ${situation} instead of 32 bytes in base64 and does not print it`, () =>
      Effect.gen(function* () {
        const corrupt = yield* Effect.flip(EncryptionKey.fromBase64(Redacted.make(value)))
        expect([corrupt._tag, corrupt.reason]).toEqual(["TokenStoreError", "Corrupt"])
        expect(corrupt.message).toContain("openssl rand -base64 32")
        expect(reveals(corrupt)).toBe(false)
        const invalid = yield* Effect.flip(inEnvironment(value))
        expect([invalid._op, allRenderings(invalid)]).toEqual(["InvalidData", expect.stringContaining("at TOKEN_KEY:")])
        expect(reveals(invalid)).toBe(false)
      })
    )
  }
})

describe("EncryptionKey.fromFile", () => {
  const writeKeyFile = (content: string, mode = 0o600) =>
    Effect.map(folder, (path) => {
      const file = join(path, "key")
      fs.writeFileSync(file, content, { mode })
      fs.chmodSync(file, mode)
      return file
    })

  for (const end of ["", "\n", "\r\n"]) {
    it.scoped(`reads a key that is followed by ${JSON.stringify(end)}`, () =>
      Effect.gen(function* () {
        const key = yield* Effect.flatMap(writeKeyFile(text + end), EncryptionKey.fromFile)
        expect(key.id).toBe((yield* EncryptionKey.fromBase64(Redacted.make(text))).id)
      })
    )
  }

  it.scoped("rejects a file that others may read, a link, an invalid key and a missing file", () =>
    Effect.gen(function* () {
      const readable = yield* writeKeyFile(text, 0o644)
      const link = join(yield* folder, "link")
      fs.symlinkSync(yield* writeKeyFile(text), link)
      const garbage = yield* writeKeyFile(`${text}${text}`)
      for (const [file, reason] of [
        [readable, "Insecure"],
        [link, "Insecure"],
        [garbage, "Corrupt"],
        [join(yield* folder, "none"), "ReadFailed"],
        [join(yield* folder, "no", "folder"), "ReadFailed"]
      ] as const) {
        const error = yield* Effect.flip(EncryptionKey.fromFile(file))
        expect([error.reason, error.message]).toEqual([reason, expect.stringContaining(file)])
        expect(reveals(error)).toBe(false)
      }
    })
  )

  it.scoped("rejects a file in a folder where other users may replace it", () =>
    Effect.gen(function* () {
      const file = yield* writeKeyFile(text)
      fs.chmodSync(join(file, ".."), 0o777)
      expect((yield* Effect.flip(EncryptionKey.fromFile(file))).reason).toBe("Insecure")
    })
  )
})

describe("EncryptionKey.fromPassphrase", () => {
  const salt = Buffer.alloc(16, 1)
  const secret = Redacted.make("canary-correct horse")

  it.live(
    "derives the same key from the same passphrase and salt in any Unicode form, and otherwise another key",
    () =>
      Effect.gen(function* () {
        const idOf = (text: string, bytes: Uint8Array) =>
          Effect.map(EncryptionKey.fromPassphrase(Redacted.make(text), bytes), ({ id }) => id)
        const one = yield* idOf("canary-\u00e4pfel", salt)
        expect(yield* idOf("canary-a\u0308pfel", salt)).toBe(one)
        expect(yield* idOf("canary-apfel", salt)).not.toBe(one)
        expect(yield* idOf("canary-\u00e4pfel", Buffer.alloc(16, 2))).not.toBe(one)
      }),
    passphraseTimeoutMs
  )

  it.effect("rejects a short passphrase and a short salt", () =>
    Effect.gen(function* () {
      const short = yield* Effect.flip(EncryptionKey.passphrase(Redacted.make("canary-")))
      const bare = yield* Effect.flip(EncryptionKey.fromPassphrase(secret, salt.subarray(1)))
      for (const error of [short, bare]) {
        expect(error.reason).toBe("Insecure")
        expect(reveals(error)).toBe(false)
      }
      expect(reveals(yield* EncryptionKey.passphrase(secret))).toBe(false)
    })
  )

  it.live("fails with a TokenStoreError when there is not enough memory", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(deriveFromPassphrase("canary-correct horse", salt, 1024))
      expect([error._tag, error.reason]).toEqual(["TokenStoreError", "ReadFailed"])
      expect(reveals(error)).toBe(false)
    })
  )

  it("uses scrypt (RFC 7914) with N = 131072, r = 8 and p = 1", async () => {
    const bytes = await Effect.runPromise(deriveFromPassphrase("a passphrase", salt))
    const cost = { N: 131_072, r: 8, p: 1, maxmem: 2 ** 28 }
    expect(Buffer.from(bytes)).toEqual(scryptSync("a passphrase", salt, 32, cost))
  })
})
