/** Calls of `effect/Schema`. */
import ts from "typescript"
import { argumentsOf, asList, optionsOf, valueOf, type Rule, type Rules } from "./syntax.js"

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

const parseJson: Rule = (call, { use }) => {
  const schema = use("effect/Schema")
  return call.arguments.length === 0 ? `${schema}.fromJsonString(${schema}.Unknown)` : undefined
}

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

/** `between(min, max)` takes an object. */
const between: Rule = (call, rewriting) => {
  const [minimum, maximum, ...rest] = call.arguments.map(rewriting.render)
  const schema = rewriting.use("effect/Schema")
  return `${schema}.check(${schema}.isBetween(${[`{ minimum: ${minimum}, maximum: ${maximum} }`, ...rest].join(", ")}))`
}

export const schemaCalls: Rules = {
  "effect/Schema#Literal": literal,
  "effect/Schema#Record": record,
  "effect/Schema#Tuple": asList("effect/Schema", "Tuple"),
  "effect/Schema#Union": asList("effect/Schema", "Union"),
  "effect/Schema#between": between,
  "effect/Schema#filter": asCheck("makeFilter"),
  "effect/Schema#optionalWith": optionalWith,
  "effect/Schema#parseJson": parseJson,
  "effect/Schema#pattern": asCheck("isPattern"),
  "effect/Schema#positive": asCheck("isGreaterThan", "0")
}
