import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { vi } from "vitest"

/** Makes a file system method fail where `fails` returns true, until the scope closes. The method itself is not run. */
export const failMethod = (
  target: object,
  method: string,
  code: string,
  fails: (...args: ReadonlyArray<unknown>) => boolean = () => true
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const error = Object.assign(new Error(`${code}: canary-in-a-message`), { code })
      const methods = target as Record<string, (...args: Array<unknown>) => Promise<unknown>> // by name: its type is lost
      const original = methods[method]
      const spy = vi.spyOn(methods, method).mockImplementation(function (this: unknown, ...args) {
        return fails(...args) || original === undefined ? Promise.reject(error) : original.apply(this, args)
      })
      syncBuiltinESMExports()
      return spy
    }),
    (spy) => Effect.sync(() => (spy.mockRestore(), syncBuiltinESMExports()))
  )

/** The prototype of Node's file handles. Node does not export it. */
export const handleMethods = Effect.promise(async () => {
  const handle = await fs.promises.open(process.execPath)
  await handle.close()
  return Object.getPrototypeOf(handle) as object // typed as any
})
