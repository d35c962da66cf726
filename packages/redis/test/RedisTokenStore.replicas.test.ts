/** Writes that wait for replicas. */
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as RedisServer from "@countersign/testing/RedisServer"
import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { eventually, keyOf, scoped, token } from "./support/records.js"
import { command, hasRedis, newPrefix, openStore, plainClient } from "./support/server.js"

/** Succeeds when a replica has acknowledged a write. */
const isReplicating = (port: number) =>
  Effect.scoped(
    Effect.flatMap(plainClient(port), (redis) =>
      Effect.promise(async () => (await redis.pipeline().set("warm-up", "1").wait(1, 200).exec())?.[1]?.[1])
    )
  ).pipe(
    Effect.filterOrFail(
      (count) => count === 1,
      () => "the replica did not acknowledge" as const
    )
  )

/** A primary, and an effect that starts a replica of it. */
const primary = Effect.map(RedisServer.make({ args: ["--repl-diskless-sync-delay", "0"] }), (server) => ({
  server,
  replica: Effect.tap(RedisServer.make({ args: ["--replicaof", server.host, String(server.port)] }), () =>
    eventually(isReplicating(server.port))
  )
}))

/** How often WAIT was called. A script that the server did not know counts twice. */
const waits = (port: number) =>
  Effect.map(command(port, "INFO", "commandstats"), (info) =>
    Number(/cmdstat_wait:calls=(\d+)/.exec(String(info))?.[1] ?? 0)
  )

