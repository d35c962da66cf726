/**
 * Locks between the processes of one host, without native code.
 *
 * @since 0.1.0
 */
import type { LockScope } from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Mutex from "@countersign/client/Mutex"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { resolve } from "node:path"
import { nonce } from "./internal/filesystem/secureFile.js"
import type { SystemError } from "./internal/filesystem/systemError.js"
import { explain, quote } from "./internal/filesystem/systemError.js"
import type { LockFiles, LockState } from "./internal/lock/lockFile.js"
import { tryAcquire, removeIfStale, release } from "./internal/lock/lockFile.js"
import * as OptionNames from "./internal/options/optionNames.js"
import * as ProcessIdentity from "./internal/lock/processIdentity.js"

/**
 * Options of {@link make}, {@link layer} and {@link Service.withLock}: how long to wait for a lock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long to wait while another process or fiber holds the lock. Zero tries once. Default: 15 seconds. */
  readonly lockTimeout?: Duration.DurationInput | undefined
}

/**
 * The service behind {@link ProcessLock}: locks that are named by paths. {@link layer} uses lock files. A Layer of your
 * own can use `flock` through a native package, or the advisory locks of a database.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * The scope of the locks: the fibers of this process, the processes of this host, or all processes that share the
   * store.
   */
  readonly lockScope: LockScope
  /**
   * Runs an effect while it holds the lock of the path. Within {@link Service.lockScope}, one effect per path runs at a
   * time.
   *
   * Waiting can be interrupted. The lock is not reentrant: an effect that takes the same lock again waits until the
   * timeout.
   *
   * Fails with `TokenStoreError`:
   *
   * - `LockTimeout`: the lock was not free within `lockTimeout` (the call's, or else the service's). The error names
   *   the holder.
   * - `OwnerMismatch`: the lock is a file of another user. It fails at once.
   * - `WriteFailed`: the lock file cannot be written.
   */
  readonly withLock: (
    path: string,
    options?: Options
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/**
 * Service tag of the locks that the token stores of this package use. Without it in the context, each store makes its
 * own locks with {@link make}.
 *
 * @since 0.1.0
 * @category tags
 */
export class ProcessLock extends /* @__PURE__ */ Context.Tag("@countersign/node/ProcessLock")<ProcessLock, Service>() {}

const names: OptionNames.ShapeOf<Options> = { lockTimeout: "duration" }

const known = (options: Options): Options => OptionNames.known("`ProcessLock`", options, names)

const checkNames = (options: Options): Effect.Effect<void> => Effect.sync(() => void known(options))

const lockTimeout = (path: string, holder: string, advice: string) =>
  new TokenStoreError({ reason: "LockTimeout", detail: `${holder} holds the lock ${quote(path)}. ${advice}` })

const lockedByFiber = (path: string) => lockTimeout(path, "another fiber of this process", "Try again when it is done.")

/** Waiting does not help against a file of another user, and such a file is not removed. */
const foreignLock = (path: string, user: number) =>
  new TokenStoreError({
    reason: "OwnerMismatch",
    detail:
      `the lock ${quote(path)}, or a file next to it, belongs to user ${user}: other users can create files in its folder. ` +
      "Ask that user to remove it, or choose a folder that only you can write to."
  })

const lockTaken = ({ root, self }: LockFiles, state: LockState): TokenStoreError => {
  if (state._tag === "OtherUser") return foreignLock(root, state.user)
  if (state._tag === "Owned" && ProcessIdentity.isSameProcess(self, state.owner)) {
    return ProcessIdentity.isSameThread(self, state.owner)
      ? lockedByFiber(root)
      : lockTimeout(root, "another thread of this process", "Try again when it is done.")
  }
  const holder =
    state._tag === "Owned" ? `process ${state.owner.pid} on host ${quote(state.owner.host)}` : "an unknown program"
  return lockTimeout(root, holder, "Try again, or remove that file if its holder no longer runs.")
}

const writeFailed = (path: string) => (error: SystemError) =>
  new TokenStoreError({ reason: "WriteFailed", detail: `cannot write the lock ${quote(path)}: ${explain(error)}` })

/** 5 to 35 ms: short, so that a free lock is taken soon, and random, so that waiting processes do not retry together. */
const retrySchedule = Schedule.jitteredWith(Schedule.spaced("20 millis"), { min: 0.25, max: 1.75 })

/**
 * Takes the lock, and retries until `deadline`, in nanoseconds of the monotonic clock: a change of the system time does
 * not lengthen the wait. Only the delays can be interrupted. An interruption after the last attempt releases the lock.
 */
const acquire = (
  files: LockFiles,
  deadline: bigint,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<string, TokenStoreError> =>
  Effect.flatMap(nonce, (ownNonce) => {
    const attempt = Effect.mapError(tryAcquire(files, files.root, ownNonce), writeFailed(files.root)).pipe(
      Effect.flatMap((state) => (Option.isNone(state) ? Effect.succeed(ownNonce) : lockTaken(files, state.value))),
      Effect.uninterruptible
    )
    const canRetry = ({ reason }: TokenStoreError) =>
      Effect.map(Clock.currentTimeNanos, (now) => reason === "LockTimeout" && now < deadline)
    return Effect.onInterrupt(restore(Effect.retry(attempt, { schedule: retrySchedule, while: canRetry })), () =>
      releaseOrWarn(files, ownNonce)
    )
  })

/** A clock with delays that do not keep the process alive. */
const unrefClock: Clock.Clock = Object.assign(Clock.make(), {
  sleep: (delay: Duration.Duration) =>
    Effect.async<void>((resume) => {
      const timer = setTimeout(() => resume(Effect.void), Duration.toMillis(delay)).unref()
      return Effect.sync(() => clearTimeout(timer))
    })
})

/** After the first delay: 2 s, 4 s, and so on up to 1 min. */
const removalSchedule = Schedule.union(Schedule.exponential("2 seconds"), Schedule.spaced("1 minute"))

/** Only this process may remove its lock, and others wait for it. */
const retryRemoval = (files: LockFiles): Effect.Effect<void> =>
  Effect.uninterruptible(removeIfStale(files, files.root)).pipe(
    Effect.retry(removalSchedule),
    Effect.delay("1 second"),
    Effect.withClock(unrefClock),
    Effect.ignore
  )

/** The effect succeeds even if its lock cannot be removed. The next attempt of this process takes the lock over. */
const releaseOrWarn = (files: LockFiles, ownNonce: string): Effect.Effect<void> =>
  Effect.catchAll(release(files.root, ownNonce), (error) =>
    Effect.zipRight(
      Effect.logWarning(`Cannot release the lock ${quote(files.root)}: ${explain(error)}`),
      Effect.forkDaemon(retryRemoval(files))
    )
  )

/** An infinite timeout in nanoseconds. */
const infiniteNanos = 2n ** 63n

/** One per process: two services of one file must not poll against each other. A fiber may hold a lock for ever. */
const fiberLocks = Mutex.makeKeyed(Duration.infinity)

const defaultTimeout = Duration.seconds(15)

/**
 * Makes locks between the processes of one host. Each lock is a file at its path. The folder must exist, and other
 * users must not have write access to it.
 *
 * A lock file names its owner: process id, start time, boot, host, and on Linux the worker thread. A lock is taken over
 * only if that process or thread has provably exited. Age does not matter: a process that was stopped for an hour still
 * holds its lock. The lock of another host or container is never taken over, and the error names the file. If the
 * process cannot remove its own lock, because the disk fails, it removes the lock later.
 *
 * Fibers of this process get a lock in the order of their requests. `lockTimeout` starts when a fiber requests the
 * lock. A fiber that waited its time behind other fibers tries once, and fails if the lock is held.
 *
 * @example
 * import * as ProcessLock from "@countersign/node/ProcessLock"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const locks = yield* ProcessLock.make({ lockTimeout: "5 seconds" })
 *   yield* Effect.log("alone on this host").pipe(locks.withLock("/run/user/1000/app.lock"))
 * })
 *
 * @param options - how long to wait.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service> =>
  Effect.map(Effect.zipRight(checkNames(options), ProcessIdentity.currentProcess), (self) => ({
    lockScope: "host",
    withLock: (path, callOptions = {}) => {
      const files = { root: resolve(path), self }
      const timeout = Duration.decode(known(callOptions).lockTimeout ?? options.lockTimeout ?? defaultTimeout)
      const nanos = Option.getOrElse(Duration.toNanos(timeout), () => infiniteNanos)
      return (effect) =>
        Effect.flatMap(Clock.currentTimeNanos, (now) =>
          fiberLocks.withLockWithin(
            files.root,
            timeout
          )(() =>
            Effect.uninterruptibleMask((restore) =>
              Effect.flatMap(acquire(files, now + nanos, restore), (nonce) =>
                Effect.ensuring(restore(effect), releaseOrWarn(files, nonce))
              )
            )
          )
        )
    }
  }))

/**
 * Layer of the locks that the token stores of this package use: lock files between the processes of one host.
 *
 * @example
 * import * as FileTokenStore from "@countersign/node/FileTokenStore"
 * import * as ProcessLock from "@countersign/node/ProcessLock"
 * import * as Layer from "effect/Layer"
 *
 * const StoreLive = FileTokenStore.layer({ path: "/home/me/.config/app/tokens.json" }).pipe(
 *   Layer.provide(ProcessLock.layer({ lockTimeout: "5 seconds" }))
 * )
 *
 * @param options - how long to wait.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<ProcessLock> => Layer.effect(ProcessLock, make(options))

/**
 * Layer of locks between the fibers of this process, without files: for a program that runs once, and for tests.
 *
 * The `lockScope` of a store over it is `process`. All users of one path in the process exclude each other, even with
 * different Layers.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<ProcessLock> = /* @__PURE__ */ Layer.succeed(ProcessLock, {
  lockScope: "process",
  withLock:
    (path, options = {}) =>
    (effect) =>
      fiberLocks.withLockWithin(
        resolve(path),
        Duration.decode(known(options).lockTimeout ?? defaultTimeout)
      )((acquired) => Effect.zipRight(acquired ? Effect.void : lockedByFiber(resolve(path)), effect))
})

/**
 * The locks for a store: those of the context, or else locks of {@link make}. `options` apply to both. For token stores
 * of your own.
 *
 * @param options - how long to wait if a call does not set it.
 * @since 0.1.0
 * @category constructors
 */
export const fromContext = (options: Options = {}): Effect.Effect<Service> =>
  Effect.flatMap(Effect.serviceOption(ProcessLock), (provided) =>
    Option.isNone(provided)
      ? make(options)
      : Effect.as(checkNames(options), {
          lockScope: provided.value.lockScope,
          withLock: (path, callOptions = {}) =>
            provided.value.withLock(path, { lockTimeout: known(callOptions).lockTimeout ?? options.lockTimeout })
        })
  )
