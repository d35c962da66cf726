/** Output of a result, as JSON or as a table. */
import { grouped } from "@countersign/bench/Numbers"
import type { Outcome } from "./Attempts.js"
import type { Measurements } from "./Stress.js"

/** One line of JSON. */
export const json = ({ broken, figures, name, ok, skipped }: Outcome): string =>
  JSON.stringify({ name, ok, broken, skipped, figures })

const rowsOf = (figures: Measurements, prefix = ""): ReadonlyArray<readonly [string, string]> =>
  Object.entries(figures).flatMap(([name, value]): ReadonlyArray<readonly [string, string]> => {
    if (typeof value === "object") return rowsOf(value, `${prefix}${name}.`)
    const text = typeof value === "number" ? grouped(value, Number.isInteger(value) ? 0 : 2) : String(value)
    return [[`${prefix}${name}`, text]]
  })

/** A table of the figures, the names of the failed assertions, and the skipped parts. */
export const text = ({ broken, figures, name, ok, skipped }: Outcome): string => {
  const rows = rowsOf(figures)
  const [left, right] = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map(([label, value]) => `  ${label.padEnd(left ?? 0)}  ${value.padStart(right ?? 0)}`)
  const notes = [...broken.map((assertion) => `  broken: ${assertion}`), ...skipped.map((part) => `  skipped: ${part}`)]
  return [`${ok ? "✓" : "✗"} ${name}`, ...lines, ...notes, ""].join("\n")
}
