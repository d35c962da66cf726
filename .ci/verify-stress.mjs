// Prints `passed failed skipped` for the output of `npm run -s stress -- all --short --json`: every case of
// docs/reference/stress.md is one result. Problems are printed to standard error.
// Usage: verify-stress OUTPUT EXIT-STATUS
import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import * as Skips from "./skips.mjs"

const parse = (line) => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const problemsOf = ({ broken, name, ok, skipped }, allowed) => [
  ...(ok === true ? [] : [`failed: ${name}: ${(broken ?? []).join("; ")}`]),
  ...(skipped ?? [])
    .map((part) => Skips.nameOf(Skips.stress, name, part))
    .filter((part) => !allowed.has(part))
    .map(Skips.unlisted)
]

/** `passed`, `skipped` and `problems` of the output. A case that ran in part is skipped. Each problem is one failure. */
export const count = ({ allowed, documented, output, status }) => {
  const lines = output.split("\n").filter((line) => line !== "")
  const results = lines.map(parse).filter((one) => typeof one?.name === "string")
  const names = results.map(({ name }) => name)
  const skips = results.flatMap(({ name, skipped }) =>
    (skipped ?? []).map((part) => Skips.nameOf(Skips.stress, name, part))
  )
  const good = results.filter((one) => problemsOf(one, allowed).length === 0)
  const isPartial = ({ skipped }) => (skipped ?? []).length > 0
  const problems = [
    ...results.flatMap((one) => problemsOf(one, allowed)),
    ...(results.length === lines.length
      ? []
      : [`standard output is not one JSON object per line: ${output.slice(0, 200)}`]),
    ...(documented.length > 0 ? [] : ["docs/reference/stress.md lists no case"]),
    ...documented.filter((one) => !names.includes(one)).map((one) => `did not run: ${one}`),
    ...names.filter((one) => !documented.includes(one)).map((one) => `is not in docs/reference/stress.md: ${one}`),
    ...names.filter((one, index) => names.indexOf(one) !== index).map((one) => `ran twice: ${one}`),
    ...[...allowed].filter((part) => !skips.includes(part)).map(Skips.stale)
  ]
  if (status !== "0" && problems.length === 0) problems.push(`the program exited with status ${status}`)
  return {
    passed: good.filter((one) => !isPartial(one)).length,
    skipped: good.filter(isPartial).length,
    problems
  }
}

/** The names in the first column of the first table of the page. */
export const documentedIn = (page) =>
  (page.split(/^Each guarantee /m)[0] ?? "").split("\n").flatMap((line) => /^\| `([^`]+)`/.exec(line)?.[1] ?? [])

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [path, status] = process.argv.slice(2)
  const page = readFileSync(new URL("../docs/reference/stress.md", import.meta.url), "utf8")
  const counted = count({
    allowed: Skips.readAllowed(Skips.isOfStress),
    documented: documentedIn(page),
    output: readFileSync(path, "utf8"),
    status
  })
  for (const problem of counted.problems) console.error(`  ${problem}`)
  console.log(counted.passed, counted.problems.length, counted.skipped)
}
