/** `workerd`, the runtime of Cloudflare Workers, with a worker in one isolate. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Readable } from "node:stream"

const require = createRequire(import.meta.url)

/** The path of the executable for this system. */
const { default: executable } =
  // The package ships no types.
  require("workerd") as { readonly default: string }

/** `network` reaches loopback, which workerd does not allow unless the configuration says so. */
const configOf = (
  bindings: Readonly<Record<string, string>>
): string => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .main), (name = "network", network = (allow = ["local"])) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ]
);
const main :Workerd.Worker = (
  modules = [ (name = "worker.js", esModule = embed "worker.js") ],
  compatibilityDate = "2026-11-01",
  globalOutbound = "network",
  bindings = [ ${Object.entries(bindings)
    .map(([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`)
    .join(", ")} ]
);
`

/** Writes the configuration and the bundle to a temporary folder, which is removed with the scope. */
const folderOf = (script: string, bindings: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "workerd-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
    writeFileSync(join(folder, "worker.js"), script)
    writeFileSync(join(folder, "config.capnp"), configOf(bindings))
    return folder
  })

const started = (folder: string) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      // workerd reports the port of each socket on the descriptor that it is given.
      spawn(executable, ["serve", join(folder, "config.capnp"), "--control-fd=3"], {
        stdio: ["ignore", "inherit", "inherit", "pipe"]
      })
    ),
    (child) =>
      Effect.promise(async () => {
        if (child.exitCode !== null || !child.kill("SIGKILL")) return
        await once(child, "exit")
      })
  )

const portOf = async (child: ChildProcess): Promise<number> => {
  // The descriptor is a pipe that this process reads.
  const reports = (child.stdio[3] as Readable).setEncoding("utf8")
  let text = ""
  for await (const chunk of reports) {
    text += chunk
    const [, port] = /"event":"listen","socket":"http","port":(\d+)/.exec(text) ?? []
    if (port !== undefined) return Number(port)
  }
  throw new Error(`workerd did not start: exit code ${child.exitCode}, reports ${JSON.stringify(text)}`)
}

/**
 * Serves a worker, which is one module, from one isolate, on a free port of loopback, and gives its URL. The process ends with the
 * scope.
 */
export const serve = (
  script: string,
  bindings: Readonly<Record<string, string>> = {}
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* started(yield* folderOf(script, bindings))
    return `http://127.0.0.1:${yield* Effect.promise(() => portOf(child))}`
  })
