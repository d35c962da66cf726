// Prints `passed failed skipped` for a report of vitest's JSON reporter. Problems are printed to standard error.
// Usage: count-tests REPORT EXIT-STATUS TEST-FILES OTHER-FILES. TEST-FILES lists the test files that must have run, one per
// line. OTHER-FILES lists those of another run: an allowed skip in one of them belongs to that run.
import { readFileSync } from "node:fs"
import { relative } from "node:path"
import { pathToFileURL } from "node:url"
import * as Skips from "./skips.mjs"

/** The first line of the failure, for readers of the end of the output alone. */
const reasonOf = ({ failureMessages }) => {
  const [line] = (failureMessages?.[0] ?? "").split("\n")
  return line === "" ? "" : `: ${line.slice(0, 500)}`
}

const isSkipped = ({ status }) => status === "skipped" || status === "todo"

/** `passed`, `skipped` and `problems` of a report. Each problem counts as one failure. */
export const count = ({ allowed, files, report, root, status }) => {
  if (!Array.isArray(report?.testResults)) {
    return { passed: 0, skipped: 0, problems: [`vitest wrote no report (exit status ${status})`] }
  }
  const problems = []
  const skipped = new Set()
  let passed = 0
  let accepted = 0
  for (const { assertionResults, message, name, status: outcome } of report.testResults) {
    const file = relative(root, name).replaceAll("\\", "/")
    if (outcome === "failed" && !assertionResults.some((one) => one.status === "failed")) {
      problems.push(`failed outside of its tests: ${file}: ${message}`)
    } else if (assertionResults.length === 0) {
      problems.push(`has no tests: ${file}`)
    }
    for (const one of assertionResults) {
      const test = Skips.nameOf(file, ...one.ancestorTitles, one.title)
      if (one.status === "passed") passed += 1
      else if (one.status === "failed") problems.push(`failed: ${test}${reasonOf(one)}`)
      else if (!isSkipped(one)) problems.push(`did not run (${one.status}): ${test}`)
      else if (!allowed.has(test)) problems.push(Skips.unlisted(test))
      else accepted += 1
      if (isSkipped(one)) skipped.add(test)
    }
  }
  const reported = new Set(report.testResults.map(({ name }) => relative(root, name).replaceAll("\\", "/")))
  problems.push(
    ...files.filter((file) => !reported.has(file)).map((file) => `is a test file that vitest did not run: ${file}`),
    ...[...allowed].filter((test) => !skipped.has(test)).map(Skips.stale)
  )
  if (passed === 0) problems.push("no test passed")
  if (status !== "0" && problems.length === 0) {
    problems.push(`vitest exited with status ${status} although no test failed: see its output for an unhandled error`)
  }
  return { passed, skipped: accepted, problems }
}

const parseOrNothing = (path) => {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return undefined
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [path, status, list, others] = process.argv.slice(2)
  const namesIn = (file) =>
    readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
  const other = new Set(others === undefined ? [] : namesIn(others))
  const counted = count({
    report: parseOrNothing(path),
    status,
    files: namesIn(list),
    allowed: Skips.readAllowed((name) => Skips.isOfTests(name) && !other.has(Skips.fileOf(name))),
    root: process.cwd()
  })
  for (const problem of counted.problems) console.error(`  ${problem}`)
  console.log(counted.passed, counted.problems.length, counted.skipped)
}
