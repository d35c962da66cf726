/** The codemod: rewrites a file for Effect 3 as a file for Effect 4. */
import ts from "typescript"
import { conversionOf } from "./conversions.js"
import { Imports, moduleOf, type Reference } from "./imports.js"
import { calls, curried } from "./rules/calls.js"
import { constructors } from "./rules/constructors.js"
import { comparisons, dropped, members, tags, views } from "./rules/members.js"
import { methods } from "./rules/methods.js"
import { names } from "./rules/names.js"
import { references } from "./rules/references.js"

/** What a rule can use. */
export interface Rewriting {
  /** The text of a node after all rules. */
  readonly render: (node: ts.Node) => string
  /** The local name of a module of Effect 4, which is imported. */
  readonly use: (module: string) => string
  /** The key of the export that a node refers to, such as `effect/Effect#gen`. */
  readonly keyOf: (node: ts.Node) => string | undefined
}

const keyOf = ({ module, name }: Reference): string => `${module}#${name}`

/** Whether a node is part of a type, so that a type import is enough. */
const isType = (node: ts.Node): boolean =>
  ts.isPartOfTypeNode(node) || ts.isQualifiedName(node) || ts.isQualifiedName(node.parent)

/** The module of Effect that declares a symbol, such as `effect/Either`. */
const declaringModule = (file: string): string | undefined => {
  const path = file.slice(file.lastIndexOf("/node_modules/") + "/node_modules/".length)
  const found = /^(effect|@effect\/[^/]+)\/dist\/dts\/(.+)\.d\.ts$/u.exec(path)
  return found === null ? undefined : `${found[1]}/${found[2]}`
}

/** The key of a member that Effect declares, such as `effect/Either#Left.left`. */
const memberKey = (checker: ts.TypeChecker, name: ts.Node): ReadonlyArray<string> => {
  const symbol = checker.getSymbolAtLocation(name)
  return (symbol?.declarations ?? []).flatMap((declaration) => {
    const module = declaringModule(declaration.getSourceFile().fileName)
    const { parent } = declaration
    const isNamed = ts.isInterfaceDeclaration(parent) || ts.isClassDeclaration(parent)
    // The members of a base class are in a type without a name.
    return module === undefined ? [] : [`${module}#${isNamed ? parent.name?.text : "*"}.${symbol?.name}`]
  })
}

export class Codemod {
  private readonly file: ts.SourceFile
  private readonly checker: ts.TypeChecker
  private readonly imports: Imports
  private readonly rewriting: Rewriting

  constructor(file: ts.SourceFile, checker: ts.TypeChecker) {
    this.file = file
    this.checker = checker
    this.imports = new Imports(file, checker)
    this.rewriting = {
      render: (node) => this.render(node),
      use: (module) => this.imports.use(module, false),
      keyOf: (node) => {
        const reference = this.imports.referenceOf(node)
        return reference === undefined ? undefined : keyOf(reference)
      }
    }
  }

  /** The text of the whole file for Effect 4. */
  print(): string {
    const { statements } = this.imports
    if (statements.length === 0) return this.file.text
    const body = this.renderChildren(this.file, new Set<ts.Node>(statements))
    return body.replace(importMark, () => this.imports.print())
  }

  private render(node: ts.Node): string {
    const conversion = conversionOf(node, this.checker, this.imports, declaringModule)
    const text = this.rewrite(node)
    return conversion === undefined ? text : `${this.imports.use("effect/Effect", false)}.${conversion}(${text})`
  }

  private rewrite(node: ts.Node): string {
    return (
      this.renderCall(node) ??
      this.renderShorthand(node) ??
      this.renderReference(node) ??
      this.renderMember(node) ??
      this.renderChildren(node)
    )
  }

  /** A name that is a value and a member or an export: `{ Either }` and `export { Either }`. */
  private renderShorthand(node: ts.Node): string | undefined {
    const isExport = ts.isExportSpecifier(node) && node.propertyName === undefined
    if (!isExport && !ts.isShorthandPropertyAssignment(node)) return undefined
    const [name, value] = [node.name.text, this.render(node.name)]
    if (value === name) return undefined
    return isExport ? `${value} as ${name}` : `${name}: ${value}`
  }

  private renderCall(node: ts.Node): string | undefined {
    if (ts.isNewExpression(node))
      return constructors[this.rewriting.keyOf(node.expression) ?? ""]?.(node, this.rewriting)
    if (!ts.isCallExpression(node)) return undefined
    const { expression } = node
    const method = ts.isPropertyAccessExpression(expression) ? this.find(expression.name, methods) : undefined
    if (method !== undefined) return method(node, this.rewriting)
    const [callee, rules] = ts.isCallExpression(expression) ? [expression.expression, curried] : [expression, calls]
    const key = this.rewriting.keyOf(callee)
    return key === undefined ? undefined : rules[key]?.(node, this.rewriting)
  }

