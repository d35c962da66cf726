/** What the rules share: reading calls and object literals. */
import ts from "typescript"
import type { Rewriting } from "../codemod.js"

/** Rewrites a call, or returns undefined if the rule does not apply to it. */
export type Rule = (call: ts.CallExpression, rewriting: Rewriting) => string | undefined

export type Rules = Readonly<Record<string, Rule>>

export const argumentsOf = (call: ts.CallExpression, { render }: Rewriting): string =>
  call.arguments.map(render).join(", ")

/** The callee and its type arguments: `Schema.Union` and `<A>`. */
export const calleeOf = (call: ts.CallExpression, { render }: Rewriting): string => {
  const types = call.typeArguments?.map(render).join(", ")
  return `${render(call.expression)}${types === undefined ? "" : `<${types}>`}`
}

/** The members of a call's only argument, if it is an object literal. */
export const optionsOf = (node: ts.Node | undefined): ReadonlyMap<string, ts.ObjectLiteralElementLike> | undefined =>
  node !== undefined && ts.isObjectLiteralExpression(node)
    ? new Map(node.properties.map((property) => [property.name?.getText() ?? "", property]))
    : undefined

export const valueOf = (property: ts.ObjectLiteralElementLike | undefined): ts.Node | undefined =>
  property === undefined
    ? undefined
    : ts.isPropertyAssignment(property)
      ? property.initializer
      : ts.isShorthandPropertyAssignment(property)
        ? property.name
        : undefined

/** The values of an object literal's members, if it has all of them and no other. */
export const valuesOf = (
  node: ts.Node | undefined,
  ...names: ReadonlyArray<string>
): ReadonlyArray<ts.Node> | undefined => {
  const options = optionsOf(node)
  const values = names.flatMap((name) => valueOf(options?.get(name)) ?? [])
  return options?.size === names.length && values.length === names.length ? values : undefined
}

/** Whether a call is an argument of `pipe` or `.pipe`, where one function can become two. */
export const isPiped = ({ parent }: ts.Node): boolean =>
  ts.isCallExpression(parent) && /(?:^|\.)pipe$/u.test(parent.expression.getText())

/** `f(a, b)` becomes `g([a, b])`. A call with a list is one for Effect 4 already. */
export const asList =
  (module: string, name: string): Rule =>
  (call, rewriting) => {
    const [first] = call.arguments
    if (first !== undefined && ts.isArrayLiteralExpression(first)) return undefined
    return `${rewriting.use(module)}.${name}([${argumentsOf(call, rewriting)}])`
  }

/** Calls the result of a function: `f()` becomes the text of an expression. */
export const called = (node: ts.Node, { render }: Rewriting): string =>
  ts.isArrowFunction(node) && node.parameters.length === 0 && !ts.isBlock(node.body)
    ? render(node.body)
    : `(${render(node)})()`
