/** The options of a stream over `api.open`: those of the stream, and those of its requests. */
import * as Headers from "@effect/platform/Headers"
import * as OptionNames from "@countersign/protocol/OptionNames"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Call from "../../Call.js"
import { InvalidRequest } from "../../Errors.js"
import type { Kind } from "../request/optionKinds.js"
import { findWrongKind, isObject } from "../request/optionKinds.js"
import type { OpenResponse } from "../response/openResponse.js"
import { openNames, otherNames } from "../request/optionNames.js"

/** The options of an open call, whatever its schemas. */
export type AnyOpenOptions = Call.OpenOptions<undefined, unknown> &
  Call.BodyOptions<undefined> & { readonly path?: object }

/** `api.open` without the types of its schemas. */
export type Open = (url: string | URL, options: AnyOpenOptions) => Effect.Effect<OpenResponse, unknown, Scope.Scope>

export const schemaKind: Kind = {
  accepts: (value) => (typeof value === "function" || isObject(value)) && "ast" in value,
  pass: "a schema, such as `Schema.Struct({ id: Schema.Number })`"
}

export const sizeKind: Kind = {
  accepts: (value) => typeof value === "number" && value > 0,
  pass: "a number above 0"
}

/** Finds an unknown name, or a value of another kind. */
export const optionProblem = (
  owner: string,
  options: unknown,
  names: OptionNames.Shape,
  kinds: Readonly<Record<string, Kind>>
): InvalidRequest | undefined => {
  const detail = isObject(options)
    ? OptionNames.problem(owner, options, names, otherNames)
    : `${owner} needs an object of options.`
  if (detail !== undefined) return new InvalidRequest({ reason: "Options", detail })
  return isObject(options) ? findWrongKind(options, kinds) : undefined
}

/** The same for a stream that opens its responses. `api.open` checks the values of its own options. */
export const streamProblem = (
  owner: string,
  options: unknown,
  own: OptionNames.Shape,
  kinds: Readonly<Record<string, Kind>>
): InvalidRequest | undefined => optionProblem(owner, options, { ...openNames, ...own }, kinds)

/** The error of a stream without its schema. */
export const missingSchema: InvalidRequest = new InvalidRequest({
  reason: "Options",
  detail: `\`schema\` is missing. Pass ${schemaKind.pass}.`
})

/** The header fields of a request: those of the caller, and the others that it leaves out. */
export const withHeaders = (
  given: Headers.Input | undefined,
  others: Readonly<Record<string, string>>
): Headers.Input | undefined => {
  try {
    return { ...others, ...Headers.fromInput(given) }
  } catch {
    // `api.open` reports header fields that cannot be read.
    return given
  }
}
