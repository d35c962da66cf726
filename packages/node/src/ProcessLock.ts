/**
 * Locks between the processes of one host, without native code.
 *
 * @since 0.1.0
 */
import { TokenStoreError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { resolve } from "node:path"
import type { Family, Seen } from "./internal/claim.js"
import { claim, release } from "./internal/claim.js"
import * as Owner from "./internal/owner.js"
import { nonce } from "./internal/secureFile.js"
import type { SystemError } from "./internal/systemError.js"
import { explain, shown } from "./internal/systemError.js"

/**
 * Locks, each named by the path of its file. The folder of a lock must exist, and nobody else may write to it.
 *
 * A lock is a file that names its owner: process id, start time, boot, host. It is taken over only when that process
 * provably runs no more, never because it is old: a process that was stopped for an hour still holds its lock when it
 * goes on. The lock of another host, or of another container, is never taken over; the error names the file then.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProcessLock {
  /**
   * Runs an effect while no other fiber, thread or process of this host runs one under the same path. Fibers of this
   * process take turns in the order in which they came.
   *
   * Fails with `Busy`, which names the holder, when another process still holds the lock after `lockTimeout`; with
   * `WriteFailed` where lock files cannot be written. Waiting can be interrupted. Not reentrant.
   */
  readonly withLock: (
    path: string
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/**
 * How locks are waited for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long to wait for another process, 15 seconds when left out. Zero tries once. */
  readonly lockTimeout?: Duration.DurationInput | undefined
}

interface Queue {
  readonly semaphore: Effect.Semaphore
  users: number
}

/** Of the process, not of a service: two services for one file must not poll against each other. */
const queues = new Map<string, Queue>()

const enter = (path: string): Queue => {
  const queue = queues.get(path) ?? { semaphore: Effect.unsafeMakeSemaphore(1), users: 0 }
  queue.users += 1
  queues.set(path, queue)
  return queue
}

const leave = (path: string, queue: Queue): void => {
  queue.users -= 1
  if (queue.users === 0) queues.delete(path)
}

const inTurn =
  (path: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => enter(path)),
      (queue) => queue.semaphore.withPermits(1)(effect),
      (queue) => Effect.sync(() => leave(path, queue))
    )

const busy = (path: string, seen: Seen): TokenStoreError => {
  const holder =
    seen._tag === "Owned"
      ? `process ${seen.owner.pid} on host ${shown(seen.owner.host)} holds`
      : "something that is not a process of this release holds"
  const detail = `${holder} the lock ${shown(path)}; try again, or remove that file if you know its holder to be gone`
  return new TokenStoreError({ reason: "Busy", detail })
}

const writeFailed = (path: string) => (error: SystemError) =>
  new TokenStoreError({ reason: "WriteFailed", detail: `the lock ${shown(path)}: ${explain(error)}` })

/** Short enough that a lock which comes free is noticed at once, and uneven, so that waiters do not march in step. */
const pause = Effect.flatMap(Random.nextIntBetween(5, 35), (ms) => Effect.sleep(Duration.millis(ms)))

/**
 * Claims the lock, and tries again until `deadline` (nanoseconds of the monotonic clock: a corrected wall clock
 * lengthens no wait). Only the pauses can be interrupted, so that no lock is left behind.
 */
const acquire = (
  family: Family,
  deadline: bigint,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<string, TokenStoreError> =>
  Effect.gen(function* () {
    const own = yield* nonce
    for (;;) {
      const seen = yield* Effect.mapError(claim(family, family.root, own), writeFailed(family.root))
      if (Option.isNone(seen)) return own
      if ((yield* Clock.currentTimeNanos) >= deadline) return yield* busy(family.root, seen.value)
      yield* restore(pause)
    }
  })

/** A lock that cannot be removed keeps others out until this process ends; the work under it is done all the same. */
const releaseOrWarn = (path: string, own: string): Effect.Effect<void> =>
  Effect.catchAll(release(path, own), (error) =>
    Effect.logWarning(`The lock ${shown(path)} could not be released: ${explain(error)}`)
  )

/**
 * Locks for this process.
 *
 * A waiter's time counts from the moment it asks. One that waited its time behind fibers of its own process tries once
 * when its turn comes, and fails only if another *process* holds on.
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
export const make = (options: Options = {}): Effect.Effect<ProcessLock> =>
  Effect.map(Owner.self, (self) => {
    const timeout = Option.getOrElse(Duration.toNanos(options.lockTimeout ?? "15 seconds"), () => 2n ** 63n)
    return {
      withLock: (path) => (effect) => {
        const family = { root: resolve(path), self }
        return Effect.flatMap(Clock.currentTimeNanos, (now) =>
          Effect.uninterruptibleMask((restore) =>
            Effect.flatMap(acquire(family, now + timeout, restore), (own) =>
              Effect.ensuring(restore(effect), releaseOrWarn(family.root, own))
            )
          ).pipe(inTurn(family.root))
        )
      }
    }
  })
