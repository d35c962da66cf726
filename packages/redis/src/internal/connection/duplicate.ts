/** A second connection with the options of a client. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Cluster, Redis } from "ioredis"
import { close } from "./openClient.js"
import { isCluster } from "./options.js"

const withoutListener = (): undefined => undefined

/** Before it connects again, a copy takes the password that the application has set since. */
const copyRedis = (redis: Redis): Redis => {
  const copy = redis.duplicate({ enableOfflineQueue: true })
  copy.on("close", () => {
    const { password, username } = redis.options
    Object.assign(copy.options, { username, password })
  })
  return copy
}

/** Opens a connection with the options of a client. Without a listener, ioredis prints each error of the connection. */
export const duplicate = (redis: Redis | Cluster): Redis | Cluster =>
  (isCluster(redis) ? redis.duplicate() : copyRedis(redis)).on("error", withoutListener)

/** Opens a connection with the options of a client when it is first needed. It is closed with the scope. */
export const duplicateOnce = (redis: Redis | Cluster): Effect.Effect<() => Redis | Cluster, never, Scope.Scope> => {
  let copy: Redis | Cluster | undefined
  return Effect.acquireRelease(
    Effect.succeed(() => (copy ??= duplicate(redis))),
    () => (copy === undefined ? Effect.void : close(copy))
  )
}
