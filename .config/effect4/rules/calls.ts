/** Calls with other arguments in Effect 4, by the function of Effect 3. A rule returns undefined for a call that it cannot rewrite. */
import ts from "typescript"
import type { Rewriting } from "../codemod.js"

type Rule = (call: ts.CallExpression, rewriting: Rewriting) => string | undefined

const argumentsOf = (call: ts.CallExpression, { render }: Rewriting): string => call.arguments.map(render).join(", ")

/** The callee and its type arguments: `Schema.Union` and `<A>`. */
const calleeOf = (call: ts.CallExpression, { render }: Rewriting): string => {
  const types = call.typeArguments?.map(render).join(", ")
  return `${render(call.expression)}${types === undefined ? "" : `<${types}>`}`
}

/** The members of a call's only argument, if it is an object literal. */
const optionsOf = (node: ts.Node | undefined): ReadonlyMap<string, ts.ObjectLiteralElementLike> | undefined =>
  node !== undefined && ts.isObjectLiteralExpression(node)
    ? new Map(node.properties.map((property) => [property.name?.getText() ?? "", property]))
    : undefined

const valueOf = (property: ts.ObjectLiteralElementLike | undefined): ts.Node | undefined =>
  property === undefined
    ? undefined
    : ts.isPropertyAssignment(property)
      ? property.initializer
      : ts.isShorthandPropertyAssignment(property)
        ? property.name
        : undefined

/** `f(a, b)` becomes `g([a, b])`. */
const asList =
  (module: string, name: string): Rule =>
  (call, rewriting) =>
    `${rewriting.use(module)}.${name}([${argumentsOf(call, rewriting)}])`

/** Renames members of an object literal. */
const renameOptions =
  (renames: Readonly<Record<string, string>>): Rule =>
  (call, rewriting) => {
    const args = call.arguments.map((argument) => {
      if (!ts.isObjectLiteralExpression(argument)) return rewriting.render(argument)
      const properties = argument.properties.map((property) => {
        const name = property.name?.getText() ?? ""
        const value = valueOf(property)
        const renamed = renames[name]
        return renamed === undefined || value === undefined
          ? rewriting.render(property)
          : `${renamed}: ${rewriting.render(value)}`
      })
      return `{ ${properties.join(", ")} }`
    })
    return `${calleeOf(call, rewriting)}(${args.join(", ")})`
  }

/** A filter of Effect 3 is a check of Effect 4: `Schema.positive()` becomes `Schema.check(Schema.isGreaterThan(0))`. */
const asCheck =
  (name: string, ...first: ReadonlyArray<string>): Rule =>
  (call, rewriting) => {
    const schema = rewriting.use("effect/Schema")
    const args = [...first, ...call.arguments.map(rewriting.render)]
    return `${schema}.check(${schema}.${name}(${args.join(", ")}))`
  }

const literal: Rule = (call, rewriting) => {
  const schema = rewriting.use("effect/Schema")
  const [only] = call.arguments
  if (call.arguments.length !== 1 || only === undefined) return `${schema}.Literals([${argumentsOf(call, rewriting)}])`
  if (only.kind === ts.SyntaxKind.NullKeyword) return `${schema}.Null`
  return ts.isSpreadElement(only) ? `${schema}.Literals(${rewriting.render(only.expression)})` : undefined
}

const record: Rule = (call, rewriting) => {
  const options = optionsOf(call.arguments[0])
  const [key, value] = [valueOf(options?.get("key")), valueOf(options?.get("value"))]
  if (key === undefined || value === undefined) return undefined
  return `${rewriting.use("effect/Schema")}.Record(${rewriting.render(key)}, ${rewriting.render(value)})`
}

const parseJson: Rule = (call, { use }) =>
  call.arguments.length === 0 ? `${use("effect/Schema")}.UnknownFromJsonString` : undefined

const optionalWith: Rule = (call, { render, use }) => {
  const [schema, given] = call.arguments
  const options = optionsOf(given)
  if (schema === undefined || options === undefined) return undefined
  const fallback = valueOf(options.get("default"))
  if (options.has("exact") && options.size === 1) return `${use("effect/Schema")}.optionalKey(${render(schema)})`
  return fallback === undefined || options.size > 1
    ? undefined
    : `${render(schema)}.pipe(${use("effect/Schema")}.withDecodingDefault(${use("effect/Effect")}.sync(${render(fallback)})))`
}

const timeoutFail: Rule = (call, { render, use }) => {
  const options = optionsOf(call.arguments.at(-1))
  const [duration, onTimeout] = [valueOf(options?.get("duration")), valueOf(options?.get("onTimeout"))]
  if (duration === undefined || onTimeout === undefined) return undefined
  const effect = use("effect/Effect")
  const error = ts.isArrowFunction(onTimeout) && !ts.isBlock(onTimeout.body) ? onTimeout.body : undefined
  const made = error === undefined ? `(${render(onTimeout)})()` : render(error)
  const changed = `{ duration: ${render(duration)}, orElse: () => ${effect}.fail(${made}) }`
  const first = call.arguments.slice(0, -1).map(render)
  return `${effect}.timeoutOrElse(${[...first, changed].join(", ")})`
}

const withClock: Rule = (call, { render, use }) => {
  const args = call.arguments.map(render)
  return `${use("effect/Effect")}.provideService(${[...args.slice(0, -1), `${use("effect/Clock")}.Clock`, args.at(-1)].join(", ")})`
}

const interruptFork: Rule = (call, { render, use }) =>
  `${use("effect/Effect")}.sync(() => ${call.arguments.map(render).join(", ")}.interruptUnsafe())`

export const calls: Readonly<Record<string, Rule>> = {
  "effect/Effect#timeoutFail": timeoutFail,
  "effect/Effect#withClock": withClock,
  "effect/Effect#yieldNow": (_, { use }) => `${use("effect/Effect")}.yieldNow`,
  "effect/Either#match": renameOptions({ onLeft: "onFailure", onRight: "onSuccess" }),
  "effect/Either#mapBoth": renameOptions({ onLeft: "onFailure", onRight: "onSuccess" }),
  "effect/Fiber#interruptFork": interruptFork,
  "effect/MetricLabel#make": (call, rewriting) => `[${argumentsOf(call, rewriting)}]`,
  "effect/Schedule#intersect": asList("effect/Schedule", "max"),
  "effect/Schedule#union": asList("effect/Schedule", "min"),
  "effect/Schema#Literal": literal,
  "effect/Schema#Record": record,
  "effect/Schema#Tuple": asList("effect/Schema", "Tuple"),
  "effect/Schema#Union": asList("effect/Schema", "Union"),
  "effect/Schema#between": asCheck("isBetween"),
  "effect/Schema#filter": asCheck("makeFilter"),
  "effect/Schema#optionalWith": optionalWith,
  "effect/Schema#parseJson": parseJson,
  "effect/Schema#pattern": asCheck("isPattern"),
  "effect/Schema#positive": asCheck("isGreaterThan", "0")
}

/** `Context.Tag(id)<Self, Shape>()` becomes `Context.Service<Self, Shape>()(id)`. */
const tag: Rule = (call, rewriting) => {
  if (!ts.isCallExpression(call.expression)) return undefined
  const types = (call.typeArguments ?? []).map(rewriting.render).join(", ")
  const id = argumentsOf(call.expression, rewriting)
  return `${rewriting.use("effect/Context")}.Service<${types}>()(${id})`
}

/** Calls of what another call returns. */
export const curried: Readonly<Record<string, Rule>> = {
  "effect/Context#Tag": tag
}