const messageOf = <A>(effect: Effect.Effect<A, TokenStoreError>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

describe.skipIf(!hasRedis)("RedisTokenStore with replicas", () => {
  scoped("stores without a wait by default if the server has no replica", () =>
    Effect.gen(function* () {
      const { server } = yield* primary
      const store = yield* openStore(server.url, { prefix: newPrefix() })
      expect(Option.isSome(yield* store.compareAndSet("key", 0, token))).toBe(true)
      expect(yield* waits(server.port)).toBe(0)
    })
  )

  scoped("waits by default for a replica that was connected after the store was made", () =>
    Effect.gen(function* () {
      const { replica, server } = yield* primary
      const prefix = newPrefix()
      const store = yield* openStore(server.url, { prefix })
      yield* store.compareAndSet("key", 0, token)
      const { port } = yield* replica
      for (let version = 1; version < 4; version++) {
        const before = yield* waits(server.port)
        yield* store.compareAndSet("key", version, token)
        expect(yield* command(port, "HGET", keyOf(prefix), "v")).toBe(String(version + 1))
        expect(yield* waits(server.port)).toBeGreaterThan(before)
      }
    })
  )

  scoped("fails by default if the connected replica does not respond, and replicates before the next read", () =>
    Effect.gen(function* () {
      const { replica, server } = yield* primary
      const prefix = newPrefix()
      const store = yield* openStore(server.url, { prefix, replicasTimeout: "200 millis" })
      const follower = yield* replica
      yield* store.compareAndSet("key", 0, token)
      yield* follower.suspend
      const write = yield* messageOf(store.compareAndSet("key", 1, token))
      expect(write).toBe("The token store failed: Redis: 0 of 1 replicas have the write. Check the replicas.")
      // The primary has the record. A failover would lose it.
      expect(yield* command(server.port, "HGET", keyOf(prefix), "v")).toBe("2")
      expect(yield* messageOf(store.get("key"))).toContain("0 of 1 replicas have the write")
      yield* follower.resume
      expect(Option.getOrThrow(yield* eventually(store.get("key"))).version).toBe(2)
      expect(yield* command(follower.port, "HGET", keyOf(prefix), "v")).toBe("2")
    })
  )

  scoped("stores by default after the replica was removed", () =>
    Effect.gen(function* () {
      const { replica, server } = yield* primary
      const store = yield* openStore(server.url, { prefix: newPrefix() })
      const follower = yield* replica
      yield* store.compareAndSet("key", 0, token)
      yield* follower.kill
      yield* Effect.sleep("200 millis")
      expect(Option.isSome(yield* store.compareAndSet("key", 1, token))).toBe(true)
    })
  )

  scoped("goes on with many writers after a replica that did not respond was dropped", () =>
    Effect.gen(function* () {
      const { replica, server } = yield* primary
      const store = yield* openStore(
        server.url,
        { prefix: newPrefix(), replicasTimeout: "200 millis" },
        { commandTimeout: "600 millis" }
      )
      const follower = yield* replica
      const keys = Array.from({ length: 12 }, (_, index) => `key-${index}`)
      // The replica of a busy machine may need longer for the first writes.
      for (const key of keys) yield* eventually(store.compareAndSet(key, 0, token))
      yield* follower.suspend
      const write = (key: string) =>
        Effect.flatMap(store.get(key), (found) =>
          store.compareAndSet(key, Option.match(found, { onNone: () => 0, onSome: ({ version }) => version }), token)
        )
      const writing = yield* Effect.fork(
        Effect.forEach(keys, (key) => eventually(write(key)), { concurrency: "unbounded" })
      )
      yield* Effect.sleep("3 seconds")
      yield* follower.kill
      const [took, written] = yield* Effect.timed(Fiber.join(writing))
      expect(written.every(Option.isSome)).toBe(true)
      expect(Duration.toMillis(took)).toBeLessThan(20_000)
    })
  )

  scoped("fails with a number of replicas that are not connected, and does not count the write as stored", () =>
    Effect.gen(function* () {
      const { server } = yield* primary
      const store = yield* openStore(server.url, { prefix: newPrefix(), replicas: 1, replicasTimeout: "100 millis" })
      expect(yield* messageOf(store.compareAndSet("key", 0, token))).toContain("0 of 1 replicas have the write")
      expect(yield* messageOf(store.get("key"))).toContain("0 of 1 replicas have the write")
      expect(yield* messageOf(store.remove("key", 1))).toContain("0 of 1 replicas have the write")
    })
  )

  scoped("returns None with replicas for a version that is no longer current, without a wait", () =>
    Effect.gen(function* () {
      const { server } = yield* primary
      const prefix = newPrefix()
      const writer = yield* openStore(server.url, { prefix, replicas: 0 })
      yield* writer.compareAndSet("key", 0, token)
      const store = yield* openStore(server.url, { prefix, replicas: 1, replicasTimeout: "100 millis" })
      expect(yield* store.compareAndSet("key", 5, token)).toEqual(Option.none())
    })
  )

  scoped("reads other records while a write waits for a replica", () =>
    Effect.gen(function* () {
      const { replica, server } = yield* primary
      const store = yield* openStore(server.url, { prefix: newPrefix(), replicasTimeout: "2 seconds" })
      const follower = yield* replica
      yield* store.compareAndSet("key", 0, token)
      yield* follower.suspend
      const order: Array<string> = []
      const write = Effect.either(store.compareAndSet("key", 1, token)).pipe(
        Effect.tap(() => Effect.sync(() => order.push("write")))
      )
      const read = Effect.tap(Effect.delay(store.get("other"), "100 millis"), () =>
        Effect.sync(() => order.push("read"))
      )
      yield* Effect.all([write, read], { concurrency: "unbounded" })
      expect(order).toEqual(["read", "write"])
    })
  )

  scoped("waits for no replica with zero", () =>
    Effect.gen(function* () {
      const { replica, server } = yield* primary
      const store = yield* openStore(server.url, { prefix: newPrefix(), replicas: 0 })
      const follower = yield* replica
      yield* follower.suspend
      const before = yield* waits(server.port)
      expect(Option.isSome(yield* store.compareAndSet("key", 0, token))).toBe(true)
      expect(yield* waits(server.port)).toBe(before)
    })
  )

  scoped("replicates a write with an unknown result before the next read", () =>
    Effect.gen(function* () {
      const { replica, server } = yield* primary
      const prefix = newPrefix()
      const store = yield* openStore(server.url, { prefix }, { commandTimeout: "1 second" })
      const follower = yield* replica
      yield* store.compareAndSet("key", 0, token)
      yield* server.suspend
      expect(yield* messageOf(store.compareAndSet("key", 1, token))).toContain("no response within `commandTimeout`")
      yield* server.resume
      const before = yield* waits(server.port)
      expect(Option.getOrThrow(yield* eventually(store.get("key"))).version).toBe(2)
      expect(yield* waits(server.port)).toBeGreaterThan(before)
      expect(yield* command(follower.port, "HGET", keyOf(prefix), "v")).toBe("2")
    })
  )
})
