/** Downloads to disks that fail, and to folders with files of others. */
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fs from "node:fs"
import { dirname } from "node:path"
import { failMethod, handleMethods } from "./support/disk.js"
import { protocols, setUp } from "./support/downloads.js"

const layer = protocols[0]?.[1]

const live = (name: string, test: Effect.Effect<unknown, unknown, Effect.Effect.Context<ReturnType<typeof setUp>>>) =>
  it.live.skipIf(layer === undefined)(name, () =>
    layer === undefined ? Effect.void : Effect.asVoid(test).pipe(Effect.scoped, Effect.provide(layer))
  )

type Write = (buffers: ReadonlyArray<Uint8Array>, position: number) => Promise<unknown>

/** Each write stores the first half of its first chunk, or one byte of it. Returns the number of writes. */
const writeParts = Effect.gen(function* () {
  // By name: its type is lost.
  const methods = (yield* handleMethods) as { writev: Write }
  const original = methods.writev
  const half: Write = function (this: unknown, [first = new Uint8Array()], position) {
    return original.call(this, [first.subarray(0, Math.max(1, first.length >> 1))], position)
  }
  const spy = yield* Effect.acquireRelease(
    Effect.sync(() => vi.spyOn(methods, "writev").mockImplementation(half)),
    (replaced) => Effect.sync(() => replaced.mockRestore())
  )
  return () => spy.mock.calls.length
})

describe("Download.toFile on a disk that fails", () => {
  for (const [step, code] of [
    ["writev", "ENOSPC"],
    ["writev", "EIO"],
    ["writev", "EDQUOT"],
    ["sync", "ENOSPC"],
    ["chmod", "EPERM"],
    ["rename", "EROFS"]
  ] as const) {
    live(
      `fails with ${code} when ${step} fails, keeps the old file, and the next run continues`,
      Effect.gen(function* () {
        const { content, download, path, server, stored } = yield* setUp()
        fs.writeFileSync(path, "old")
        let calls = 0
        // The first rename is that of the record, and the first change of permissions is that of the lock.
        const fails = () => ++calls > (step === "sync" ? 0 : 1)
        const target = step === "rename" ? fs.promises : yield* handleMethods
        const error = yield* Effect.scoped(
          Effect.zipRight(failMethod(target, step, code, fails), Effect.flip(download({ mode: 0o640 })))
        )
        expect(error).toMatchObject({ _tag: "DownloadError", reason: "FileSystem", code, path })
        expect(String(error)).toContain(`(${code})`)
        expect(stored()?.toString()).toBe("old")
        expect(yield* server.requests).toHaveLength(1)
        expect((yield* download()).resumedFrom).toBeGreaterThan(0)
        expect(stored()?.equals(content)).toBe(true)
      })
    )
  }

  live(
    "stores all bytes when a write stores a part of them only",
    Effect.gen(function* () {
      const { content, download, stored } = yield* setUp()
      const writes = yield* writeParts
      yield* download()
      expect(stored()?.equals(content)).toBe(true)
      expect(writes()).toBeGreaterThan(10)
    })
  )

  live(
    "fails before it sends a request when the folder is missing, the path is a folder, or the folder is read-only",
    Effect.gen(function* () {
      const { download, path, server } = yield* setUp()
      const folderOf = dirname(path)
      fs.mkdirSync(path)
      expect(yield* Effect.flip(download())).toMatchObject({ reason: "FileSystem", code: "EISDIR" })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* failMethod(fs.promises, "access", "EROFS")
          expect(yield* Effect.flip(download())).toMatchObject({ reason: "FileSystem", code: "EROFS" })
        })
      )
      fs.rmSync(folderOf, { recursive: true })
      expect(yield* Effect.flip(download())).toMatchObject({ reason: "FileSystem", code: "ENOENT" })
      expect(yield* server.requests).toEqual([])
    })
  )

  live(
    "names the code of the system when the lock cannot be written",
    Effect.gen(function* () {
      const { download } = yield* setUp()
      yield* failMethod(yield* handleMethods, "writeFile", "ENOSPC")
      expect(yield* Effect.flip(download())).toMatchObject({ reason: "FileSystem", code: "ENOSPC" })
    })
  )
})

describe("Download.toFile beside files of others", () => {
  const prepare = Effect.gen(function* () {
    const made = yield* setUp()
    yield* made.server.fail("/file", { cutAfter: 100_000 })
    yield* Effect.flip(made.download({ retry: false }))
    return made
  })

  for (const [name, change] of [
    ["that other users can write", (path: string) => fs.chmodSync(path, 0o666)],
    ["with a second name", (path: string) => fs.linkSync(path, `${path}.other`)],
    [
      "that is a symbolic link",
      (path: string) => {
        fs.renameSync(path, `${path}.other`)
        fs.symlinkSync(`${path}.other`, path)
      }
    ]
  ] as const) {
    for (const suffix of ["part", "part.json"]) {
      live(
        `does not use a ${suffix} file ${name}, nor change its target`,
        Effect.gen(function* () {
          const { content, download, path, ranges, stored } = yield* prepare
          change(`${path}.${suffix}`)
          const other = fs.readFileSync(`${path}.${suffix}`)
          expect((yield* download()).resumedFrom).toBe(0)
          expect(stored()?.equals(content)).toBe(true)
          expect(yield* ranges).toEqual([undefined, undefined])
          const target = `${path}.${suffix}.other`
          if (fs.existsSync(target)) expect(fs.readFileSync(target).equals(other)).toBe(true)
        })
      )
    }
  }

  for (const [name, change] of [
    ["is damaged", () => "{"],
    ["has a weak ETag", (text: string) => text.replace('"etag":"\\"', '"etag":"W/\\"')],
    ["is of another version", (text: string) => text.replace('"version":1', '"version":2')],
    ["is of another request", (text: string) => text.replace(/"request":"./, '"request":"x')],
    ["has another URL", (text: string) => text.replace("/file", "/other")],
    ["names fewer bytes than are stored", (text: string) => text.replace('"length":300000', '"length":99999')]
  ] as const) {
    live(
      `begins anew when the record ${name}`,
      Effect.gen(function* () {
        const { content, download, path, stored } = yield* prepare
        const record = `${path}.part.json`
        const before = fs.readFileSync(record, "utf8")
        fs.writeFileSync(record, change(before))
        expect(fs.readFileSync(record, "utf8")).not.toBe(before)
        expect((yield* download()).resumedFrom).toBe(0)
        expect(stored()?.equals(content)).toBe(true)
      })
    )
  }
})
