/** Every export of a public module has TSDoc with a sentence, `@since` and `@category`. */
import { posix } from "node:path"
import ts from "typescript"
import type { Problem } from "./problem.js"
import { publicModules, type Repository } from "./repository.js"

const parse = (file: string, text: string): ts.SourceFile =>
  ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)

const lineOf = (node: ts.Node): number => node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1

const isExported = (node: ts.Statement): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

/** The names that a statement declares. */
const namesOf = (node: ts.Statement): ReadonlyArray<string> => {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.map(({ name }) => name.getText())
  const named =
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isModuleDeclaration(node)
  return named ? [node.name?.getText() ?? "default"] : []
}

const docOf = (node: ts.Node): ts.JSDoc | undefined => ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1)

const isSentence = (text: string): boolean => /\p{L}{2,}.*[.:!?](?:\s|$)/su.test(text)

/** The missing parts of an export's TSDoc. */
const missing = (doc: ts.JSDoc | undefined): ReadonlyArray<string> => {
  if (doc === undefined) return ["a TSDoc block"]
  const tag = (name: string) => {
    const found = doc.tags?.find(({ tagName }) => tagName.text === name)
    return ts.getTextOfJSDocComment(found?.comment)?.trim() ?? ""
  }
  return [
    ...(isSentence(ts.getTextOfJSDocComment(doc.comment) ?? "") ? [] : ["a sentence that says what it does"]),
    ...(/^\d+\.\d+\.\d+$/.test(tag("since")) ? [] : ["`@since` with a version"]),
    ...(/^\p{Ll}[\p{L} -]*$/u.test(tag("category")) ? [] : ["`@category` in lower case"])
  ]
}

const moduleComment = (source: ts.SourceFile): ReadonlyArray<Problem> => {
  const [first] = source.statements
  const blocks = (ts.getLeadingCommentRanges(source.text, first?.getFullStart() ?? 0) ?? []).filter(({ pos }) =>
    source.text.startsWith("/**", pos)
  )
  // Without imports, the last block belongs to the first statement.
  const own = first === undefined || ts.isImportDeclaration(first) ? blocks : blocks.slice(0, -1)
  const [block] = own
  if (block !== undefined && isSentence(source.text.slice(block.pos, block.end))) return []
  return [{ file: source.fileName, line: 1, message: "begins without a module comment: a TSDoc block on line 1" }]
}

interface Declared {
  readonly name: string
  readonly node: ts.Node
}

/** The declarations of a module. Of overloads, only the first one is listed. */
const declarations = (source: ts.SourceFile): ReadonlyArray<Declared> => {
  const overloaded = new Set<string>()
  return source.statements.flatMap((node) =>
    namesOf(node).flatMap((name) => {
      if (!ts.isFunctionDeclaration(node)) return [{ name, node }]
      if (overloaded.has(name)) return []
      overloaded.add(name)
      return [{ name, node }]
    })
  )
}

/** The declaration with the TSDoc of `export { name } from "./other.js"`: the export itself, or the original. */
const reExported = (repository: Repository, declaration: ts.ExportDeclaration): ReadonlyArray<Declared> => {
  const { exportClause, moduleSpecifier } = declaration
  if (exportClause === undefined || ts.isNamespaceExport(exportClause)) return [{ name: "*", node: declaration }]
  const source = declaration.getSourceFile()
  const from = moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : undefined
  const target = posix.join(posix.dirname(source.fileName), (from ?? "").replace(/\.js$/, ".ts"))
  const text = from?.startsWith(".") === true ? repository.read(target) : undefined
  const declared = declarations(from === undefined ? source : text === undefined ? source : parse(target, text))
  return exportClause.elements.flatMap((element) => {
    const name = (element.propertyName ?? element.name).text
    const found = docOf(element) === undefined ? declared.filter((one) => one.name === name) : []
    return found.length === 0 ? [{ name: element.name.text, node: element }] : found
  })
}

/** An export of a public module and the place of its declaration. */
export interface Export extends Declared {
  readonly file: string
  readonly line: number
}

const exportsIn = (repository: Repository, source: ts.SourceFile): ReadonlyArray<Export> =>
  [
    ...declarations(source).filter(({ node }) => ts.isStatement(node) && isExported(node)),
    ...source.statements.filter(ts.isExportDeclaration).flatMap((node) => reExported(repository, node)),
    ...source.statements.filter(ts.isExportAssignment).map((node) => ({ name: "default", node }))
  ].map(({ name, node }) => ({ name, node, file: node.getSourceFile().fileName, line: lineOf(node) }))

const sourceOf = (repository: Repository, file: string): ts.SourceFile => parse(file, repository.read(file) ?? "")

/** The exports of all public modules. */
export const exportsOf = (repository: Repository): ReadonlyArray<Export> =>
  publicModules(repository).flatMap((file) => exportsIn(repository, sourceOf(repository, file)))

/** The TSDoc of a declaration without its tags. */
export const textOfDoc = (node: ts.Node): string => ts.getTextOfJSDocComment(docOf(node)?.comment) ?? ""

/** The problems of one module. */
const checkModule = (repository: Repository, file: string): ReadonlyArray<Problem> => {
  const source = sourceOf(repository, file)
  const undocumented = exportsIn(repository, source).flatMap(({ file, line, name, node }) => {
    const lacks = missing(docOf(node))
    return lacks.length === 0 ? [] : [{ file, line, message: `\`${name}\` lacks ${lacks.join(", ")}` }]
  })
  return [...moduleComment(source), ...undocumented]
}

/** The problems of all public modules. */
export const check = (repository: Repository): ReadonlyArray<Problem> =>
  publicModules(repository).flatMap((file) => checkModule(repository, file))
