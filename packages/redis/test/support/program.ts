import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { build } from "esbuild"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Machine } from "./network.js"

/** A process that runs a program of `test/programs` and reports by lines on its output. */
export interface Program {
  readonly lines: AsyncIterator<string>
  /** Exit code, or the signal that ended it. */
  readonly end: Promise<number | string>
  readonly signal: (signal: NodeJS.Signals) => void
}

/** Folder of the compiled programs: inside the package, so that they find ioredis, and one for each worker. */
const folder = fileURLToPath(new URL(`../../dist/.programs-${process.env["VITEST_POOL_ID"] ?? 0}/`, import.meta.url))

const compiled = new Map<string, Promise<string>>()

/** Compiles a program into one JavaScript file, which starts much faster than with a TypeScript loader. */
const compile = async (name: string): Promise<string> => {
  const outfile = `${folder}${name}.mjs`
  await build({
    entryPoints: [fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))],
    bundle: true,
    outfile,
    external: ["ioredis"],
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error"
  })
  return outfile
}

const fileOf = (name: string): Promise<string> => {
  const file = compiled.get(name) ?? compile(name)
  compiled.set(name, file)
  return file
}

const start = ([file = "", ...args]: ReadonlyArray<string>): { child: ChildProcess; program: Program } => {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] })
  const end = once(child, "exit").then(([code, signal]: Array<number | string | null>) => code ?? signal ?? "unknown")
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return { child, program: { lines, end, signal: (signal) => void child.kill(signal) } }
}

/** Starts a program; it is killed when the scope closes. */
export const run = (name: string, ...args: ReadonlyArray<string>): Effect.Effect<Program, never, Scope.Scope> =>
  runOn({ command: (...command) => command }, name, ...args)

/** Starts a program on a machine; it is killed when the scope closes. */
export const runOn = (
  machine: Pick<Machine, "command">,
  name: string,
  ...args: ReadonlyArray<string>
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => start(machine.command(process.execPath, await fileOf(name), ...args))),
    ({ child, program }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return program.end
      })
  ).pipe(Effect.map(({ program }) => program))

/** The next line that a program prints; `undefined` at its end. */
export const nextLine = (program: Program): Effect.Effect<string | undefined> =>
  Effect.map(
    Effect.promise(() => program.lines.next()),
    ({ done, value }) => (done === true ? undefined : value)
  )
