/**
 * The docs check. `npm run docs` reports problems, `npm run docs -- --write` updates what is copied from code, and
 * `npm run docs -- --prose [PATH…]` checks the language of the given files and folders.
 * Each check is a function from the repository to problems, in a separate file.
 */
import { writeFileSync } from "node:fs"
import { dirname, join, posix } from "node:path"
import { fileURLToPath } from "node:url"
import * as circles from "./circles.js"
import * as commands from "./commands.js"
import * as decisions from "./decisions.js"
import * as defaults from "./defaults.js"
import * as dependencies from "./dependencies.js"
import * as exports from "./exports.js"
import * as guarantees from "./guarantees.js"
import * as links from "./links.js"
import * as manifests from "./manifests.js"
import * as order from "./order.js"
import { format, type Problem } from "./problem.js"
import * as prose from "./prose.js"
import { documents, fromDisk, published, type Repository } from "./repository.js"
import * as roots from "./roots.js"
import * as snippets from "./snippets.js"
import * as versions from "./versions.js"

const root = join(dirname(fileURLToPath(import.meta.url)), "../..")

type Check = readonly [what: string, check: (repository: Repository) => ReadonlyArray<Problem>]

const checksWith = (modules: ReadonlyArray<defaults.Module>): ReadonlyArray<Check> => [
  ["every export is documented", exports.check],
  ["root modules export each module", roots.check],
  ["snippets repeat tested code", snippets.check],
  ["links have a target", links.check],
  ["npm scripts exist", commands.check],
  ["the pipeline table agrees with the code", order.check],
  ["the tables of defaults agree with the code", defaults.check(modules)],
  ["guarantees are verified by tests", guarantees.check],
  ["decision records have numbers of their own", decisions.check],
  ["dependencies are limited and decided, and have no install scripts", dependencies.check],
  ["manifests of packages are alike", manifests.check],
  ["versions of packages agree", versions.check],
  ["imports are not circular, type imports included", circles.check],
  ["texts are plain English", prose.check]
]

const writeRoots = (repository: Repository): void => {
  for (const name of published) {
    const file = roots.rootOf(name)
    const text = roots.textOf(repository, name)
    if (text === repository.read(file)) continue
    writeFileSync(join(root, file), text)
    console.log(`wrote ${file}`)
  }
}

const write = (repository: Repository): void => {
  writeRoots(repository)
  const positions = order.read(repository.read(order.orderFile) ?? "")
  for (const file of documents(repository)) {
    const text = repository.read(file) ?? ""
    const shown = snippets.update(repository, text)
    const isTable = positions !== undefined && file === order.orderDocument
    const updated = isTable ? order.update(shown, positions) : shown
    if (updated === text) continue
    writeFileSync(join(root, file), updated)
    console.log(`wrote ${file}`)
  }
}

const run = (checks: ReadonlyArray<Check>): number => {
  const repository = fromDisk(root)
  const counts = checks.map(([what, check]) => {
    const problems = check(repository)
    console.log(`${problems.length === 0 ? "✓" : "✗"} ${what}`)
    for (const problem of problems) console.log(`  ${format(problem)}`)
    return problems.length
  })
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total > 0)
    console.error(`\n${total === 1 ? "1 problem" : `${total} problems`}. Fix and run \`npm run docs\` again.`)
  return total === 0 ? 0 : 1
}

/** Checks the language below some paths, which are relative to the top level; without paths, everywhere. */
const runProse = (args: ReadonlyArray<string>): number => {
  const paths = args.map((path) => posix.normalize(path).replace(/\/$/, ""))
  const unknown = paths.filter((path) => path !== "." && !fromDisk(root).has(path))
  if (unknown.length > 0) {
    console.error(`no file or folder ${unknown.join(", ")}. Name paths from the top level of the repository.`)
    return 2
  }
  const includes = (file: string) => paths.some((path) => path === "." || file === path || file.startsWith(`${path}/`))
  return run([["texts are plain English", paths.length === 0 ? prose.check : prose.checkIn(includes)]])
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  if (args[0] === "--prose") return runProse(args.slice(1))
  const unknown = args.filter((arg) => arg !== "--write")
  if (unknown.length > 0) {
    console.error(`unknown argument ${unknown.join(" ")}. Use --write, or --prose with paths.`)
    return 2
  }
  if (args.includes("--write")) write(fromDisk(root))
  return run(checksWith(await defaults.load(root, fromDisk(root))))
}

process.exitCode = await main(process.argv.slice(2))
