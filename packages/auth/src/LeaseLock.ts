/**
 * Distributed lock with a lease: `withLock` of a token store, over three functions of an engine such as Redis, PostgreSQL,
 * DynamoDB, etcd or Consul.
 *
 * The lock orders the processes. It cannot exclude a process that stands still for longer than its lease and then goes on.
 * Two rules of the token source protect the record from such a process: it checks {@link TokenStore.Lease} before it sends
 * a refresh token, and each write is a compare-and-set.
 *
 * @since 0.1.0
 */
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as Mutex from "@countersign/client/Mutex"
import { TokenStoreError } from "./Errors.js"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { afterwards } from "./internal/concurrency/flightProgress.js"
import { Stopwatch } from "./internal/concurrency/stopwatch.js"
import type { Backing } from "./internal/lock/backing.js"
import { bounded } from "./internal/lock/backing.js"
import * as HeldLease from "./internal/lock/heldLease.js"
import { Lease } from "./internal/lock/lease.js"
import * as OptionNames from "./internal/options/optionNames.js"
import * as TokenStore from "./TokenStore.js"

export type { Backing } from "./internal/lock/backing.js"

/**
 * Options of {@link make}: the lease, and how long to wait for the lock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How long the engine keeps a lock that is not renewed (30 s). It is renewed after each third. A process that stands still
   * for longer loses the lock. After a process has exited without a release, others wait for the rest of the lease.
   */
  readonly lease?: Duration.DurationInput | undefined
  /** How long to wait while another process or fiber holds the lock (15 s). Zero tries once. */
  readonly lockTimeout?: Duration.DurationInput | undefined
}

/**
 * The default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  /** How long the engine keeps a lock that is not renewed. */
  lease: "30 seconds",
  /** How long to wait while another process or fiber holds the lock. */
  lockTimeout: "15 seconds"
} as const

const names: OptionNames.ShapeOf<Options> = { lease: "duration", lockTimeout: "duration" }

/** Pauses between two attempts, in milliseconds: the first, the longest, and the factor from one to the next. */
const pauses = { first: 5, longest: 100, factor: 1.5 } as const

const failed = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

const notReleased = (holder: string, timeout: Duration.Duration) =>
  failed(
    "LockTimeout",
    `the lock of the record was not acquired within ${Duration.format(timeout)}: ${holder} holds it. ` +
      "Try again, or increase `lockTimeout`"
  )

const invalidLease = (lease: Duration.Duration) =>
  failed(
    "WriteFailed",
    `the lock of the record was not acquired: \`lease\` is ${Duration.format(lease)}. Set a positive, finite duration`
  )

const isTransient = ({ reason }: TokenStoreError): boolean => reason === "ReadFailed" || reason === "WriteFailed"

/** An infinite timeout in nanoseconds. */
const infiniteNanos = 2n ** 63n

/** The parts of one lock. */
interface LockOptions {
  readonly backing: Backing
  readonly name: string
  readonly lease: Duration.Duration
  readonly lockTimeout: Duration.Duration
}

/** Asks the engine once. */
const attempt = ({ backing, lease, name }: LockOptions, acquired: Lease): Effect.Effect<boolean, TokenStoreError> =>
  Effect.clockWith((clock) => {
    acquired.requested(new Stopwatch(clock))
    return Effect.tap(backing.acquire(name, acquired.owner, lease), (isAcquired) =>
      Effect.sync(() => {
        if (!isAcquired) acquired.refused()
      })
    )
  })

/**
 * Tries until the lock is acquired or the time of the monotonic clock is over. Only the pauses can be interrupted. All
 * attempts have one owner, so that the lock of an attempt without a response does not prevent the next one.
 */
