import type { ChainableCommander, Cluster, Redis } from "ioredis"
import { createHash } from "node:crypto"
import { afterTimeout, bounded } from "../connection/bounded.js"
import * as Silence from "../connection/silence.js"

/**
 * A Lua script with its SHA-1, by which the server knows it. It begins with `#!lua`, which needs Redis 7: a replica, and a
 * primary that became one, then rejects the whole script with READONLY before it reads.
 */
export interface Script {
  readonly lua: string
  readonly sha: string
}

/**
 * Makes a script.
 *
 * @param flags - `allow-oom` also runs the script while the server has reached `maxmemory`.
 */
export const make = (body: string, flags?: "allow-oom"): Script => {
  const lua = `#!lua${flags === undefined ? "" : ` flags=${flags}`}\n${body.trim()}\n`
  return { lua, sha: createHash("sha1").update(lua).digest("hex") }
}

type Argument = string | number

/** The results of a script and of the commands that were sent with it. */
export interface Reply {
  readonly script: unknown
  /** Results of the further commands. Their errors are values. */
  readonly further: ReadonlyArray<unknown>
}

const isUnknownScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT")

/** Receives the result of a script, or its error. */
export type Receiver = (error: Error | undefined, reply: unknown) => void

/**
 * Runs a script on one key. Sends the text of the script if the server does not know it, as after a restart or a failover.
 * Without a pipeline and without further promises, a command costs a third of the time.
 */
export const send = (
  redis: Redis | Cluster,
  { lua, sha }: Script,
  key: string,
  args: ReadonlyArray<Argument>,
  receive: Receiver
): void => {
  let isReceived = false
  const onError = Silence.watch(redis)
  const receiveAny = (error: Error | null | undefined, reply: unknown) => {
    if (isReceived) return
    isReceived = true
    cancel()
    onError(error)
    receive(error ?? undefined, reply)
  }
  const cancel = afterTimeout(redis, (error) => {
    receiveAny(error, undefined)
  })
  // ioredis handles the rejection of the promise if there is a callback.
  void redis.evalsha(sha, 1, key, ...args, (error, reply) => {
    if (isUnknownScript(error)) void redis.eval(lua, 1, key, ...args, receiveAny)
    else receiveAny(error, reply)
  })
}

/** {@link send} with a promise. */
export const call = (
  redis: Redis | Cluster,
  script: Script,
  key: string,
  args: ReadonlyArray<Argument>
): Promise<unknown> =>
  new Promise((resolve, reject) => {
    send(redis, script, key, args, (error, reply) => {
      if (error === undefined) resolve(reply)
      else reject(error)
    })
  })

/**
 * Runs a script on one key, with further commands behind it in the same round trip. Sends the text of the script if the
 * server does not know it, as after a restart or a failover. Rejects with the error of the script.
 */
export const run = async (
  redis: Redis | Cluster,
  { lua, sha }: Script,
  key: string,
  args: ReadonlyArray<Argument>,
  further: (pipeline: ChainableCommander) => void
): Promise<Reply> => {
  const onError = Silence.watch(redis)
  const send = async (name: "eval" | "evalsha") => {
    const pipeline = redis.pipeline()
    if (name === "eval") pipeline.eval(lua, 1, key, ...args)
    else pipeline.evalsha(sha, 1, key, ...args)
    further(pipeline)
    return (await bounded(redis, () => pipeline.exec())) ?? []
  }
  const sendKnown = async () => {
    const results = await send("evalsha")
    return isUnknownScript(results[0]?.[0]) ? send("eval") : results
  }
  const results = await sendKnown().catch((error: unknown) => {
    onError(error)
    throw error
  })
  const [first, ...others] = results
  if (first === undefined) throw new Error("Connection is closed.")
  onError(first[0])
  if (first[0] !== null) throw first[0]
  return { script: first[1], further: others.map(([error, value]) => error ?? value) }
}
