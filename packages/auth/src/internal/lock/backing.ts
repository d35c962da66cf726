import { TokenStoreError } from "../../Errors.js"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Three functions of an engine that `LeaseLock.make` needs. Each is one atomic operation, and measures time by the engine's
 * clock, never by that of the process.
 *
 * `name` is the key of the record, which can be any text. `owner` is a random identifier of one acquisition. Failures with
 * `ReadFailed` and `WriteFailed` count as transient. A request without a response within five seconds has failed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Backing {
  /**
   * Takes the lock for the time `lease` if it is free or has expired. Returns whether `owner` has it then. It returns true
   * if `owner` had it before: a request without a response is repeated.
   */
  readonly acquire: (name: string, owner: string, lease: Duration.Duration) => Effect.Effect<boolean, TokenStoreError>
  /**
   * Extends the lock of `owner` to a whole `lease` from now. A lock that does not exist is taken again: a failover may have
   * lost it. Returns false if another owner has it.
   */
  readonly renew: (name: string, owner: string, lease: Duration.Duration) => Effect.Effect<boolean, TokenStoreError>
  /**
   * Removes the lock if `owner` has it. This write must be as durable as that of a token. If a failover loses it, no process
   * gets the lock for the rest of the lease.
   */
  readonly release: (name: string, owner: string) => Effect.Effect<void, TokenStoreError>
}

/** Maximum duration of one request to the engine. A later response is ignored. */
const requestTimeout = Duration.seconds(5)

const silent = new TokenStoreError({
  reason: "WriteFailed",
  detail: `a request for a lock had no response within ${Duration.format(requestTimeout)}`
})

/**
 * Runs an effect that can end by a timeout, and waits for it. An interruption reaches the children of a fiber even while the
 * fiber is in an uninterruptible region. A daemon is no child, so a release there is not interrupted.
 */
const asDaemon = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(effect)), (fiber) =>
    Effect.onInterrupt(Fiber.join(fiber), () => Fiber.interruptFork(fiber))
  )

/** A backing with requests that end within five seconds, in an uninterruptible region too. */
export const bounded = ({ acquire, release, renew }: Backing): Backing => {
  const within = <A>(request: Effect.Effect<A, TokenStoreError>) =>
    asDaemon(Effect.timeoutFail(Effect.disconnect(request), { duration: requestTimeout, onTimeout: () => silent }))
  return {
    acquire: (name, owner, lease) => within(acquire(name, owner, lease)),
    renew: (name, owner, lease) => within(renew(name, owner, lease)),
    release: (name, owner) => within(release(name, owner))
  }
}
