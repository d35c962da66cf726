/** The runtimes with a command line, and how they run a file. */
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { CaseFailed } from "../Case.js"
import type { Environment } from "./Claims.js"
import { runCommand } from "./Command.js"
import type { Room } from "./Room.js"

/** A runtime that runs a file with arguments. */
export interface Runtime {
  readonly name: string
  readonly environment: Environment
  /** Path within the installed runtimes. */
  readonly executable: string
  /** Arguments before the file. */
  readonly args: ReadonlyArray<string>
}

const node = (version: string): Runtime => ({
  name: `node-${version}`,
  environment: "Node 20, 22, 24",
  executable: `node-${version}/bin/node`,
  args: []
})

export const runtimes: ReadonlyArray<Runtime> = [
  node("20"),
  node("22"),
  node("24"),
  { name: "bun", environment: "Bun", executable: "@oven/bun-linux-x64/bin/bun", args: ["run"] },
  {
    name: "deno",
    environment: "Deno",
    executable: "@deno/linux-x64-glibc/deno",
    args: ["run", "--allow-all", "--quiet"]
  }
]

/** Runs a file of the room, and parses its output as JSON. */
export const runFile = (
  { args, executable }: Runtime,
  { app, runtimes: installed }: Room,
  file: string,
  ...rest: ReadonlyArray<string>
): Effect.Effect<unknown, CaseFailed> =>
  Effect.tryPromise({
    try: async (): Promise<unknown> =>
      JSON.parse(
        await runCommand(join(installed, "node_modules", executable), [...args, join(app, file), ...rest], app)
      ),
    catch: (cause) => new CaseFailed({ message: cause instanceof Error ? cause.message : String(cause) })
  })
