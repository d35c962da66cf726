/** Runs the contract of token stores with the stores for Node. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as KeychainTokenStore from "@countersign/node/KeychainTokenStore"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { afterAll, beforeAll, vi } from "vitest"
import { folder } from "./support/folder.js"
import { nextLine, run } from "./support/program.js"
import type { Session } from "./support/secretService.js"
import { missing, openSession } from "./support/secretService.js"

const runner = { describe, it }

const path = Effect.map(folder, (folder) => join(folder, "tokens.json"))

const bytes = (path: string): TokenStoreContract.Bytes => ({
  read: Effect.sync(() => fs.readFileSync(path)),
  write: (bytes) => Effect.sync(() => fs.writeFileSync(path, bytes))
})

/** The rename is the last operation of a write: all bytes are written, but the file is not replaced yet. */
const disk = (): TokenStoreContract.Disk => ({
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

const file: TokenStoreContract.Harness<string> = {
  place: path,
  open: (path) => FileTokenStore.make({ path }),
  isShared: true,
  bytes,
  disk,
  kill
}

TokenStoreContract.register(runner, "FileTokenStore", file)

type Encrypted<Place> = readonly [place: Place, key: EncryptionKey.EncryptionKey]

const key = Effect.flatMap(EncryptionKey.generate, EncryptionKey.fromBase64)

TokenStoreContract.register(runner, "EncryptedTokenStore over FileTokenStore", {
  ...file,
  place: Effect.zip(path, key),
  open: ([path, key]: Encrypted<string>) =>
    Effect.flatMap(FileTokenStore.make({ path }), (inner) => EncryptedTokenStore.make(inner, { storeId: "app", key })),
  bytes: ([path]: Encrypted<string>) => bytes(path),
  disk,
  // The process that is killed writes unencrypted records.
  kill: undefined
})

TokenStoreContract.register(runner, "EncryptedTokenStore in memory", {
  place: Effect.zip(TokenStore.makeMemory, key),
  open: ([inner, key]: Encrypted<TokenStore.Service>) => EncryptedTokenStore.make(inner, { storeId: "app", key }),
  isShared: true
})

describe.skipIf(missing.length > 0)(
  `gnome-keyring${missing.length > 0 ? ` (missing: ${missing.join(", ")})` : ""}`,
  () => {
    let session: Session
    let last = 0
    beforeAll(async () => {
      session = await openSession()
      await session.start("unlocked")
    })
    afterAll(() => session.close())

    TokenStoreContract.register(runner, "KeychainTokenStore", {
      place: Effect.map(folder, (lockDirectory) => ({ service: `countersign-contract-${++last}`, lockDirectory })),
      open: KeychainTokenStore.make,
      isShared: true
    })
  }
)
