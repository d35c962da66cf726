/** Failovers of the embedded Redis servers: what they keep, and what they lose. */
import * as RedisReplication from "@countersign/testing/RedisReplication"
import * as RedisServer from "@countersign/testing/RedisServer"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { connect } from "node:net"

const hasRedis = Either.isRight(Effect.runSync(Effect.either(RedisServer.available)))

/** Sends commands over one connection, and returns the response after the given number of lines; undefined without one. */
const ask = (port: number, lines: number, ...commands: ReadonlyArray<string>): Effect.Effect<string | undefined> =>
  Effect.async((resume) => {
    let text = ""
    const socket = connect(port, "127.0.0.1", () => socket.write(commands.map((one) => `${one}\r\n`).join("")))
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString()
      if (text.split("\r\n").length <= lines) return
      resume(Effect.succeed(text.trim()))
      socket.destroy()
    })
    socket.once("error", () => resume(Effect.succeed(undefined)))
    socket.once("close", () => resume(Effect.succeed(undefined)))
  })

describe.skipIf(!hasRedis)("RedisReplication", () => {
  it.scoped("keeps its address over failovers, and the writes that the replica has acknowledged", () =>
    Effect.gen(function* () {
      const redis = yield* RedisReplication.make({ lag: "50 millis" })
      for (const value of ["first", "second"]) {
        const killed = yield* redis.primary
        expect(yield* ask(redis.port, 2, `SET key ${value}`, "WAIT 1 2000")).toBe("+OK\r\n:1")
        yield* redis.failOver()
        expect((yield* redis.primary).port).not.toBe(killed.port)
        expect(yield* ask(redis.port, 2, "GET key")).toBe(`$${value.length}\r\n${value}`)
        expect(yield* ask(killed.port, 1, "PING")).toBeUndefined()
      }
    })
  )

  it.scoped("loses the writes that are on their way to the replica", () =>
    Effect.gen(function* () {
      const redis = yield* RedisReplication.make({ lag: "500 millis" })
      expect(yield* ask(redis.port, 1, "SET key late")).toBe("+OK")
      yield* redis.failOver()
      expect(yield* ask(redis.port, 1, "GET key")).toBe("$-1")
    })
  )

  it.scoped("accepts no command during the outage", () =>
    Effect.gen(function* () {
      const redis = yield* RedisReplication.make()
      const during = Effect.delay(ask(redis.port, 1, "PING"), "500 millis")
      const [, response] = yield* Effect.all([redis.failOver("2 seconds"), during], { concurrency: 2 })
      expect(response).toBeUndefined()
      expect(yield* ask(redis.port, 1, "PING")).toBe("+PONG")
    }).pipe(Effect.withClock(Clock.make()))
  )

  it.scoped("leaves no process when the scope closes", () =>
    Effect.gen(function* () {
      const ports = yield* Effect.scoped(
        Effect.gen(function* () {
          const redis = yield* RedisReplication.make()
          yield* redis.failOver()
          return [redis.port, (yield* redis.primary).port, (yield* redis.replica).port]
        })
      )
      for (const port of ports) expect(yield* ask(port, 1, "PING")).toBeUndefined()
    })
  )
})
