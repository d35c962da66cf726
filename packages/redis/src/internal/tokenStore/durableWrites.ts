/** Scripts that count as done only when replicas have their writes. */
import { BoundedMap } from "@countersign/client/BoundedMap"
import type { Cluster, Redis } from "ioredis"
import type { Script } from "../scripts/script.js"
import { isCluster } from "../connection/options.js"
import * as Silence from "../connection/silence.js"
import * as Scripts from "../scripts/script.js"
import { touch } from "./scripts.js"

/** How many replicas must have a write. */
interface Replication {
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

/** The response of a script that writes: its result, and the number of replicas at that moment, -1 if it is not known. */
interface Written {
  readonly result: number
  readonly online: number
}

const written = (reply: unknown): Written => {
  const fields: ReadonlyArray<unknown> = Array.isArray(reply) ? reply : []
  const [result, online] = fields
  // Something else than a script of this store responds.
  if (typeof result !== "number" || typeof online !== "number") throw new Error("the response has another format")
  return { result, online }
}

/** Options of {@link DurableWrites}. */
interface Options {
  readonly redis: Redis | Cluster
  /** A connection of its own for writes that wait for replicas: WAIT delays the commands behind it. */
  readonly waiting: () => Redis | Cluster
  readonly replication: Replication
}

/**
 * Runs scripts that write, and waits for replicas in the same round trip. WAIT names no key, so it must be in the pipeline of
 * the script: in a cluster it then reaches the node that carried out the write.
 *
 * With `auto`, each script returns how many replicas its server has at the moment of the write. So a write counts as stored
 * without a replica only if its own server had none. What an earlier write found decides only whether WAIT is sent with the
 * script, or after it.
 */
export class DurableWrites {
  readonly #options: Options
  /** Servers that had a replica at the last write. */
  readonly #replicated = new BoundedMap<true>(10_000)

  constructor(options: Options) {
    this.#options = options
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
    const { redis, replication } = this.#options
    const required = this.#required(key)
    if (required > 0) return this.#runAndWait(script, key, args, isWrite, required)
    const { online, result } = written(await Scripts.call(redis, script, key, args))
    if (replication.replicas !== "auto" || online <= 0) return result
    this.#replicated.set(this.#server(key), true)
    if (isWrite(result)) await this.settle(key)
    return result
  }

  async #runAndWait(
    script: Script,
    key: string,
    args: ReadonlyArray<string | number>,
    isWrite: (result: number) => boolean,
    required: number
  ): Promise<number> {
    const { replication, waiting } = this.#options
    const reply = await Scripts.run(waiting(), script, key, args, (pipeline) => {
      pipeline.wait(required, replication.timeoutMs)
    }).catch((error: unknown) => {
      this.#recover(key, error)
      throw error
    })
    const { online, result } = written(reply.script)
    const isWithout = replication.replicas === "auto" && online === 0
    if (isWithout) this.#replicated.delete(this.#server(key))
    if (isWrite(result) && !isWithout) requireReplicas(reply.further[0], required)
    return result
  }

  /**
   * Writes with WAIT are carried out one after the other. With a lost replica, those behind the first ones time out, and later
   * ones queue behind them. So the connection is ended with its queue. A cluster has one for each node: there, the next write is
   * sent without WAIT, and finds out whether its server still has a replica.
   */
  #recover(key: string, error: unknown): void {
    const waiting = this.#options.waiting()
    if (isCluster(waiting)) this.#replicated.delete(this.#server(key))
    else Silence.endAfterTimeout(waiting, error)
  }

  /**
   * Succeeds when replicas have the record of a key as it is now. Returns the connection with this record: after a failover,
   * another one may still have that of the old primary.
   */
  async settle(key: string): Promise<Redis | Cluster> {
    await this.run(touch, key, [], (result) => result === 1)
    return this.#required(key) > 0 ? this.#options.waiting() : this.#options.redis
  }

  /** The server of a key, as far as it is known: in a cluster, each key may have another one. */
  #server(key: string): string {
    return this.#options.redis.isCluster ? key : ""
  }

  #required(key: string): number {
    const { replicas } = this.#options.replication
    return replicas === "auto" ? (this.#replicated.get(this.#server(key)) === true ? 1 : 0) : replicas
  }
}

const requireReplicas = (acknowledged: unknown, required: number): void => {
  if (acknowledged instanceof Error) throw acknowledged
  const count = Number(acknowledged)
  if (!(count >= required)) throw new Unreplicated(count, required)
}
