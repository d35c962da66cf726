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
import { printed } from "./support/printed.js"

/** Each passphrase takes about half a second of a processor that nobody else uses. */
const slow = 60_000

const text = Buffer.alloc(32, "canary-key").toString("base64")
const raw = Buffer.from(text, "base64")

/** A key of these tests as it might be seen: its text, its bytes in hexadecimal, its first characters. */
const shows = (value: unknown): boolean =>
  [text, text.slice(0, 16), raw.toString("hex").slice(0, 16), "canary-"].some((secret) =>
    printed(value).includes(secret)
  )

const unusable: ReadonlyArray<readonly [string, string]> = [
  ["nothing", ""],
  ["31 bytes", raw.subarray(1).toString("base64")],
  ["33 bytes", Buffer.concat([raw, Buffer.alloc(1)]).toString("base64")],
  ["hexadecimal digits", raw.toString("hex")],
  ["no padding", text.slice(0, -1)],
  ["a blank at its end", `${text} `],
  ["a letter that is not of base64", `!${text.slice(1)}`],
  ["base64url", Buffer.alloc(32, 0xff).toString("base64url")],
  ["last bits that mean nothing", `${text.slice(0, 42)}${String.fromCharCode(text.charCodeAt(42) + 1)}=`]
]

const inEnvironment = (value: string) =>
  Effect.withConfigProvider(EncryptionKey.config("TOKEN_KEY"), ConfigProvider.fromMap(new Map([["TOKEN_KEY", value]])))

describe("a key", () => {
  it.effect("has the same id wherever it came from, and shows nothing of itself", () =>
    Effect.gen(function* () {
      const one = yield* EncryptionKey.fromBase64(Redacted.make(text))
      const other = yield* inEnvironment(text)
      expect(one.id).toMatch(/^[0-9a-f]{16}$/)
      expect(other.id).toBe(one.id)
      expect(raw.toString("hex")).not.toContain(one.id)
      expect(one.cipherKey.export().equals(raw)).toBe(false)
      expect(shows(one)).toBe(false)
    })
  )

  it.effect("is new each time that one is generated", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.forEach(Array.from({ length: 20 }), () =>
        Effect.map(Effect.flatMap(EncryptionKey.generate, EncryptionKey.fromBase64), ({ id }) => id)
      )
      expect(new Set(ids).size).toBe(20)
    })
  )

  for (const [situation, value] of unusable) {
    it.effect(`${situation} instead of base64 of 32 bytes is refused, and not shown`, () =>
      Effect.gen(function* () {
        const corrupt = yield* Effect.flip(EncryptionKey.fromBase64(Redacted.make(value)))
        expect([corrupt._tag, corrupt.reason]).toEqual(["TokenStoreError", "Corrupt"])
        expect(corrupt.message).toContain("openssl rand -base64 32")
        expect(shows(corrupt)).toBe(false)
        const invalid = yield* Effect.flip(inEnvironment(value))
        expect([invalid._op, printed(invalid)]).toEqual(["InvalidData", expect.stringContaining("TOKEN_KEY")])
        expect(shows(invalid)).toBe(false)
      })
    )
  }
})

describe("a key in a file", () => {
  const written = (content: string, mode = 0o600) =>
    Effect.map(folder, (path) => {
      const file = join(path, "key")
      fs.writeFileSync(file, content, { mode })
      fs.chmodSync(file, mode)
      return file
    })

  for (const end of ["", "\n", "\r\n"]) {
    it.scoped(`is read with ${JSON.stringify(end)} at its end`, () =>
      Effect.gen(function* () {
        const key = yield* Effect.flatMap(written(text + end), EncryptionKey.fromFile)
        expect(key.id).toBe((yield* EncryptionKey.fromBase64(Redacted.make(text))).id)
      })
    )
  }

  it.scoped("is refused where others may read it, where it is a link, and where it is none", () =>
    Effect.gen(function* () {
      const readable = yield* written(text, 0o644)
      const link = join(yield* folder, "link")
      fs.symlinkSync(yield* written(text), link)
      const garbage = yield* written(`${text}${text}`)
      for (const [file, reason] of [
        [readable, "Insecure"],
        [link, "Insecure"],
        [garbage, "Corrupt"],
        [join(yield* folder, "none"), "ReadFailed"],
        [join(yield* folder, "no", "folder"), "ReadFailed"]
      ] as const) {
        const error = yield* Effect.flip(EncryptionKey.fromFile(file))
        expect([error.reason, error.message]).toEqual([reason, expect.stringContaining(file)])
        expect(shows(error)).toBe(false)
      }
    })
  )

  it.scoped("is refused in a folder where others may put another in its place", () =>
    Effect.gen(function* () {
      const file = yield* written(text)
      fs.chmodSync(join(file, ".."), 0o777)
      expect((yield* Effect.flip(EncryptionKey.fromFile(file))).reason).toBe("Insecure")
    })
  )
})

describe("a key of a passphrase", () => {
  const salt = Buffer.alloc(16, 1)
  const secret = Redacted.make("canary-correct horse")

  it.live(
    "is the same for the same passphrase and salt, however its letters are composed, and no other",
    () =>
      Effect.gen(function* () {
        const idOf = (text: string, bytes: Uint8Array) =>
          Effect.map(EncryptionKey.fromPassphrase(Redacted.make(text), bytes), ({ id }) => id)
        const one = yield* idOf("canary-\u00e4pfel", salt)
        expect(yield* idOf("canary-a\u0308pfel", salt)).toBe(one)
        expect(yield* idOf("canary-apfel", salt)).not.toBe(one)
        expect(yield* idOf("canary-\u00e4pfel", Buffer.alloc(16, 2))).not.toBe(one)
      }),
    slow
  )

  it.effect("is refused when it is short, or its salt is", () =>
    Effect.gen(function* () {
      const short = yield* Effect.flip(EncryptionKey.passphrase(Redacted.make("canary-")))
      const bare = yield* Effect.flip(EncryptionKey.fromPassphrase(secret, salt.subarray(1)))
      for (const error of [short, bare]) {
        expect(error.reason).toBe("Insecure")
        expect(shows(error)).toBe(false)
      }
      expect(shows(yield* EncryptionKey.passphrase(secret))).toBe(false)
    })
  )

  it.live("is a typed failure where there is no memory for it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(deriveFromPassphrase("canary-correct horse", salt, 1024))
      expect([error._tag, error.reason]).toEqual(["TokenStoreError", "ReadFailed"])
      expect(shows(error)).toBe(false)
    })
  )

  it("is made by scrypt as RFC 7914 computes it, with the cost that is promised", async () => {
    const bytes = await Effect.runPromise(deriveFromPassphrase("a passphrase", salt))
    const cost = { N: 131_072, r: 8, p: 1, maxmem: 2 ** 28 }
    expect(Buffer.from(bytes)).toEqual(scryptSync("a passphrase", salt, 32, cost))
  })
})
