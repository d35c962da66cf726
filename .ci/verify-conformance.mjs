// Verifies the output of `npm run -s conformance -- NAME --json`: every case of docs/reference/conformance.md ran and is ok.
// Usage: verify-conformance EXIT-STATUS NAME
import { readFileSync } from "node:fs"

const [status, server] = process.argv.slice(2)
const output = readFileSync(0, "utf8")
const page = readFileSync(new URL("../docs/reference/conformance.md", import.meta.url), "utf8")

/** The names in the first columns of the tables of the server's section. */
const documented = (page.split(/^## /m).find((section) => section.startsWith(`\`${server}\``)) ?? "")
  .split("\n")
  .flatMap((line) => /^\| `([^`]+)`/.exec(line)?.[1] ?? [])

const parse = () => {
  try {
    return JSON.parse(output)
  } catch {
    return undefined
  }
}

const problemsOf = (report) => {
  if (!Array.isArray(report?.cases)) return [`standard output is not one JSON object: ${output.slice(0, 200)}`]
  const { cases, name, ok } = report
  const names = cases.map((one) => one.name)
  return [
    ...(name === server ? [] : [`the report is about ${name}`]),
    ...(documented.length > 0 ? [] : [`docs/reference/conformance.md lists no case of ${server}`]),
    ...(ok === true ? [] : ["the report is not ok"]),
    ...documented.filter((one) => !names.includes(one)).map((one) => `${one} did not run`),
    ...names.filter((one) => !documented.includes(one)).map((one) => `${one} is not in docs/reference/conformance.md`),
    ...names.filter((one, index) => names.indexOf(one) !== index).map((one) => `${one} ran twice`),
    // A skipped case has `ok: false`. CI has installed everything that a case needs.
    ...cases.flatMap((one) => (one.ok === true ? [] : [`${one.name} is not ok: ${one.observed}`]))
  ]
}

const problems = [...(status === "0" ? [] : [`the program exited with status ${status}`]), ...problemsOf(parse())]
for (const problem of problems) console.log(`  ${problem}`)
if (problems.length === 0) console.log(`${documented.length} cases at ${server}, all ok`)
process.exitCode = problems.length === 0 ? 0 : 1
