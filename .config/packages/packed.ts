/** The packages as tarballs, and their checks by publint and attw. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { fromDisk, modulesOf, published } from "../docs/repository.js"
import { root, run, tool } from "./command.js"

/** A packed package. */
export interface Packed {
  /** Its folder in the repository, such as `client`. */
  readonly name: string
  readonly tarball: string
}

/** Packs the packages into a folder. */
export const pack = async (folder: string): Promise<ReadonlyArray<Packed>> => {
  await run(tool("tsx"), [".config/pack.ts", folder])
  const files = readdirSync(folder)
  return published.map((name) => {
    const file = files.find((one) => one.startsWith(`countersign-${name}-`))
    if (file === undefined) throw new Error(`there is no tarball of ${name} in ${folder}`)
    return { name, tarball: join(folder, file) }
  })
}

/** The entry points of a package: `.`, and `./ApiClient` for a module. */
export const entryPoints = (name: string): ReadonlyArray<string> => {
  const folder = `packages/${name}/src/`
  const modules = modulesOf(fromDisk(root), name).map((file) => file.slice(folder.length, -".ts".length))
  return [".", ...modules.map((module) => `./${module}`)]
}

/** Fails if publint reports an error, a warning or a suggestion. */
export const lint = async (packages: ReadonlyArray<Packed>): Promise<void> => {
  for (const { name, tarball } of packages) {
    const output = await run(tool("publint"), ["run", tarball, "--strict"])
    if (!output.includes("All good!")) throw new Error(`publint reports for ${name}:\n${output}`)
  }
}

/** Fails if the types of an entry point are wrong for an importer that is an ES module, or for a bundler. */
export const checkTypes = async (packages: ReadonlyArray<Packed>): Promise<void> => {
  for (const { name, tarball } of packages) {
    const entries = entryPoints(name)
    const output = await run(tool("attw"), [
      tarball,
      "--profile",
      "esm-only",
      "--format",
      "ascii",
      "--entrypoints",
      ...entries
    ])
    const checked = output.match(/^node16 \(from ESM\): 🟢/gmu) ?? []
    if (checked.length !== entries.length) {
      throw new Error(`attw checked ${checked.length} of ${entries.length} entry points of ${name}:\n${output}`)
    }
  }
}
