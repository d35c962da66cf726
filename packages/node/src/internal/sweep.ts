import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import * as ProcessLock from "../ProcessLock.js"
import type { Family } from "./claim.js"
import { clear, look } from "./claim.js"
import * as Owner from "./owner.js"
import { isTemporary, removeQuietly } from "./secureFile.js"
import { effectiveUser } from "./secureFolder.js"
import { call } from "./systemError.js"

/** The lock for writing or the lock of a key, and their guards and temporary files. The first group is the lock. */
const lockPattern = /^((?:[0-9a-f]{32}\.)?lock)(?:\.[0-9a-f]{32}\.(tmp|guard))?$/

const removeOwn = (path: string): Effect.Effect<void> =>
  Effect.flatMap(
    call(() => Fs.lstat(path)),
    (stats) => {
      const user = effectiveUser()
      return stats.isFile() && (user === undefined || stats.uid === user) ? removeQuietly(path) : Effect.void
    }
  ).pipe(Effect.ignore)

/**
 * A lock or a guard goes if its owner is dead. So does a temporary file; and one that was cut while it was written tells
 * of no owner, but is safe to remove: a live writer who misses it before it is linked writes another.
 */
const sweepLock = (family: Family, path: string, temporary: boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const seen = yield* look(path)
    const cut = temporary && Option.exists(seen, ({ _tag }) => _tag === "Unknown")
    yield* cut ? removeOwn(path) : clear(family, path)
  }).pipe(Effect.uninterruptible, Effect.ignore)

/**
 * Removes what killed processes left beside the file at `path`. Temporary files hold tokens, and are written under the
 * write lock only: who holds it knows that nobody is writing one. If somebody is busy there, or the system refuses, the
 * next start will sweep; nothing here is worth a failed start.
 */
export const sweep = (path: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const prefix = `${basename(path)}.`
    const inFolder = (suffix: string) => join(dirname(path), prefix + suffix)
    const names = yield* Effect.orElseSucceed(
      call(() => Fs.readdir(dirname(path))),
      () => []
    )
    const suffixes = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
    const locks = suffixes.flatMap((suffix) => {
      const [, lock, helper] = lockPattern.exec(suffix) ?? []
      return lock === undefined ? [] : [{ root: inFolder(lock), path: inFolder(suffix), temporary: helper === "tmp" }]
    })
    const self = yield* Owner.self
    yield* Effect.forEach(locks, (lock) => sweepLock({ root: lock.root, self }, lock.path, lock.temporary))

    const leftovers = suffixes.filter(isTemporary).map(inFolder)
    if (leftovers.length === 0) return
    const { withLock } = yield* ProcessLock.make({ lockTimeout: 0 })
    yield* Effect.forEach(leftovers, removeOwn).pipe(withLock(inFolder("lock")), Effect.ignore)
  })
