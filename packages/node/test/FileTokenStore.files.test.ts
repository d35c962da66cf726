import type { TokenStoreReason } from "@countersign/auth/Errors"
import { TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import { dirname, join } from "node:path"
import { folder, isRoot, namesIn } from "./support/folder.js"
import { nextLine, run } from "./support/program.js"
import { allRenderings } from "./support/allRenderings.js"
import { canary, small, storeIn, textOf, token, usedStore, versionOf } from "./support/tokens.js"

const modeOf = (path: string) => fs.statSync(path).mode & 0o777

/**
 * Opening, reading, writing and removing fail with `reason`, print no secret and keep the file. A damaged file can still be
 * opened, for clients that get a new token at no cost.
 */
const expectRejected = (
  path: string,
  store: Effect.Effect.Success<typeof usedStore>["store"],
  reason: TokenStoreReason
) =>
  Effect.gen(function* () {
    if (reason === "Corrupt") yield* storeIn(path)
    const attempts = [
      ...(reason === "Corrupt" ? [] : [storeIn(path)]),
      store.get("key"),
      store.compareAndSet("key", 1, small("new")),
      store.remove("key", 1)
    ]
    const names = namesIn(dirname(path))
    for (const attempt of attempts) {
      const error = yield* Effect.flip(Effect.asVoid<unknown, TokenStoreError, never>(attempt))
      expect(error).toBeInstanceOf(TokenStoreError)
      expect([error.reason, error.message]).toEqual([reason, expect.stringContaining(dirname(path))])
      expect(allRenderings(error)).not.toContain(canary)
    }
    expect(namesIn(dirname(path))).toEqual(names)
  })

describe("FileTokenStore", () => {
  const self = process.getuid?.() ?? 0
  for (const user of new Set([self, 65_534])) {
    it.scoped.skipIf(!isRoot && user !== self)(
      `creates files and locks with mode 0600 in folders with 0700 under 27 umasks from 000 to 777, as user ${user}`,
      () =>
        Effect.gen(function* () {
          const path = yield* folder
          fs.chownSync(path, user, user === 0 ? 0 : (process.getgid?.() ?? 0))
          // Each of the three digits is one of: nothing, write, all.
          const program = yield* run("umasks", path, String(user), "027")
          expect(yield* nextLine(program)).toBe("27: 700 700 600 600")
          expect(yield* nextLine(program)).toBeUndefined()
        })
    )
  }

  for (const mode of [0o644, 0o640, 0o660, 0o604, 0o601]) {
    it.scoped(`rejects a file with mode 0${mode.toString(8)} as Insecure and prints the command that repairs it`, () =>
      Effect.gen(function* () {
        const { path, store } = yield* usedStore
        fs.chmodSync(path, mode)
        yield* expectRejected(path, store, "Insecure")
        const { message } = yield* Effect.flip(store.get("key"))
        const [, command = ""] = message.split("Run: ")
        execFileSync("sh", ["-c", command])
        expect(textOf(yield* store.get("key"))).toBe("canary-old")
      })
    )
  }

  it.scoped("rejects a folder in which other users may replace files, unless it has the sticky bit", () =>
    Effect.gen(function* () {
      const { path, store } = yield* usedStore
      for (const mode of [0o777, 0o770, 0o772]) {
        fs.chmodSync(dirname(path), mode)
        yield* expectRejected(path, store, "Insecure")
      }
      fs.chmodSync(dirname(path), 0o1777)
      expect(versionOf(yield* store.compareAndSet("key", 1, token("b")))).toBe(2)
    })
  )

  it.scoped.skipIf(!isRoot)("rejects a file or a folder of another user", () =>
    Effect.gen(function* () {
      const { path, store } = yield* usedStore
      fs.chownSync(path, 12345, 12345)
      yield* expectRejected(path, store, "OwnerMismatch")
      fs.chownSync(path, 0, 0)
      fs.chownSync(dirname(path), 12345, 12345)
      yield* expectRejected(path, store, "Insecure")
    })
  )

  const linked = Effect.gen(function* () {
    const { path } = yield* usedStore
    const link = `${dirname(path)}-link`
    fs.symlinkSync(dirname(path), link)
    const store = yield* storeIn(join(link, "tokens.json"))
    expect(versionOf(yield* store.compareAndSet("key", 1, token("b")))).toBe(2)
    return { path, link, store }
  })

  it.scoped("follows a symbolic link to the folder if this user owns the link", () => linked)

  it.scoped.skipIf(!isRoot)("rejects a symbolic link to the folder if another user owns the link", () =>
    Effect.gen(function* () {
      const { link, path, store } = yield* linked
      fs.lchownSync(link, 12345, 12345)
      yield* expectRejected(join(link, "tokens.json"), store, "Insecure")
      expect(modeOf(path)).toBe(0o600)
    })
  )

  it.scoped("rejects a dangling symbolic link as the folder on write or lock and does not create its target", () =>
    Effect.gen(function* () {
      const base = yield* folder
      fs.symlinkSync(join(base, "elsewhere"), join(base, "app"))
      const store = yield* storeIn(join(base, "app", "tokens.json"))
      for (const attempt of [store.compareAndSet("key", 0, token("a")), store.withLock("key")(Effect.void)]) {
        const error = yield* Effect.flip(Effect.asVoid<unknown, TokenStoreError, never>(attempt))
        expect([error.reason, error.message.includes("app")]).toEqual(["Insecure", true])
      }
      expect(namesIn(base)).toEqual(["app"])
    })
  )

  it.scoped("rejects a file in place of the folder and keeps it", () =>
    Effect.gen(function* () {
      const base = yield* folder
      fs.writeFileSync(join(base, "app"), "kept")
      const error = yield* Effect.flip(storeIn(join(base, "app", "tokens.json")))
      expect([error.reason, fs.readFileSync(join(base, "app"), "utf8")]).toEqual(["Insecure", "kept"])
    })
  )
})

describe("FileTokenStore", () => {
  const replacements: ReadonlyArray<readonly [string, TokenStoreReason, (path: string, aside: string) => void]> = [
    ["a symbolic link to a good file", "Insecure", (path, aside) => fs.symlinkSync(aside, path)],
    ["a symbolic link to nothing", "Insecure", (path) => fs.symlinkSync("nothing", path)],
    ["a second name of a good file", "Insecure", (path, aside) => fs.linkSync(aside, path)],
    ["a FIFO", "Insecure", (path) => void execFileSync("mkfifo", ["-m", "600", path])],
    ["a folder", "Insecure", (path) => void fs.mkdirSync(path, { mode: 0o700 })],
    ["an empty file", "Corrupt", (path) => fs.writeFileSync(path, "", { mode: 0o600 })],
    [
      "a huge sparse file",
      "Corrupt",
      (path) => (fs.writeFileSync(path, "", { mode: 0o600 }), fs.truncateSync(path, 2 ** 30))
    ]
  ]
  for (const [situation, reason, create] of replacements) {
    it.scoped(`rejects ${situation} in place of the file as ${reason} and keeps it`, () =>
      Effect.gen(function* () {
        const { path, store } = yield* usedStore
        const aside = `${dirname(path)}-aside`
        fs.renameSync(path, aside)
        const good = fs.readFileSync(aside)
        create(path, aside)
        yield* expectRejected(path, store, reason)
        expect(fs.readFileSync(aside)).toEqual(good)
      })
    )
  }

  it.scoped("rejects a file of 1 GiB because it is larger than 1 MiB", () =>
    Effect.gen(function* () {
      const { path, store } = yield* usedStore
      fs.truncateSync(path, 2 ** 30)
      const { message } = yield* Effect.flip(store.get("key"))
      expect(message).toContain("larger than 1048576 bytes")
    })
  )

  const notUtf8 = '{"format":"countersign/tokens","version":1,"records":{"\u00ff":{"version":1}}}'
  const contents: ReadonlyArray<readonly [string, TokenStoreReason, string | Uint8Array]> = [
    ["a byte order mark", "Corrupt", '\uFEFF{"format":"countersign/tokens","version":1,"records":{}}'],
    ["a key that is not UTF-8", "Corrupt", Buffer.from(notUtf8, "latin1")],
    ["the JSON of another program", "Corrupt", '{"name":"canary-app"}'],
    ["a JSON array", "Corrupt", "[]"],
    ["no records", "Corrupt", '{"format":"countersign/tokens","version":1}'],
    ["a list of records", "Corrupt", '{"format":"countersign/tokens","version":1,"records":[]}'],
    ["an unknown field", "Corrupt", '{"format":"countersign/tokens","version":1,"records":{},"canary-x":1}'],
    ["__proto__ among its fields", "Corrupt", `{"__proto__":{"format":"countersign/tokens","version":1,"records":{}}}`],
    [
      "__proto__ in a record",
      "Corrupt",
      '{"format":"countersign/tokens","version":1,"records":{"key":{"version":1,"__proto__":{"canary":1}}}}'
    ],
    [
      "__proto__ as the name of a record of a bad shape",
      "Corrupt",
      '{"format":"countersign/tokens","version":1,"records":{"__proto__":{"polluted":"canary-v"}}}'
    ],
    [
      "a record of a bad shape",
      "Corrupt",
      '{"format":"countersign/tokens","version":1,"records":{"canary-k":{"version":"canary-v"}}}'
    ],
    ["a version of no kind", "Corrupt", '{"format":"countersign/tokens","version":"1","records":{}}'],
    ["a version that is a string", "Corrupt", "[".repeat(500_000)],
    ["another format", "UnsupportedFormat", '{"format":"other","version":1}'],
    ["a newer version", "UnsupportedFormat", '{"format":"countersign/tokens","version":2,"tokens":[]}']
  ]
  for (const [situation, reason, content] of contents) {
    it.scoped(`rejects a file with ${situation} as ${reason} and keeps it`, () =>
      Effect.gen(function* () {
        const { path, store } = yield* usedStore
        fs.writeFileSync(path, content)
        yield* expectRejected(path, store, reason)
        expect(fs.readFileSync(path).equals(Buffer.from(content))).toBe(true)
      })
    )
  }
})

/** Reads the file after writing `bytes` to it: a record, or a typed error without secrets. */
const readResult = ({ path, store }: Effect.Effect.Success<typeof usedStore>, bytes: Uint8Array) =>
  Effect.gen(function* () {
    fs.writeFileSync(path, bytes)
    const result = yield* Effect.either(store.get("key"))
    if (Either.isRight(result)) return "read"
    expect(["Corrupt", "UnsupportedFormat"]).toContain(result.left.reason)
    expect(result.left.message).not.toContain(canary)
    return "rejected"
  })

describe("FileTokenStore", () => {
  it.scoped("rejects a file that is truncated at any byte", () =>
    Effect.gen(function* () {
      const one = yield* usedStore
      const whole = fs.readFileSync(one.path)
      for (let length = 0; length < whole.length; length++) {
        expect(yield* readResult(one, whole.subarray(0, length))).toBe("rejected")
      }
      expect(yield* readResult(one, whole)).toBe("read")
    })
  )

  it.scoped("reads a file or rejects it with a typed error after any single bit was flipped", () =>
    Effect.gen(function* () {
      const one = yield* usedStore
      const whole = fs.readFileSync(one.path)
      const counts = { read: 0, rejected: 0 }
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const bytes = Buffer.from(whole)
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        counts[yield* readResult(one, bytes)] += 1
      }
      expect(counts.read + counts.rejected).toBe(whole.length * 8)
      expect(counts.rejected).toBeGreaterThan(counts.read)
    })
  )
})
