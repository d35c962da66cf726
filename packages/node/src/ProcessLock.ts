/**
 * Locks between the processes of one host, without native code.
 *
 * @since 0.1.0
 */
import type { LockScope } from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { resolve } from "node:path"
import { nonce } from "./internal/filesystem/secureFile.js"
import type { SystemError } from "./internal/filesystem/systemError.js"
import { explain, quote } from "./internal/filesystem/systemError.js"
import { withFiberLock } from "./internal/lock/fiberQueue.js"
import type { LockFiles, LockState } from "./internal/lock/lockFile.js"
import { tryAcquire, removeIfStale, release } from "./internal/lock/lockFile.js"
import * as ProcessIdentity from "./internal/lock/processIdentity.js"

/**
 * How locks are waited for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long to wait for whoever holds it, 15 seconds when left out. Zero tries once. */
  readonly lockTimeout?: Duration.DurationInput | undefined
}

/**
 * Locks, each named by a path. What they are made of is up to the Layer: {@link layer} needs nothing but a file system;
 * `flock` through a native package, or the advisory locks of a database, can take its place.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Whom a lock keeps out: other fibers of this process, other processes of this host, or all that share it. */
  readonly reach: LockScope
  /**
   * Runs an effect while nobody else within {@link Service.reach} runs one under the same path.
   *
   * Fails with `LockTimeout`, which names the holder, when somebody else still holds the lock after `lockTimeout` (that of the
   * call before that of the service); with `Foreign` at once where the lock is another user's file; with `WriteFailed` where
   * the lock cannot be taken at all. Waiting can be interrupted. Not reentrant: who holds it and asks again waits in vain.
   */
  readonly withLock: (
    path: string,
    options?: Options
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/**
 * The locks that stores use, where there is one in their context; else each makes {@link make} of its own.
 *
 * @since 0.1.0
 * @category tags
 */
export class ProcessLock extends /* @__PURE__ */ Context.Tag("@countersign/node/ProcessLock")<ProcessLock, Service>() {}

const lockTimeout = (path: string, holder: string, advice: string) =>
  new TokenStoreError({ reason: "LockTimeout", detail: `${holder} holds the lock ${quote(path)}; ${advice}` })

const lockedByFiber = (path: string) => lockTimeout(path, "another fiber of this process", "try again when it is done")

const lockTimeoutFor = ({ root, self }: LockFiles, state: LockState): TokenStoreError => {
  if (state._tag === "Owned" && ProcessIdentity.isSameProcess(self, state.owner)) {
    return ProcessIdentity.isSameThread(self, state.owner)
      ? lockedByFiber(root)
      : lockTimeout(root, "another thread of this process", "try again when it is done")
  }
  const holder =
    state._tag === "Owned"
      ? `process ${state.owner.pid} on host ${quote(state.owner.host)}`
      : "something that is not a process of this release"
  return lockTimeout(root, holder, "try again, or remove that file if you know its holder to be gone")
}

const writeFailed = (path: string) => (error: SystemError) =>
  new TokenStoreError({ reason: "WriteFailed", detail: `the lock ${quote(path)}: ${explain(error)}` })

/** No wait helps against another user's file, and nothing of it is removed. */
const foreignLock = (path: string, user: number) =>
  new TokenStoreError({
    reason: "Foreign",
    detail:
      `the lock ${quote(path)}, or a file beside it, belongs to user ${user}: other users can create files in its folder. ` +
      "Have it removed, or choose a folder that only you can write to"
  })

/** Short enough that a lock which comes free is noticed at once, and uneven, so that waiters do not march in step. */
const retryDelay = Effect.flatMap(Random.nextIntBetween(5, 35), (ms) => Effect.sleep(Duration.millis(ms)))

/**
 * Claims the lock, and tries again until `deadline` (nanoseconds of the monotonic clock: a corrected wall clock
 * lengthens no wait). Only the pauses can be interrupted, so that no lock is left behind.
 */
const acquire = (
  files: LockFiles,
  deadline: bigint,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<string, TokenStoreError> =>
  Effect.gen(function* () {
    const ownNonce = yield* nonce
    for (;;) {
      const state = yield* Effect.mapError(tryAcquire(files, files.root, ownNonce), writeFailed(files.root))
      if (Option.isNone(state)) return ownNonce
      if (state.value._tag === "Foreign") return yield* foreignLock(files.root, state.value.user)
      if ((yield* Clock.currentTimeNanos) >= deadline) return yield* lockTimeoutFor(files, state.value)
      yield* restore(retryDelay)
    }
  })

/** A pause that keeps no process alive which has nothing else to do. */
const unrefSleep = (ms: number): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const timer = setTimeout(() => resume(Effect.void), ms).unref()
    return Effect.sync(() => clearTimeout(timer))
  })

