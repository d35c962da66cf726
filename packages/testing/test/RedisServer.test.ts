/** The embedded Redis server: its start, its end, and its typed errors. */
import * as RedisServer from "@countersign/testing/RedisServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { connect } from "node:net"

const hasRedis = Either.isRight(Effect.runSync(Effect.either(RedisServer.available)))

/** Sends a command, and returns the first bytes of the response; undefined if no server accepts the connection. */
const ask = (port: number, command: string): Effect.Effect<string | undefined> =>
  Effect.async((resume) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`))
    socket.once("data", (bytes: Buffer) => {
      resume(Effect.succeed(bytes.toString().trim()))
      socket.destroy()
    })
    socket.once("error", () => {
      resume(Effect.succeed(undefined))
    })
  })

describe.skipIf(!hasRedis)("RedisServer", () => {
  it.scoped("starts a server on a free port below 32768, and kills it when the scope closes", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* RedisServer.make()
          expect(yield* ask(server.port, "PING")).toBe("+PONG")
          expect(server.url).toBe(`redis://127.0.0.1:${server.port}`)
          return server.port
        })
      )
      expect(port).toBeLessThan(32_768)
      expect(yield* ask(port, "PING")).toBeUndefined()
    })
  )

  it.scoped("starts servers beside each other, with the given arguments", () =>
    Effect.gen(function* () {
      const [first, second] = yield* Effect.all([
        RedisServer.make(),
        RedisServer.make({ args: ["--requirepass", "secret"] })
      ])
      expect(first.port).not.toBe(second.port)
      expect(yield* ask(first.port, "PING")).toBe("+PONG")
      expect(yield* ask(second.port, "PING")).toContain("NOAUTH")
    })
  )

  it.scoped("restarts an empty server on the same port", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      expect(yield* ask(server.port, "SET a b")).toBe("+OK")
      yield* server.restart
      expect(yield* ask(server.port, "GET a")).toBe("$-1")
      yield* server.kill
      expect(yield* ask(server.port, "PING")).toBeUndefined()
    })
  )

  it.live("gives no response while the server is suspended", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        yield* server.suspend
        expect(yield* Effect.timeoutOption(ask(server.port, "PING"), "200 millis")).toMatchObject({ _tag: "None" })
        yield* server.resume
        expect(yield* ask(server.port, "PING")).toBe("+PONG")
      })
    )
  )

  it.scoped("fails with StartFailed for an argument that the server rejects", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(RedisServer.make({ args: ["--no-such-option", "1"] }))
      expect(error).toMatchObject({ _tag: "RedisServerError", reason: "StartFailed" })
      expect(error.message).toMatch(/^The Redis server did not start: it ended with the output ".*"\.$/)
    })
  )

  it.scoped("fails with StartFailed if the given port is taken", () =>
    Effect.gen(function* () {
      const { port } = yield* RedisServer.make()
      const error = yield* Effect.flip(RedisServer.make({ port }))
      expect(error.reason).toBe("StartFailed")
    })
  )
})

describe("RedisServer without redis-server in PATH", () => {
  const withoutPath = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const path = process.env["PATH"]
        process.env["PATH"] = ""
        return path
      }),
      () => effect,
      (path) => Effect.sync(() => void (process.env["PATH"] = path))
    )

  it.scoped("fails with BinaryMissing", () =>
    Effect.gen(function* () {
      const error = yield* withoutPath(Effect.flip(RedisServer.make()))
      expect(error).toMatchObject({ reason: "BinaryMissing", message: expect.stringContaining("Install Redis 7") })
      expect(yield* withoutPath(Effect.flip(RedisServer.available))).toMatchObject({ reason: "BinaryMissing" })
    })
  )
})