  private renderReference(node: ts.Node): string | undefined {
    const named = ts.isTypeReferenceNode(node) ? node.typeName : node
    const reference = this.nestedReference(named) ?? this.imports.referenceOf(named)
    if (reference === undefined) {
      const namespace = this.imports.namespaceOf(node)
      return namespace === undefined ? undefined : this.imports.use(moduleOf(namespace), isType(node))
    }
    const special = references[keyOf(reference)]?.(node, this.rewriting)
    if (special !== undefined) return special
    return named === node ? this.rename(named, reference) : undefined
  }

  /** The export of a namespace, such as `Schema.Any` of `effect/Schema`, if a rule names it. */
  private nestedReference(node: ts.Node): Reference | undefined {
    if (!ts.isQualifiedName(node)) return undefined
    const outer = this.imports.referenceOf(node.left)
    if (outer === undefined) return undefined
    const nested = { module: outer.module, name: `${outer.name}.${node.right.text}` }
    return keyOf(nested) in names || keyOf(nested) in references ? nested : undefined
  }

  private rename(node: ts.Node, reference: Reference): string {
    const target = names[keyOf(reference)] ?? reference.name
    const [module = "", name = target] = target.includes("#") ? target.split("#") : [moduleOf(reference.module), target]
    const isNested = ts.isQualifiedName(node) && reference.name.includes(".")
    if (!ts.isIdentifier(node) || isNested) return `${this.imports.use(module, isType(node))}.${name}`
    this.imports.useNamed(module, name, node.text, isType(node))
    return node.text
  }

  private renderMember(node: ts.Node): string | undefined {
    if (ts.isStringLiteral(node)) return this.renderTag(node)
    if (ts.isBinaryExpression(node)) return this.renderComparison(node)
    if (!ts.isPropertyAccessExpression(node)) return undefined
    const dot = node.questionDotToken === undefined ? "." : "?."
    const view = views[this.typeKey(node.expression) ?? ""]
    if (view !== undefined) return `${this.render(node.expression)}${dot}${view}.${node.name.text}`
    const keys = memberKey(this.checker, node.name)
    if (keys.some((key) => dropped.has(key))) return this.render(node.expression)
    const name = this.find(node.name, members)
    return name === undefined ? undefined : `${this.render(node.expression)}${dot}${name}`
  }

  /** A comparison of a tag that Effect 4 stores elsewhere: `error._tag === "SystemError"`. */
  private renderComparison({ left, operatorToken, right }: ts.BinaryExpression): string | undefined {
    if (!ts.isPropertyAccessExpression(left) || !ts.isStringLiteral(right)) return undefined
    const changed = this.find(left.name, comparisons)?.[right.text]
    if (changed === undefined || left.questionDotToken !== undefined) return undefined
    const comparison = `${this.render(left.expression)}.${changed}`
    if (operatorToken.kind === ts.SyntaxKind.EqualsEqualsEqualsToken) return comparison
    return operatorToken.kind === ts.SyntaxKind.ExclamationEqualsEqualsToken ? `!(${comparison})` : undefined
  }

  private find<A>(name: ts.Node, rules: Readonly<Record<string, A>>): A | undefined {
    return memberKey(this.checker, name)
      .map((key) => rules[key])
      .find((rule) => rule !== undefined)
  }

  /** The key of the type of an expression, such as `@effect/platform/UrlParams#UrlParams`. */
  private typeKey(node: ts.Node): string | undefined {
    const symbol = this.checker.getTypeAtLocation(node).symbol as ts.Symbol | undefined
    const file = symbol?.declarations?.[0]?.getSourceFile().fileName
    const module = file === undefined ? undefined : declaringModule(file)
    return module === undefined ? undefined : `${module}#${symbol?.name}`
  }

  /** The value of a tag, in a comparison such as `result._tag === "Left"`. */
  private renderTag(node: ts.StringLiteral): string | undefined {
    const { parent } = node
    const other = ts.isCaseClause(parent)
      ? parent.parent.parent.expression
      : ts.isBinaryExpression(parent)
        ? parent.left
        : undefined
    if (other === undefined || !ts.isPropertyAccessExpression(other)) return undefined
    const tag = memberKey(this.checker, other.name)
      .map((key) => tags[key]?.[node.text])
      .find((one) => one !== undefined)
    return tag === undefined ? undefined : JSON.stringify(tag)
  }

  /** The source text of a node, with its children rendered. */
  private renderChildren(node: ts.Node, replaced: ReadonlySet<ts.Node> = new Set()): string {
    const { text } = this.file
    let result = ""
    let isFirst = true
    let position = node === this.file ? 0 : node.getStart(this.file)
    ts.forEachChild(node, (child) => {
      const start = child.getStart(this.file)
      const isEmpty = child.end <= position || child.end === child.pos
      if (isEmpty) return
      const between = text.slice(position, start)
      position = child.end
      if (!replaced.has(child)) result += between + this.render(child)
      // The comments of a removed import stay.
      else result += isFirst ? between + importMark : between.trimEnd()
      if (replaced.has(child)) isFirst = false
    })
    return result + text.slice(position, node.end)
  }
}

/** Stands for the imports while the rest of the file is rendered, which decides what is imported. */
const importMark = "/* imports of Effect */"
