import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Cluster, Redis } from "ioredis"
import { duplicate } from "../connection/duplicate.js"

/** Subscribes to a channel with a connection of its own, again after each lost connection. */
export const subscribe = (
  redis: Redis | Cluster,
  channel: string,
  onMessage: (message: string) => void,
  onSubscribed: () => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const subscriber = duplicate(redis)
      const ready = () => void subscriber.subscribe(channel).then(onSubscribed, () => undefined)
      return subscriber
        .on("message", (_channel: string, message: string) => {
          onMessage(message)
        })
        .on("ready", ready)
    }),
    (subscriber) =>
      Effect.sync(() => {
        subscriber.disconnect()
      })
  )
