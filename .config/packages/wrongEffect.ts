/** What a user sees with Effect 4, from npm, Node and TypeScript. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { attempt, run, tool, type Outcome } from "./command.js"
import { entryPoints, type Packed } from "./packed.js"

const effect4 = "effect@4.1.0"
const expected = "/needs-effect-3.22.4/run-npm-install-effect@3-@effect/platform@0.97/"
const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]

const makeFolder = (folder: string): void => {
  mkdirSync(folder)
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }))
}

const install = (folder: string, packages: ReadonlyArray<Packed>, ...more: ReadonlyArray<string>): Promise<Outcome> => {
  const tarballs = packages.map(({ tarball }) => tarball)
  return attempt("npm", ["install", ...quiet, ...tarballs, effect4, ...more], { cwd: folder })
}

/** The packages that need Effect. */
const withEffect = (packages: ReadonlyArray<Packed>) => packages.filter(({ name }) => name !== "protocol")

/** npm rejects Effect 4, because the peer dependencies name Effect 3. */
const checkInstall = async (packages: ReadonlyArray<Packed>, room: string): Promise<void> => {
  const folder = join(room, "rejected")
  makeFolder(folder)
  const needed = packages.filter(({ name }) => name === "protocol" || name === "client")
  const { errors, isSuccess } = await install(folder, needed)
  const isNamed = errors.includes("ERESOLVE") && /peer effect@"\^3\.\d+\.\d+"/.test(errors)
  if (isSuccess || !isNamed) throw new Error(`npm does not reject ${effect4}, or does not name the peer:\n${errors}`)
}

/** A program for each module, which imports it, and prints the message of the error. */
const importAll = `const messages = {}
for (const name of process.argv.slice(1)) messages[name] = await import(name).then(() => "no error", (error) => error.message)
console.log(JSON.stringify(messages))`
const requireAll = `const messages = {}
for (const name of process.argv.slice(1)) try { require(name); messages[name] = "no error" } catch (error) { messages[name] = error.message }
console.log(JSON.stringify(messages))`

const checkMessages = async (folder: string, names: ReadonlyArray<string>, type: string, code: string) => {
  const output = await run("node", ["--no-warnings", `--input-type=${type}`, "--eval", code, ...names], { cwd: folder })
  // The program above prints this object.
  const messages = JSON.parse(output) as Readonly<Record<string, string>>
  for (const name of names) {
    if (messages[name]?.includes(expected) !== true) throw new Error(`${type} ${name}: ${messages[name]}`)
  }
}

const program = `import { ApiClient } from "@countersign/client"
export class Api extends ApiClient.Tag("app/Api")<Api>() {}
`

const checkCompiler = async (folder: string): Promise<void> => {
  writeFileSync(join(folder, "app.mts"), program)
  const options = ["--noEmit", "--module", "NodeNext", "--target", "ES2022", "--strict", "--skipLibCheck"]
  const { isSuccess, output } = await attempt(tool("tsc"), [...options, "app.mts"], { cwd: folder })
  const isDocumented = output.includes("TagClass") && output.includes("is not a constructor function type")
  if (isSuccess || !isDocumented) throw new Error(`the compiler reports something else than the guide says:\n${output}`)
}

/** Installs Effect 4 by force, and imports each module: the message must name the command that installs Effect 3. */
export const checkWrongEffect = async (packages: ReadonlyArray<Packed>, room: string): Promise<void> => {
  await checkInstall(packages, room)
  const folder = join(room, "wrongEffect")
  makeFolder(folder)
  const { errors, isSuccess } = await install(folder, packages, "@effect/platform@0.97.2", "--legacy-peer-deps")
  if (!isSuccess) throw new Error(errors)
  const names = withEffect(packages).flatMap(({ name }) =>
    entryPoints(name).map((entry) => `@countersign/${name}${entry.slice(1)}`)
  )
  await checkMessages(folder, names, "module", importAll)
  await checkMessages(folder, names, "commonjs", requireAll)
  await checkCompiler(folder)
}
