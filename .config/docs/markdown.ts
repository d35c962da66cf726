/** A Markdown parser for the checks: fenced code, and the text around it. */

/** A line that is not code; `number` counts from 1. */
export interface Line {
  readonly number: number
  readonly text: string
}

/** A fenced block. `indent` precedes each of its lines, `info` follows the opening fence, `line` is the opening fence's. */
export interface Fence {
  readonly line: number
  readonly indent: string
  readonly info: string
  readonly lines: ReadonlyArray<string>
  /** The last line above the fence that is not blank. */
  readonly above: string
}

/** The parts of a document. */
export interface Document {
  readonly prose: ReadonlyArray<Line>
  readonly fences: ReadonlyArray<Fence>
}

const opening = /^(\s*)(`{3,}|~{3,})\s*([^`]*)$/

/** Splits a document. An unclosed fence ends with the document. */
export const parse = (text: string): Document => {
  const lines = text.split(/\r?\n/)
  const prose: Array<Line> = []
  const fences: Array<Fence> = []
  let above = ""
  for (let at = 0; at < lines.length; at++) {
    const current = lines[at] ?? ""
    const [, indent = "", marks, info = ""] = opening.exec(current) ?? []
    if (marks === undefined) {
      prose.push({ number: at + 1, text: current })
      if (current.trim() !== "") above = current.trim()
      continue
    }
    const closes = (line: string) => line.trim().startsWith(marks) && line.trim().replaceAll(marks.charAt(0), "") === ""
    const rest = lines.slice(at + 1)
    const length = rest.findIndex(closes)
    const body = length === -1 ? rest : rest.slice(0, length)
    fences.push({
      line: at + 1,
      indent,
      info: info.trim(),
      above,
      lines: body.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    })
    above = ""
    at += body.length + 1
  }
  return { prose, fences }
}

/** Replaces the lines of a fence. */
export const replaceFence = (text: string, fence: Fence, lines: ReadonlyArray<string>): string => {
  const all = text.split("\n")
  all.splice(fence.line, fence.lines.length, ...lines.map((line) => (line === "" ? "" : fence.indent + line)))
  return all.join("\n")
}

/** Whether a line belongs to a table. */
export const isRow = (line: string): boolean => line.trim().startsWith("|")

/** The cells of a table's line. */
export const cellsOf = (line: string): ReadonlyArray<string> =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"))

/** The text of a cell without link targets and backticks. */
export const plain = (cell: string): string => cell.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("`", "")
