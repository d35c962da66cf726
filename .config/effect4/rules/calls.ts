/** Calls with other arguments in Effect 4, by the function of Effect 3. */
import ts from "typescript"
import { curriedEffectCalls, effectCalls } from "./effectCalls.js"
import { scheduleCalls } from "./scheduleCalls.js"
import { schemaCalls } from "./schemaCalls.js"
import { streamCalls } from "./streamCalls.js"
import { argumentsOf, calleeOf, valueOf, type Rule, type Rules } from "./syntax.js"

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

const onResult = renameOptions({ onLeft: "onFailure", onRight: "onSuccess" })

/** The result is the argument. */
const identity: Rule = (call, { render }) => {
  const [value] = call.arguments
  return value === undefined ? undefined : render(value)
}

const withTracerDisabledWhen: Rule = (call, { render, use }) => {
  const args = call.arguments.map(render)
  const client = use("effect/http/HttpClient")
  const change = `${use("effect/Effect")}.provideService(${client}.TracerDisabledWhen, ${args.at(-1)})`
  return `${client}.transformResponse(${[...args.slice(0, -1), change].join(", ")})`
}

/** `Layer.project(self, A, B, f)` becomes a Layer of `B` over the context of `self`. */
const project: Rule = (call, { render, use }) => {
  const [self, from, to, change] = call.arguments.map(render)
  if (change === undefined) return undefined
  const layer = use("effect/Layer")
  const value = `(${change})(${use("effect/Context")}.get(services, ${from}))`
  return `${layer}.flatMap(${self}, (services) => ${layer}.succeed(${to}, ${value}))`
}

/** The clock of the system is the default of its reference. */
const makeClock: Rule = (_, { use }) => {
  const context = use("effect/Context")
  return `${context}.get(${context}.empty(), ${use("effect/Clock")}.Clock)`
}

/** `omit(value, "a", "b")` becomes `omit(value, ["a", "b"])`. */
const restAsList: Rule = (call, rewriting) => {
  const [value, ...keys] = call.arguments.map(rewriting.render)
  const [first] = call.arguments
  if (first === undefined || ts.isStringLiteral(first)) {
    return `${calleeOf(call, rewriting)}([${argumentsOf(call, rewriting)}])`
  }
  return `${calleeOf(call, rewriting)}(${value}, [${keys.join(", ")}])`
}

/** An invalid value of the configuration is a schema error of Effect 4. The issue has its message. */
const invalidData: Rule = (call, { render, use }) => {
  const [path, message] = call.arguments.map(render)
  const issue = use("effect/SchemaIssue")
  const invalid = `new ${issue}.InvalidValue({ message: ${message} })`
  const error = `new ${use("effect/Schema")}.SchemaError(new ${issue}.Pointer(${path}, ${invalid}))`
  return `new ${use("effect/Config")}.ConfigError(${error})`
}

const mapOrFail: Rule = (call, { render, use }) => {
  const args = call.arguments.map(render)
  const change = `(value) => ${use("effect/Effect")}.fromResult((${args.at(-1)})(value))`
  return `${use("effect/Config")}.mapEffect(${[...args.slice(0, -1), change].join(", ")})`
}

export const calls: Rules = {
  ...effectCalls,
  ...scheduleCalls,
  ...schemaCalls,
  ...streamCalls,
  "effect/Cause#originalError": identity,
  "effect/Cause#failureOrCause": (call, rewriting) =>
    `${rewriting.use("effect/Result")}.flip(${rewriting.use("effect/Cause")}.findError(${argumentsOf(call, rewriting)}))`,
  "effect/Cause#dieOption": (call, rewriting) =>
    `${rewriting.use("effect/Result")}.getSuccess(${rewriting.use("effect/Cause")}.findDefect(${argumentsOf(call, rewriting)}))`,
  "effect/Clock#make": makeClock,
  "effect/Config#mapOrFail": mapOrFail,
  "effect/ConfigError#InvalidData": invalidData,
  "effect/Either#match": onResult,
  "effect/Either#mapBoth": onResult,
  "effect/Layer#project": project,
  "effect/LogLevel#fromLiteral": identity,
  "effect/Metric#histogram": (call, { render, use }) => {
    const [name, boundaries, description] = call.arguments.map(render)
    const options = [`boundaries: ${boundaries}`, ...(description === undefined ? [] : [`description: ${description}`])]
    return `${use("effect/Metric")}.histogram(${name}, { ${options.join(", ")} })`
  },
  "effect/MetricLabel#make": (call, rewriting) => `[${argumentsOf(call, rewriting)}]`,
  "effect/Struct#omit": restAsList,
  "effect/Struct#pick": restAsList,
  "@effect/platform/HttpClient#withTracerDisabledWhen": withTracerDisabledWhen
}

/** `Context.Tag(id)<Self, Shape>()` becomes `Context.Service<Self, Shape>()(id)`. */
const tag: Rule = (call, rewriting) => {
  if (!ts.isCallExpression(call.expression)) return undefined
  const types = (call.typeArguments ?? []).map(rewriting.render).join(", ")
  const id = argumentsOf(call.expression, rewriting)
  return `${rewriting.use("effect/Context")}.Service<${types}>()(${id})`
}

/** `Context.Reference<Self>()(id, options)` becomes `Context.Reference(id, options)`. */
const reference: Rule = (call, rewriting) =>
  `${rewriting.use("effect/Context")}.Reference(${argumentsOf(call, rewriting)})`

/** Calls of what another call returns. */
export const curried: Rules = {
  ...curriedEffectCalls,
  "effect/Context#Reference": reference,
  "effect/Context#Tag": tag
}
