/** Faults of the server: each error is typed, ends in time, and has a code of Redis but no argument. */
import * as RedisServer from "@countersign/testing/RedisServer"
import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { AddressInfo, Server } from "node:net"
import { createServer } from "node:net"
import * as Redacted from "effect/Redacted"
import * as Option from "effect/Option"
import { errorsOf, eventually, scoped, secret, token } from "./support/records.js"
import { command, plainClient, hasRedis, newPrefix, openStore } from "./support/server.js"

describe.skipIf(!hasRedis)("RedisTokenStore with a server that fails", () => {
  scoped("fails with the code OOM when memory is full, and still reads, removes and locks", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const store = yield* openStore(server.url, { prefix: newPrefix() })
      yield* store.compareAndSet("key", 0, token)
      yield* command(server.port, "CONFIG", "SET", "maxmemory", "1")
      const error = yield* Effect.flip(store.compareAndSet("key", 1, token))
      expect(error).toMatchObject({
        reason: "WriteFailed",
        message: expect.stringContaining("OOM: the server has reached")
      })
      expect(Option.isSome(yield* store.get("key"))).toBe(true)
      expect(yield* store.withLock("key")(store.remove("key", 1))).toBe(true)
    })
  )

  scoped("fails with the code READONLY for reads too after the primary became a replica", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const store = yield* openStore(server.url, { prefix: newPrefix() })
      yield* store.compareAndSet("key", 0, token)
      yield* command(server.port, "REPLICAOF", "127.0.0.1", "1")
      for (const effect of [
        Effect.asVoid(store.get("key")),
        Effect.asVoid(store.compareAndSet("key", 1, token)),
        Effect.asVoid(store.remove("key", 1))
      ]) {
        expect((yield* Effect.flip(effect)).message).toContain("READONLY:")
        // The client connects again.
        yield* Effect.sleep("300 millis")
      }
      yield* command(server.port, "REPLICAOF", "NO", "ONE")
      expect(Option.isSome(yield* eventually(store.get("key")))).toBe(true)
    })
  )

  scoped("fails with the code NOAUTH when the server begins to require a password", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const store = yield* openStore(server.url, { prefix: newPrefix() })
      const control = yield* plainClient(server.port)
      yield* Effect.promise(() => control.config("SET", "requirepass", secret))
      yield* Effect.promise(() => control.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
      yield* Effect.sleep("300 millis")
      expect((yield* Effect.flip(store.get("key"))).message).toContain("NOAUTH: the server requires a sign-in.")
      expect(yield* errorsOf(store)).toEqual(["ReadFailed", "WriteFailed", "WriteFailed"])
    })
  )

  scoped("fails with the code NOPERM for a user that may not run scripts", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      yield* command(server.port, "ACL", "SETUSER", "limited", "on", `>${secret}`, "~*", "+@all", "-@scripting")
      const store = yield* openStore(
        server.url,
        { prefix: newPrefix() },
        { username: "limited", password: Redacted.make(secret) }
      )
      expect((yield* Effect.flip(store.get("key"))).message).toContain("NOPERM: the user may not")
      expect(yield* errorsOf(store)).toEqual(["ReadFailed", "WriteFailed", "WriteFailed"])
    })
  )

  scoped("works for a user with the commands and keys that the documentation names", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const rules = [
        "on",
        `>${secret}`,
        "~countersign:token:*",
        "-@all",
        "+eval",
        "+evalsha",
        "+wait",
        "+info",
        "+@hash",
        "+@string",
        "+exists",
        "+type",
        "+del",
        "+rename",
        "+quit"
      ]
      yield* command(server.port, "ACL", "SETUSER", "limited", ...rules)
      const store = yield* openStore(server.url, {}, { username: "limited", password: Redacted.make(secret) })
      yield* store.withLock("key")(store.compareAndSet("key", 0, token))
      expect(Option.isSome(yield* store.get("key"))).toBe(true)
      expect(yield* store.remove("key", 1)).toBe(true)
    })
  )

  scoped("fails with typed errors for a server that responds with garbage", () =>
    Effect.gen(function* () {
      const listener = yield* Effect.acquireRelease(
        Effect.async<Server>((resume) => {
          const server = createServer((socket) => {
            socket.on("error", () => undefined).on("data", () => socket.write(`-${secret} ${secret}\r\n`))
          })
          server.listen(0, "127.0.0.1", () => {
            resume(Effect.succeed(server))
          })
        }),
        (server) => Effect.sync(() => void server.close())
      )
      const { port } = listener.address() as AddressInfo
      const store = yield* openStore(
        `redis://127.0.0.1:${port}`,
        { prefix: newPrefix() },
        { commandTimeout: "500 millis" }
      )
      expect(yield* errorsOf(store)).toEqual(["ReadFailed", "WriteFailed", "WriteFailed"])
    })
  )

  scoped("fails within commandTimeout when the server hangs, and works again afterwards", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const store = yield* openStore(server.url, { prefix: newPrefix() }, { commandTimeout: "300 millis" })
      yield* store.compareAndSet("key", 0, token)
      yield* server.suspend
      const [took, error] = yield* Effect.timed(Effect.flip(store.get("key")))
      expect(error).toMatchObject({ reason: "ReadFailed", message: expect.stringContaining("`commandTimeout`") })
      expect(Duration.toMillis(took)).toBeLessThan(1_500)
      expect(yield* Effect.flip(store.compareAndSet("key", 1, token))).toMatchObject({ reason: "WriteFailed" })
      yield* server.resume
      expect(Option.isSome(yield* eventually(store.get("key")))).toBe(true)
    })
  )

  scoped("fails at once while the server is gone, and finds an empty server after its restart", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const store = yield* openStore(server.url, { prefix: newPrefix() })
      yield* store.compareAndSet("key", 0, token)
      yield* server.kill
      yield* Effect.sleep("100 millis")
      expect(yield* errorsOf(store, 1)).toEqual(["ReadFailed", "WriteFailed", "WriteFailed"])
      yield* server.restart
      expect(yield* eventually(store.get("key"))).toEqual(Option.none())
    })
  )
})
