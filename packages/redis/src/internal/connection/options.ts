import type { Cluster, Redis, RedisOptions } from "ioredis"

/**
 * Options of each connection:
 *
 * - A command that was sent when the connection ended is not sent again: it may have been carried out. It fails at once, and
 *   so does a command while the server is unreachable.
 * - A command without a response ends after `commandTimeout`.
 * - An idle connection to a server that is gone ends within 20 s.
 * - After a failover, a server that has become a replica rejects with READONLY. A new connection may find the primary.
 */
export const fixed: Pick<
  RedisOptions,
  "maxRetriesPerRequest" | "autoResendUnfulfilledCommands" | "keepAlive" | "retryStrategy" | "reconnectOnError"
> = {
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // Node then sends up to ten probes, one each second.
  keepAlive: 10_000,
  retryStrategy: (attempt: number): number => Math.min(10 * attempt, 1000),
  reconnectOnError: (error: Error): boolean => error.message.includes("READONLY")
}

/** The options of a client's connections: those of each node in a cluster. */
export const optionsOf = (client: Redis | Cluster): RedisOptions =>
  "redisOptions" in client.options ? (client.options.redisOptions ?? {}) : client.options

/** Whether a client is one of a cluster. */
export const isCluster = (client: Redis | Cluster): client is Cluster => client.isCluster

/** The time limit of a command of a client without `commandTimeout`, in milliseconds. */
export const defaultTimeoutMs = 3000