/** Only this process may remove its lock, and others wait for it: it tries again after 1 s, 2 s, and so on to 1 min. */
const retryRemoval = (files: LockFiles, ms = 1_000): Effect.Effect<void> =>
  unrefSleep(ms).pipe(
    Effect.zipRight(Effect.uninterruptible(removeIfStale(files, files.root))),
    Effect.catchAll(() => retryRemoval(files, Math.min(ms * 2, 60_000)))
  )

/** The work under a lock that cannot be removed is done all the same. The next claim of this process takes it over. */
const releaseOrWarn = (files: LockFiles, ownNonce: string): Effect.Effect<void> =>
  Effect.catchAll(release(files.root, ownNonce), (error) =>
    Effect.zipRight(
      Effect.logWarning(`The lock ${quote(files.root)} could not be released: ${explain(error)}`),
      Effect.forkDaemon(retryRemoval(files))
    )
  )

/** For ever, in nanoseconds. */
const infiniteNanos = 2n ** 63n

const defaultTimeout = Duration.seconds(15)

/**
 * Locks between the processes of one host: files, each at the path that names it. The folder must exist, and nobody else
 * may write to it.
 *
 * A lock is a file that names its owner: process id, start time, boot, host, and on Linux the worker thread. It is taken over
 * only when that process, or that thread, provably runs no more, never because it is old: a process that was stopped for an hour still holds its lock when it
 * goes on. The lock of another host, or of another container, is never taken over; the error names the file then. A lock
 * that its own process could not remove, since the disk refused, is removed by it later.
 *
 * Fibers of this process take turns in the order in which they came. A waiter's time counts from the moment it asks. One
 * that waited its time behind other fibers tries once, and fails if the lock is held, by whomever.
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
  Effect.map(ProcessIdentity.currentProcess, (self) => ({
    reach: "host",
    withLock: (path, callOptions) => {
      const files = { root: resolve(path), self }
      const timeout = Duration.decode(callOptions?.lockTimeout ?? options.lockTimeout ?? defaultTimeout)
      const nanos = Option.getOrElse(Duration.toNanos(timeout), () => infiniteNanos)
      return (effect) =>
        Effect.flatMap(Clock.currentTimeNanos, (now) =>
          withFiberLock(files.root, timeout, () =>
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
 * {@link make} as a Layer.
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
 * Locks between the fibers of this process alone, without files: for a program that runs once, and for tests. A store
 * over them says that it reaches no further. Everything in the process that locks one path takes turns, wherever the Layer
 * is provided.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<ProcessLock> = /* @__PURE__ */ Layer.succeed(ProcessLock, {
  reach: "process",
  withLock: (path, options) => (effect) =>
    withFiberLock(resolve(path), Duration.decode(options?.lockTimeout ?? defaultTimeout), (acquired) =>
      Effect.zipRight(acquired ? Effect.void : lockedByFiber(resolve(path)), effect)
    )
})

/**
 * The locks that a store should use: those of the context where there are some, else {@link make}. `options` count for
 * both.
 *
 * @param options - how long to wait, where a call does not say.
 * @since 0.1.0
 * @category constructors
 */
export const fromContext = (options: Options = {}): Effect.Effect<Service> =>
  Effect.flatMap(Effect.serviceOption(ProcessLock), (provided) =>
    Option.isNone(provided)
      ? make(options)
      : Effect.succeed({
          reach: provided.value.reach,
          withLock: (path, callOptions) =>
            provided.value.withLock(path, { lockTimeout: callOptions?.lockTimeout ?? options.lockTimeout })
        })
  )
