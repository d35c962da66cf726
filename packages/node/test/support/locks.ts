import * as ProcessLock from "@countersign/node/ProcessLock"
import * as Effect from "effect/Effect"
import fs from "node:fs"
import { join } from "node:path"
import type { LockOwner, Process } from "../../src/internal/lock/processIdentity.js"
import { folder } from "./folder.js"

export const lockFile = Effect.map(folder, (path) => join(path, "app.lock"))

export const tryOnce = ProcessLock.make({ lockTimeout: 0 })

export const nonceOf = (n: number) => n.toString(16).padStart(32, "0")

/** Greater than the largest process id of Linux (2^22), so that no process has it. */
export const unusedPid = 4_194_999

export const writeLock = (path: string, owner: Process, nonce = nonceOf(1)) =>
  fs.writeFileSync(path, JSON.stringify({ ...owner, nonce } satisfies LockOwner), { mode: 0o600 })
