/** Calls of methods that are functions or properties in Effect 4, by `module#Type.member`. */
import ts from "typescript"
import { argumentsOf, type Rule, type Rules } from "./syntax.js"

/** The receiver of a method call. */
const receiverOf = (call: ts.CallExpression): ts.Node | undefined =>
  ts.isPropertyAccessExpression(call.expression) ? call.expression.expression : undefined

/** `value.method(a)` becomes `Module.name(value, a)`. */
const asFunction =
  (module: string, name: string): Rule =>
  (call, rewriting) => {
    const receiver = receiverOf(call)
    if (receiver === undefined) return undefined
    return `${rewriting.use(module)}.${name}(${rewriting.render(receiver)}, ${argumentsOf(call, rewriting)})`
  }

/** `value.method()` becomes `value.method`. */
const asProperty: Rule = (call, { render }) => render(call.expression)

/** `value.method(a)` has a value or `undefined` instead of an `Option`. */
const asOption: Rule = (call, rewriting) => {
  const receiver = rewriting.render(call.expression)
  const effect = `${receiver}(${argumentsOf(call, rewriting)})`
  return `${rewriting.use("effect/Effect")}.map(${effect}, ${rewriting.use("effect/Option")}.fromUndefinedOr)`
}

/** `metric.unsafeUpdate(value, labels)`: the labels are attributes in a context. */
const updateMetric: Rule = (call, { render, use }) => {
  const receiver = receiverOf(call)
  const [value, labels] = call.arguments.map(render)
  if (receiver === undefined || labels === undefined) return undefined
  const attributes = `${use("effect/Metric")}.CurrentMetricAttributes, Object.fromEntries(${labels})`
  return `${render(receiver)}.updateUnsafe(${value}, ${use("effect/Context")}.make(${attributes}))`
}

export const methods: Rules = {
  "effect/Metric#Metric.unsafeUpdate": updateMetric,
  "@effect/platform/KeyValueStore#KeyValueStore.get": asOption,
  "effect/Fiber#RuntimeFiber.id": asProperty,
  "effect/Queue#Enqueue.unsafeOffer": asFunction("effect/PubSub", "publishUnsafe")
}
