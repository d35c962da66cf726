/** Runs the contract of token stores with a Redis server, and with several processes. */
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import * as FaultProxy from "@countersign/testing/FaultProxy"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { nextLine, run } from "./support/program.js"
import { token } from "./support/records.js"
import { command, hasRedis, newPrefix, openStore, serverOfFile } from "./support/server.js"

/** Shorter than the time after which the contract expects the lock of a killed process to be free. */
const lease = 2_500

/** Removes all locks, as the server does at the end of their leases. */
const removeLocks = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end"

describe.skipIf(!hasRedis)("RedisTokenStore", () => {
  const server = serverOfFile()

  const kill = (prefix: string) =>
    Effect.gen(function* () {
      const program = yield* run("writeUntilKilled", server().url, prefix, String(lease))
      yield* nextLine(program)
      program.signal("SIGKILL")
      yield* Effect.promise(() => program.end)
    })

  const harness: TokenStoreContract.Harness<string> = {
    place: Effect.sync(newPrefix),
    open: (prefix) => openStore(server().url, { prefix, lease }),
    isShared: true,
    disk: () => ({
      fill: command(server().port, "CONFIG", "SET", "maxmemory", "1"),
      free: command(server().port, "CONFIG", "SET", "maxmemory", "0")
    }),
    pooled: (prefix) =>
      Effect.flatMap(RedisClient.make({ url: server().url }), (redis) => {
        const store = Effect.provideService(RedisTokenStore.make({ prefix, lease }), RedisClient.RedisClient, redis)
        return Effect.all([store, store])
      }),
    loseLocks: (prefix) => command(server().port, "EVAL", removeLocks, "0", `${prefix}*:lock`),
    lossy: (prefix) =>
      Effect.gen(function* () {
        const proxy = yield* FaultProxy.make({ port: server().port })
        const store = yield* openStore(`redis://127.0.0.1:${proxy.port}`, { prefix, lease })
        // The server knows the scripts afterwards: the response to an unknown one is not that of a change.
        yield* store.compareAndSet("other", 0, token)
        yield* store.remove("other", 1)
        const lost = Effect.zipRight(Effect.sleep("300 millis"), Effect.zipRight(proxy.reset, proxy.set({})))
        const hole = proxy.set({ down: [FaultProxy.Toxic.BlackHole({})] })
        return { store, loseNext: Effect.zipRight(hole, Effect.asVoid(Effect.forkDaemon(lost))) }
      }),
    kill
  }

  TokenStoreContract.register({ describe, it }, "RedisTokenStore", harness)

  it.live.each(["withLock", "compareAndSet"])("loses no increment of four processes with %s", (mode) =>
    Effect.scoped(
      Effect.gen(function* () {
        const prefix = newPrefix()
        const programs = yield* Effect.all(
          Array.from({ length: 4 }, () => run("increment", server().url, prefix, mode, "25"))
        )
        expect(yield* Effect.forEach(programs, nextLine, { concurrency: "unbounded" })).toEqual(Array(4).fill("lost 0"))
        const store = yield* openStore(server().url, { prefix })
        const found = Option.getOrThrow(yield* store.get("count"))
        expect([Redacted.value(found.token.accessToken), found.version]).toEqual(["100", 100])
      })
    )
  )
})
