/** Names with more than another name in Effect 4: types with other arguments, and values. */
import ts from "typescript"
import type { Rewriting } from "../codemod.js"
import { disconnectFunction } from "./effectCalls.js"

type Rule = (node: ts.Node, rewriting: Rewriting) => string | undefined

const typeArguments = (node: ts.Node, { render }: Rewriting): ReadonlyArray<string> | undefined =>
  ts.isTypeReferenceNode(node) ? (node.typeArguments ?? []).map(render) : undefined

/** `Schema.Schema<A, I, R>` becomes `Schema.Codec<A, I, R>`. */
const schema: Rule = (node, rewriting) => {
  const args = typeArguments(node, rewriting)
  return args === undefined ? undefined : `${rewriting.use("effect/Schema")}.Codec<${args.join(", ")}>`
}

/** `HttpApp.Default<E, R>` becomes the effect that it stands for. */
const httpApp: Rule = (node, rewriting) => {
  const args = typeArguments(node, rewriting)
  if (args === undefined) return undefined
  const { use } = rewriting
  const [error = "never", services = "never"] = args
  const response = `${use("effect/http/HttpServerResponse")}.HttpServerResponse`
  const request = `${use("effect/http/HttpServerRequest")}.HttpServerRequest`
  return `${use("effect/Effect")}.Effect<${response}, ${error}, ${services} | ${request}>`
}

const text =
  (value: string): Rule =>
  (node) =>
    ts.isTypeReferenceNode(node) ? undefined : value

const ofSchema =
  (value: string): Rule =>
  (node, { use }) =>
    ts.isPropertyAccessExpression(node)
      ? `${use("effect/Schema")}.${value}`.replaceAll("$", use("effect/Schema"))
      : undefined

/** The type of a constant that was a type too: `TypeId` becomes `typeof TypeId`. */
const typeOf =
  (module: string, name: string): Rule =>
  (node, { use }) =>
    ts.isTypeReferenceNode(node) ? `typeof ${use(module)}.${name}` : undefined

/** Another type of Effect 4, with the same type arguments. */
const typeAs =
  (module: string, name: string): Rule =>
  (node, rewriting) => {
    const args = typeArguments(node, rewriting)
    if (args === undefined) return undefined
    return `${rewriting.use(module)}.${name}${args.length === 0 ? "" : `<${args.join(", ")}>`}`
  }

const httpClientError = typeAs("effect/http/HttpClientError", "HttpClientError")

export const references: Readonly<Record<string, Rule>> = {
  "effect/DefaultServices#liveServices": (_, { use }) => `${use("effect/Context")}.empty()`,
  "effect/ExecutionStrategy#sequential": text('"sequential"'),
  "effect/FiberId#none": text("undefined"),
  "effect/LogLevel#None": text('"None"'),
  "effect/LogLevel#Warning": text('"Warn"'),
  "effect/MetricLabel#MetricLabel": (node) => (ts.isTypeReferenceNode(node) ? "[string, string]" : undefined),
  "effect/Context#Tag.Service": (node, { render }) => {
    const of = ts.isTypeReferenceNode(node) ? node.typeArguments?.[0] : undefined
    return of === undefined ? undefined : `(${render(of)})["Service"]`
  },
  "effect/Schema#NonNegativeInt": ofSchema("Int.check($.isGreaterThanOrEqualTo(0))"),
  "effect/Schema#Positive": ofSchema("Number.check($.isGreaterThan(0))"),
  "effect/Schema#Schema": schema,
  "effect/Schema#Schema.AnyNoContext": (_, { use }) => `${use("effect/Schema")}.Codec<unknown, unknown>`,
  "effect/Effect#disconnect": (node, rewriting) =>
    ts.isPropertyAccessExpression(node) ? disconnectFunction(rewriting) : undefined,
  "@effect/platform/HttpClientError#RequestError": httpClientError,
  "@effect/platform/HttpClientError#ResponseError": httpClientError,
  "@effect/platform/HttpApp#Default": httpApp,
  "@effect/platform/HttpClientResponse#TypeId": typeOf("effect/http/HttpClientResponse", "TypeId"),
  "@effect/platform/HttpIncomingMessage#TypeId": typeOf("effect/http/HttpIncomingMessage", "TypeId")
}
