/** What a process does for a lease that it holds: it renews it, and releases it in the end. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Pause from "../concurrency/pause.js"
import { Stopwatch } from "../concurrency/stopwatch.js"
import type { Backing } from "./backing.js"
import type { Lease } from "./lease.js"

/** Time between two attempts to release a lock in the background. */
const releaseInterval = Duration.millis(100)

/** Releases a lock in the background until that succeeds, or until its lease is over and the engine has released it. */
export const releaseInBackground = (backing: Backing, name: string, lease: Lease): Effect.Effect<void> => {
  const next: Effect.Effect<void> = Effect.suspend(() =>
    lease.isOver
      ? Effect.void
      : Effect.matchCauseEffect(backing.release(name, lease.owner), {
          onFailure: () => again,
          onSuccess: () => Effect.void
        })
  )
  const again = Effect.zipRight(Pause.sleepInBackground(releaseInterval), next)
  return Effect.asVoid(Effect.forkDaemon(Effect.interruptible(again)))
}

/** Sends one renewal. */
const renew = (backing: Backing, name: string, lease: Lease): Effect.Effect<void> =>
  Effect.clockWith((clock) => {
    const since = new Stopwatch(clock)
    return Effect.map(Effect.exit(backing.renew(name, lease.owner, Duration.millis(lease.ms))), (exit) => {
      if (Exit.isFailure(exit)) return
      if (exit.value) lease.renewed(since)
      else lease.lost()
    })
  })

/**
 * Renews a lease each third of it, until the lease is over. Returns an effect that ends this. It waits for a renewal that is
 * on its way, which could otherwise take a released lock again.
 */
const keepRenewing = (backing: Backing, name: string, lease: Lease): Effect.Effect<Effect.Effect<void>> =>
  Effect.suspend(() => {
    let request: Fiber.RuntimeFiber<void> | undefined
    const sent = Effect.flatMap(Effect.forkDaemon(renew(backing, name, lease)), (fiber) => {
      request = fiber
      return Fiber.join(fiber)
    })
    const next: Effect.Effect<void> = Effect.suspend(() => Effect.zipRight(Effect.sleep(lease.untilRenewal), again))
    const again: Effect.Effect<void> = Effect.suspend(() => (lease.isOver ? Effect.void : Effect.zipRight(sent, next)))
    const ended = Effect.suspend(() => (request === undefined ? Effect.void : Fiber.await(request)))
    return Effect.map(Effect.forkDaemon(Effect.interruptible(next)), (renewing) =>
      Effect.zipRight(Fiber.interrupt(renewing), Effect.asVoid(ended))
    )
  })

/** Starts to renew a lease. Returns an effect that ends this and releases the lock. */
export const keep = (backing: Backing, name: string, lease: Lease): Effect.Effect<Effect.Effect<void>> =>
  Effect.map(keepRenewing(backing, name, lease), (endRenewing) =>
    Effect.zipRight(
      endRenewing,
      Effect.flatMap(Effect.exit(backing.release(name, lease.owner)), (exit) =>
        Exit.isSuccess(exit) ? Effect.void : releaseInBackground(backing, name, lease)
      )
    )
  )
