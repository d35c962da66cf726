import * as Mutex from "@countersign/client/Mutex"
import * as Effect from "effect/Effect"

interface Queue {
  readonly mutex: Mutex.Mutex
  users: number
}

/** Runs one effect at a time under each name, first come first served. Unused names take no memory. */
export type KeyedMutex = (name: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** Makes a keyed mutex. An effect that takes longer than two minutes loses the lock: its fiber may be lost. */
export const makeKeyedMutex = (): KeyedMutex => {
  const queues = new Map<string, Queue>()

  const enter = (name: string): Queue => {
    const queue = queues.get(name) ?? { mutex: Mutex.make(), users: 0 }
    queue.users += 1
    queues.set(name, queue)
    return queue
  }
  const leave = (name: string, queue: Queue): void => {
    queue.users -= 1
    if (queue.users === 0) queues.delete(name)
  }

  return (name) => (effect) =>
    Effect.acquireUseRelease(
      Effect.sync(() => enter(name)),
      (queue) => queue.mutex.withLock(effect),
      (queue) => Effect.sync(() => leave(name, queue))
    )
}
