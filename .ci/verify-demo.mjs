// Verifies the output of `npm run -s demo -- --json`: every scenario ran and is ok.
// Usage: verify-demo EXIT-STATUS [--base-url URL]
import { readFileSync } from "node:fs"

const names = [
  "unauthenticated",
  "inspect-challenge",
  "basic-auth",
  "wrong-credentials",
  "fallback-credentials",
  "digest-auth",
  "token-stored",
  "token-refreshed",
  "retry-backoff",
  "session",
  "custom-signature",
  "rate-limited",
  "complete-client",
  "beyond",
  "stream-resumed",
  "paginated",
  "download-resumed"
]

const [status, , baseUrl] = process.argv.slice(2)
const output = readFileSync(0, "utf8")

const parse = () => {
  try {
    return JSON.parse(output)
  } catch {
    return undefined
  }
}

const problemsOf = (report) => {
  if (!Array.isArray(report?.scenarios)) return [`standard output is not one JSON object: ${output.slice(0, 200)}`]
  const there = report.scenarios.map(({ name }) => name)
  return [
    ...(there.join() === names.join() ? [] : [`the scenarios are ${there.join(", ")}`]),
    ...report.scenarios.flatMap(({ name, observed, ok }) =>
      ok === true ? [] : [`${name} is not ok: ${JSON.stringify(observed)}`]
    ),
    ...report.scenarios.flatMap(({ name, timeline }) => (timeline?.length > 0 ? [] : [`${name} sent nothing`])),
    ...(report.passed === names.length && report.failed === 0 ? [] : [`counts ${report.passed} and ${report.failed}`]),
    ...(baseUrl === undefined || new URL(baseUrl).href === new URL(report.baseUrl, "x:").href
      ? []
      : [`ran against ${report.baseUrl}, not ${baseUrl}`])
  ]
}

const problems = [...(status === "0" ? [] : [`the demo exited with status ${status}`]), ...problemsOf(parse())]
for (const problem of problems) console.log(`  ${problem}`)
if (problems.length === 0) console.log(`${names.length} scenarios, all ok`)
process.exitCode = problems.length === 0 ? 0 : 1
