/** The embedded PostgreSQL server: its start, its end, and its typed errors. */
import * as PostgresServer from "@countersign/testing/PostgresServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { existsSync, readdirSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"

const isInstalled = (program: Effect.Effect<void, unknown>) => Either.isRight(Effect.runSync(Effect.either(program)))
const hasPostgres = isInstalled(PostgresServer.available)
const hasBouncer = isInstalled(PostgresServer.pgbouncerAvailable)

/** A startup message (PostgreSQL 15, §55.2.1) with the user and the database `postgres`. */
const startup = (() => {
  const body = Buffer.from("\0\u0003\0\0user\0postgres\0database\0postgres\0\0", "latin1")
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([length, body])
})()

/** Signs in. Returns the type of the first message, `R` after a sign-in; undefined if no server accepts the connection. */
const signIn = ({ host, port }: PostgresServer.Address): Effect.Effect<string | undefined> =>
  Effect.async((resume) => {
    const socket = connect(port, host, () => socket.write(startup))
    const end = (response: string | undefined) => {
      resume(Effect.succeed(response))
      socket.destroy()
    }
    socket.once("data", (bytes: Buffer) => {
      end(bytes.toString("latin1", 0, 1))
    })
    socket.once("error", () => {
      end(undefined)
    })
  })

const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("countersign-postgres-"))

describe.skipIf(!hasPostgres)("PostgresServer", () => {
  it.scoped("starts a server on a free port below 32768, and stops it and removes its data when the scope closes", () =>
    Effect.gen(function* () {
      const before = folders()
      const address = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* PostgresServer.make()
          expect(yield* signIn(server)).toBe("R")
          expect(server.url).toBe(`postgres://postgres@127.0.0.1:${server.port}/postgres`)
          return server
        })
      )
      expect(address.port).toBeLessThan(32_768)
      expect(yield* signIn(address)).toBeUndefined()
      expect(folders().filter((name) => !before.includes(name) && existsSync(`${tmpdir()}/${name}/data/base`))).toEqual(
        []
      )
    })
  )

  it.scoped("starts again on the same port after a restart, and ends when it is killed", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make({ settings: { max_connections: "10" } })
      yield* server.restart
      expect(yield* signIn(server)).toBe("R")
      yield* server.kill
      expect(yield* signIn(server)).toBeUndefined()
    })
  )

  it.scoped("fails with StartFailed for a setting that the server rejects, and for an invalid port", () =>
    Effect.gen(function* () {
      const settings = { no_such_setting: "1" }
      const error = yield* Effect.flip(PostgresServer.make({ settings, port: 20_001 }))
      expect(error).toMatchObject({ _tag: "PostgresServerError", reason: "StartFailed" })
      expect((yield* Effect.flip(PostgresServer.make({ port: 65_536 }))).message).toContain("`port` is 65536.")
      expect(error.message).toMatch(/^The server did not start: it ended with the output ".*no_such_setting.*"\.$/)
    })
  )

  it.scoped.skipIf(!hasBouncer)("puts a PgBouncer in front of a server, which ends when its scope closes", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make()
      const address = yield* Effect.scoped(
        Effect.gen(function* () {
          const bouncer = yield* PostgresServer.pgbouncer(server)
          expect(bouncer.port).not.toBe(server.port)
          expect(yield* signIn(bouncer)).toBe("R")
          return bouncer
        })
      )
      expect(yield* signIn(address)).toBeUndefined()
    })
  )
})
