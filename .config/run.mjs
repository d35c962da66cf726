// What `npm run` calls on a bare machine: install the pinned pnpm's dependencies, then run one of their tools.
// Everything but the tool's own output goes to standard error, so that `--json` on standard output stays clean.
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

const run = (command, args, stdio) => {
  const { error, signal, status } = spawnSync(command, args, { cwd: root, stdio })
  if (error !== undefined) console.error(`${command}: ${error.message}`)
  return status ?? (signal === null ? 1 : 128)
}

// pnpm writes this file last, so a lockfile newer than it means an install that is stale or was cut short.
const installed = join(root, "node_modules", ".modules.yaml")
const stale = !existsSync(installed) || statSync(installed).mtimeMs < statSync(join(root, "pnpm-lock.yaml")).mtimeMs

if (stale) {
  console.error(`Installing the dependencies with ${packageManager} …`)
  const status = run(
    "npx",
    ["--yes", packageManager, "install", "--frozen-lockfile", "--prefer-offline"],
    ["ignore", 2, 2]
  )
  if (status !== 0) {
    console.error("The install failed; npm and a connection to its registry are all that it needs.")
    process.exit(status)
  }
}

const checks = [
  ["tsc", "--build", ".config/tsconfig.json"],
  ["eslint", "--config", ".config/eslint.config.js", "--max-warnings", "0", "packages", ".config", ".ci"],
  ["knip", "--config", ".config/knip.json"],
  ["prettier", "--config", ".config/prettier.json", "--check", "."],
  ["tsx", ".config/docs/main.ts"]
]
const [tool, ...args] = process.argv.slice(2)
const commands = tool === ":check" ? checks : [[tool, ...args]]
const failed = commands.filter(([name, ...rest]) => {
  if (tool === ":check") console.error(`\n» ${name}`)
  return run(join(root, "node_modules", ".bin", name), rest, "inherit") !== 0
})
if (tool === ":check") console.error(failed.length === 0 ? "\nAll checks hold." : `\nFailed: ${failed.map(([name]) => name).join(", ")}`)
process.exit(failed.length === 0 ? 0 : 1)
