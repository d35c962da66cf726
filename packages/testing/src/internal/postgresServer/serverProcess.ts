/** One process of a server: its folder, its port, its start and its end. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chown, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as FreePort from "../freePort.js"
import type { SystemUser } from "./programs.js"
import { failed, PostgresServerError } from "./serverError.js"

/** Returns a free port below 32 768. */
export const freePort: Effect.Effect<number, PostgresServerError> = FreePort.freePort(failed)

/** A new folder of the user, removed with the scope. */
export const folder = (user: SystemUser | undefined): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const path = await mkdtemp(join(tmpdir(), "countersign-postgres-"))
      if (user !== undefined) await chown(path, user.uid, user.gid)
      return path
    }),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )

/** A program to start. */
export interface Program {
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly user: SystemUser | undefined
}

/** The user may not enter the working directory of this process, so the root is that of the server. */
const spawned = ({ args, file, user }: Program): ChildProcess =>
  spawn(file, args, { cwd: "/", stdio: ["ignore", "ignore", "pipe"], ...user })

const unreadable = (error: unknown) =>
  error instanceof PostgresServerError ? error : failed("the system could not start the program")

/** Resolves at the line that the program prints when it is ready, or at its end. */
const linesUntil = async (child: ChildProcess, isReady: (line: string) => boolean): Promise<ReadonlyArray<string>> => {
  const lines: Array<string> = []
  if (child.stderr === null) throw failed("it has no output")
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line)
    if (isReady(line)) {
      child.stderr.resume()
      return lines
    }
  }
  throw failed(`it ended with the output "${lines.slice(-3).join(" / ").slice(0, 300)}"`)
}

const failure = (child: ChildProcess): Promise<never> =>
  once(child, "error").then(() => {
    throw failed("the system could not start the program")
  })

/** Ends a process by a signal, and waits for its end. */
export const end = (child: ChildProcess, signal: NodeJS.Signals): Effect.Effect<void> =>
  Effect.promise(async () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, "exit")
    child.kill(signal)
    await ended
  })

/** Maximum time until a server accepts connections. */
const startTimeout = Duration.seconds(60)

/** Starts a server, and waits for the line that it prints when it is ready. The caller ends it. */
export const start = (
  program: Program,
  isReady: (line: string) => boolean
): Effect.Effect<ChildProcess, PostgresServerError> =>
  Effect.suspend(() => {
    const child = spawned(program)
    return Effect.tryPromise({
      try: () => Promise.race([linesUntil(child, isReady), failure(child)]),
      catch: unreadable
    }).pipe(
      Effect.as(child),
      Effect.onError(() => end(child, "SIGKILL"))
    )
  }).pipe(
    Effect.timeoutFail({
      duration: startTimeout,
      onTimeout: () => failed(`it was not ready within ${Duration.format(startTimeout)}`)
    }),
    // The time of a start is that of the system: a test with another clock would wait forever.
    Effect.withClock(Clock.make())
  )

/** Runs a program to its end. */
export const run = (program: Program): Effect.Effect<void, PostgresServerError> =>
  Effect.suspend(() => {
    const child = spawned(program)
    const ended = Promise.all([once(child, "exit"), linesUntil(child, () => false).catch(unreadable)])
    return Effect.tryPromise({
      try: () => Promise.race([ended, failure(child)]),
      catch: unreadable
    }).pipe(
      Effect.flatMap(([[status], output]) =>
        status === 0 ? Effect.void : output instanceof PostgresServerError ? output : Effect.void
      ),
      Effect.onInterrupt(() => end(child, "SIGKILL"))
    )
  })
