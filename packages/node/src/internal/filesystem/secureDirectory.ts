import { TokenStoreError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import type { Stats } from "node:fs"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import { dirname } from "node:path"
import type { SystemError } from "./systemError.js"
import { call, explain, shown } from "./systemError.js"

/** The user whose files these must be; `undefined` on Windows, where access lists take the place of owner and mode. */
export const effectiveUser = (): number | undefined => process.geteuid?.()

const insecure = (detail: string): TokenStoreError => new TokenStoreError({ reason: "Insecure", detail })

const othersMayWrite = 0o022
const sticky = 0o1000

/**
 * Who may rename files in a folder can put a file of his own in the place of ours. Root may be its owner, since root
 * can do that anywhere; the sticky bit (`/tmp`) keeps everybody else from renaming what is not theirs.
 */
const problemOf = (folder: string, link: Stats, stats: Stats): TokenStoreError | undefined => {
  const user = effectiveUser()
  if (!stats.isDirectory()) return insecure(`${shown(folder)} is not a folder; choose another path`)
  if (user === undefined) return undefined
  const owner = [link.uid, stats.uid].find((uid) => uid !== user && uid !== 0)
  if (owner !== undefined) {
    return insecure(`the folder ${shown(folder)} belongs to user ${owner}, not to ${user}; choose one of your own`)
  }
  if ((stats.mode & othersMayWrite) !== 0 && (stats.mode & sticky) === 0) {
    return insecure(`others may replace files in ${shown(folder)}; run: chmod go-w ${shown(folder)}`)
  }
  return undefined
}

/** Whether the folder is there. Fails with `Insecure` when somebody else could replace a file in it. */
export const check = (folder: string): Effect.Effect<boolean, TokenStoreError> =>
  Effect.all([call(() => Fs.lstat(folder)), call(() => Fs.stat(folder))]).pipe(
    Effect.flatMap(([link, stats]) => {
      const problem = problemOf(folder, link, stats)
      return problem === undefined ? Effect.succeed(true) : Effect.fail(problem)
    }),
    Effect.catchTag("SystemError", (error) =>
      error.code === "ENOENT"
        ? Effect.succeed(false)
        : new TokenStoreError({ reason: "ReadFailed", detail: `the folder ${shown(folder)}: ${explain(error)}` })
    )
  )

/** Some file systems cannot flush a folder and say so with one of these; they leave nothing better to do. */
const cannotFlush = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP"])

/** Makes the names in a folder durable, as `fsync` of a file does for its content. */
export const flush = (folder: string): Effect.Effect<void, SystemError> =>
  process.platform === "win32"
    ? Effect.void
    : Effect.acquireUseRelease(
        call(() => Fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY)),
        (handle) => call(() => handle.sync()),
        (handle) => Effect.ignore(call(() => handle.close()))
      ).pipe(
        Effect.catchTag("SystemError", (error) => (cannotFlush.has(error.code) ? Effect.void : Effect.fail(error)))
      )

/** Makes one folder; somebody else may have been faster. */
const createOne = (folder: string): Effect.Effect<void, SystemError> =>
  Effect.gen(function* () {
    yield* call(() => Fs.mkdir(folder, 0o700))
    // The process's umask may have taken bits away that the owner needs.
    yield* call(() => Fs.chmod(folder, 0o700))
    yield* flush(dirname(folder))
  }).pipe(Effect.catchTag("SystemError", (error) => (error.code === "EEXIST" ? Effect.void : Effect.fail(error))))

/** One after the other from the top, since a umask may keep even us from going on in the one that was made last. */
const create = (folder: string): Effect.Effect<void, SystemError> =>
  Effect.catchTag(createOne(folder), "SystemError", (error) =>
    error.code === "ENOENT" && dirname(folder) !== folder
      ? Effect.zipRight(create(dirname(folder)), createOne(folder))
      : Effect.fail(error)
  )

/** Creates the folder (0700, its missing parents too) where it is missing, then checks it. */
export const ensure = (folder: string): Effect.Effect<void, TokenStoreError> =>
  Effect.gen(function* () {
    if (yield* check(folder)) return
    yield* Effect.mapError(
      create(folder),
      (error) =>
        new TokenStoreError({ reason: "WriteFailed", detail: `the folder ${shown(folder)}: ${explain(error)}` })
    )
    if (!(yield* check(folder))) return yield* insecure(`${shown(folder)} leads to no folder; choose another path`)
  })
