/**
 * Files that say who holds a lock, and how one of a dead owner is taken away.
 *
 * A lock file is written under a name of its own and then linked into its place, so it is never seen half written and
 * never replaces another. It is removed by its owner only, or, once the owner is provably dead or could not remove it,
 * by whoever holds the *guard* of that one owner: a lock of the same kind, with the owner's nonce in its name. Under the
 * guard nobody else may remove the file, so that what is looked at there is what is then removed: two contenders cannot
 * take turns in removing each other's fresh lock, as they can with "look, then unlink". A guard whose holder dies is
 * removed under a guard of its own.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import { effectiveUser } from "../filesystem/secureDirectory.js"
import { nonce, readAtMost, removeQuietly } from "../filesystem/secureFile.js"
import type { SystemError } from "../filesystem/systemError.js"
import { tryFileSystem } from "../filesystem/systemError.js"
import * as ProcessIdentity from "./processIdentity.js"

/** A family of lock files, whose temporary names and guards begin with `root`, and the process that claims them. */
export interface LockFiles {
  readonly root: string
  readonly self: ProcessIdentity.Process
}

/**
 * What stands in a lock's place. `Empty`: no live process leaves that, see {@link linkLockFile}, but a power cut does.
 * `Foreign`: another user's, who can create files in the folder. `Unknown`: nothing of ours, or of another release. Neither is
 * ever removed.
 */
export type LockState =
  | { readonly _tag: "Owned"; readonly owner: ProcessIdentity.LockOwner }
  | { readonly _tag: "Empty"; readonly inode: string }
  | { readonly _tag: "Foreign"; readonly user: number }
  | { readonly _tag: "Unknown" }

const unknown: LockState = { _tag: "Unknown" }

const isOtherUser = (user: number): boolean => {
  const effectiveUserId = effectiveUser()
  return effectiveUserId !== undefined && user !== effectiveUserId
}

const inspectHandle = (handle: Fs.FileHandle): Effect.Effect<LockState, SystemError> =>
  Effect.gen(function* () {
    const stats = yield* tryFileSystem(() => handle.stat({ bigint: true }))
    if (isOtherUser(Number(stats.uid))) return { _tag: "Foreign", user: Number(stats.uid) }
    if (!stats.isFile()) return unknown
    const bytes = yield* readAtMost(handle, ProcessIdentity.maxOwnerBytes)
    if (bytes.every((byte) => byte === 0)) return { _tag: "Empty", inode: stats.ino.toString(16).padStart(32, "0") }
    return Option.match(ProcessIdentity.decode(bytes), {
      onNone: () => unknown,
      onSome: (owner): LockState => ({ _tag: "Owned", owner })
    })
  })

/** What stands at `path`; `None` when nothing does. */
export const inspect = (path: string): Effect.Effect<Option.Option<LockState>, SystemError> =>
  Effect.acquireUseRelease(
    tryFileSystem(() => Fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)),
    (handle) => Effect.asSome(inspectHandle(handle)),
    (handle) => Effect.ignore(tryFileSystem(() => handle.close()))
  ).pipe(
    Effect.catchTag("SystemError", (error) => {
      if (error.code === "ENOENT") return Effect.succeedNone
      return Effect.asSome(inspectUnopenable(path, error))
    })
  )

/** What cannot be opened: a link, a FIFO, or a file that is another user's. */
const inspectUnopenable = (path: string, error: SystemError): Effect.Effect<LockState, SystemError> =>
  Effect.flatMap(Effect.option(tryFileSystem(() => Fs.lstat(path))), (stats): Effect.Effect<LockState, SystemError> => {
    if (Option.isSome(stats) && isOtherUser(stats.value.uid)) {
      return Effect.succeed({ _tag: "Foreign", user: stats.value.uid })
    }
    return ["ELOOP", "EMLINK", "ENXIO"].includes(error.code) ? Effect.succeed(unknown) : Effect.fail(error)
  })

const identityOf = (state: LockState): string | undefined => {
  if (state._tag === "Owned") return state.owner.nonce
  return state._tag === "Empty" ? state.inode : undefined
}

/**
 * Nonces of lock files that this process has done with and could not remove: the disk was read-only, say. Their owner
 * lives, so nobody else may remove them; without this memory we would not either.
 */
const unreleased = new Set<string>()

const isStale = (self: ProcessIdentity.Process, state: LockState): Effect.Effect<boolean> => {
  if (state._tag !== "Owned") return Effect.succeed(state._tag === "Empty")
  return unreleased.has(state.owner.nonce) ? Effect.succeed(true) : ProcessIdentity.hasExited(self, state.owner)
}

const writeFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

const writeLockFile = (path: string, owner: ProcessIdentity.LockOwner): Effect.Effect<void, SystemError> =>
  Effect.acquireUseRelease(
    tryFileSystem(() => Fs.open(path, writeFlags, 0o600)),
    (handle) =>
      tryFileSystem(async () => {
        // A umask may have taken from the owner too, who could not read his own lock then.
        await handle.chmod(0o600)
        await handle.writeFile(ProcessIdentity.encode(owner))
      }),
    (handle) => Effect.ignore(tryFileSystem(() => handle.close()))
  )

/**
 * Puts our file at `path` unless there is one. A sweep may remove our file while it is empty (`ENOENT`). What the system
 * says to have failed may be there all the same.
 */
const linkLockFile = (
  files: LockFiles,
  path: string,
  owner: ProcessIdentity.LockOwner
): Effect.Effect<boolean, SystemError> => {
  const temporary = `${files.root}.${owner.nonce}.tmp`
  const linked = tryFileSystem(() => Fs.link(temporary, path)).pipe(
    Effect.as(true),
    Effect.catchTag("SystemError", (error) => {
      if (error.code === "EEXIST" || error.code === "ENOENT") return Effect.succeed(false)
      unreleased.add(owner.nonce)
      return error
    })
  )
  return Effect.ensuring(Effect.zipRight(writeLockFile(temporary, owner), linked), removeQuietly(temporary))
}

/** Each level needs a process that died while it held the guard of another: more than this is somebody's joke. */
const maxGuardDepth = 8

/**
 * One try at a lock, without waiting: `None` when it is ours now, else what stands in its place. Must not be
 * interrupted.
 */
export const tryAcquire = (
  files: LockFiles,
  path: string,
  ownNonce: string,
  depth = 0
): Effect.Effect<Option.Option<LockState>, SystemError> =>
  Effect.gen(function* () {
    const state = yield* inspect(path)
    if (Option.isSome(state)) {
      const remaining = yield* removeStale(files, path, state.value, depth)
      if (Option.isSome(remaining)) return remaining
    }
    if (yield* linkLockFile(files, path, { ...files.self, nonce: ownNonce })) return Option.none()
    const other = Option.getOrElse(yield* inspect(path), () => unknown)
    // The answer of `link` can get lost on a network file system, which then finds our own file in its way.
    return identityOf(other) === ownNonce ? Option.none() : Option.some(other)
  })

/** Removes the file at `path` if it is the one of that identity; one that somebody put into its place stays. */
const removeByIdentity = (path: string, identity: string): Effect.Effect<void, SystemError> =>
  Effect.flatMap(inspect(path), (state) =>
    Option.isSome(state) && identityOf(state.value) === identity ? tryFileSystem(() => Fs.unlink(path)) : Effect.void
  )

/** Removes a lock file of ours. One that cannot be removed is no lock any more for this process, see {@link removeIfStale}. */
export const release = (path: string, ownNonce: string): Effect.Effect<void, SystemError> =>
  Effect.tapError(removeByIdentity(path, ownNonce), () => Effect.sync(() => unreleased.add(ownNonce)))

/** Removes the file at `path` if it is still the debris that was `seen` there; gives what is in the way, if anything is. */
const removeStale = (
  files: LockFiles,
  path: string,
  state: LockState,
  depth: number
): Effect.Effect<Option.Option<LockState>, SystemError> =>
  Effect.gen(function* () {
    const identity = identityOf(state)
    if (identity === undefined || depth >= maxGuardDepth || !(yield* isStale(files.self, state)))
      return Option.some(state)
    const guard = `${files.root}.${identity}.guard`
    const ownNonce = yield* nonce
    const blocking = yield* tryAcquire(files, guard, ownNonce, depth + 1)
    if (Option.isSome(blocking)) return Option.some(blocking.value._tag === "Foreign" ? blocking.value : state)
    yield* Effect.ensuring(removeByIdentity(path, identity), Effect.ignore(release(guard, ownNonce)))
    unreleased.delete(identity)
    return Option.none()
  })

/** Removes what a dead process, or this one, left at `path`, if it did. Must not be interrupted. */
export const removeIfStale = (files: LockFiles, path: string): Effect.Effect<void, SystemError> =>
  Effect.flatMap(inspect(path), (state) =>
    Option.isSome(state) ? Effect.asVoid(removeStale(files, path, state.value, 0)) : Effect.void
  )