const acquire = (
  options: LockOptions,
  deadline: bigint,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<Lease, TokenStoreError> =>
  Effect.zipWith(Effect.clock, IdempotencyKey.uuid, (clock, owner) => {
    const lease = new Lease(new Stopwatch(clock), Duration.toMillis(options.lease), owner)
    const again = (error: TokenStoreError, pause: number): Effect.Effect<Lease, TokenStoreError> => {
      if (clock.unsafeCurrentTimeNanos() >= deadline) return error
      const jittered = Effect.flatMap(Random.next, (random) => Effect.sleep(Math.ceil(pause * (0.5 + random / 2))))
      return Effect.zipRight(restore(jittered), next(Math.min(pause * pauses.factor, pauses.longest)))
    }
    const next = (pause: number): Effect.Effect<Lease, TokenStoreError> =>
      Effect.matchEffect(attempt(options, lease), {
        onFailure: (error) => (isTransient(error) ? again(error, pause) : Effect.fail(error)),
        onSuccess: (isAcquired) =>
          isAcquired ? Effect.succeed(lease) : again(notReleased("another process", options.lockTimeout), pause)
      })
    return Effect.onError(next(pauses.first), () =>
      lease.isUnanswered ? HeldLease.releaseInBackground(options.backing, options.name, lease) : Effect.void
    )
  }).pipe(Effect.flatten)

/** Runs an effect while the process has the lock of the engine. The effect is not interrupted if the lease is lost. */
const withLease =
  (options: LockOptions, deadline: bigint) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | TokenStoreError, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const lease = yield* acquire(options, deadline, restore)
        const release = yield* HeldLease.keep(options.backing, options.name, lease)
        const held = Effect.provideService(effect, TokenStore.Lease, { isHeld: lease.isHeld })
        // After a failure the callers may try again, and need the lock.
        return yield* Effect.onExit(restore(held), (exit) => (Exit.isSuccess(exit) ? afterwards(release) : release))
      })
    )

/**
 * Makes `withLock` of a token store over an engine. The store has the `lockScope` of its engine, usually `cluster`.
 *
 * - **Order**: fibers of this process get the lock first come, first served, so that one of them asks the engine. The engine
 *   is asked after 5 ms, then at growing intervals up to 100 ms, with jitter.
 * - **Lease**: it counts from before the request was sent. `TokenStore.Lease` is held for 90 % of it, by the larger elapsed
 *   time of the monotonic clock and the wall clock: the first stands still in a suspended machine, the second may be set
 *   back. The lease is renewed after each third, and never after its end.
 * - **Loss**: a lost lease does not interrupt the effect, because a token request that was sent would lose its response.
 *   The effect reads from `TokenStore.Lease` whether the process still has the lock.
 * - **Faults of the engine**: until `lockTimeout`, a request that fails is repeated. A lock is released in the background,
 *   until its lease is over, if its release failed or if the last request for it had no response. This does not keep a
 *   process alive.
 * - **Release**: the callers of a token source get their token before the lock is released.
 *
 * `withLock` fails with `LockTimeout` if the lock is held for longer than `lockTimeout`, and with the error of the engine if
 * the last request failed. A `lease` of zero or infinity fails with `WriteFailed`.
 *
 * @example
 * import * as LeaseLock from "@countersign/auth/LeaseLock"
 * import * as Clock from "effect/Clock"
 * import * as Duration from "effect/Duration"
 * import * as Effect from "effect/Effect"
 *
 * // In place of the map, use an engine that all processes reach, with one atomic operation for each function.
 * const locks = new Map<string, { readonly owner: string; readonly end: number }>()
 * const isFree = (name: string, owner: string, now: number) => {
 *   const lock = locks.get(name)
 *   return lock === undefined || lock.end <= now || lock.owner === owner
 * }
 * const take = (name: string, owner: string, lease: Duration.Duration) =>
 *   Effect.map(Clock.currentTimeMillis, (now) => {
 *     if (!isFree(name, owner, now)) return false
 *     locks.set(name, { owner, end: now + Duration.toMillis(lease) })
 *     return true
 *   })
 *
 * const withLock = LeaseLock.make({
 *   acquire: take,
 *   renew: take,
 *   release: (name, owner) =>
 *     Effect.sync(() => {
 *       if (locks.get(name)?.owner === owner) locks.delete(name)
 *     })
 * })
 *
 * const program = withLock("account")(Effect.log("alone"))
 *
 * @param backing - the three functions of the engine.
 * @param options - the lease, and how long to wait.
 * @since 0.1.0
 * @category constructors
 */
export const make = (backing: Backing, options: Options = {}): TokenStore.Service["withLock"] => {
  OptionNames.known("`LeaseLock`", options, names)
  const lease = Duration.decode(options.lease ?? defaults.lease)
  const lockTimeout = Duration.decode(options.lockTimeout ?? defaults.lockTimeout)
  const lockNanos = Option.getOrElse(Duration.toNanos(lockTimeout), () => infiniteNanos)
  const isValid = Duration.isFinite(lease) && Duration.toMillis(lease) > 0
  const turns = Mutex.makeKeyed()
  const engine = bounded(backing)
  return (name) => (effect) =>
    Effect.flatMap(Clock.currentTimeNanos, (now) =>
      isValid
        ? turns.withLockWithin(
            name,
            lockTimeout
          )((isNext) =>
            isNext
              ? withLease({ backing: engine, name, lease, lockTimeout }, now + lockNanos)(effect)
              : notReleased("another fiber of this process", lockTimeout)
          )
        : invalidLease(lease)
    )
}
