/** The blocks and sentences of a document, without its code, links' targets and HTML. */
import { isRow, parse } from "./markdown.js"

/** Replaces what is no white space, so that the rest stays where it is. */
const blank = (text: string): string => text.replace(/\S/g, "`")

/** A text with each code span, and each fence, as one word of the same length. */
export const withoutCode = (text: string): string =>
  text.replace(/(?<!`)(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, (code) => "`".repeat(code.length))

/** A block of a document. Its marks are white space; `line` is its first line. */
export interface Block {
  readonly kind: "heading" | "item" | "links" | "paragraph" | "row"
  readonly line: number
  readonly text: string
}

const patterns = {
  heading: /^\s*#{1,6}\s+/,
  item: /^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?/,
  quote: /^\s*(?:>\s?)+/,
  rule: /^\s*(?:-{3,}|={3,}|\*{3,})\s*$/,
  target: /^\s*\[[^\]]+\]:\s/
}

const kindOf = (line: string): Block["kind"] => {
  if (isRow(line)) return "row"
  if (patterns.heading.test(line)) return "heading"
  return patterns.item.test(line) ? "item" : "paragraph"
}

const isBreak = (line: string): boolean => line.trim() === "" || patterns.rule.test(line) || patterns.target.test(line)

const spaces = (text: string): string => text.replace(/\S/g, " ")

/** Code spans, targets of links, and tags, in the same length. */
const cleaned = (text: string): string =>
  withoutCode(text)
    .replace(/(?<=\])\([^)\s]*(?:\s+"[^"]*")?\)|(?<=\])\[[^\]]*\]/g, spaces)
    .replace(/<?https?:\/\/[^\s>)]+>?/g, blank)
    .replace(/<\/?[a-z][^>]*>/gi, spaces)

/** The document's lines with neither fences nor comments. */
const linesOf = (text: string): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const line of parse(text).prose) lines[line.number - 1] = line.text
  return Array.from(lines, (line: string | undefined) => line ?? "")
    .join("\n")
    .replace(/<!--[\s\S]*?-->/g, spaces)
    .split("\n")
}

/** Whether a line that begins a block is code by its indentation; in a list it continues an item. */
const isIndented = (line: string, before: Block["kind"] | undefined): boolean =>
  /^(?: {4}|\t)/.test(line) && before !== "item"

/** Whether a block consists of links, as in a table of contents. */
const hasOnlyLinks = (text: string): boolean => text.includes("[") && !/\p{L}/u.test(text.replace(/\[[^\]]*\]/g, ""))

/** The headings, paragraphs, list items and lines of tables of a document. */
export const blocksOf = (text: string): ReadonlyArray<Block> => {
  const blocks: Array<{ readonly kind: Block["kind"]; readonly line: number; readonly lines: Array<string> }> = []
  let isOpen = false
  linesOf(text).forEach((quoted, index) => {
    const line = quoted.replace(patterns.quote, spaces)
    const kind = kindOf(line)
    const words = line.replace(patterns.heading, spaces).replace(patterns.item, spaces)
    if (isBreak(line) || (!isOpen && isIndented(line, blocks.at(-1)?.kind))) isOpen = false
    else if (isOpen && kind === "paragraph") blocks.at(-1)?.lines.push(words)
    else {
      blocks.push({ kind, line: index + 1, lines: [words] })
      isOpen = kind === "paragraph" || kind === "item"
    }
  })
  return blocks.map(({ kind, line, lines }) => {
    const text = cleaned(lines.join("\n"))
    return { kind: hasOnlyLinks(text) ? "links" : kind, line, text }
  })
}

/** A sentence and its position in the text. */
export interface Sentence {
  readonly start: number
  readonly words: ReadonlyArray<string>
}

const end = /(?<=[.!?…]["'”’)\]*_]*)(?<!\b(?:e\.g|i\.e|etc|vs|cf)\.)\s+/g

/** The sentences of a text. A word has a letter, a digit or code. */
export const sentencesOf = (text: string): ReadonlyArray<Sentence> => {
  const starts = [0, ...Array.from(text.matchAll(end), ({ 0: gap, index }) => index + gap.length)]
  return starts
    .map((start, index) => {
      const words = text.slice(start, starts[index + 1]).split(/\s+/)
      return { start, words: words.filter((word) => /[\p{L}\p{N}`]/u.test(word)) }
    })
    .filter(({ words }) => words.length > 0)
}

/** The number of lines that end before a position. */
export const linesBefore = (text: string, position: number): number => text.slice(0, position).split("\n").length - 1
