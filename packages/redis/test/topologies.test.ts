/** TLS with users, Redis Cluster, and Sentinel: the store, the limiter and the throttle with real servers. */
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisRateLimiter from "@countersign/redis/RedisRateLimiter"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import { describe, expect } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Cluster, Redis } from "ioredis"
import { eventually, scoped, secret, token } from "./support/records.js"
import { hasRedis } from "./support/server.js"
import { cluster, sentinels, tlsServer } from "./support/topology.js"

/** The store and the limiter over a client of the application, which is closed with the scope. */
const openWith = (client: Redis | Cluster, options: RedisTokenStore.Options = {}) =>
  Effect.gen(function* () {
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        client.disconnect()
      })
    )
    client.on("error", () => undefined)
    const redis = yield* Layer.build(RedisClient.fromClient(client))
    return yield* Effect.all({
      store: RedisTokenStore.make(options),
      limiter: RedisRateLimiter.make({ onUnavailable: "fail", timeout: "10 seconds" })
    }).pipe(Effect.provideService(RedisClient.RedisClient, Context.get(redis, RedisClient.RedisClient)))
  })

/** Arguments of a server with a user that may do what the store needs. */
const user = [
  ...["--user", "app", "on", `>${secret}`, "~countersign:token:*", "-@all", "+eval", "+evalsha", "+info", "+wait"],
  ...["+@hash", "+@string", "+exists", "+type", "+del", "+rename", "+quit"]
]

describe.skipIf(!hasRedis)("RedisClient with TLS", () => {
  scoped("reads and writes as a user of the access control list, and verifies the certificate", () =>
    Effect.gen(function* () {
      const { ca, port } = yield* tlsServer(user)
      const url = `rediss://127.0.0.1:${port}`
      const options = { username: "app", password: Redacted.make(secret) } as const
      const redis = yield* RedisClient.make({ url, ...options, tls: { ca } })
      const store = yield* Effect.provideService(RedisTokenStore.make(), RedisClient.RedisClient, redis)
      yield* store.withLock("key")(store.compareAndSet("key", 0, token))
      expect(Option.map(yield* store.get("key"), ({ version }) => version)).toEqual(Option.some(1))
      expect(yield* store.remove("key", 1)).toBe(true)

      const untrusted = yield* RedisClient.make({ url, ...options, commandTimeout: "500 millis" })
      const closed = yield* Effect.provideService(RedisTokenStore.make(), RedisClient.RedisClient, untrusted)
      const error = yield* Effect.flip(closed.get("key"))
      expect(error).toMatchObject({ reason: "ReadFailed" })
      expect(error.message).not.toContain(secret)
    })
  )
})

describe.skipIf(!hasRedis)("Redis Cluster", () => {
  scoped("stores records and limits on three primaries, and fails in time while one is missing", () =>
    Effect.gen(function* () {
      const servers = yield* cluster
      const client = new Cluster(
        servers.map(({ host, port }) => ({ host, port })),
        { redisOptions: RedisClient.connectionOptions }
      )
      const { limiter, store } = yield* openWith(client)
      const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`)
      for (const key of keys) {
        yield* store.withLock(key)(store.compareAndSet(key, 0, token))
        expect(Option.map(yield* store.get(key), ({ version }) => version)).toEqual(Option.some(1))
        expect((yield* limiter.consume({ key, limit: 2, window: "1 hour" })).remaining).toBe(1)
      }
      const sizes = yield* Effect.promise(() => Promise.all(client.nodes("master").map((node) => node.dbsize())))
      expect(sizes.every((size) => size > 0)).toBe(true)

      yield* servers[0]!.kill
      const [took, results] = yield* Effect.timed(
        Effect.all(
          keys.map((key) => Effect.either(store.get(key))),
          { concurrency: "unbounded" }
        )
      )
      expect(Duration.toMillis(took)).toBeLessThan(10_000)
      const failed = results.filter(Either.isLeft)
      expect(failed.length).toBeGreaterThan(0)
      for (const { left } of failed) expect(left.reason).toBe("ReadFailed")

      yield* Effect.all(servers.map(({ kill }) => kill))
      // At first the client still has connections. Later it has none.
      for (let attempt = 0; attempt < 3; attempt++) {
        const [waited, none] = yield* Effect.timed(Effect.flip(store.get("key-0")))
        expect(none.reason).toBe("ReadFailed")
        expect(Duration.toMillis(waited)).toBeLessThan(10_000)
        yield* Effect.sleep("1 second")
      }
    })
  )
})

describe.skipIf(!hasRedis)("Redis Sentinel", () => {
  scoped("keeps an acknowledged record when three sentinels promote the replica", () =>
    Effect.gen(function* () {
      const { ports, primary, replica } = yield* sentinels
      const client = new Redis({
        ...RedisClient.connectionOptions,
        name: "primary",
        sentinels: ports.map((port) => ({ host: "127.0.0.1", port })),
        sentinelRetryStrategy: () => 100
      })
      const { store } = yield* openWith(client, { replicas: 1 })
      expect(Option.isSome(yield* eventually(store.compareAndSet("key", 0, token)))).toBe(true)
      yield* primary.kill
      expect(Either.isLeft(yield* Effect.either(store.get("key")))).toBe(true)
      const found = yield* eventually(eventually(store.get("key")))
      expect(Option.map(found, ({ version }) => version)).toEqual(Option.some(1))
      expect(client.stream.remotePort).toBe(replica.port)
      // The new primary has no replica, so a write is not acknowledged.
      expect(yield* Effect.flip(store.compareAndSet("key", 1, token))).toMatchObject({ reason: "WriteFailed" })
    })
  )
})
