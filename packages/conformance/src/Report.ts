/** Results of the cases, as text or JSON. */
import type { CaseResult } from "./Case.js"

/** The results of all cases at a server. */
export interface Result {
  readonly name: string
  readonly outcomes: ReadonlyArray<CaseResult>
}

/** Whether no case failed. Skipped cases are no failures. */
export const isOk = ({ outcomes }: Result): boolean =>
  outcomes.length > 0 && outcomes.every(({ ok, skipped }) => ok || skipped === true)

/** One line of JSON. */
export const json = (result: Result): string =>
  JSON.stringify({ name: result.name, ok: isOk(result), cases: result.outcomes })

const signOf = ({ ok, skipped }: CaseResult): string => (skipped === true ? "-" : ok ? "✓" : "✗")

/** One line of a case. */
export const line = (outcome: CaseResult): string => `${signOf(outcome)} ${outcome.name}: ${outcome.observed}`

/** A table with the counts. */
export const text = (result: Result): string => {
  const { name, outcomes } = result
  const width = Math.max(0, ...outcomes.map((outcome) => outcome.name.length))
  const lines = outcomes.map((outcome) => `  ${signOf(outcome)} ${outcome.name.padEnd(width)}  ${outcome.observed}`)
  const skipped = outcomes.filter((outcome) => outcome.skipped).length
  const good = outcomes.filter(({ ok }) => ok).length
  const wrong = outcomes.length - good - skipped
  return [`${isOk(result) ? "✓" : "✗"} ${name}: ${good} ok, ${wrong} wrong, ${skipped} skipped`, ...lines].join("\n")
}
