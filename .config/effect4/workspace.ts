/** The folder with the sources for Effect 4: copies of the packages, rewritten, and what they import. */
import {
  cpSync,
  existsSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import ts from "typescript"
import { published } from "../docs/repository.js"
import { attempt, root } from "../packages/command.js"
import { Codemod } from "./codemod.js"

/** What npm installs. Everything else comes from the dependencies of this repository. */
const fromNpm = ["effect@4.1.0"]
const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]

/** The compiler options of the packages. */
export const readOptions = (folder: string): ts.CompilerOptions => {
  const { config } = ts.readConfigFile(join(root, "tsconfig.base.json"), (path) => readFileSync(path, "utf8")) as {
    config: { readonly compilerOptions: object }
  }
  const options = { ...config.compilerOptions, composite: false, incremental: false, noEmit: true, types: ["node"] }
  return ts.convertCompilerOptionsFromJson(options, folder).options
}

/** The source files of a package, in a folder with the layout of the repository. */
export const sourcesOf = (folder: string, name: string): ReadonlyArray<string> =>
  readdirSync(join(folder, "packages", name, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, "packages", name, "src", file))

const link = (target: string, path: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  if (!existsSync(path)) symlinkSync(target, path)
}

/** Links a dependency of a package, unless it is for Effect 3. */
const linkDependencies = (folder: string, name: string): void => {
  const installed = join(root, "packages", name, "node_modules")
  if (!existsSync(installed)) return
  const names = readdirSync(installed).flatMap((one) =>
    one.startsWith("@") ? readdirSync(join(installed, one)).map((inner) => `${one}/${inner}`) : [one]
  )
  for (const dependency of names) {
    if (/^(?:effect$|@effect\/|@countersign\/)/u.test(dependency)) continue
    link(join(installed, dependency), join(folder, "node_modules", dependency))
  }
}

/** Makes the folder: the packages, and their dependencies with Effect 4. */
export const makeWorkspace = async (folder: string): Promise<void> => {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "edition", private: true, type: "module" }))
  const { errors, isSuccess } = await attempt("npm", ["install", ...quiet, ...fromNpm], { cwd: folder })
  if (!isSuccess) throw new Error(`npm cannot install ${fromNpm.join(" ")}:\n${errors}`)
  for (const name of published) {
    const target = join(folder, "packages", name)
    mkdirSync(target, { recursive: true })
    cpSync(join(root, "packages", name, "package.json"), join(target, "package.json"))
    link(target, join(folder, "node_modules/@countersign", name))
    linkDependencies(folder, name)
  }
  link(join(root, "node_modules/@types/node"), join(folder, "node_modules/@types/node"))
}

const overrides = join(root, ".config/effect4/overrides")

/** The module for Effect 4 that replaces a module, if it exists: `client/internal/runtime/fiber.ts`. */
const overrideOf = (path: string): string =>
  join(overrides, path.slice(join(root, "packages/").length).replace("/src/", "/"))

/** Writes the rewritten sources of all packages. */
export const rewriteSources = (folder: string): void => {
  const files = published.flatMap((name) => sourcesOf(root, name))
  const program = ts.createProgram(files, readOptions(root))
  const checker = program.getTypeChecker()
  for (const path of files) {
    const file = program.getSourceFile(path)
    if (file === undefined) throw new Error(`the compiler cannot read ${path}`)
    const target = join(folder, path.slice(root.length))
    mkdirSync(dirname(target), { recursive: true })
    const override = overrideOf(path)
    if (existsSync(override)) copyFileSync(override, target)
    else writeFileSync(target, path.endsWith(".d.ts") ? file.text : new Codemod(file, checker).print())
  }
}
