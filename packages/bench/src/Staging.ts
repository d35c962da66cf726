/**
 * Compiles the packages as users install them: plain JavaScript, one file for each module, with the published exports.
 * tsx is not used, because it preserves function names with an `Object.defineProperty` call for each closure.
 */
import { build, transform } from "esbuild"
import { mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const packages = join(dirname(fileURLToPath(import.meta.url)), "../..")

/** The measured packages, in the order of their layers. */
export const ours: ReadonlyArray<string> = ["protocol", "client", "auth", "node"]

/** The packages with programs, and the imports of these programs besides {@link ours}. */
const applications = { bench: ["redis"], stress: ["bench"] } as const

/** The folder of a package with programs. */
export type Application = keyof typeof applications

interface Manifest {
  readonly name: string
  readonly version: string
  readonly sideEffects?: boolean
  readonly publishConfig?: { readonly exports: Readonly<Record<string, unknown>> }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The manifest of a package of this workspace. */
const manifestOf = (name: string): Manifest =>
  // The members that are read are in each manifest of this repository.
  JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8")) as Manifest

/** The paths of a folder's TypeScript modules, relative to it, without their ending. */
const modulesOf = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -".ts".length).replaceAll("\\", "/"))
    .toSorted()

/** The public modules of the packages, such as `@countersign/client/ApiClient`. */
export const publicModules = (name: string): ReadonlyArray<string> =>
  modulesOf(join(packages, name, "src"))
    .filter((module) => !module.includes("/") && module !== "index")
    .map((module) => `@countersign/${name}/${module}`)

const compile = async (from: string, to: string): Promise<void> => {
  for (const module of modulesOf(from)) {
    const source = readFileSync(join(from, `${module}.ts`), "utf8")
    const { code } = await transform(source, { loader: "ts", target: "es2022", format: "esm" })
    const file = join(to, `${module}.js`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, code)
  }
}

/** Links the dependencies of a package to the workspace's, so that all packages share one copy. */
const link = (name: string, dependencies: ReadonlyArray<string>, into: string): void => {
  for (const dependency of dependencies) {
    if (dependency.startsWith("@countersign/")) continue
    const place = join(into, dependency)
    mkdirSync(dirname(place), { recursive: true })
    rmSync(place, { force: true })
    symlinkSync(realpathSync(join(packages, name, "node_modules", dependency)), place, "dir")
  }
}

/** The exports of a compiled package that is not published. */
const compiledExports = { "./*": "./dist/*.js" }

/**
 * Compiles the packages and an application into a folder, as if the packages were installed in that application.
 *
 * @param purpose - names the folder; a different name for each call that may run at the same time.
 */
export const stage = async (application: Application, purpose: string): Promise<string> => {
  const folder = join(packages, application, "dist", purpose)
  const modules = join(folder, "node_modules")
  rmSync(folder, { recursive: true, force: true })
  for (const name of [...ours, ...applications[application]]) {
    const { dependencies = {}, name: full, publishConfig, sideEffects, version } = manifestOf(name)
    const installed = join(modules, "@countersign", name)
    await compile(join(packages, name, "src"), join(installed, "dist"))
    const exports = publishConfig?.exports ?? compiledExports
    writeFileSync(
      join(installed, "package.json"),
      JSON.stringify({ name: full, version, type: "module", sideEffects, exports })
    )
    link(name, Object.keys(dependencies), modules)
  }
  link(application, Object.keys(manifestOf(application).dependencies ?? {}), modules)
  await compile(join(packages, application, "src"), join(folder, "src"))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
  return folder
}

const bundles = new Map<string, Promise<string>>()

/**
 * Compiles a program of an application's `src/programs` into one file, once for each process. It starts in a quarter of the
 * time of the modules that `stage` writes.
 *
 * @param purpose - as for {@link stage}.
 */
export const bundle = (application: Application, purpose: string, program: string): Promise<string> => {
  const folder = join(packages, application, "dist", purpose)
  const name = `${folder}/${program}`
  const compiled =
    bundles.get(name) ??
    build({
      entryPoints: [join(packages, application, "src/programs", `${program}.ts`)],
      outfile: join(folder, "src/programs", `${program}.js`),
      bundle: true,
      platform: "node",
      format: "esm",
      target: "es2022",
      // A CommonJS library cannot be part of an ES module, because it requires modules of Node.
      external: ["ioredis", "@effect/sql-pg"],
      logLevel: "error"
    }).then(() => folder)
  bundles.set(name, compiled)
  return compiled
}
