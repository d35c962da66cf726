import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as FreePort from "../freePort.js"

/**
 * A Redis server did not start.
 *
 * - `BinaryMissing`: there is no `redis-server` in `PATH`.
 * - `StartFailed`: the server ended, or was not ready in time.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisServerError extends Data.TaggedError("RedisServerError")<{
  readonly reason: "BinaryMissing" | "StartFailed"
  readonly detail: string
  readonly message: string
}> {
  constructor(fields: Pick<RedisServerError, "reason" | "detail">) {
    super({ ...fields, message: `The Redis server did not start: ${fields.detail}.` })
  }
}

const binary = "redis-server"

/** The error for a program that the system cannot start. */
export const missing = (): RedisServerError =>
  new RedisServerError({ reason: "BinaryMissing", detail: `\`${binary}\` is not in PATH. Install Redis 7` })

const failed = (detail: string) => new RedisServerError({ reason: "StartFailed", detail })

/** Returns a free port below 32 768. */
export const freePort: Effect.Effect<number, RedisServerError> = FreePort.freePort(failed)

/** A new folder, removed with the scope. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "countersign-redis-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

/** Resolves when the server accepts connections. Rejects with the error of a server that ended before. */
const ready = async (child: ChildProcess): Promise<void> => {
  const last: Array<string> = []
  if (child.stdout === null) throw failed("it has no output")
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes("Ready to accept connections")) {
      child.stdout.resume()
      return
    }
    last.push(line)
  }
  throw failed(`it ended with the output "${last.slice(-3).join(" / ").slice(0, 300)}"`)
}

const started = (child: ChildProcess): Promise<void> =>
  Promise.race([
    ready(child),
    once(child, "error").then(([cause]: ReadonlyArray<unknown>) => {
      const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT"
      throw isMissing ? missing() : failed("the system could not start the program")
    })
  ])

/** Kills a process, and waits for its end. */
export const kill = (child: ChildProcess): Effect.Effect<void> =>
  Effect.promise(async () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const end = once(child, "exit")
    child.kill("SIGKILL")
    await end
  })

/** Starts a server. The caller kills it. */
export const start = (
  port: number,
  dir: string,
  args: ReadonlyArray<string>
): Effect.Effect<ChildProcess, RedisServerError> =>
  Effect.suspend(() => {
    const fixed = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"]
    const child = spawn(binary, [...fixed, ...args], { stdio: ["ignore", "pipe", "ignore"] })
    return Effect.tryPromise({
      try: () => started(child),
      catch: (error) => (error instanceof RedisServerError ? error : failed("its output could not be read"))
    }).pipe(
      Effect.as(child),
      Effect.onError(() => kill(child))
    )
  })
