import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Process } from "../../src/internal/owner.js"
import { self } from "../../src/internal/owner.js"

/** A process that runs a program of `test/programs` and reports by lines. */
export interface Program {
  readonly pid: number
  readonly lines: AsyncIterator<string>
  /** Exit code, or the signal that ended it. */
  readonly end: Promise<number | string>
  readonly signal: (signal: NodeJS.Signals) => void
}

const root = fileURLToPath(new URL("../../../../", import.meta.url))

const start = (name: string, args: ReadonlyArray<string>): { child: ChildProcess; program: Program } => {
  const file = fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, ["--import", "tsx", file, ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"]
  })
  const end = once(child, "exit").then(([code, signal]: Array<number | string | null>) => code ?? signal ?? "unknown")
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return { child, program: { pid: child.pid ?? -1, lines, end, signal: (signal) => void child.kill(signal) } }
}

/** Starts a program; it is killed when the scope closes. */
export const run = (name: string, ...args: ReadonlyArray<string>): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => start(name, args)),
    ({ child, program }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return program.end
      })
  ).pipe(Effect.map(({ program }) => program))

/** The next line that a program prints; `undefined` at its end. */
export const nextLine = (program: Program): Effect.Effect<string | undefined> =>
  Effect.promise(async () => {
    const { done, value } = await program.lines.next()
    return done === true ? undefined : value
  })

/** When a process started, as locks write it; nothing where the system does not tell. */
const startOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[21] ?? ""
  } catch {
    return ""
  }
}

/** A process that does nothing but live, quickly made, and what a lock of its own would say. */
export const sleeper: Effect.Effect<{ readonly owner: Process; readonly kill: () => void }, never, Scope.Scope> =
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn("sleep", ["60"], { stdio: "ignore" })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const pid = child.pid ?? -1
    return { owner: { ...(yield* self), pid, start: startOf(pid) }, kill: () => void child.kill("SIGKILL") }
  })
