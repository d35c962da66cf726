/** Compares the pipeline tables of the documents with `pipelineOrder` in `pipelineOrder.ts`. */
import ts from "typescript"
import { cellsOf, isRow, parse, plain } from "./markdown.js"
import type { Problem } from "./problem.js"
import type { Repository } from "./repository.js"

/** The module that exports the order. */
export const orderFile = "packages/client/src/internal/client/pipelineOrder.ts"

/** The document that shows it, in a table `# | policy | why here`, and has a section for each step. */
export const orderDocument = "docs/reference/pipeline.md"

/** One step of the pipeline. */
export interface Position {
  readonly name: string
  readonly reason: string
}

const textOf = (node: ts.Expression | undefined): string | undefined => {
  if (node === undefined) return undefined
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isParenthesizedExpression(node)) return textOf(node.expression)
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.PlusToken) return undefined
  const [left, right] = [textOf(node.left), textOf(node.right)]
  return left === undefined || right === undefined ? undefined : left + right
}

const unwrap = (node: ts.Expression): ts.Expression =>
  ts.isAsExpression(node) || ts.isSatisfiesExpression(node) || ts.isParenthesizedExpression(node)
    ? unwrap(node.expression)
    : node

const property = (node: ts.ObjectLiteralExpression, name: string): string | undefined => {
  const found = node.properties.find((one) => ts.isPropertyAssignment(one) && one.name.getText() === name)
  return found !== undefined && ts.isPropertyAssignment(found) ? textOf(found.initializer) : undefined
}

const position = (element: ts.Expression): Position | undefined => {
  const node = unwrap(element)
  if (!ts.isObjectLiteralExpression(node)) return undefined
  const [name, reason] = [property(node, "name"), property(node, "reason")]
  return name === undefined || reason === undefined ? undefined : { name, reason }
}

/**
 * Parses the exported array `pipelineOrder`: objects with string literals as `name` and `reason`. Other members are ignored.
 * Returns `undefined` if the array is missing or has another form.
 */
export const read = (text: string): ReadonlyArray<Position> | undefined => {
  const source = ts.createSourceFile(orderFile, text, ts.ScriptTarget.Latest, true)
  const declarations = source.statements
    .filter(ts.isVariableStatement)
    .flatMap((node) => node.declarationList.declarations)
  const initializer = declarations.find((one) => one.name.getText() === "pipelineOrder")?.initializer
  const array = initializer === undefined ? undefined : unwrap(initializer)
  if (array === undefined || !ts.isArrayLiteralExpression(array)) return undefined
  const positions = array.elements.map(position)
  return positions.every((one) => one !== undefined) ? positions : undefined
}

const isHeader = (line: string): boolean => cellsOf(line).join("|") === "#|policy|why here"

/** The lines of the rows, `[from, to)`, counted from 0, or `undefined` without such a table. */
const rowsOf = (lines: ReadonlyArray<string>): readonly [number, number] | undefined => {
  const header = lines.findIndex(isHeader)
  if (header === -1) return undefined
  const from = header + 2
  const length = lines.slice(from).findIndex((line) => !isRow(line))
  return [from, length === -1 ? lines.length : from + length]
}

const numberOf = ({ name }: Position, index: number): string => (name === "transport" ? "–" : String(index))

/** Reports the rows of a document's table that differ from the order. */
export const compare = (file: string, text: string, order: ReadonlyArray<Position>): ReadonlyArray<Problem> => {
  const lines = text.split("\n")
  const range = rowsOf(lines)
  if (range === undefined) return [{ file, line: 1, message: "has no table `| # | policy | why here |`" }]
  const rows = lines.slice(...range).map((line) => cellsOf(line).map(plain))
  return Array.from({ length: Math.max(rows.length, order.length) }).flatMap((_, index) => {
    const one = order[index]
    const expected = one === undefined ? [] : [numberOf(one, index), plain(one.name), plain(one.reason)]
    if (expected.join("|") === (rows[index] ?? []).join("|")) return []
    const there = one === undefined ? "nothing more" : `\`${one.name}\`: ${one.reason}`
    const line = Math.min(range[0] + index, range[1] - 1) + 1
    return [{ file, line, message: `differs from ${orderFile}, which has ${there}; see \`npm run docs -- --write\`` }]
  })
}

/** Reports steps without a section in the document: a heading with the step's name. */
export const withoutSection = (file: string, text: string, order: ReadonlyArray<Position>): ReadonlyArray<Problem> => {
  const headings = new Set(parse(text).prose.flatMap((line) => /^#+\s+(.*?)\s*$/.exec(line.text)?.[1] ?? []))
  return order
    .filter(({ name }) => !headings.has(name))
    .map(({ name }) => ({ file, line: 1, message: `has no section "${name}"` }))
}

/** Returns the document with an updated table. */
export const update = (text: string, order: ReadonlyArray<Position>): string => {
  const lines = text.split("\n")
  const range = rowsOf(lines)
  if (range === undefined || compare("", text, order).length === 0) return text
  const escape = (cell: string) => cell.replaceAll("|", "\\|")
  const rows = order.map((one, index) => `| ${numberOf(one, index)} | \`${one.name}\` | ${escape(one.reason)} |`)
  return [...lines.slice(0, range[0]), ...rows, ...lines.slice(range[1])].join("\n")
}

/** Reports tables that differ from the order. */
export const check = (repository: Repository): ReadonlyArray<Problem> => {
  const order = read(repository.read(orderFile) ?? "")
  if (order === undefined) {
    const message = 'exports no `pipelineOrder`, an array of `{ name: "…", reason: "…" }`'
    return [{ file: orderFile, line: 1, message }]
  }
  const text = repository.read(orderDocument) ?? ""
  return [...compare(orderDocument, text, order), ...withoutSection(orderDocument, text, order)]
}
