/**
 * `npm run pack [-- FOLDER]`: builds the published packages, packs them into a folder (`packed`), and prints the command that
 * installs them in another project.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { fromDisk, modulesOf, published } from "./docs/repository.js"
import { addEntries } from "./packages/entries.js"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")

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

/** Runs a command in a folder, and shows its errors only. */
const runIn = (cwd: string, command: string, ...args: ReadonlyArray<string>): void => {
  execFileSync(command, args, { cwd, stdio: ["ignore", "ignore", 2] })
}

const run = (command: string, ...args: ReadonlyArray<string>): void => runIn(root, command, ...args)

/** Adds the entry files to the tarball of a package. */
const withEntries = (name: string): void => {
  const tarball = readdirSync(folder).find((file) => file.startsWith(`countersign-${name}-`)) ?? name
  const source = `packages/${name}/src/`
  const modules = modulesOf(repository, name).map((file) => file.slice(source.length, -".ts".length))
  const room = mkdtempSync(join(tmpdir(), "countersign-pack-"))
  try {
    run("tar", "-xzf", join(folder, tarball), "-C", room)
    addEntries(join(room, "package"), modules)
    runIn(join(room, "package"), "npm", "pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", folder)
  } finally {
    rmSync(room, { recursive: true, force: true })
  }
}

const isTarball = (name: string): boolean => name.endsWith(".tgz")

const folder = resolve(root, process.argv[2] ?? "packed")
mkdirSync(folder, { recursive: true })
for (const old of readdirSync(folder).filter(isTarball)) rmSync(join(folder, old))

// `npm run types` checks the types.
run(join(root, "node_modules/.bin/tsc"), "--build", ".config/tsconfig.build.json", "--noCheck")
const filters = published.map((name) => `--filter=@countersign/${name}`)
run("npx", "--yes", manifestOf(".").packageManager, ...filters, "--recursive", "pack", "--pack-destination", folder)

const repository = fromDisk(root)
for (const name of published) withEntries(name)
const tarballs = readdirSync(folder).filter(isTarball)
const ranges = new Set(published.flatMap(peersOf))
console.log(["npm install", ...tarballs.map((name) => join(folder, name)), ...ranges].join(" "))
