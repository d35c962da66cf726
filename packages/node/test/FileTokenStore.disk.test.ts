import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { dirname } from "node:path"
import { vi } from "vitest"
import { namesIn } from "./support/folder.js"
import { printed } from "./support/printed.js"
import { canary, small, used, versionOf } from "./support/tokens.js"

/** Makes one call into the file system fail, for this scope. */
const failing = (target: object, method: string, code: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const error = Object.assign(new Error(`${code}: canary-in-a-message`), { code })
      // The method is chosen by name, so its type is not known here.
      const spy = vi.spyOn(target as Record<string, () => Promise<void>>, method).mockRejectedValue(error)
      syncBuiltinESMExports()
      return spy
    }),
    (spy) => Effect.sync(() => (spy.mockRestore(), syncBuiltinESMExports()))
  )

/** What Node's file handles inherit their methods from; there is no other way to it. */
const handleMethods = Effect.promise(async () => {
  const handle = await fs.promises.open(process.execPath)
  await handle.close()
  return Object.getPrototypeOf(handle) as object // typed as any
})

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
