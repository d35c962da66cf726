/** The file store as the contract of token stores opens, damages, fills and kills it. */
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import type * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import * as Effect from "effect/Effect"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { vi } from "vitest"
import { folder } from "./folder.js"
import { nextLine, run } from "./program.js"

/** A new file name. */
export const path = Effect.map(folder, (folder) => join(folder, "tokens.json"))

/** The bytes of the file. */
export const bytes = (path: string): TokenStoreContract.Bytes => ({
  read: Effect.sync(() => fs.readFileSync(path)),
  write: (bytes) => Effect.sync(() => fs.writeFileSync(path, bytes))
})

/** The rename is the last operation of a write: all bytes are written, but the file is not replaced yet. */
export const disk = (): TokenStoreContract.Disk => ({
  fill: Effect.sync(() => {
    const error = Object.assign(new Error("no space left"), { code: "ENOSPC" })
    vi.spyOn(fs.promises, "rename").mockRejectedValue(error)
    syncBuiltinESMExports()
  }),
  free: Effect.sync(() => {
    vi.restoreAllMocks()
    syncBuiltinESMExports()
  })
})

/** Number of kills so far. The time between start and kill depends on it. */
let kills = 0
const kill = (path: string) =>
  Effect.gen(function* () {
    const program = yield* run("writeUntilKilled", path)
    yield* nextLine(program)
    yield* Effect.sleep((kills++ % 5) * 3)
    program.signal("SIGKILL")
    yield* Effect.promise(() => program.end)
  })

/** The file store. */
export const file = {
  place: path,
  open: (path) => FileTokenStore.make({ path }),
  isShared: true,
  bytes,
  disk,
  kill
} satisfies TokenStoreContract.Harness<string>
