import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fs from "node:fs"
import { dirname } from "node:path"
import { failMethod, handleMethods } from "./support/disk.js"
import { namesIn } from "./support/folder.js"
import { allRenderings } from "./support/allRenderings.js"
import { canary, small, usedStore, versionOf } from "./support/tokens.js"

describe("FileTokenStore", () => {
  const steps = ["writeFile", "sync", "chmod", "rename"] as const
  for (const step of steps) {
    for (const code of ["ENOSPC", "EROFS", "EIO", "EWHATEVER"]) {
      it.scoped(`fails with WriteFailed, names ${code} and keeps the old token when ${step} fails`, () =>
        Effect.gen(function* () {
          const { path, store } = yield* usedStore
          const before = fs.readFileSync(path)
          const target = step === "rename" ? fs.promises : yield* handleMethods
          const error = yield* Effect.scoped(
            Effect.zipRight(failMethod(target, step, code), Effect.flip(store.compareAndSet("key", 1, small("new"))))
          )
          expect(error.reason).toBe("WriteFailed")
          expect(error.message).toContain(`(${code})`)
          expect(allRenderings(error)).not.toContain(canary)
          expect(fs.readFileSync(path)).toEqual(before)
          expect(namesIn(dirname(path))).toEqual(["tokens.json"])
          expect(versionOf(yield* store.compareAndSet("key", 1, small("new")))).toBe(2)
        })
      )
    }
  }

  it.scoped("fails with ReadFailed when the file cannot be opened", () =>
    Effect.gen(function* () {
      const { store } = yield* usedStore
      yield* failMethod(fs.promises, "open", "EMFILE")
      expect((yield* Effect.flip(store.get("key"))).reason).toBe("ReadFailed")
    })
  )
})
