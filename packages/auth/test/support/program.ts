/** Servers of other projects, which run as processes of this machine. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Whether all of these programs are installed. */
export const isInstalled = (...files: ReadonlyArray<string>): boolean => files.every((file) => existsSync(file))

const freePort = Effect.async<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const accepts = (port: number) =>
  Effect.async<boolean>((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.on("connect", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.on("error", () => resume(Effect.succeed(false)))
  })

/** A folder until the scope closes. */
export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "countersign-server-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/**
 * Starts a server on a free port of the loopback interface, and returns its URL. It ends when the scope closes.
 *
 * @param command - the program and its parameters, for a port.
 */
export const start = (
  command: (port: number) => readonly [program: string, ...parameters: ReadonlyArray<string>]
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function* () {
    const port = yield* freePort
    const [program, ...parameters] = command(port)
    yield* Effect.acquireRelease(
      // A process group, because some servers start workers.
      Effect.sync(() => spawn(program, parameters, { stdio: "ignore", detached: true })),
      (child) =>
        Effect.async<void>((resume) => {
          if (child.exitCode !== null || child.pid === undefined) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          process.kill(-child.pid, "SIGKILL")
        })
    )
    yield* Effect.repeat(Effect.zipLeft(accepts(port), Effect.sleep("20 millis")), { until: (up) => up }).pipe(
      Effect.timeoutFail({ duration: "30 seconds", onTimeout: () => new Error(`${program} does not listen`) }),
      Effect.orDie
    )
    return `http://127.0.0.1:${port}`
  })
