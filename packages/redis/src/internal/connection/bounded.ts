/**
 * The time limit of commands to a cluster. ioredis applies `commandTimeout` once a node has the command. While no node is
 * reachable, it keeps commands without a limit.
 */
import type { Cluster, Redis } from "ioredis"
import { defaultTimeoutMs, isCluster, optionsOf } from "./options.js"

/** The error of a command that has no response in time: that of ioredis. */
const timedOut = (): Error => new Error("Command timed out")

/** Calls a function after the time limit of a client, unless it is a client of one server. Returns how to prevent this. */
export const afterTimeout = (redis: Redis | Cluster, onTimeout: (error: Error) => void): (() => void) => {
  if (!isCluster(redis)) return () => undefined
  const timer = setTimeout(
    () => {
      onTimeout(timedOut())
    },
    optionsOf(redis).commandTimeout ?? defaultTimeoutMs
  )
  return () => {
    clearTimeout(timer)
  }
}

/** The result of a command, or a rejection after the time limit of the client. */
export const bounded = <A>(redis: Redis | Cluster, run: () => Promise<A>): Promise<A> =>
  new Promise((resolve, reject) => {
    const cancel = afterTimeout(redis, reject)
    run().then(resolve, reject).finally(cancel)
  })
