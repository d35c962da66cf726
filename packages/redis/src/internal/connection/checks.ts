/** Checks of a server when the client is made. */
import type { Cluster, Redis } from "ioredis"
import { bounded } from "./bounded.js"

/** The oldest release that has `#!lua` scripts. */
const minMajor = 7

/** Fields of the response of INFO. */
const field = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:([\\w.-]{1,64})\\r?$`, "m").exec(info)?.[1]

/** What the checks found. A missing field, as of a proxy, is no problem. */
export interface Findings {
  /** The version, if it is too old. */
  readonly oldVersion: string | undefined
  /** The eviction policy, if the server may remove records. */
  readonly eviction: string | undefined
}

/** Finds problems in the response of INFO. Valkey has a `redis_version` for clients of Redis. */
export const findings = (info: string): Findings => {
  const version = field(info, "redis_version")
  const policy = field(info, "maxmemory_policy")
  return {
    oldVersion: version !== undefined && Number.parseInt(version, 10) < minMajor ? version : undefined,
    eviction: policy === "noeviction" ? undefined : policy
  }
}

/**
 * Reads the version and the eviction policy. INFO has both, also where CONFIG is forbidden. A cluster is asked on one of its
 * nodes.
 */
export const inspect = async (redis: Redis | Cluster): Promise<Findings> => {
  // Redis 6 and older accept one section only.
  const [server, memory] = await bounded(redis, () => Promise.all([redis.info("server"), redis.info("memory")]))
  return findings(`${server}\n${memory}`)
}
