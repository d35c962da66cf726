/** `new` expressions with other classes in Effect 4, by the class of Effect 3. */
import ts from "typescript"
import type { Rewriting } from "../codemod.js"
import { optionsOf, valueOf } from "./syntax.js"

type Rule = (expression: ts.NewExpression, rewriting: Rewriting) => string | undefined

const classes: Readonly<Record<string, string>> = {
  Decode: "DecodeError",
  EmptyBody: "EmptyBodyError",
  Encode: "EncodeError",
  InvalidUrl: "InvalidUrlError",
  StatusCode: "StatusCodeError",
  Transport: "TransportError"
}

/** `new RequestError({ reason: "Transport", … })` becomes an `HttpClientError` with a reason of a class of its own. */
const httpClientError: Rule = ({ arguments: args }, { render, use }) => {
  const options = optionsOf(args?.[0])
  const reason = valueOf(options?.get("reason"))
  const name = reason !== undefined && ts.isStringLiteral(reason) ? classes[reason.text] : undefined
  if (options === undefined || name === undefined) return undefined
  const module = use("effect/http/HttpClientError")
  const members = [...options].flatMap(([key, property]) => (key === "reason" ? [] : [render(property)]))
  return `new ${module}.HttpClientError({ reason: new ${module}.${name}({ ${members.join(", ")} }) })`
}

export const constructors: Readonly<Record<string, Rule>> = {
  "@effect/platform/HttpClientError#RequestError": httpClientError,
  "@effect/platform/HttpClientError#ResponseError": httpClientError
}
