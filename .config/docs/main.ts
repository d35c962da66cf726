/**
 * The docs check: `npm run docs` tells what is wrong, `npm run docs -- --write` mends what can be copied.
 * Each check is a function from the repository to problems, in a file of its own.
 */
import { writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as circles from "./circles.js"
import * as commands from "./commands.js"
import * as defaults from "./defaults.js"
import * as dependencies from "./dependencies.js"
import * as exports from "./exports.js"
import * as guarantees from "./guarantees.js"
import * as links from "./links.js"
import * as order from "./order.js"
import { format, type Problem } from "./problem.js"
import { documents, fromDisk, type Repository } from "./repository.js"
import * as snippets from "./snippets.js"

const root = join(dirname(fileURLToPath(import.meta.url)), "../..")

type Check = readonly [what: string, check: (repository: Repository) => ReadonlyArray<Problem>]

const checksWith = (modules: ReadonlyArray<defaults.Module>): ReadonlyArray<Check> => [
  ["every export is documented", exports.check],
  ["snippets are code that runs", snippets.check],
  ["links lead somewhere", links.check],
  ["commands are there", commands.check],
  ["the table of the order agrees with the code", order.check],
  ["the tables of defaults agree with the code", defaults.check(modules)],
  ["guarantees are verified by tests", guarantees.check],
  ["dependencies are few, decided on, and run nothing", dependencies.check],
  ["imports have no circles, type imports included", circles.check]
]

const write = (repository: Repository): void => {
  const positions = order.read(repository.read(order.orderFile) ?? "")
  for (const file of documents(repository)) {
    const text = repository.read(file) ?? ""
    const shown = snippets.update(repository, text)
    const isTable = positions !== undefined && order.orderDocuments.includes(file)
    const updated = isTable ? order.update(shown, positions) : shown
    if (updated === text) continue
    writeFileSync(join(root, file), updated)
    console.log(`wrote ${file}`)
  }
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const unknown = args.filter((arg) => arg !== "--write")
  if (unknown.length > 0) {
    console.error(`The docs check takes --write and nothing else, not ${unknown.join(" ")}`)
    return 2
  }
  if (args.includes("--write")) write(fromDisk(root))
  const repository = fromDisk(root)
  const counts = checksWith(await defaults.load(root, repository)).map(([what, check]) => {
    const problems = check(repository)
    console.log(`${problems.length === 0 ? "✓" : "✗"} ${what}`)
    for (const problem of problems) console.log(`  ${format(problem)}`)
    return problems.length
  })
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total > 0) console.error(`\nMend ${total === 1 ? "it" : `these ${total}`}, then run \`npm run docs\` again.`)
  return total === 0 ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
