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

interface Manifest {
  readonly packageManager: string
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, unknown>>
}

/** A manifest of this repository. */
const manifestOf = (folder: string): Manifest =>
  // The members that are read are in each manifest of this repository.
  JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest

/** The peer dependencies of a package that are not optional, such as `effect@^3.22.4`. */
const peersOf = (name: string): ReadonlyArray<string> => {
  const { peerDependencies = {}, peerDependenciesMeta = {} } = manifestOf(`packages/${name}`)
  return Object.entries(peerDependencies).flatMap(([peer, range]) =>
    peer in peerDependenciesMeta ? [] : [`${peer}@${range}`]
  )
}

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
run("npx", "--yes", manifestOf(".").packageManager, ...filters, "--recursive", "pack", "--pack-destination", folder)

const tarballs = readdirSync(folder).filter(isTarball)
const ranges = new Set(published.flatMap(peersOf))
console.log(["npm install", ...tarballs.map((name) => join(folder, name)), ...ranges].join(" "))
