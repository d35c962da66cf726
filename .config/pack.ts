/**
 * `npm run pack [-- FOLDER]`: builds the published packages, packs them into a folder (`packed`), and prints the command that
 * installs them in another project.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const published = ["protocol", "client", "auth", "node", "redis", "sql", "testing"]
const peers = ["effect", "@effect/platform", "@effect/sql", "ioredis"]

interface Manifest {
  readonly packageManager: string
  readonly devDependencies: Readonly<Record<string, string>>
}

// The file is part of this repository.
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest

/** Runs a command, and shows its errors only. */
const run = (command: string, ...args: ReadonlyArray<string>): void => {
  execFileSync(command, args, { cwd: root, stdio: ["ignore", "ignore", 2] })
}

const isTarball = (name: string): boolean => name.endsWith(".tgz")

const folder = resolve(root, process.argv[2] ?? "packed")
mkdirSync(folder, { recursive: true })
for (const old of readdirSync(folder).filter(isTarball)) rmSync(join(folder, old))

// `npm run types` checks the types.
run(join(root, "node_modules/.bin/tsc"), "--build", ".config/tsconfig.build.json", "--noCheck")
const filters = published.map((name) => `--filter=@countersign/${name}`)
run("npx", "--yes", manifest.packageManager, ...filters, "--recursive", "pack", "--pack-destination", folder)

const tarballs = readdirSync(folder).filter(isTarball)
const ranges = peers.map((name) => `${name}@${manifest.devDependencies[name] ?? "latest"}`)
console.log(["npm install", ...tarballs.map((name) => join(folder, name)), ...ranges].join(" "))
