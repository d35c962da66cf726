/** The imports of one file from Effect: what its names mean, and the imports of the rewritten file. */
import ts from "typescript"
import { modules } from "./rules/modules.js"

/** An export of Effect: `effect/Effect` and `gen`. */
export interface Reference {
  readonly module: string
  readonly name: string
}

/** Whether a module is of Effect 3, or of a package for it. */
const isEffect = (module: string): boolean => /^(?:effect|@effect\/[^/]+)\//u.test(module)

/** The module of Effect 4 that replaces a module of Effect 3. */
export const moduleOf = (module: string): string => modules[module] ?? module

interface Binding {
  readonly module: string
  /** The name of the export, or undefined for a namespace import. */
  readonly name: string | undefined
}

const bindingsOf = (statement: ts.ImportDeclaration, module: string): ReadonlyArray<readonly [string, Binding]> => {
  const bindings = statement.importClause?.namedBindings
  if (bindings === undefined) return []
  if (ts.isNamespaceImport(bindings)) return [[bindings.name.text, { module, name: undefined }]]
  return bindings.elements.map(({ name, propertyName }) => [name.text, { module, name: (propertyName ?? name).text }])
}

/** The names of a file that no namespace import may have: those of other declarations, and of named Effect imports. */
const otherNames = (file: ts.SourceFile, bindings: ReadonlyMap<string, Binding>): ReadonlySet<string> => {
  const found = new Set([...bindings].flatMap(([local, { name }]) => (name === undefined ? [] : [local])))
  const visit = (node: ts.Node): void => {
    const isMember =
      (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) ||
      (ts.isQualifiedName(node.parent) && node.parent.right === node)
    if (ts.isIdentifier(node) && !isMember && !bindings.has(node.text)) found.add(node.text)
    ts.forEachChild(node, visit)
  }
  ts.forEachChild(file, visit)
  return found
}

interface Used {
  readonly local: string
  isType: boolean
}

interface UsedExport {
  readonly name: string
  isType: boolean
}

export class Imports {
  /** The import declarations of Effect modules, which the rewritten file replaces. */
  readonly statements: ReadonlyArray<ts.ImportDeclaration>
  private readonly bindings: ReadonlyMap<string, Binding>
  private readonly checker: ts.TypeChecker
  private readonly taken: ReadonlySet<string>
  private readonly namespaces = new Map<string, Used>()
  private readonly named = new Map<string, Map<string, UsedExport>>()

  constructor(file: ts.SourceFile, checker: ts.TypeChecker) {
    this.checker = checker
    const effect: Array<ts.ImportDeclaration> = []
    const bindings: Array<readonly [string, Binding]> = []
    for (const statement of file.statements) {
      if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue
      if (!isEffect(statement.moduleSpecifier.text)) continue
      effect.push(statement)
      bindings.push(...bindingsOf(statement, statement.moduleSpecifier.text))
    }
    this.statements = effect
    this.bindings = new Map(bindings)
    this.taken = otherNames(file, this.bindings)
  }

  /** The export that a node refers to: `Effect.gen`, or the name of a named import. */
  referenceOf(node: ts.Node): Reference | undefined {
    if (ts.isPropertyAccessExpression(node) || ts.isQualifiedName(node)) {
      const [left, right] = ts.isQualifiedName(node) ? [node.left, node.right] : [node.expression, node.name]
      const binding = this.bindingOf(left)
      return binding === undefined || binding.name !== undefined
        ? undefined
        : { module: binding.module, name: right.text }
    }
    const binding = this.bindingOf(node)
    return binding?.name === undefined ? undefined : { module: binding.module, name: binding.name }
  }

  /** Whether an identifier is a namespace import, such as `Effect`. */
  namespaceOf(node: ts.Node): string | undefined {
    const binding = this.bindingOf(node)
    return binding !== undefined && binding.name === undefined ? binding.module : undefined
  }

  /** The import that an identifier refers to. A parameter, a variable or a member may have the same name. */
  private bindingOf(node: ts.Node): Binding | undefined {
    const binding = ts.isIdentifier(node) ? this.bindings.get(node.text) : undefined
    return binding !== undefined && this.isImported(node) ? binding : undefined
  }

  private isImported(node: ts.Node): boolean {
    const { parent } = node
    const symbol = ts.isShorthandPropertyAssignment(parent)
      ? this.checker.getShorthandAssignmentValueSymbol(parent)
      : ts.isExportSpecifier(parent)
        ? this.checker.getExportSpecifierLocalTargetSymbol(parent)
        : this.checker.getSymbolAtLocation(node)
    const [declaration] = symbol?.declarations ?? []
    return (
      declaration !== undefined &&
      (ts.isNamespaceImport(declaration) || ts.isImportSpecifier(declaration)) &&
      declaration.getSourceFile() === node.getSourceFile()
    )
  }

  /** The local name of a module of Effect 4, which the rewritten file imports. */
  use(module: string, isType: boolean): string {
    const known = this.namespaces.get(module)
    if (known !== undefined) {
      known.isType &&= isType
      return known.local
    }
    const name = module.slice(module.lastIndexOf("/") + 1)
    const local = this.taken.has(name) ? `Effect${name}` : name
    this.namespaces.set(module, { local, isType })
    return local
  }

  /** Imports one export of a module of Effect 4 under a local name. */
  useNamed(module: string, name: string, local: string, isType: boolean): void {
    const names = this.named.get(module) ?? new Map<string, UsedExport>()
    this.named.set(module, names)
    const known = names.get(local)
    if (known === undefined) names.set(local, { name, isType })
    else known.isType &&= isType
  }

  /** The import declarations of the rewritten file, sorted by module. */
  print(): string {
    const lines = [...this.namespaces].map(([module, { isType, local }]): readonly [string, string] => {
      return [module, `import ${isType ? "type " : ""}* as ${local} from "${module}"`]
    })
    for (const [module, names] of this.named) {
      const list = [...names].map(([local, { isType, name }]) => {
        return `${isType ? "type " : ""}${name === local ? name : `${name} as ${local}`}`
      })
      lines.push([module, `import { ${list.join(", ")} } from "${module}"`])
    }
    return lines
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, line]) => line)
      .join("\n")
  }
}
