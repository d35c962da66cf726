// Holds what `npm run -s conformance -- NAME --json` printed against what it promises. Usage: verify-conformance EXIT-STATUS NAME
import { readFileSync } from "node:fs"

const [status, server] = process.argv.slice(2)
const output = readFileSync(0, "utf8")

const parse = () => {
  try {
    return JSON.parse(output)
  } catch {
    return undefined
  }
}

const problemsOf = (report) => {
  if (!Array.isArray(report?.cases)) return [`standard output is not the one JSON object: ${output.slice(0, 200)}`]
  const { cases, name, ok } = report
  return [
    ...(name === server ? [] : [`it is about ${name}`]),
    ...(cases.length > 0 ? [] : ["nothing was tried"]),
    ...(ok === true ? [] : ["it is not ok"]),
    // What is missing on somebody's machine is there on this one.
    ...cases.flatMap((one) => (one.ok === true ? [] : [`${one.name} is not ok: ${one.observed}`]))
  ]
}

const problems = [...(status === "0" ? [] : [`it ended with status ${status}`]), ...problemsOf(parse())]
for (const problem of problems) console.log(`  ${problem}`)
console.log(
  problems.length === 0 ? `${parse().cases.length} cases at ${server}, all ok` : `${problems.length} problems`
)
process.exit(problems.length === 0 ? 0 : 1)
