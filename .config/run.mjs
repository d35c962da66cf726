// Entry point of `npm run`: installs the dependencies with the pinned pnpm if needed, then runs one of their tools.
// Everything but the tool's own output goes to standard error, so that `--json` on standard output stays clean.
import { Buffer } from "node:buffer"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const { engines, packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

// A terminal sends Ctrl-C to every process of the command. This process waits, so that the tool can shut down first.
const children = new Set()
const onSignal = (signal) => {
  if (signal !== "SIGINT" || !process.stdin.isTTY) for (const child of children) child.kill(signal)
}
const signals = ["SIGINT", "SIGTERM", "SIGHUP"]
for (const signal of signals) process.on(signal, onSignal)

const dieOf = (signal) => {
  for (const name of signals) process.removeListener(name, onSignal)
  process.kill(process.pid, signal)
}

/**
 * The exit status of a command. If a signal ended the command, this process ends by the same signal.
 *
 * @param onOutput gets the output, if `stdio` does not pass it on.
 */
const run = (command, args, stdio, onOutput = () => undefined) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio })
    children.add(child)
    child.stdout?.on("data", onOutput)
    child.stderr?.on("data", onOutput)
    child.on("error", (error) => {
      console.error(`${command}: ${error.message}`)
      resolve(127)
    })
    child.on("close", (status, signal) => {
      children.delete(child)
      if (signals.includes(signal)) dieOf(signal)
      else resolve(status ?? 1)
    })
  })

const readIfThere = (...path) => {
  try {
    return readFileSync(join(root, ...path), "utf8")
  } catch {
    return undefined
  }
}

// pnpm writes these two files last, so they are missing or outdated after an interrupted install.
const isInstalled = () =>
  readIfThere("node_modules", ".modules.yaml") !== undefined &&
  readIfThere("node_modules", ".pnpm", "lock.yaml") === readIfThere("pnpm-lock.yaml")

const install = async () => {
  if (isInstalled()) return
  console.error(`Installing the dependencies with ${packageManager} …`)
  const args = ["--yes", packageManager, "install", "--frozen-lockfile", "--prefer-offline"]
  const status = await run("npx", args, ["ignore", 2, 2])
  if (status === 0) return
  console.error("The install failed. It needs npm, a connection to npm's registry, and an up-to-date lockfile.")
  process.exit(status)
}

// `node .config/run.mjs :lint` runs one of them, `:check` all.
const checks = {
  types: ["tsc", "--build", ".config/tsconfig.json"],
  lint: ["eslint", "--config", ".config/eslint.config.js", "--max-warnings", "0", "packages", ".config", ".ci"],
  unused: ["knip", "--config", ".config/knip.json"],
  format: ["prettier", "--config", ".config/prettier.json", "--check", "--log-level", "warn", "."],
  docs: ["tsx", ".config/docs/main.ts"]
}

/** Tests make much garbage. With a larger young generation of V8 they take a tenth less time. Threads inherit it. */
const testFlags = ["--max-semi-space-size=64"]

const runTool = ([tool, ...args], stdio = "inherit", onOutput) =>
  tool === "vitest"
    ? run(
        process.execPath,
        [...testFlags, join(root, "node_modules", "vitest", "vitest.mjs"), ...args],
        stdio,
        onOutput
      )
    : run(join(root, "node_modules", ".bin", tool), args, stdio, onOutput)

/** Runs a check, and then prints its output. */
const runCheck = async (name) => {
  const output = []
  const status = await runTool(checks[name], ["ignore", "pipe", "pipe"], (bytes) => output.push(bytes))
  console.error(`» ${name}`)
  process.stdout.write(Buffer.concat(output))
  return status === 0 ? [] : [name]
}

/**
 * Runs every check, even after a failure, so that all problems are reported at once. The linter reads the declarations that the
 * compiler writes, and takes as long as the other checks together.
 */
const runChecks = async () => {
  const others = async () => [...(await runCheck("unused")), ...(await runCheck("format")), ...(await runCheck("docs"))]
  const failed = [await runCheck("types"), ...(await Promise.all([runCheck("lint"), others()]))].flat()
  console.error(failed.length === 0 ? "All checks passed." : `Failed: ${failed.join(", ")}`)
  return failed.length === 0 ? 0 : 1
}

const isOlder = ([major, minor], [needMajor, needMinor]) =>
  major < needMajor || (major === needMajor && minor < needMinor)
const numbers = (text) => (text.match(/\d+/g) ?? []).map(Number)

if (isOlder(numbers(process.versions.node), numbers(engines.node))) {
  console.error(`This is Node ${process.versions.node}; the project needs ${engines.node}.`)
  process.exit(1)
}
await install()
const [task, ...args] = process.argv.slice(2)
const command = [...(checks[task.slice(1)] ?? [task]), ...args]
process.exit(task === ":check" ? await runChecks() : await runTool(command))
