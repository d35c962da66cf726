/**
 * Entry points that name the right version of Effect when the wrong one is installed.
 *
 * Effect 4 lacks modules of Effect 3. Node then fails before any code runs, and its message has two paths: the missing file,
 * and the file that imports it. So each public module has an entry file, which imports `effect/Either` first, in a folder
 * with the install command as its name. Record 40 in docs/decisions has the reasons.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, posix } from "node:path"

/** Effect 3 has this module, and every program with Effect 3 loads it. Effect 4 does not have it. */
const absentInEffect4 = "effect/Either"

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The first version of a caret range, without the numbers that may increase: `3` of `^3.22.4`, `0.97` of `^0.97.2`. */
const lineOf = (range: string): string => /^\^(0\.\d+|[1-9]\d*)/.exec(range)?.[1] ?? range

/** The folder of the entry files: its path says what to install. Undefined for a package without Effect. */
export const folderOf = ({ peerDependencies = {} }: Manifest): string | undefined => {
  const { "@effect/platform": platform, effect } = peerDependencies
  if (effect === undefined || platform === undefined) return undefined
  const command = `run-npm-install-effect@${lineOf(effect)}-@effect/platform@${lineOf(platform)}`
  return `dist/needs-effect-${effect.replace("^", "")}/${command}`
}

const textOf = (folder: string, module: string): string => {
  const target = posix.relative(posix.dirname(posix.join(folder, module)), `dist/${module}.js`)
  return `import "${absentInEffect4}"\nexport * from "${target}"\n`
}

/** The exports of the package, which point at the entry files. */
const exportsOf = (exports: Manifest["exports"], folder: string): Manifest["exports"] => ({
  ...exports,
  ".": { types: "./dist/index.d.ts", default: `./${folder}/index.js` },
  "./*": { types: "./dist/*.d.ts", default: `./${folder}/*.js` }
})

/**
 * Adds the entry files to an unpacked package, and exports them.
 *
 * @param modules - its public modules, such as `ApiClient` and `providers/GitHub`.
 */
export const addEntries = (unpacked: string, modules: ReadonlyArray<string>): void => {
  const path = join(unpacked, "package.json")
  // pnpm has packed this manifest of the repository.
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest
  const folder = folderOf(manifest)
  if (folder === undefined) return
  for (const module of ["index", ...modules]) {
    const file = join(unpacked, folder, `${module}.js`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, textOf(folder, module))
  }
  const exports = exportsOf(manifest.exports, folder)
  writeFileSync(path, `${JSON.stringify({ ...manifest, exports }, undefined, 2)}\n`)
}
