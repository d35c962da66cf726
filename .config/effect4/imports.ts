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

/** The identifiers of a file that are not names of its Effect imports. */
const otherNames = (file: ts.SourceFile, bindings: ReadonlyMap<string, Binding>): ReadonlySet<string> => {
  const found = new Set<string>()
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

export class Imports {
  /** The import declarations of Effect modules, which the rewritten file replaces. */
  readonly statements: ReadonlyArray<ts.ImportDeclaration>
  private readonly bindings: ReadonlyMap<string, Binding>
  private readonly taken: ReadonlySet<string>
  private readonly namespaces = new Map<string, Used>()
  private readonly named = new Map<string, Map<string, Used>>()

  constructor(file: ts.SourceFile) {
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
      const binding = ts.isIdentifier(left) ? this.bindings.get(left.text) : undefined
      return binding === undefined || binding.name !== undefined
        ? undefined
        : { module: binding.module, name: right.text }
    }
    if (!ts.isIdentifier(node)) return undefined
    const binding = this.bindings.get(node.text)
    return binding?.name === undefined ? undefined : { module: binding.module, name: binding.name }
  }

  /** Whether an identifier is a namespace import, such as `Effect`. */
  namespaceOf(node: ts.Node): string | undefined {
    const binding = ts.isIdentifier(node) ? this.bindings.get(node.text) : undefined
    return binding !== undefined && binding.name === undefined ? binding.module : undefined
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
    const names = this.named.get(module) ?? new Map<string, Used>()
    this.named.set(module, names)
    const known = names.get(name)
    if (known === undefined) names.set(name, { local, isType })
    else known.isType &&= isType
  }

  /** The import declarations of the rewritten file, sorted by module. */
  print(): string {
    const lines = [...this.namespaces].map(([module, { isType, local }]): readonly [string, string] => {
      return [module, `import ${isType ? "type " : ""}* as ${local} from "${module}"`]
    })
    for (const [module, names] of this.named) {
      const list = [...names].map(([name, { isType, local }]) => {
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
