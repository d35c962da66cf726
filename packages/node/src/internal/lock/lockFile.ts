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
import { call } from "../filesystem/systemError.js"
import * as Owner from "./processIdentity.js"

/** A family of lock files, whose temporary names and guards begin with `root`, and the process that claims them. */
export interface Family {
  readonly root: string
  readonly self: Owner.Process
}

/**
 * What stands in a lock's place. `Empty`: no live process leaves that, see {@link link}, but a power cut does.
 * `Foreign`: another user's, who can create files in the folder. `Unknown`: nothing of ours, or of another release. Neither is
 * ever removed.
 */
export type Seen =
  | { readonly _tag: "Owned"; readonly owner: Owner.Owner }
  | { readonly _tag: "Empty"; readonly inode: string }
  | { readonly _tag: "Foreign"; readonly user: number }
  | { readonly _tag: "Unknown" }

const unknown: Seen = { _tag: "Unknown" }

const isOthers = (user: number): boolean => {
  const own = effectiveUser()
  return own !== undefined && user !== own
}

const inspect = (handle: Fs.FileHandle): Effect.Effect<Seen, SystemError> =>
  Effect.gen(function* () {
    const stats = yield* call(() => handle.stat({ bigint: true }))
    if (isOthers(Number(stats.uid))) return { _tag: "Foreign", user: Number(stats.uid) }
    if (!stats.isFile()) return unknown
    const bytes = yield* readAtMost(handle, Owner.maxOwnerBytes)
    if (bytes.every((byte) => byte === 0)) return { _tag: "Empty", inode: stats.ino.toString(16).padStart(32, "0") }
    return Option.match(Owner.decode(bytes), {
      onNone: () => unknown,
      onSome: (owner): Seen => ({ _tag: "Owned", owner })
    })
  })

/** What stands at `path`; `None` when nothing does. */
export const look = (path: string): Effect.Effect<Option.Option<Seen>, SystemError> =>
  Effect.acquireUseRelease(
    call(() => Fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)),
    (handle) => Effect.asSome(inspect(handle)),
    (handle) => Effect.ignore(call(() => handle.close()))
  ).pipe(
    Effect.catchTag("SystemError", (error) => {
      if (error.code === "ENOENT") return Effect.succeedNone
      return Effect.asSome(unopened(path, error))
    })
  )

/** What cannot be opened: a link, a FIFO, or a file that is another user's. */
const unopened = (path: string, error: SystemError): Effect.Effect<Seen, SystemError> =>
  Effect.flatMap(Effect.option(call(() => Fs.lstat(path))), (stats): Effect.Effect<Seen, SystemError> => {
    if (Option.isSome(stats) && isOthers(stats.value.uid)) {
      return Effect.succeed({ _tag: "Foreign", user: stats.value.uid })
    }
    return ["ELOOP", "EMLINK", "ENXIO"].includes(error.code) ? Effect.succeed(unknown) : Effect.fail(error)
  })

const identityOf = (seen: Seen): string | undefined => {
  if (seen._tag === "Owned") return seen.owner.nonce
  return seen._tag === "Empty" ? seen.inode : undefined
}

/**
 * Nonces of lock files that this process has done with and could not remove: the disk was read-only, say. Their owner
 * lives, so nobody else may remove them; without this memory we would not either.
 */
const abandoned = new Set<string>()

const isDebris = (self: Owner.Process, seen: Seen): Effect.Effect<boolean> => {
  if (seen._tag !== "Owned") return Effect.succeed(seen._tag === "Empty")
  return abandoned.has(seen.owner.nonce) ? Effect.succeed(true) : Owner.isDead(self, seen.owner)
}

const forWriting = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

const write = (path: string, owner: Owner.Owner): Effect.Effect<void, SystemError> =>
  Effect.acquireUseRelease(
    call(() => Fs.open(path, forWriting, 0o600)),
    (handle) =>
      call(async () => {
        // A umask may have taken from the owner too, who could not read his own lock then.
        await handle.chmod(0o600)
        await handle.writeFile(Owner.encode(owner))
      }),
    (handle) => Effect.ignore(call(() => handle.close()))
  )

/**
 * Puts our file at `path` unless there is one. A sweep may remove our file while it is empty (`ENOENT`). What the system
 * says to have failed may be there all the same.
 */
const link = (family: Family, path: string, owner: Owner.Owner): Effect.Effect<boolean, SystemError> => {
  const temporary = `${family.root}.${owner.nonce}.tmp`
  const linked = call(() => Fs.link(temporary, path)).pipe(
    Effect.as(true),
    Effect.catchTag("SystemError", (error) => {
      if (error.code === "EEXIST" || error.code === "ENOENT") return Effect.succeed(false)
      abandoned.add(owner.nonce)
      return error
    })
  )
  return Effect.ensuring(Effect.zipRight(write(temporary, owner), linked), removeQuietly(temporary))
}

/** Each level needs a process that died while it held the guard of another: more than this is somebody's joke. */
const maxDepth = 8

/**
 * One try at a lock, without waiting: `None` when it is ours now, else what stands in its place. Must not be
 * interrupted.
 */
export const claim = (
  family: Family,
  path: string,
  own: string,
  depth = 0
): Effect.Effect<Option.Option<Seen>, SystemError> =>
  Effect.gen(function* () {
    const seen = yield* look(path)
    if (Option.isSome(seen)) {
      const left = yield* evict(family, path, seen.value, depth)
      if (Option.isSome(left)) return left
    }
    if (yield* link(family, path, { ...family.self, nonce: own })) return Option.none()
    const other = Option.getOrElse(yield* look(path), () => unknown)
    // The answer of `link` can get lost on a network file system, which then finds our own file in its way.
    return identityOf(other) === own ? Option.none() : Option.some(other)
  })

/** Removes the file at `path` if it is the one of that identity; one that somebody put into its place stays. */
const remove = (path: string, identity: string): Effect.Effect<void, SystemError> =>
  Effect.flatMap(look(path), (seen) =>
    Option.isSome(seen) && identityOf(seen.value) === identity ? call(() => Fs.unlink(path)) : Effect.void
  )

/** Removes a lock file of ours. One that cannot be removed is no lock any more for this process, see {@link clear}. */
export const release = (path: string, own: string): Effect.Effect<void, SystemError> =>
  Effect.tapError(remove(path, own), () => Effect.sync(() => abandoned.add(own)))

/** Removes the file at `path` if it is still the debris that was `seen` there; gives what is in the way, if anything is. */
const evict = (
  family: Family,
  path: string,
  seen: Seen,
  depth: number
): Effect.Effect<Option.Option<Seen>, SystemError> =>
  Effect.gen(function* () {
    const identity = identityOf(seen)
    if (identity === undefined || depth >= maxDepth || !(yield* isDebris(family.self, seen))) return Option.some(seen)
    const guard = `${family.root}.${identity}.guard`
    const own = yield* nonce
    const inTheWay = yield* claim(family, guard, own, depth + 1)
    if (Option.isSome(inTheWay)) return Option.some(inTheWay.value._tag === "Foreign" ? inTheWay.value : seen)
    yield* Effect.ensuring(remove(path, identity), Effect.ignore(release(guard, own)))
    abandoned.delete(identity)
    return Option.none()
  })

/** Removes what a dead process, or this one, left at `path`, if it did. Must not be interrupted. */
export const clear = (family: Family, path: string): Effect.Effect<void, SystemError> =>
  Effect.flatMap(look(path), (seen) =>
    Option.isSome(seen) ? Effect.asVoid(evict(family, path, seen.value, 0)) : Effect.void
  )
