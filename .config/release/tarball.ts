/** What a packed package contains, and whether it can be published. */
import { statSync } from "node:fs"
import { run } from "../packages/command.js"

/** A tarball that can be published. */
export interface Tarball {
  readonly path: string
  /** The manifest in the tarball. */
  readonly manifest: Readonly<Record<string, unknown>>
  /** The paths in the package, such as `dist/index.js`. */
  readonly files: ReadonlyArray<string>
  /** The size of the tarball in bytes. */
  readonly size: number
}

/** Reads a tarball of npm. */
export const read = async (path: string): Promise<Tarball> => {
  const listed = await run("tar", ["-tzf", path])
  const files = listed
    .split("\n")
    .flatMap((line) => (/^package\/.*[^/]$/.test(line) ? [line.slice("package/".length)] : []))
  const manifest: unknown = JSON.parse(await run("tar", ["-xzOf", path, "package/package.json"]))
  const isObject = typeof manifest === "object" && manifest !== null
  return { path, files, manifest: isObject ? { ...manifest } : {}, size: statSync(path).size }
}

const dependenciesOf = ({ manifest }: Tarball): ReadonlyArray<readonly [name: string, range: string]> =>
  ["dependencies", "peerDependencies", "optionalDependencies"].flatMap((member) =>
    Object.entries({ ...(manifest[member] ?? {}) }).map(([name, range]) => [name, String(range)] as const)
  )

const checkManifest = (tarball: Tarball, name: string, version: string): ReadonlyArray<string> => {
  const { manifest } = tarball
  const wrong = dependenciesOf(tarball).filter(
    ([dependency, range]) => dependency.startsWith("@countersign/") && range !== `^${version}`
  )
  return [
    ...(manifest["name"] === name ? [] : [`its name is ${String(manifest["name"])}`]),
    ...(manifest["version"] === version ? [] : [`its version is ${String(manifest["version"])}`]),
    ...(manifest["private"] === undefined ? [] : ["it is private"]),
    ...wrong.map(([dependency, range]) => `it needs ${dependency}@${range}, and the release is ${version}`)
  ]
}

const needed = ["package.json", "README.md", "LICENSE", "dist/index.js", "dist/index.d.ts"]

/** Modules that an older build left in `dist`. The entry files have no source (decision 40). */
const checkModules = ({ files }: Tarball): ReadonlyArray<string> => {
  const all = new Set(files)
  return files
    .filter((file) => /^dist\/(?!needs-effect-).*\.js$/.test(file))
    .filter((file) => !all.has(file.replace(/^dist\/(.*)\.js$/, "src/$1.ts")))
    .map((file) => `${file} has no source. Delete the folder dist of the package`)
}

/** Reports a wrong manifest, missing files, and modules without a source. */
export const check = (tarball: Tarball, name: string, version: string): ReadonlyArray<string> => {
  const missing = needed.filter((file) => !tarball.files.includes(file)).map((file) => `it lacks ${file}`)
  const problems = [...checkManifest(tarball, name, version), ...missing, ...checkModules(tarball)]
  return problems.map((problem) => `${name} cannot be published: ${problem}.`)
}

const row = ({ files, manifest, size }: Tarball): ReadonlyArray<string> => [
  String(manifest["name"]),
  String(manifest["version"]),
  `${(size / 1024).toFixed(1)} KiB`,
  String(files.length)
]

/** A table of tarballs, with aligned columns. */
export const table = (tarballs: ReadonlyArray<Tarball>): string => {
  const rows = [["package", "version", "tarball", "files"], ...tarballs.map(row)]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((cells) => (cells[column] ?? "").length)))
  const align = (cell: string, column: number) =>
    column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  return rows.map((cells) => cells.map(align).join("  ")).join("\n")
}
