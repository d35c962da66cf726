import { TokenStoreError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import type { Stats } from "node:fs"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import { dirname } from "node:path"
import type { SystemError } from "./systemError.js"
import { tryFileSystem, explain, quote } from "./systemError.js"

/** The user whose files these must be; `undefined` on Windows, where access lists take the place of owner and mode. */
export const effectiveUser = (): number | undefined => process.geteuid?.()

const insecure = (detail: string): TokenStoreError => new TokenStoreError({ reason: "Insecure", detail })

const writableByOthers = 0o022
const sticky = 0o1000

/**
 * Who may rename files in a folder can put a file of his own in the place of ours. Root may be its owner, since root
 * can do that anywhere; the sticky bit (`/tmp`) keeps everybody else from renaming what is not theirs.
 */
const findProblem = (folder: string, link: Stats, stats: Stats): TokenStoreError | undefined => {
  const user = effectiveUser()
  if (!stats.isDirectory()) return insecure(`${quote(folder)} is not a folder; choose another path`)
  if (user === undefined) return undefined
  const owner = [link.uid, stats.uid].find((uid) => uid !== user && uid !== 0)
  if (owner !== undefined) {
    return insecure(`the folder ${quote(folder)} belongs to user ${owner}, not to ${user}; choose one of your own`)
  }
  if ((stats.mode & writableByOthers) !== 0 && (stats.mode & sticky) === 0) {
    return insecure(`others may replace files in ${quote(folder)}; run: chmod go-w ${quote(folder)}`)
  }
  return undefined
}

/** Whether the folder is there. Fails with `Insecure` when somebody else could replace a file in it. */
export const check = (folder: string): Effect.Effect<boolean, TokenStoreError> =>
  Effect.all([tryFileSystem(() => Fs.lstat(folder)), tryFileSystem(() => Fs.stat(folder))]).pipe(
    Effect.flatMap(([link, stats]) => {
      const problem = findProblem(folder, link, stats)
      return problem === undefined ? Effect.succeed(true) : Effect.fail(problem)
    }),
    Effect.catchTag("SystemError", (error) =>
      error.code === "ENOENT"
        ? Effect.succeed(false)
        : new TokenStoreError({ reason: "ReadFailed", detail: `the folder ${quote(folder)}: ${explain(error)}` })
    )
  )

/** Some file systems cannot flush a folder and say so with one of these; they leave nothing better to do. */
const unsupportedFlushCodes = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP"])

/** Makes the names in a folder durable, as `fsync` of a file does for its content. */
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

/** Makes one folder; somebody else may have been faster. */
const createFolder = (folder: string): Effect.Effect<void, SystemError> =>
  Effect.gen(function* () {
    yield* tryFileSystem(() => Fs.mkdir(folder, 0o700))
    // The process's umask may have taken bits away that the owner needs.
    yield* tryFileSystem(() => Fs.chmod(folder, 0o700))
    yield* flush(dirname(folder))
  }).pipe(Effect.catchTag("SystemError", (error) => (error.code === "EEXIST" ? Effect.void : Effect.fail(error))))

/** One after the other from the top, since a umask may keep even us from going on in the one that was made last. */
const createWithParents = (folder: string): Effect.Effect<void, SystemError> =>
  Effect.catchTag(createFolder(folder), "SystemError", (error) =>
    error.code === "ENOENT" && dirname(folder) !== folder
      ? Effect.zipRight(createWithParents(dirname(folder)), createFolder(folder))
      : Effect.fail(error)
  )

/** Creates the folder (0700, its missing parents too) where it is missing, then checks it. */
export const ensure = (folder: string): Effect.Effect<void, TokenStoreError> =>
  Effect.gen(function* () {
    if (yield* check(folder)) return
    yield* Effect.mapError(
      createWithParents(folder),
      (error) =>
        new TokenStoreError({ reason: "WriteFailed", detail: `the folder ${quote(folder)}: ${explain(error)}` })
    )
    if (!(yield* check(folder))) return yield* insecure(`${quote(folder)} leads to no folder; choose another path`)
  })
