/** Replies of a server to a script: each has a typed error with a code of Redis, and no message has an argument or a reply. */
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisRateLimiter from "@countersign/redis/RedisRateLimiter"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { inspect } from "node:util"
import { secret, token } from "./support/records.js"
import { scriptedServer } from "./support/scriptedServer.js"
import { openStore } from "./support/server.js"

/** READONLY is in the tests of faults: the client then connects again. */
const codes = [
  "LOADING",
  "CLUSTERDOWN",
  "OOM",
  "NOAUTH",
  "NOPERM",
  "MISCONF",
  "NOREPLICAS",
  "MASTERDOWN",
  "BUSY",
  "TRYAGAIN",
  "NOSCRIPT"
] as const

const garbage: ReadonlyArray<readonly [name: string, reply: string]> = [
  ["an unknown error", `-ERR ${secret}\r\n`],
  ["an error without a code", `-${secret}\r\n`],
  ["a text", `$${secret.length}\r\n${secret}\r\n`],
  ["a status", `+${secret}\r\n`],
  ["null", "$-1\r\n"],
  ["an empty list", "*0\r\n"],
  ["a list of texts", `*2\r\n$${secret.length}\r\n${secret}\r\n$${secret.length}\r\n${secret}\r\n`],
  ["another protocol", `HTTP/1.1 400 Bad Request\r\n\r\n${secret}`],
  ["a truncated text", `$100\r\n${secret}`]
]

const client = { commandTimeout: "300 millis" } as const

/** The errors of all operations of a store. None shows a text of the server or a token. */
const failuresOf = (reply: string) =>
  Effect.gen(function* () {
    const store = yield* openStore(yield* scriptedServer(() => reply), { replicas: 0, lockTimeout: 0 }, client)
    const results: ReadonlyArray<Either.Either<unknown, TokenStoreError>> = yield* Effect.all([
      Effect.either(store.get("key")),
      Effect.either(store.compareAndSet("key", 0, token)),
      Effect.either(store.remove("key", 1)),
      Effect.either(store.withLock("key")(Effect.die("the lock was acquired")))
    ])
    return results.map((result) => {
      if (Either.isRight(result)) return { reason: "none", message: "" }
      expect(inspect(result.left, { depth: 9 }) + JSON.stringify(result.left)).not.toMatch(/s3cr3t|[0-9a-f]{40}/)
      return { reason: result.left.reason, message: result.left.message }
    })
  })

/** The error of a limiter that does not count alone, and the result of one that does. */
const limiterResults = (reply: string) =>
  Effect.gen(function* () {
    const redis = yield* RedisClient.make({ url: yield* scriptedServer(() => reply), ...client })
    const consume = (onUnavailable: "local" | "fail") =>
      RedisRateLimiter.make({ onUnavailable, timeout: "400 millis" }).pipe(
        Effect.flatMap((limiter) => Effect.either(limiter.consume({ key: "key", limit: 4, window: "1 hour" }))),
        Effect.provideService(RedisClient.RedisClient, redis)
      )
    return yield* Effect.all([consume("fail"), consume("local")])
  })

describe("replies to a script", () => {
  it.live.each(codes)("names the code %s in a typed error", (code) =>
    Effect.scoped(
      Effect.gen(function* () {
        const [get, ...changes] = yield* failuresOf(`-${code} ${secret}\r\n`)
        expect(get).toMatchObject({ reason: "ReadFailed", message: expect.stringContaining(`Redis: ${code}: `) })
        for (const change of changes) {
          expect(change).toMatchObject({ reason: "WriteFailed", message: expect.stringContaining(`${code}: `) })
        }
        const [failed, alone] = yield* limiterResults(`-${code} ${secret}\r\n`)
        expect(failed).toMatchObject({
          _tag: "Left",
          left: { reason: "StoreError", message: expect.stringContaining(`${code}: `) }
        })
        expect(inspect(failed, { depth: 9 })).not.toContain(secret)
        expect(alone).toMatchObject({ _tag: "Right", right: { remaining: 3 } })
      })
    )
  )

  it.live("reports WRONGTYPE as data of another format", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const [get, write, removal] = yield* failuresOf(`-WRONGTYPE ${secret}\r\n`)
        for (const error of [get, write, removal]) expect(error?.reason).toBe("UnsupportedFormat")
      })
    )
  )

  it.live.each(garbage.map(([name, reply]) => ({ name, reply })))("fails with typed errors for $name", ({ reply }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const [get, write, removal] = yield* failuresOf(reply)
        expect(["ReadFailed", "Corrupt", "UnsupportedFormat"]).toContain(get?.reason)
        expect([write?.reason, removal?.reason]).toEqual(["WriteFailed", "WriteFailed"])
        const [failed, alone] = yield* limiterResults(reply)
        expect(failed).toMatchObject({ _tag: "Left", left: { reason: "StoreError" } })
        expect(inspect(failed, { depth: 9 })).not.toContain(secret)
        expect(alone).toMatchObject({ _tag: "Right", right: { remaining: 3 } })
      })
    )
  )
})
