/** A promise that no test keeps is a wish: each row of a table `promise | kept by` links to a test. */
import { cellsOf, isRow, parse } from "./markdown.js"
import type { Problem } from "./problem.js"
import type { Repository } from "./repository.js"

/** The documents that promise something. */
const promiseDocuments: ReadonlyArray<string> = ["README.md", "SECURITY.md", "docs/reference/oauth.md"]

const isHeader = (text: string): boolean => isRow(text) && cellsOf(text).join("|") === "promise|kept by"
const namesTest = (cell: string): boolean => /\]\([^)]+\.test\.ts\)/.test(cell)

const inDocument = (file: string, text: string): ReadonlyArray<Problem> => {
  const { prose } = parse(text)
  const headers = prose.flatMap((line, at) => (isHeader(line.text) ? [at] : []))
  if (headers.length === 0) return [{ file, line: 1, message: "has no table `| promise | kept by |`" }]
  return headers.flatMap((header) => {
    const below = prose.slice(header + 2)
    const end = below.findIndex((line) => !isRow(line.text))
    return below
      .slice(0, end === -1 ? below.length : end)
      .filter((line) => !namesTest(cellsOf(line.text)[1] ?? ""))
      .map(({ number }) => ({ file, line: number, message: "promises something and links to no test that keeps it" }))
  })
}

/** Promises without a test. That the test is there is for the check of the links. */
export const check = (repository: Repository): ReadonlyArray<Problem> =>
  promiseDocuments.flatMap((file) => inDocument(file, repository.read(file) ?? ""))
