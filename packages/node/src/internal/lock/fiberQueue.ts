import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

interface Queue {
  readonly semaphore: Effect.Semaphore
  users: number
}

/** One map per process: two services of one file must not poll against each other. */
const queues = new Map<string, Queue>()

interface Ticket {
  readonly queue: Queue
  /** Set in the same step as the permit, so that a simultaneous timeout or interruption does not lose it. */
  acquired: boolean
}

const enter = (path: string): Ticket => {
  const queue = queues.get(path) ?? { semaphore: Effect.unsafeMakeSemaphore(1), users: 0 }
  queue.users += 1
  queues.set(path, queue)
  return { queue, acquired: false }
}

const leave = (path: string, { acquired, queue }: Ticket): Effect.Effect<void> => {
  queue.users -= 1
  if (queue.users === 0) queues.delete(path)
  return acquired ? Effect.asVoid(queue.semaphore.release(1)) : Effect.void
}

/** Waits for the permit at most `timeout`, even in an uninterruptible caller. Returns whether it was acquired. */
const awaitTicket = (ticket: Ticket, timeout: Duration.Duration): Effect.Effect<boolean> => {
  const { semaphore, users } = ticket.queue
  const markAcquired = () => (ticket.acquired = true)
  if (users === 1) return Effect.uninterruptible(Effect.map(semaphore.take(1), markAcquired))
  const acquire = Effect.uninterruptible(Effect.map(Effect.interruptible(semaphore.take(1)), markAcquired))
  return Effect.map(Effect.timeoutOption(acquire, timeout), () => ticket.acquired)
}

/**
 * Runs an effect under the lock of the path among the fibers of this process. `use` learns whether the lock was
 * acquired in time, and runs in either case.
 */
export const withFiberLock = <A, E, R>(
  path: string,
  timeout: Duration.Duration,
  use: (acquired: boolean) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => enter(path)),
    (ticket) => Effect.flatMap(awaitTicket(ticket, timeout), use),
    (ticket) => Effect.suspend(() => leave(path, ticket))
  )
