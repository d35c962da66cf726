/** Errors of a token store in Redis. */
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as RedisFailure from "../errors/redisFailure.js"
import { Unreplicated } from "./durableWrites.js"
import * as RecordCodec from "./recordCodec.js"

type Direction = "ReadFailed" | "WriteFailed"

/** The error of the store for an error of ioredis, without any text of the server. */
export const storeError = (reason: Direction, error: unknown): TokenStoreError => {
  if (error instanceof Unreplicated) {
    const detail = `Redis: ${error.acknowledged} of ${error.required} replicas have the write. Check the replicas`
    return new TokenStoreError({ reason, detail })
  }
  const { code, detail } = RedisFailure.describe(error)
  return code === "WRONGTYPE" ? RecordCodec.unsupported() : new TokenStoreError({ reason, detail: `Redis: ${detail}` })
}

/** Runs commands of ioredis. */
export const attempt = <A>(reason: Direction, run: () => Promise<A>): Effect.Effect<A, TokenStoreError> =>
  Effect.tryPromise({ try: run, catch: (error) => storeError(reason, error) })

/** Whether a write that failed may be stored on some of the servers. */
export const mayBeStored = (error: unknown): boolean =>
  error instanceof Unreplicated || RedisFailure.isUnknownResult(RedisFailure.describe(error))
