/** A folder with the packed packages, the programs of the cases, and the runtimes. */
import * as Effect from "effect/Effect"
import { build } from "esbuild"
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { CaseFailed } from "../Case.js"
import * as Bundle from "./Bundle.js"
import { runCommand } from "./Command.js"

const repository = fileURLToPath(new URL("../../../..", import.meta.url))
const require = createRequire(import.meta.url)

/** The peer dependencies of the packages, and what the demo imports. */
const peers = ["effect", "@effect/platform", "@effect/platform-node", "@effect/sql", "@effect/sql-pg", "ioredis"]

export interface Room {
  /** The folder with the installed packages. */
  readonly app: string
  /** The folder with the installed runtimes. */
  readonly runtimes: string
}

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, CaseFailed> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => new CaseFailed({ message: cause instanceof Error ? cause.message : String(cause) })
  })

const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]

const versionOf = (name: string): string => {
  const places = ["examples", "sql", "redis"].map((one) => join(repository, "packages", one))
  // The manifest of a package has a version.
  const { version } = JSON.parse(readFileSync(require.resolve(`${name}/package.json`, { paths: places }), "utf8")) as {
    readonly version: string
  }
  return `${name}@${version}`
}

const installPackages = async (app: string): Promise<void> => {
  const tarballs = join(app, "tarballs")
  await runCommand("npm", ["run", "-s", "pack", "--", tarballs], repository)
  writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, type: "module" }))
  const files = readdirSync(tarballs).map((file) => join(tarballs, file))
  await runCommand("npm", ["install", ...quiet, ...files, ...peers.map(versionOf)], app)
}

const installRuntimes = async (folder: string): Promise<void> => {
  for (const file of ["package.json", "package-lock.json"])
    copyFileSync(join(repository, "packages/conformance/runtimes", file), join(folder, file))
  await runCommand("npm", ["ci", ...quiet], folder)
}

/** Compiles a program to one file that imports the installed packages. */
const compile = (entry: string, outfile: string) =>
  build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "es2022",
    logLevel: "error"
  })

const programs = async (app: string): Promise<void> => {
  const examples = join(repository, "packages/examples/src")
  await compile(join(examples, "demo/main.ts"), join(app, "demo.js"))
  await compile(join(examples, "single-page-browser.ts"), join(app, "single-page.js"))
  for (const name of ["command", "page", "worker"])
    await compile(fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url)), join(app, `${name}.js`))
}

/** Bundles a file of the room with the installed packages, for a runtime without modules of npm. */
export const bundle = (file: string): Effect.Effect<string, CaseFailed> => attempt(() => Bundle.bundle(file))

/** Makes the folder, which is removed when the process ends. */
const make: Effect.Effect<Room, CaseFailed> = Effect.gen(function* () {
  const folder = mkdtempSync(join(tmpdir(), "countersign-runtimes-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  const room = { app: join(folder, "app"), runtimes: join(folder, "runtimes") }
  for (const made of Object.values(room)) mkdirSync(made)
  yield* attempt(() => installPackages(room.app))
  yield* attempt(() => installRuntimes(room.runtimes))
  yield* attempt(() => programs(room.app))
  return room
})

/** The room of all cases. */
export const shared: Effect.Effect<Room, CaseFailed> = Effect.runSync(Effect.cached(make))
