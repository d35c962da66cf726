import * as Effect from "effect/Effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A folder of this scenario's own, gone when it is over. */
export const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "countersign-demo-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)
