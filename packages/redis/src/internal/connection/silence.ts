/**
 * Ends connections that receive nothing. A cut network, or a machine without power, ends no connection. Each command would then
 * time out until the system gives up, which takes a quarter of an hour, although another server is the primary by now.
 */
import type { Cluster, Redis } from "ioredis"
import { isCluster } from "./options.js"

/** The error of ioredis for a command without a response within `commandTimeout`. */
const isTimeout = (error: unknown): boolean => error instanceof Error && error.message === "Command timed out"

/** Ends the connection of a command that timed out. */
export const endAfterTimeout = (redis: Redis, error: unknown): void => {
  if (isTimeout(error)) redis.stream.destroy()
}

/** Remembers what a connection has received until now. Returns how to end it if it has received nothing since. */
const endIfSilent = (redis: Redis): (() => void) => {
  // Undefined before the first connection, which the types leave out.
  const stream = redis.stream as Redis["stream"] | undefined
  const bytes = stream?.bytesRead
  return () => {
    if (stream !== undefined && redis.stream === stream && stream.bytesRead === bytes) stream.destroy()
  }
}

/** Asks each node of a cluster for a response, because it is unknown which one did not respond. */
const endSilentNodes = (cluster: Cluster): void => {
  for (const node of cluster.nodes()) {
    const end = endIfSilent(node)
    node.ping().catch(end)
  }
}

/** Returns a function for the error of a command that is sent now. The client connects again after a connection has ended. */
export const watch = (redis: Redis | Cluster): ((error: unknown) => void) => {
  const end = isCluster(redis)
    ? () => {
        endSilentNodes(redis)
      }
    : endIfSilent(redis)
  return (error) => {
    if (isTimeout(error)) end()
  }
}
