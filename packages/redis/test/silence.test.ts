/** A connection that receives nothing, as after a cut of the network: the client ends it, and connects again. */
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisRateLimiter from "@countersign/redis/RedisRateLimiter"
import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { eventually, scoped, token } from "./support/records.js"
import { hasRedis, newPrefix, openStore, serverOfFile } from "./support/server.js"
import { stallingProxy } from "./support/stallingProxy.js"

const commandTimeout = "400 millis"

describe.skipIf(!hasRedis)("a connection that receives nothing", () => {
  const server = serverOfFile()

  scoped("fails one command of the store within commandTimeout, and is replaced", () =>
    Effect.gen(function* () {
      const proxy = yield* stallingProxy(server().port)
      const store = yield* openStore(proxy.url, { prefix: newPrefix() }, { commandTimeout })
      yield* store.compareAndSet("key", 0, token)
      for (let cut = 1; cut <= 3; cut++) {
        yield* proxy.stall
        const [took, error] = yield* Effect.timed(Effect.flip(store.get("key")))
        expect(error).toMatchObject({ reason: "ReadFailed", message: expect.stringContaining("no response") })
        expect(Duration.toMillis(took)).toBeLessThan(2_000)
        const [waited, found] = yield* Effect.timed(eventually(store.get("key")))
        expect(Option.map(found, ({ version }) => version)).toEqual(Option.some(1))
        expect(Duration.toMillis(waited)).toBeLessThan(2_000)
        expect(yield* proxy.connections).toBeGreaterThan(cut)
      }
    })
  )

  scoped("is replaced after a command of the limiter, which does not wait for it", () =>
    Effect.gen(function* () {
      const proxy = yield* stallingProxy(server().port)
      const redis = yield* RedisClient.make({ url: proxy.url, commandTimeout })
      const limiter = yield* Effect.provideService(
        RedisRateLimiter.make({ prefix: newPrefix(), onUnavailable: "fail", timeout: "100 millis" }),
        RedisClient.RedisClient,
        redis
      )
      const consume = limiter.consume({ key: "key", limit: 100, window: "1 hour" })
      yield* consume
      yield* proxy.stall
      expect(yield* Effect.flip(consume)).toMatchObject({ _tag: "RateLimiterError", reason: "StoreError" })
      expect((yield* eventually(consume)).remaining).toBe(98)
      expect(yield* proxy.connections).toBeGreaterThan(1)
    })
  )
})
