/** Each row of a table of guarantees links to a test that verifies it. The last column of such a table is `verified by`. */
import { cellsOf, isRow, parse } from "./markdown.js"
import type { Problem } from "./problem.js"
import type { Repository } from "./repository.js"

/** The document that lists the guarantees. */
export const guaranteesDocument = "docs/reference/guarantees.md"

const isHeader = (text: string): boolean => isRow(text) && cellsOf(text).at(-1) === "verified by"
const namesTest = (cell: string): boolean => /\]\([^)]+\.test\.ts\)/.test(cell)

const inDocument = (file: string, text: string): ReadonlyArray<Problem> => {
  const { prose } = parse(text)
  const headers = prose.flatMap((line, at) => (isHeader(line.text) ? [at] : []))
  if (headers.length === 0) return [{ file, line: 1, message: "has no table `| guarantee | verified by |`" }]
  return headers.flatMap((header) => {
    const below = prose.slice(header + 2)
    const end = below.findIndex((line) => !isRow(line.text))
    return below
      .slice(0, end === -1 ? below.length : end)
      .filter((line) => !namesTest(cellsOf(line.text).at(-1) ?? ""))
      .map(({ number }) => ({ file, line: number, message: "the guarantee links to no test: add the test to its row" }))
  })
}

/** Guarantees without a test. The check of the links verifies that the test exists. */
export const check = (repository: Repository): ReadonlyArray<Problem> =>
  inDocument(guaranteesDocument, repository.read(guaranteesDocument) ?? "")
