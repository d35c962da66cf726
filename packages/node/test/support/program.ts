import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { build } from "esbuild"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Process } from "../../src/internal/lock/processIdentity.js"
import { currentProcess } from "../../src/internal/lock/processIdentity.js"

/** A process that runs a program of `test/programs` and reports by lines on its output. */
export interface Program {
  readonly pid: number
  readonly lines: AsyncIterator<string>
  /** Exit code, or the signal that ended it. */
  readonly end: Promise<number | string>
  readonly signal: (signal: NodeJS.Signals) => void
}

const root = fileURLToPath(new URL("../../../../", import.meta.url))

/**
 * Folder of the compiled programs: inside the package, so that they find its native dependency, and one for each worker.
 * The test files of a worker share the programs. The next run overwrites them.
 */
const folder = fileURLToPath(new URL(`../../dist/.programs-${process.env["VITEST_POOL_ID"] ?? 0}/`, import.meta.url))

const compiled = new Map<string, Promise<string>>()

/** Compiles a program into one JavaScript file, which starts much faster than with a TypeScript loader. */
const compile = async (name: string): Promise<string> => {
  const outfile = join(folder, `${name}.mjs`)
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))],
    bundle: true,
    write: false,
    external: ["@napi-rs/keyring", "undici"],
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error"
  })
  mkdirSync(folder, { recursive: true })
  // A run beside this one may start the program at any time.
  const unfinished = `${outfile}.${process.pid}`
  writeFileSync(unfinished, outputFiles[0]?.contents ?? "")
  renameSync(unfinished, outfile)
  return outfile
}

/** Path of the compiled program. */
export const fileOf = (name: string): Promise<string> => {
  const file = compiled.get(name) ?? compile(name)
  compiled.set(name, file)
  return file
}

const start = (file: string, args: ReadonlyArray<string>): { child: ChildProcess; program: Program } => {
  const child = spawn(process.execPath, [file, ...args], { cwd: root, stdio: ["ignore", "pipe", "inherit"] })
  const end = once(child, "exit").then(([code, signal]: Array<number | string | null>) => code ?? signal ?? "unknown")
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return { child, program: { pid: child.pid ?? -1, lines, end, signal: (signal) => void child.kill(signal) } }
}

/** Starts a program; it is killed when the scope closes. */
export const run = (name: string, ...args: ReadonlyArray<string>): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => start(await fileOf(name), args)),
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

/** Start time of a process as locks store it. Empty if the system does not report it. */
const startOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[21] ?? ""
  } catch {
    return ""
  }
}

/** A process that only sleeps, and the owner that its lock would contain. */
export const sleeper: Effect.Effect<{ readonly owner: Process; readonly kill: () => void }, never, Scope.Scope> =
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn("sleep", ["60"], { stdio: "ignore" })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const pid = child.pid ?? -1
    return { owner: { ...(yield* currentProcess), pid, start: startOf(pid) }, kill: () => void child.kill("SIGKILL") }
  })
