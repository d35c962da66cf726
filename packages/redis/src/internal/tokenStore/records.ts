/** Reads and writes of records, and the lock of each. */
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as LeaseLock from "@countersign/auth/LeaseLock"
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Cluster, Redis } from "ioredis"
import { randomBytes } from "node:crypto"
import { bounded } from "../connection/bounded.js"
import type { Script } from "../scripts/script.js"
import * as Scripts from "../scripts/script.js"
import type { DurableWrites } from "./durableWrites.js"
import * as RecordCodec from "./recordCodec.js"
import { SeenRecords } from "./seenRecords.js"
import * as StoreScripts from "./scripts.js"
import { attempt, mayBeStored, storeError } from "./storeErrors.js"

/** A connection with its keys. */
interface Place {
  readonly redis: Redis | Cluster
  readonly prefix: string
  readonly writes: DurableWrites
}

/** Reads and writes records by name. A result above 0 means that the script wrote. */
export interface Records {
  readonly read: (name: string) => Effect.Effect<unknown, TokenStoreError>
  /** Notes that a record was read whole. Later writes of this process then change only this record. */
  readonly note: (name: string, reply: unknown) => void
  readonly compareAndSet: (name: string, expected: number, text: string) => Effect.Effect<number, TokenStoreError>
  readonly remove: (name: string, expected: number) => Effect.Effect<number, TokenStoreError>
  /** Moves a damaged record, as it was read, to another key. Returns that key, or `None` if the record has changed. */
  readonly moveAside: (name: string, read: RecordCodec.Head) => Effect.Effect<Option.Option<string>, TokenStoreError>
}

const checkStatus = (result: number): Effect.Effect<number, TokenStoreError> =>
  result === StoreScripts.status.unsupportedFormat
    ? RecordCodec.unsupported()
    : result === StoreScripts.status.corrupt
      ? RecordCodec.corrupt("has a version that is not a number")
      : Effect.succeed(result)

/** Makes the reads and writes of records. */
export const makeRecords = ({ prefix, redis, writes }: Place): Records => {
  /** Writes of this process by name that may be stored, and may be lost in a failover. */
  const unsettled = new Map<string, symbol>()
  const seen = new SeenRecords()
  const keyOf = (name: string) => `${prefix}{${name}}`

  const change = (name: string, script: Script, args: ReadonlyArray<string | number>) =>
    attempt("WriteFailed", async () => {
      const earlier = unsettled.get(name)
      try {
        const result = await writes.run(script, keyOf(name), args, (result) => result > 0)
        // A write covers those before it. Without a write, an earlier one may still be missing on the replicas.
        if (result > 0 && unsettled.get(name) === earlier) unsettled.delete(name)
        return result
      } catch (error) {
        if (mayBeStored(error)) unsettled.set(name, Symbol())
        throw error
      }
    }).pipe(Effect.uninterruptible, Effect.flatMap(checkStatus))

  const readFrom = (client: Redis | Cluster, name: string): Effect.Effect<unknown, TokenStoreError> =>
    Effect.async((resume) => {
      Scripts.send(client, StoreScripts.read, keyOf(name), [], (error, reply) => {
        resume(error === undefined ? Effect.succeed(reply) : Effect.fail(storeError("ReadFailed", error)))
      })
    })

  const settle = (name: string) =>
    attempt("ReadFailed", async () => {
      const earlier = unsettled.get(name)
      const client = await writes.settle(keyOf(name))
      if (unsettled.get(name) === earlier) unsettled.delete(name)
      return client
    })

  const read = (name: string) =>
    Effect.suspend(() =>
      unsettled.has(name) ? Effect.flatMap(settle(name), (client) => readFrom(client, name)) : readFrom(redis, name)
    )

  const compareAndSet = (name: string, expected: number, text: string) =>
    Effect.suspend(() => {
      const generation = expected === 0 ? randomBytes(9).toString("base64url") : seen.generationOf(name)
      const args = [expected, text, generation, seen.digestOf(name, expected)]
      return Effect.tap(change(name, StoreScripts.compareAndSet, args), (version) => {
        if (version > 0) seen.note(name, { version, generation, text })
        return Effect.void
      })
    })

  const remove = (name: string, expected: number) =>
    Effect.suspend(() =>
      change(name, StoreScripts.remove, [expected, seen.generationOf(name), seen.digestOf(name, expected)])
    )

  const note = (name: string, reply: unknown) => {
    const record = RecordCodec.wholeOf(reply)
    if (record === undefined) seen.forget(name)
    else seen.note(name, record)
  }

  const moveAside = (name: string, { length, version }: RecordCodec.Head) =>
    attempt("WriteFailed", async () => {
      const place = `${keyOf(name)}:corrupt:${randomBytes(9).toString("base64url")}`
      // Rare, so it is sent with its text.
      const moved = await bounded(redis, () =>
        redis.eval(StoreScripts.moveAside.lua, 2, keyOf(name), place, version, length)
      )
      if (moved !== 1) return Option.none()
      await writes.settle(keyOf(name))
      return Option.some(place)
    }).pipe(Effect.uninterruptible)

  return { read, note, compareAndSet, remove, moveAside }
}

/** The lock of each record. Only a release waits for replicas: the version of the record protects it from a lost lock. */
export const makeLock = (
  { prefix, redis, writes }: Place,
  options: LeaseLock.Options
): TokenStore.Service["withLock"] => {
  const keyOf = (name: string) => `${prefix}{${name}}:lock`
  const take = (name: string, owner: string, lease: Duration.Duration) =>
    attempt("WriteFailed", async () => {
      const ms = Math.ceil(Duration.toMillis(lease))
      return (await Scripts.call(redis, StoreScripts.acquire, keyOf(name), [owner, ms])) === 1
    })
  return LeaseLock.make(
    {
      acquire: take,
      renew: take,
      release: (name, owner) =>
        attempt("WriteFailed", () => writes.run(StoreScripts.release, keyOf(name), [owner], (result) => result > 0))
    },
    options
  )
}
