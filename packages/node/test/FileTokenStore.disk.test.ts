import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fs from "node:fs"
import { dirname } from "node:path"
import { failing, handleMethods } from "./support/disk.js"
import { namesIn } from "./support/folder.js"
import { printed } from "./support/printed.js"
import { canary, small, used, versionOf } from "./support/tokens.js"

describe("a disk that refuses", () => {
  const steps = ["writeFile", "sync", "chmod", "rename"] as const
  for (const step of steps) {
    for (const code of ["ENOSPC", "EROFS", "EIO", "EWHATEVER"]) {
      it.scoped(`${code} from ${step} is a WriteFailed that names it, and the old token stays`, () =>
        Effect.gen(function* () {
          const { path, store } = yield* used
          const before = fs.readFileSync(path)
          const target = step === "rename" ? fs.promises : yield* handleMethods
          const error = yield* Effect.scoped(
            Effect.zipRight(failing(target, step, code), Effect.flip(store.compareAndSet("key", 1, small("new"))))
          )
          expect(error.reason).toBe("WriteFailed")
          expect(error.message).toContain(`(${code})`)
          expect(printed(error)).not.toContain(canary)
          expect(fs.readFileSync(path)).toEqual(before)
          expect(namesIn(dirname(path))).toEqual(["tokens.json"])
          expect(versionOf(yield* store.compareAndSet("key", 1, small("new")))).toBe(2)
        })
      )
    }
  }

  it.scoped("a file that cannot be read is ReadFailed", () =>
    Effect.gen(function* () {
      const { store } = yield* used
      yield* failing(fs.promises, "open", "EMFILE")
      expect((yield* Effect.flip(store.get("key"))).reason).toBe("ReadFailed")
    })
  )
})
