// `passed failed skipped` of a report of vitest's JSON reporter.
import { readFileSync } from "node:fs"

const report = JSON.parse(readFileSync(process.argv[2], "utf8"))
const results = report.testResults.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status))
const passed = results.filter((status) => status === "passed").length
const failed = results.filter((status) => status === "failed").length
// A file that broke before its first test holds no tests that could fail.
const broken = report.testResults.filter(
  ({ assertionResults, status }) => status === "failed" && !assertionResults.some((one) => one.status === "failed")
).length
console.log(passed, failed + broken, results.length - passed - failed)
