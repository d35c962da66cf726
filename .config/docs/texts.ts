/** The texts that a person reads in source code: comments, string literals and test names. */
import ts from "typescript"
import { withoutCode } from "./sentences.js"

/** A text, as long as the source it stands for, so that positions in it are positions in the source. */
export interface Text {
  readonly kind: "comment" | "string" | "test" | "suite"
  readonly start: number
  readonly text: string
}

/** Parses a file of TypeScript or JavaScript. */
export const parse = (file: string, text: string): ts.SourceFile =>
  ts.createSourceFile(
    file,
    text,
    ts.ScriptTarget.Latest,
    true,
    file.endsWith(".ts") ? ts.ScriptKind.TS : ts.ScriptKind.JS
  )

/** The line of a position, counted from 1. */
export const lineAt = (source: ts.SourceFile, position: number): number =>
  source.getLineAndCharacterOfPosition(position).line + 1

const spaces = (text: string): string => text.replace(/\S/g, " ")

/** A comment without its marks and without its code. */
const textOfComment = (comment: string): string =>
  withoutCode(comment.replace(/^\/\*+|\*+\/$|^[ \t]*(?:\*(?!\/)|\/\/+)/gm, spaces))

/** Whether two line comments are one text: only the end of a line stands between them. */
const isContinued = (between: string): boolean => /^\r?\n[ \t]*$/.test(between)

/** The comments in `[from, to)`, which holds nothing but white space and comments. */
const commentsIn = (source: ts.SourceFile, from: number, to: number): ReadonlyArray<Text> => {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, source.text)
  scanner.setText(source.text, from, to - from)
  const ranges: Array<{ readonly start: number; readonly end: number; readonly isLine: boolean }> = []
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    const isLine = kind === ts.SyntaxKind.SingleLineCommentTrivia
    if (!isLine && kind !== ts.SyntaxKind.MultiLineCommentTrivia) continue
    const before = ranges.at(-1)
    const start = scanner.getTokenStart()
    const isOne = isLine && before?.isLine === true && isContinued(source.text.slice(before.end, start))
    if (isOne) ranges.pop()
    ranges.push({ start: isOne ? before.start : start, end: scanner.getTokenEnd(), isLine })
  }
  return ranges.map(({ end, start }) => ({
    kind: "comment",
    start,
    text: textOfComment(source.text.slice(start, end))
  }))
}

/** The comments of a file. */
export const commentsOf = (source: ts.SourceFile): ReadonlyArray<Text> => {
  const visit = (node: ts.Node): ReadonlyArray<Text> => {
    const children = node.getChildren(source).filter((child) => !ts.isJSDoc(child))
    if (children.length > 0) return children.flatMap(visit)
    return node.getStart(source) === node.getFullStart()
      ? []
      : commentsIn(source, node.getFullStart(), node.getStart(source))
  }
  return visit(source)
}

const isText = (node: ts.Node): node is ts.StringLiteralLike | ts.TemplateExpression =>
  ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)

/** A literal as it stands in the source, without its quotes, expressions and escaped white space. */
const textOfLiteral = (source: ts.SourceFile, node: ts.StringLiteralLike | ts.TemplateExpression): string => {
  const start = node.getStart(source)
  const blank = (text: string, from: number, to: number) =>
    text.slice(0, from - start) + "…".repeat(to - from) + text.slice(to - start)
  const spans = ts.isTemplateExpression(node) ? node.templateSpans : []
  const text = spans.reduce(
    (done, { expression, literal }) => blank(done, expression.getFullStart() - 2, literal.getStart(source) + 1),
    source.text.slice(start, node.getEnd())
  )
  return withoutCode(` ${text.slice(1, -1)} `.replace(/\\[nrt]/g, "  "))
}

const each = <A>(source: ts.SourceFile, find: (node: ts.Node) => ReadonlyArray<A>): ReadonlyArray<A> => {
  const visit = (node: ts.Node): ReadonlyArray<A> => {
    const below: Array<A> = []
    ts.forEachChild(node, (child) => void below.push(...visit(child)))
    return [...find(node), ...below]
  }
  return visit(source)
}

/** The string literals of a file that have a space: what has none is a name. */
export const stringsOf = (source: ts.SourceFile): ReadonlyArray<Text> =>
  each(source, (node) => {
    if (!isText(node)) return []
    const text = textOfLiteral(source, node)
    return /\S\s+\S/.test(text) ? [{ kind: "string", start: node.getStart(source), text }] : []
  })

/** The name that a call begins with: `it` of `it.effect.each(…)("…")`. */
const rootOf = (node: ts.Expression): string => {
  if (ts.isIdentifier(node)) return node.text
  if (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node)) return rootOf(node.expression)
  return ts.isTaggedTemplateExpression(node) ? rootOf(node.tag) : ""
}

const kinds: Readonly<Record<string, Text["kind"]>> = { it: "test", test: "test", describe: "suite" }

/** The names of the tests and suites of a file. */
export const testNamesOf = (source: ts.SourceFile): ReadonlyArray<Text> =>
  each(source, (node) => {
    if (!ts.isCallExpression(node)) return []
    const [name] = node.arguments
    const root = rootOf(node.expression)
    const kind = Object.hasOwn(kinds, root) ? kinds[root] : undefined
    if (kind === undefined || name === undefined || !isText(name)) return []
    return [{ kind, start: name.getStart(source), text: textOfLiteral(source, name) }]
  })
