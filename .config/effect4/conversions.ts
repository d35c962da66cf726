/** Values that Effect 3 takes for effects, and Effect 4 does not: an `Either` and an `Option`. */
import ts from "typescript"
import type { Imports } from "./imports.js"

/** The function of Effect 4 that makes an effect of a value, by the module that declares the value's type. */
const conversions: Readonly<Record<string, string>> = { "effect/Either": "fromResult", "effect/Option": "fromOption" }

/** The modules that declare the members of a type, if it has members of one module only. */
const moduleOf = (type: ts.Type, moduleOfFile: (file: string) => string | undefined): string | undefined => {
  const members = type.isUnion() ? type.types : [type]
  const modules = members.map((member) => {
    const symbol = member.getSymbol() ?? member.aliasSymbol
    const file = symbol?.declarations?.[0]?.getSourceFile().fileName
    return file === undefined ? undefined : moduleOfFile(file)
  })
  const [first] = modules
  return modules.every((module) => module === first) ? first : undefined
}

/** The generator function that a `yield*` belongs to, if a function takes it: `Either.gen(function* …)`. */
const generatorCallee = (node: ts.Node): ts.Node | undefined => {
  let outer: ts.Node | undefined = node.parent
  while (outer !== undefined && !ts.isFunctionLike(outer)) outer = outer.parent
  return outer !== undefined && ts.isCallExpression(outer.parent) ? outer.parent.expression : undefined
}

/** Whether an expression stands where a value of another type may be expected. */
const isValuePosition = (node: ts.Node): boolean => {
  const { parent } = node
  if (ts.isCallExpression(parent)) return parent.expression !== node
  if (ts.isConditionalExpression(parent)) return parent.condition !== node
  return (ts.isArrowFunction(parent) && parent.body === node) || ts.isReturnStatement(parent)
}

/** The conditional or the parentheses that have the value of an expression. */
const outerOf = ({ parent }: ts.Node): ts.Expression | undefined =>
  ts.isConditionalExpression(parent) || ts.isParenthesizedExpression(parent) ? parent : undefined

/** The function that makes an effect of an expression, where Effect 4 needs one. */
export const conversionOf = (
  node: ts.Node,
  checker: ts.TypeChecker,
  imports: Imports,
  moduleOfFile: (file: string) => string | undefined
): string | undefined => {
  if (!ts.isExpression(node)) return undefined
  const isYielded = ts.isYieldExpression(node.parent) && node.parent.asteriskToken !== undefined
  if (!isYielded && !isValuePosition(node)) return undefined
  const module = moduleOf(checker.getTypeAtLocation(node), moduleOfFile)
  const conversion = module === undefined ? undefined : conversions[module]
  if (conversion === undefined) return undefined
  if (isYielded) {
    const callee = generatorCallee(node)
    const reference = callee === undefined ? undefined : imports.referenceOf(callee)
    return reference?.module === "effect/Effect" ? conversion : undefined
  }
  for (let outer = outerOf(node); outer !== undefined; outer = outerOf(outer)) {
    if (conversionOf(outer, checker, imports, moduleOfFile) !== undefined) return undefined
  }
  const expected = checker.getContextualType(node)
  return expected !== undefined && moduleOf(expected, moduleOfFile) === "effect/Effect" ? conversion : undefined
}
