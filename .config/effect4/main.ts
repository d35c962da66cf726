/**
 * Counts the type errors of the packages with Effect 4: `npm run effect4`. It copies the sources to a folder, applies the
 * codemod, and checks the types with effect 4.1.0 from npm or its cache.
 *
 *   npm run effect4                    prints a table, and fails if a package has more errors than `limits.json` allows
 *   npm run effect4 -- --errors        prints the errors too
 *   npm run effect4 -- --keep FOLDER   writes the sources to FOLDER, and keeps them
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { root } from "../packages/command.js"
import { countErrors, type Count } from "./count.js"
import { makeWorkspace, rewriteSources } from "./workspace.js"

const { values } = parseArgs({ options: { errors: { type: "boolean" }, keep: { type: "string" } } })
const room = values.keep === undefined ? mkdtempSync(join(tmpdir(), "countersign-effect4-")) : resolve(values.keep)

const readLimits = (): { readonly limits: Readonly<Record<string, number>>; readonly first: number } =>
  // The file of this folder has these members.
  JSON.parse(readFileSync(join(root, ".config/effect4/limits.json"), "utf8")) as ReturnType<typeof readLimits>

const { first, limits } = readLimits()

const sum = (counts: ReadonlyArray<Count>, of: (count: Count) => number): number =>
  counts.reduce((total, count) => total + of(count), 0)

const row = (...cells: ReadonlyArray<string | number>): string =>
  cells.map((cell, index) => (index === 0 ? String(cell).padEnd(10) : String(cell).padStart(9))).join("")

const printTable = (counts: ReadonlyArray<Count>): void => {
  console.log(row("package", "errors", "limit", "in files", "of files"))
  for (const { errors, files, filesWithErrors, name } of counts) {
    console.log(row(name, errors.length, limits[name] ?? 0, filesWithErrors, files))
  }
  const [errors, inFiles, files] = [
    sum(counts, (count) => count.errors.length),
    sum(counts, (count) => count.filesWithErrors),
    sum(counts, (count) => count.files)
  ]
  const allowed = Object.values(limits).reduce((total, limit) => total + limit, 0)
  console.log(row("all", errors, allowed, inFiles, files))
  console.log(`The first count was ${first}.`)
}

/** Returns whether a package has more errors than its limit. */
const exceedsLimit = ({ errors, name }: Count): boolean => {
  const limit = limits[name] ?? 0
  if (errors.length < limit) console.log(`${name}: lower its limit in .config/effect4/limits.json to ${errors.length}.`)
  if (errors.length <= limit) return false
  console.log(`${name}: ${errors.length} type errors with Effect 4, and ${limit} are allowed:\n${errors.join("\n")}`)
  return true
}

try {
  mkdirSync(room, { recursive: true })
  await makeWorkspace(room)
  rewriteSources(room)
  const counts = countErrors(room)
  if (values.errors === true) for (const { errors } of counts) console.log(errors.join("\n"))
  printTable(counts)
  process.exitCode = counts.filter(exceedsLimit).length === 0 ? 0 : 1
} finally {
  if (values.keep === undefined) rmSync(room, { recursive: true, force: true })
}
