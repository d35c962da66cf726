/**
 * Lock files: taking a lock, releasing it, and removing the lock of a process that has exited.
 *
 * A lock file is written under a temporary name and then linked to its path. It is therefore never seen incomplete, and
 * never replaces another lock. Its owner removes it. Another process may remove it only while that process holds the
 * *guard* of the owner. The owner must have provably exited, or have failed to remove the file. A guard is a lock of
 * the same kind, with the nonce of the owner in its name. Under the guard no other process may remove the file, so the
 * file that was inspected is the one that is removed. Without guards, two processes could remove each other's new lock
 * ("look, then unlink"). The guard of a process that has exited is removed under a guard of its own.
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

/**
 * The lock files of one path, and the process that takes them. The names of temporary files and guards begin with
 * `root`.
 */
export interface LockFiles {
  readonly root: string
  readonly self: ProcessIdentity.Process
}

/**
 * The state of a lock file.
 *
 * - `Owned`: a process of this release holds it.
 * - `Empty`: a power cut left it. A running process leaves no empty file, see {@link linkLockFile}.
 * - `OtherUser`: a file of another user, so other users can create files in the folder. Never removed.
 * - `Unknown`: not a lock file, or one of another release. Never removed.
 */
export type LockState =
  | { readonly _tag: "Owned"; readonly owner: ProcessIdentity.LockOwner }
  | { readonly _tag: "Empty"; readonly inode: string }
  | { readonly _tag: "OtherUser"; readonly user: number }
  | { readonly _tag: "Unknown" }

const unknown: LockState = { _tag: "Unknown" }

const isOtherUser = (user: number): boolean => {
  const effectiveUserId = effectiveUser()
  return effectiveUserId !== undefined && user !== effectiveUserId
}

const inspectHandle = (handle: Fs.FileHandle): Effect.Effect<LockState, SystemError> =>
  Effect.gen(function* () {
    const stats = yield* tryFileSystem(() => handle.stat({ bigint: true }))
    if (isOtherUser(Number(stats.uid))) return { _tag: "OtherUser", user: Number(stats.uid) }
    if (!stats.isFile()) return unknown
    const bytes = yield* readAtMost(handle, ProcessIdentity.maxOwnerBytes)
    if (bytes.every((byte) => byte === 0)) return { _tag: "Empty", inode: stats.ino.toString(16).padStart(32, "0") }
    return Option.match(ProcessIdentity.decode(bytes), {
      onNone: () => unknown,
      onSome: (owner): LockState => ({ _tag: "Owned", owner })
    })
  })

/** The state of the lock file at `path`; `None` if there is no file. */
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

/** The state of a file that cannot be opened: a link, a FIFO, or a file of another user. */
const inspectUnopenable = (path: string, error: SystemError): Effect.Effect<LockState, SystemError> =>
  Effect.flatMap(Effect.option(tryFileSystem(() => Fs.lstat(path))), (stats): Effect.Effect<LockState, SystemError> => {
    if (Option.isSome(stats) && isOtherUser(stats.value.uid)) {
      return Effect.succeed({ _tag: "OtherUser", user: stats.value.uid })
    }
    return ["ELOOP", "EMLINK", "ENXIO"].includes(error.code) ? Effect.succeed(unknown) : Effect.fail(error)
  })

const identityOf = (state: LockState): string | undefined => {
  if (state._tag === "Owned") return state.owner.nonce
  return state._tag === "Empty" ? state.inode : undefined
}

/**
 * Nonces of lock files that this process could not remove, for example from a read-only disk. Their owner still runs,
 * so no other process may remove them.
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
        // The umask may have removed permissions of the owner.
        await handle.chmod(0o600)
        await handle.writeFile(ProcessIdentity.encode(owner))
      }),
    (handle) => Effect.ignore(tryFileSystem(() => handle.close()))
  )

/**
 * Links our file to `path` unless a file exists. `ENOENT`: another process removed our temporary file while it was
 * empty. A link that failed by the system may exist all the same.
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

/** Maximum guard nesting. Each level requires a process that exited while it held a guard. */
const maxGuardDepth = 8

/**
 * Tries to take the lock once, without waiting. `None` if it is taken, or else the state of the lock. Must not be
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
    // A network file system can lose the result of `link`, and then finds our own file.
    return identityOf(other) === ownNonce ? Option.none() : Option.some(other)
  })

/** Removes the file at `path` if it has that identity. Another file at the path is kept. */
const removeByIdentity = (path: string, identity: string): Effect.Effect<void, SystemError> =>
  Effect.flatMap(inspect(path), (state) =>
    Option.isSome(state) && identityOf(state.value) === identity ? tryFileSystem(() => Fs.unlink(path)) : Effect.void
  )

/**
 * Releases a lock of this process. If it cannot be removed, this process treats it as stale, see {@link removeIfStale}.
 */
export const release = (path: string, ownNonce: string): Effect.Effect<void, SystemError> =>
  Effect.tapError(removeByIdentity(path, ownNonce), () => Effect.sync(() => unreleased.add(ownNonce)))

/**
 * Removes the file at `path` if it is still the stale file that was inspected. Returns the state of the file that
 * remains.
 */
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
    if (Option.isSome(blocking)) return Option.some(blocking.value._tag === "OtherUser" ? blocking.value : state)
    yield* Effect.ensuring(removeByIdentity(path, identity), Effect.ignore(release(guard, ownNonce)))
    unreleased.delete(identity)
    return Option.none()
  })

/**
 * Removes the lock at `path` if its process has exited, or if this process could not release it. Must not be
 * interrupted.
 */
export const removeIfStale = (files: LockFiles, path: string): Effect.Effect<void, SystemError> =>
  Effect.flatMap(inspect(path), (state) =>
    Option.isSome(state) ? Effect.asVoid(removeStale(files, path, state.value, 0)) : Effect.void
  )
