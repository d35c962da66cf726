import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

interface Queue {
  readonly semaphore: Effect.Semaphore
  users: number
}

/** Of the process, not of a service: two services for one file must not poll against each other. */
const queues = new Map<string, Queue>()

interface Place {
  readonly queue: Queue
  /** Written where the turn is given, so that one that comes together with a time-out or an interruption is not lost. */
  hasTurn: boolean
}

const enter = (path: string): Place => {
  const queue = queues.get(path) ?? { semaphore: Effect.unsafeMakeSemaphore(1), users: 0 }
  queue.users += 1
  queues.set(path, queue)
  return { queue, hasTurn: false }
}

const leave = (path: string, { hasTurn, queue }: Place): Effect.Effect<void> => {
  queue.users -= 1
  if (queue.users === 0) queues.delete(path)
  return hasTurn ? Effect.asVoid(queue.semaphore.release(1)) : Effect.void
}

/** Waits for the turn no longer than `timeout`, also for a caller who cannot be interrupted; tells whether it came. */
const turnOf = (place: Place, timeout: Duration.Duration): Effect.Effect<boolean> => {
  const { semaphore, users } = place.queue
  const took = () => (place.hasTurn = true)
  if (users === 1) return Effect.uninterruptible(Effect.map(semaphore.take(1), took))
  const taken = Effect.uninterruptible(Effect.map(Effect.interruptible(semaphore.take(1)), took))
  return Effect.map(Effect.timeoutOption(taken, timeout), () => place.hasTurn)
}

/** Fibers of this process take turns at a path. Whose turn did not come in time is told so, and kept no longer. */
export const inTurn = <A, E, R>(
  path: string,
  timeout: Duration.Duration,
  use: (hasTurn: boolean) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => enter(path)),
    (place) => Effect.flatMap(turnOf(place, timeout), use),
    (place) => Effect.suspend(() => leave(path, place))
  )
