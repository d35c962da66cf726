import { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import type { Stats } from "node:fs"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import { dirname } from "node:path"
import type { SystemError } from "./systemError.js"
import { tryFileSystem, explain, quote } from "./systemError.js"

/**
 * The effective user. The files must belong to this user. Undefined on Windows, where access control lists apply
 * instead.
 */
export const effectiveUser = (): number | undefined => process.geteuid?.()

const insecure = (detail: string): TokenStoreError => new TokenStoreError({ reason: "Insecure", detail })

const writableByOthers = 0o022
const sticky = 0o1000

/**
 * Any user with the permission to rename files in a folder can replace ours. Root may own the folder, because root can
 * do that anywhere. The sticky bit (`/tmp`) keeps other users from renaming files that they do not own.
 */
const findProblem = (folder: string, link: Stats, stats: Stats): TokenStoreError | undefined => {
  const user = effectiveUser()
  if (!stats.isDirectory()) return insecure(`${quote(folder)} is not a folder. Choose another path.`)
  if (user === undefined) return undefined
  const owner = [link.uid, stats.uid].find((uid) => uid !== user && uid !== 0)
  if (owner !== undefined) {
    return insecure(
      `the folder ${quote(folder)} belongs to user ${owner}, not to ${user}. Choose a folder of your own.`
    )
  }
  if ((stats.mode & writableByOthers) !== 0 && (stats.mode & sticky) === 0) {
    return insecure(`other users may replace files in ${quote(folder)}. Run: chmod go-w ${quote(folder)}`)
  }
  return undefined
}

/** Whether the folder exists. Fails with `Insecure` if another user could replace a file in it. */
export const check = (folder: string): Effect.Effect<boolean, TokenStoreError> =>
  Effect.all([tryFileSystem(() => Fs.lstat(folder)), tryFileSystem(() => Fs.stat(folder))]).pipe(
    Effect.flatMap(([link, stats]) => {
      const problem = findProblem(folder, link, stats)
      return problem === undefined ? Effect.succeed(true) : Effect.fail(problem)
    }),
    Effect.catchTag("SystemError", (error) =>
      error.code === "ENOENT"
        ? Effect.succeed(false)
        : new TokenStoreError({
            reason: "ReadFailed",
            detail: `cannot read the folder ${quote(folder)}: ${explain(error)}`
          })
    )
  )

/** Error codes of file systems that cannot flush a folder. There is no alternative on them. */
const unsupportedFlushCodes = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP"])

/** Flushes the names in a folder to disk, as `fsync` of a file does for its content. */
export const flush = (folder: string): Effect.Effect<void, SystemError> =>
  process.platform === "win32"
    ? Effect.void
    : Effect.acquireUseRelease(
        tryFileSystem(() => Fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY)),
        (handle) => tryFileSystem(() => handle.sync()),
        (handle) => Effect.ignore(tryFileSystem(() => handle.close()))
      ).pipe(
        Effect.catchTag("SystemError", (error) =>
          unsupportedFlushCodes.has(error.code) ? Effect.void : Effect.fail(error)
        )
      )

/** Creates one folder. Another process may have created it before. */
const createFolder = (folder: string): Effect.Effect<void, SystemError> =>
  Effect.gen(function* () {
    yield* tryFileSystem(() => Fs.mkdir(folder, 0o700))
    // The umask may have removed permissions of the owner.
    yield* tryFileSystem(() => Fs.chmod(folder, 0o700))
    yield* flush(dirname(folder))
  }).pipe(Effect.catchTag("SystemError", (error) => (error.code === "EEXIST" ? Effect.void : Effect.fail(error))))

/** Creates the parents first, one after the other: the umask may have made a new folder inaccessible. */
const createWithParents = (folder: string): Effect.Effect<void, SystemError> =>
  Effect.catchTag(createFolder(folder), "SystemError", (error) =>
    error.code === "ENOENT" && dirname(folder) !== folder
      ? Effect.zipRight(createWithParents(dirname(folder)), createFolder(folder))
      : Effect.fail(error)
  )

/** Creates the folder and its parents (0700) if they are missing, then checks the folder. */
export const ensure = (folder: string): Effect.Effect<void, TokenStoreError> =>
  Effect.gen(function* () {
    if (yield* check(folder)) return
    yield* Effect.mapError(
      createWithParents(folder),
      (error) =>
        new TokenStoreError({
          reason: "WriteFailed",
          detail: `cannot create the folder ${quote(folder)}: ${explain(error)}`
        })
    )
    if (!(yield* check(folder)))
      return yield* insecure(`${quote(folder)} is a link without a folder. Choose another path.`)
  })
