import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs/promises"
import { basename, dirname } from "node:path"
import type * as ProcessLock from "../../ProcessLock.js"
import { effectiveUser } from "../filesystem/secureDirectory.js"
import { isTemporary, removeQuietly } from "../filesystem/secureFile.js"
import { tryFileSystem } from "../filesystem/systemError.js"
import type { LockFiles } from "./lockFile.js"
import { removeIfStale, inspect } from "./lockFile.js"
import * as ProcessIdentity from "./processIdentity.js"

/** The write lock or the lock of a key, and their guards and temporary files. The first group is the lock. */
const lockPattern = /^((?:[0-9a-f]{32}\.)?lock)(?:\.[0-9a-f]{32}\.(tmp|guard))?$/

const removeOwnFile = (path: string): Effect.Effect<void> =>
  Effect.flatMap(
    tryFileSystem(() => Fs.lstat(path)),
    (stats) => {
      const user = effectiveUser()
      return stats.isFile() && (user === undefined || stats.uid === user) ? removeQuietly(path) : Effect.void
    }
  ).pipe(Effect.ignore)

/**
 * Removes a lock, guard or temporary file of a process that has exited. An incomplete temporary file names no owner but
 * is safe to remove: a running process that misses it before it is linked writes another. An empty lock is kept,
 * because another implementation of {@link ProcessLock.Service} may use it, and it does not block ours.
 */
const removeStaleLock = (files: LockFiles, path: string, temporary: boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const state = yield* inspect(path)
    if (Option.exists(state, ({ _tag }) => _tag === "Owned")) yield* removeIfStale(files, path)
    else if (temporary) yield* removeOwnFile(path)
  }).pipe(Effect.uninterruptible, Effect.ignore)

/** The names in the folder that begin with the file's name and a dot, without that prefix. */
const siblingSuffixes = (path: string): Effect.Effect<ReadonlyArray<string>> => {
  const prefix = `${basename(path)}.`
  return tryFileSystem(() => Fs.readdir(dirname(path))).pipe(
    Effect.orElseSucceed((): ReadonlyArray<string> => []),
    Effect.map((names) => names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)))
  )
}

const removeStaleLocks = (path: string, suffixes: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const self = yield* ProcessIdentity.currentProcess
    for (const suffix of suffixes) {
      const [, lock, helper] = lockPattern.exec(suffix) ?? []
      if (lock !== undefined)
        yield* removeStaleLock({ root: `${path}.${lock}`, self }, `${path}.${suffix}`, helper === "tmp")
    }
  })

/**
 * Removes the files that killed processes left next to the file at `path`.
 *
 * Temporary files contain tokens, and are written only under the write lock. While this process holds that lock, no
 * other process writes one. If the lock is busy or the system reports an error, the files are kept until the next
 * start.
 */
export const removeStaleFiles = (path: string, locks: ProcessLock.Service): Effect.Effect<void> =>
  Effect.gen(function* () {
    const suffixes = yield* siblingSuffixes(path)
    yield* removeStaleLocks(path, suffixes)
    const temporaryFiles = suffixes.filter(isTemporary)
    if (temporaryFiles.length === 0) return
    yield* Effect.forEach(temporaryFiles, (suffix) => removeOwnFile(`${path}.${suffix}`)).pipe(
      locks.withLock(`${path}.lock`, { lockTimeout: 0 }),
      Effect.ignore
    )
  })
