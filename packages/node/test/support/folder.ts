import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A temporary folder, which is removed when the scope closes. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "countersign-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export const namesIn = (path: string): ReadonlyArray<string> => readdirSync(path).sort()

export const isRoot = process.geteuid?.() === 0
