/** Scripts that count as done only when replicas have their writes. */
import type { ChainableCommander, Cluster, Redis } from "ioredis"
import type { Script } from "../scripts/script.js"
import * as Scripts from "../scripts/script.js"
import { touch } from "./scripts.js"

/** How many replicas must have a write. */
export interface Replication {
  /** A number, or `auto`: one, while one is connected to the server. */
  readonly replicas: number | "auto"
  readonly timeoutMs: number
}

/** Fewer replicas than required have a write, which may be lost in a failover. */
export class Unreplicated extends Error {
  readonly acknowledged: number
  readonly required: number

  constructor(acknowledged: number, required: number) {
    super(`${acknowledged} of ${required} replicas have the write`)
    this.acknowledged = acknowledged
    this.required = required
  }
}

/**
 * Whether the server has a replica that receives its writes. One that still loads the data cannot acknowledge them. Undefined
 * without INFO, as behind a proxy.
 */
const hasReplica = (info: unknown): boolean | undefined =>
  typeof info === "string" && info.includes("connected_slaves:") ? /^slave\d+:.*state=online/m.test(info) : undefined

/**
 * Runs scripts that write, and waits for replicas in the same round trip. WAIT names no key, so it must be in the pipeline of
 * the script: in a cluster it then reaches the node that carried out the write.
 */
export class DurableWrites {
  readonly #redis: Redis | Cluster
  readonly #replication: Replication
  /** Whether the server had a replica at the last write. Undefined before the first one. */
  #hadReplica: boolean | undefined

  constructor(redis: Redis | Cluster, replication: Replication) {
    this.#redis = redis
    this.#replication = replication
  }

  /** Whether writes wait for replicas at all. */
  get isEnabled(): boolean {
    return this.#replication.replicas !== 0
  }

  /**
   * Runs a script. Returns its result.
   *
   * @param isWrite - whether this result means that the script wrote.
   */
  async run(
    script: Script,
    key: string,
    args: ReadonlyArray<string | number>,
    isWrite: (result: number) => boolean
  ): Promise<number> {
    const { replicas } = this.#replication
    return replicas === "auto"
      ? this.#runAuto(script, key, args, isWrite)
      : this.#runWith(replicas, script, key, args, isWrite)
  }

  async #runWith(
    replicas: number,
    script: Script,
    key: string,
    args: ReadonlyArray<string | number>,
    isWrite: (result: number) => boolean
  ): Promise<number> {
    const wait = (pipeline: ChainableCommander) => {
      if (replicas > 0) pipeline.wait(replicas, this.#replication.timeoutMs)
    }
    const reply = await Scripts.run(this.#redis, script, key, args, wait)
    const result = Number(reply.script)
    if (replicas > 0 && isWrite(result)) requireReplicas(reply.further[0], replicas)
    return result
  }

  /** INFO tells after each write whether the server has a replica, because a failover may have changed that. */
  async #runAuto(
    script: Script,
    key: string,
    args: ReadonlyArray<string | number>,
    isWrite: (result: number) => boolean
  ): Promise<number> {
    this.#hadReplica ??= hasReplica(await this.#redis.info("replication").catch(() => undefined)) ?? false
    const waits = this.#hadReplica
    const reply = await Scripts.run(this.#redis, script, key, args, (pipeline) => {
      pipeline.info("replication")
      if (waits) pipeline.wait(1, this.#replication.timeoutMs)
    })
    const result = Number(reply.script)
    const [info, acknowledged] = reply.further
    const isReplicated = hasReplica(info) ?? waits
    this.#hadReplica = isReplicated
    if (!isWrite(result) || !isReplicated) return result
    if (waits) requireReplicas(acknowledged, 1)
    else await this.settle(key)
    return result
  }

  /** Succeeds when replicas have the record of a key as it is now. */
  async settle(key: string): Promise<void> {
    await this.run(touch, key, [], (result) => result === 1)
  }
}

const requireReplicas = (acknowledged: unknown, required: number): void => {
  if (acknowledged instanceof Error) throw acknowledged
  const count = Number(acknowledged)
  if (!(count >= required)) throw new Unreplicated(count, required)
}
