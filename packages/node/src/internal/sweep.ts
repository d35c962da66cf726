import * as Effect from "effect/Effect"
import * as Fs from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import * as ProcessLock from "../ProcessLock.js"
import { isTemporary, removeQuietly } from "./secureFile.js"
import { effectiveUser } from "./secureFolder.js"
import { call } from "./systemError.js"

/** A write lock or the lock of a key, and their guards and temporary files. The group is the lock itself. */
const lockPattern = /^((?:[0-9a-f]{32}\.)?lock)(?:\.[0-9a-f]{32}\.(?:tmp|guard))?$/

const removeOwn = (path: string): Effect.Effect<void> =>
  Effect.flatMap(
    call(() => Fs.lstat(path)),
    (stats) => {
      const user = effectiveUser()
      return stats.isFile() && (user === undefined || stats.uid === user) ? removeQuietly(path) : Effect.void
    }
  ).pipe(Effect.ignore)

/**
 * Removes what killed processes left beside the file at `path`. Temporary files hold tokens, and are written under the
 * write lock only: who holds it knows that nobody is writing one. Is somebody busy there, or does the system refuse, the
 * next start will sweep; nothing here is worth a failed start.
 */
export const sweep = (path: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const folder = dirname(path)
    const prefix = `${basename(path)}.`
    const names = yield* Effect.orElseSucceed(
      call(() => Fs.readdir(folder)),
      () => []
    )
    const suffixes = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
    const locks = yield* ProcessLock.make({ lockTimeout: 0 })

    for (const suffix of suffixes) {
      const lock = lockPattern.exec(suffix)?.[1]
      if (lock !== undefined)
        yield* Effect.ignore(locks.clear(join(folder, prefix + suffix), join(folder, prefix + lock)))
    }
    const leftovers = suffixes.filter(isTemporary).map((suffix) => join(folder, prefix + suffix))
    if (leftovers.length === 0) return
    yield* Effect.forEach(leftovers, removeOwn, { discard: true }).pipe(locks.withLock(`${path}.lock`), Effect.ignore)
  })
