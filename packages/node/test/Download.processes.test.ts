/** Downloads of processes that are killed, and of two processes at once. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fs from "node:fs"
import { join } from "node:path"
import { protocols, setUp } from "./support/downloads.js"
import type { Program } from "./support/program.js"
import { nextLine, run } from "./support/program.js"

const layer = protocols[0]?.[1]

const live = (name: string, test: Effect.Effect<unknown, unknown, Effect.Effect.Context<ReturnType<typeof setUp>>>) =>
  it.live.skipIf(layer === undefined)(name, () =>
    layer === undefined ? Effect.void : Effect.asVoid(test).pipe(Effect.scoped, Effect.provide(layer))
  )

/** Reads lines of a program up to one of them. */
const readUntil = (program: Program, line: string): Effect.Effect<void> =>
  Effect.asVoid(Effect.repeat(nextLine(program), { until: (read) => read === line || read === undefined }))

describe("Download.toFile in other processes", () => {
  live(
    "continues what a killed process stored, at each of several positions",
    Effect.gen(function* () {
      const { content, download, names, path, ranges, server, stored } = yield* setUp()
      for (const bytes of [1, 70_000, 299_999]) {
        fs.rmSync(path, { force: true })
        yield* server.fail("/file", { stopAfter: bytes })
        const child = yield* run("downloadUntilKilled", server.baseUrl, path)
        yield* readUntil(child, String(bytes))
        child.signal("SIGKILL")
        expect(yield* Effect.promise(() => child.end)).toBe("SIGKILL")
        expect(names()).toEqual(["file.part", "file.part.json", "file.part.lock"])
        expect((yield* download()).resumedFrom).toBe(bytes)
        expect(stored()?.equals(content)).toBe(true)
        expect(names()).toEqual(["file"])
        expect((yield* ranges).at(-1)).toBe(`bytes=${bytes}-`)
      }
    })
  )

  live(
    "fails with Locked while another process downloads, and waits for it with lockTimeout",
    Effect.gen(function* () {
      const { content, download, path, server, stored } = yield* setUp()
      yield* server.fail("/file", { stopAfter: 100_000 })
      const first = yield* run("downloadUntilKilled", server.baseUrl, path)
      yield* readUntil(first, "100000")
      const error = yield* Effect.flip(download({ lockTimeout: "10 millis" }))
      expect(error).toMatchObject({ _tag: "DownloadError", reason: "Locked" })
      expect(String(error)).toContain(`process ${first.pid}`)
      const second = yield* run("downloadUntilKilled", server.baseUrl, path, "60000")
      first.signal("SIGKILL")
      yield* readUntil(second, "done")
      expect(stored()?.equals(content)).toBe(true)
      expect(fs.existsSync(join(path, "..", "file.part"))).toBe(false)
    })
  )
})
